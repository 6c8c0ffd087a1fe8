"""Which files of an archive are images, and of which split and class: the layouts people have, made one.

    chest_xray/{train,val,test}/{NORMAL,PNEUMONIA}/*.jpeg     as published, with or without val and test
    {NORMAL,PNEUMONIA}/*.png                                  class folders alone: all is "train"

at any depth, among the litter that file managers leave. Works on paths alone and opens nothing.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pneumo.data.dataset import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

SUFFIXES = (".jpeg", ".jpg", ".png")
OTHER_SUFFIXES = (".dcm", ".dicom", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".jp2")
"""Of images that data sets are not made of. They are refused: passed over, they would be missing unnoticed."""

SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
CLASSES = ("NORMAL", "PNEUMONIA")
"""The published class folders. They are recognised in any case."""

_LITTER = ("__macosx", "thumbs.db", "desktop.ini")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an image belongs.

    path: in the archive. root: the folders above the split, or above the class folder where there is no split.
    split: "train", "val" or "test". folder: the class folder.
    """

    path: str
    root: tuple[str, ...]
    split: str
    folder: str

    @property
    def image(self) -> str:
        """The name that does not depend on how deep the archive nests it: "train/NORMAL/IM-0115-0001.jpeg"."""
        return f"{self.split}/{self.folder}/{self.path.rsplit('/', 1)[-1]}"


def lay_out(paths: Iterable[str], same: Callable[[str, str], bool]) -> list[Place]:
    """Find the images among the paths of an archive.

    paths: relative, separated by "/"; a folder's own path ends in "/".
    same: whether two files have the same content. Kaggle's archive holds everything twice, in chest_xray/train and in
        chest_xray/chest_xray/train; one copy is kept.
    Returns one place an image, sorted by image name, in exactly two class folders.
    Raises DataError for any other layout; the message begins where the name of the archive should stand before it.
    """
    paths = [path for path in paths if not _is_litter(path)]
    images = [path for path in paths if path.lower().endswith(SUFFIXES)]
    others = [path for path in paths if path.lower().endswith(OTHER_SUFFIXES)]
    _check_names([*images, *others])
    if others:
        raise DataError(
            f"holds {len(others)} image(s) that are neither JPEG nor PNG, first {others[0]}; "
            "save them as PNG or remove them"
        )
    places = [_place(path) for path in images]
    if not places:
        raise DataError(
            f"holds no {'/'.join(SUFFIXES)} images; class folders with some are needed, e.g. NORMAL and PNEUMONIA"
        )
    _check_one_root(places)
    _check_classes(places)
    places = _with_splits(places)
    _check_nothing_empty(places, paths)
    return _without_copies(places, same)


def _is_litter(path: str) -> bool:
    return any(part.startswith(".") or part.lower() in _LITTER for part in path.split("/"))


def _check_names(paths: Iterable[str]) -> None:
    """Names end up in tables, messages and the book: none may break a line, steer a terminal or fail to be text."""
    for path in paths:
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in path):
            raise DataError(f"holds {path!r}, whose name has a control character or bytes that are no text; rename it")


def _place(path: str) -> Place:
    """The place of an image; split "" where the class folder does not lie in a split folder."""
    *above, folder, _ = ["", *path.split("/")]
    if not folder:
        raise DataError(f"holds {path} outside a class folder; move it into one, such as NORMAL or PNEUMONIA")
    split = SPLITS.get(above[-1].lower(), "")
    return Place(path=path, root=tuple(above[:-1] if split else above), split=split, folder=_class_name(folder))


def _class_name(folder: str) -> str:
    return folder.upper() if folder.upper() in CLASSES else folder


def _check_one_root(places: Sequence[Place]) -> None:
    """Roots may nest, as Kaggle's do; side by side they are two data sets."""
    first, *others = sorted({place.root for place in places}, key=lambda root: (len(root), root))
    for root in others:
        if root[: len(first)] != first:
            raise DataError(
                f"holds two data sets, in {_folder(first)} and in {_folder(root)}; name one of the two folders"
            )
        first = root


def _folder(root: tuple[str, ...]) -> str:
    return "/".join(root[1:]) or "its top folder"


def _check_classes(places: Sequence[Place]) -> None:
    folders = sorted({place.folder for place in places})
    if len(folders) != 2:
        raise DataError(
            f"holds images in {len(folders)} class folder(s): {_listed(folders)}; two are needed, "
            "each with images, and none beside them: add or remove folders"
        )


def _listed(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _with_splits(places: Sequence[Place]) -> list[Place]:
    """Class folders alone are "train"; some with and some without a split are refused."""
    loose = [place for place in places if not place.split]
    if loose and len(loose) < len(places):
        raise DataError(
            f"holds {len(loose)} image(s) outside its train, val and test folders, first {loose[0].path}; "
            "move them into one or remove them"
        )
    return [replace(place, split="train") for place in places] if loose else list(places)


def _check_nothing_empty(places: Sequence[Place], paths: Iterable[str]) -> None:
    """Every split needs both classes, and a class folder that is there needs images."""
    filled = {(place.split, place.folder) for place in places}
    wanted = {(split, folder) for split, _ in filled for _, folder in filled}
    for path in paths:
        *_, split, folder, file = ["", "", *path.split("/")]
        if split.lower() in SPLITS and not file:
            wanted.add((SPLITS[split.lower()], _class_name(folder)))
    for split, folder in sorted(wanted - filled):
        raise DataError(
            f"holds no {'/'.join(SUFFIXES)} images in {split}/{folder}; add some, or remove the folder if it is no "
            f"class (a whole {split} folder may be missing)"
        )


def _without_copies(places: Iterable[Place], same: Callable[[str, str], bool]) -> list[Place]:
    kept: dict[str, Place] = {}
    for place in sorted(places, key=lambda place: (place.image, len(place.root), place.path)):
        other = kept.setdefault(place.image, place)
        if other is not place and not same(other.path, place.path):
            raise DataError(
                f"holds two different images by the name {place.image}: {other.path} and {place.path}; remove one"
            )
    return list(kept.values())
