"""Which files of an archive are images, and of which split and class.

    chest_xray/{train,val,test}/{NORMAL,PNEUMONIA}/*.jpeg     as published, with or without val and test
    {NORMAL,PNEUMONIA}/*.png                                  class folders alone: all is "train"

at any depth; hidden files and those that file managers add are passed over. Works on paths alone and opens nothing.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pneumo.errors import DataError, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

IMAGE_SUFFIXES = (".jpeg", ".jpg", ".png")
UNSUPPORTED_SUFFIXES = (".dcm", ".dicom", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".jp2")
"""Image formats that data sets may not hold. They are refused: passed over, they would be missing unnoticed."""

SPLIT_OF_FOLDER = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
CLASS_FOLDERS = ("NORMAL", "PNEUMONIA")
"""The published class folders. They are recognised in any case."""

_IGNORED_NAMES = ("__macosx", "thumbs.db", "desktop.ini")


@dataclass(frozen=True, kw_only=True)
class ArchiveImage:
    """Split and class of an image in an archive.

    path: in the archive. root: the folders above the split, or above the class folder where there is no split.
    split: "train", "val" or "test"; "" until it is known. class_folder: e.g. "NORMAL".
    """

    path: str
    root: tuple[str, ...]
    split: str
    class_folder: str

    @property
    def name(self) -> str:
        """The name in the data set's table, however deep the archive nests it: "train/NORMAL/IM-0115-0001.jpeg"."""
        return f"{self.split}/{self.class_folder}/{self.path.rsplit('/', 1)[-1]}"


def find_images(paths: Iterable[str], same_content: Callable[[str, str], bool]) -> list[ArchiveImage]:
    """Find the images among the paths of an archive.

    paths: relative, separated by "/"; a folder's own path ends in "/".
    same_content: whether two files have the same content. Kaggle's archive holds everything twice, in chest_xray/train
        and in chest_xray/chest_xray/train; one copy is kept.
    Returns one item an image, sorted by name, in exactly two class folders.
    Raises DataError for any other layout, with a message to which the caller prefixes the name of the archive.
    """
    paths = [path for path in paths if not _is_ignored(path)]
    images = [path for path in paths if path.lower().endswith(IMAGE_SUFFIXES)]
    others = [path for path in paths if path.lower().endswith(UNSUPPORTED_SUFFIXES)]
    _check_names([*images, *others])
    if others:
        raise DataError(
            f"holds {len(others)} image(s) that are neither JPEG nor PNG, first {others[0]}; "
            "save them as PNG or remove them"
        )
    found = [_parse_path(path) for path in images]
    if not found:
        raise DataError(
            f"holds no {'/'.join(IMAGE_SUFFIXES)} images; class folders with some are needed, e.g. NORMAL and PNEUMONIA"
        )
    _check_one_root(found)
    _check_classes(found)
    found = _with_splits(found)
    _check_nothing_empty(found, paths)
    return _without_copies(found, same_content)


def _is_ignored(path: str) -> bool:
    return any(part.startswith(".") or part.lower() in _IGNORED_NAMES for part in path.split("/"))


def _check_names(paths: Iterable[str]) -> None:
    """Raises DataError for names that would break a line of a table, control a terminal, or are no text."""
    for path in paths:
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in path):
            raise DataError(f"holds {path!r}, whose name has a control character or bytes that are no text; rename it")


def _parse_path(path: str) -> ArchiveImage:
    """An image by its path; split "" where the class folder does not lie in a split folder."""
    *above, folder, _ = ["", *path.split("/")]
    if not folder:
        raise DataError(f"holds {path} outside a class folder; move it into one, such as NORMAL or PNEUMONIA")
    split = SPLIT_OF_FOLDER.get(above[-1].lower(), "")
    root = tuple(above[:-1] if split else above)
    return ArchiveImage(path=path, root=root, split=split, class_folder=_class_name(folder))


def _class_name(folder: str) -> str:
    return folder.upper() if folder.upper() in CLASS_FOLDERS else folder


def _check_one_root(images: Sequence[ArchiveImage]) -> None:
    """Raises DataError for roots side by side: two data sets. Nested ones are one data set twice, as on Kaggle."""
    first, *others = sorted({image.root for image in images}, key=lambda root: (len(root), root))
    for root in others:
        if root[: len(first)] != first:
            raise DataError(
                f"holds two data sets, in {_folder(first)} and in {_folder(root)}; name one of the two folders"
            )
        first = root


def _folder(root: tuple[str, ...]) -> str:
    return "/".join(root[1:]) or "its top folder"


def _check_classes(images: Sequence[ArchiveImage]) -> None:
    folders = sorted({image.class_folder for image in images})
    if len(folders) != 2:
        raise DataError(
            f"holds images in {len(folders)} class folder(s): {listed(folders)}; two are needed, "
            "each with images, and none beside them: add or remove folders"
        )


def _with_splits(images: Sequence[ArchiveImage]) -> list[ArchiveImage]:
    """Images without any split as "train". Raises DataError where only some have one."""
    loose = [image for image in images if not image.split]
    if loose and len(loose) < len(images):
        raise DataError(
            f"holds {len(loose)} image(s) outside its train, val and test folders, first {loose[0].path}; "
            "move them into one or remove them"
        )
    return [replace(image, split="train") for image in images] if loose else list(images)


def _check_nothing_empty(images: Sequence[ArchiveImage], paths: Iterable[str]) -> None:
    """Raises DataError for a split without images of both classes, and for an empty class folder."""
    filled = {(image.split, image.class_folder) for image in images}
    wanted = {(split, folder) for split, _ in filled for _, folder in filled}
    for path in paths:
        *_, split, folder, file = ["", "", *path.split("/")]
        if split.lower() in SPLIT_OF_FOLDER and not file:
            wanted.add((SPLIT_OF_FOLDER[split.lower()], _class_name(folder)))
    for split, folder in sorted(wanted - filled):
        raise DataError(
            f"holds no {'/'.join(IMAGE_SUFFIXES)} images in {split}/{folder}; add some, or remove the folder if it is "
            f"no class (a whole {split} folder may be missing)"
        )


def _without_copies(images: Iterable[ArchiveImage], same_content: Callable[[str, str], bool]) -> list[ArchiveImage]:
    kept: dict[str, ArchiveImage] = {}
    for image in sorted(images, key=lambda image: (image.name, len(image.root), image.path)):
        other = kept.setdefault(image.name, image)
        if other is not image and not same_content(other.path, image.path):
            raise DataError(
                f"holds two different images by the name {image.name}: {other.path} and {image.path}; remove one"
            )
    return list(kept.values())
