"""Of which split and class the images of an archive are.

    chest_xray/{train,val,test}/{NORMAL,PNEUMONIA}/*.jpeg     as published, with or without val and test
    {NORMAL,PNEUMONIA}/*.png                                  class folders alone: all is "train"

at any depth. Works on paths alone and opens nothing: `pneumo.data.readers.formats` says which files are images.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from pneumo.errors import DataError, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

SPLIT_OF_FOLDER = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
CLASS_FOLDERS = ("NORMAL", "PNEUMONIA")
"""The published class folders. They are recognised in any case."""


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


class Layout(NamedTuple):
    """images: sorted by name, in exactly two class folders. passed_over: paths of the images of other data sets."""

    images: list[ArchiveImage]
    passed_over: list[str]


def find_images(
    images: Iterable[str],
    same_content: Callable[[str, str], bool],
    *,
    folders: Iterable[str] = (),
    positive: str = "PNEUMONIA",
) -> Layout:
    """Split and class of the images of an archive.

    images, folders: their paths, relative, separated by "/".
    same_content: whether two files have the same content. Kaggle's archive holds everything twice, in chest_xray/train
        and in chest_xray/chest_xray/train; one copy is kept.
    positive: the class folder by which a data set is recognised among others in the same archive; the publisher's holds
        another one, of retinas, beside the radiographs.
    Raises DataError for any other layout, with a message to which the caller prefixes the name of the archive.
    """
    paths = list(images)
    everything = [_parse_path(path) for path in paths]
    if not everything:
        raise DataError("holds no images; class folders with some are needed, e.g. NORMAL and PNEUMONIA")
    found = _one_data_set(everything, positive)
    _check_classes(found)
    found = _with_splits(found)
    _check_nothing_empty(found, folders)
    kept = {image.path for image in found}
    return Layout(_without_copies(found, same_content), [path for path in paths if path not in kept])


def check_names(paths: Iterable[str]) -> None:
    """Raises DataError for names that would break a line of a table, control a terminal, or are no text."""
    for path in paths:
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in path):
            raise DataError(f"holds {path!r}, whose name has a control character or bytes that are no text; rename it")


def _parse_path(path: str) -> ArchiveImage:
    """An image by its path; split "" where the class folder does not lie in a split folder."""
    *above, folder, _ = ["", *path.split("/")]
    if not folder:
        raise DataError(
            f"holds {path} outside a class folder; move it into one, such as NORMAL or PNEUMONIA, or give a CSV file "
            "of labels with --labels (labels= in Python)"
        )
    split = SPLIT_OF_FOLDER.get(above[-1].lower(), "")
    root = tuple(above[:-1] if split else above)
    return ArchiveImage(path=path, root=root, split=split, class_folder=_class_name(folder))


def _class_name(folder: str) -> str:
    return folder.upper() if folder.upper() in CLASS_FOLDERS else folder


def _one_data_set(images: Sequence[ArchiveImage], positive: str) -> list[ArchiveImage]:
    """The images of the one data set, or of the one that has two class folders, one of them called `positive`.

    Folders side by side hold different data sets. Nested ones hold one data set twice, as on Kaggle, unless their class
    folders differ. Raises DataError where no rule says which is meant, or where others may be more of the same.
    """
    by_root: dict[tuple[str, ...], list[ArchiveImage]] = {}
    for image in images:
        by_root.setdefault(image.root, []).append(image)
    groups: dict[tuple[str, ...], list[ArchiveImage]] = {}
    for root in sorted(by_root, key=lambda root: (len(root), root)):
        classes = _classes_of(by_root[root])
        same = [top for top in groups if root[: len(top)] == top and classes <= _classes_of(groups[top])]
        groups.setdefault(same[0] if same else root, []).extend(by_root[root])
    if len(groups) == 1:
        return list(images)
    wanted = [root for root, group in groups.items() if _is_wanted(group, positive)]
    if len(wanted) == 1:
        chosen = groups.pop(wanted[0])
        if any(_is_inside(root, wanted[0], _classes_of(chosen)) for root in groups):
            return list(images)  # folders in a class folder are no data set of their own
        if not any(_classes_of(group) <= _classes_of(chosen) for group in groups.values()):
            return chosen
        groups = {wanted[0]: chosen, **groups}
    first, other, *_ = groups
    raise DataError(
        f"holds {len(groups)} data sets, in {_folder(first)} and in {_folder(other)}; name one of them: its "
        "path is PATH/FOLDER, also in a zip archive"
    )


def _is_inside(root: tuple[str, ...], above: tuple[str, ...], classes: set[str]) -> bool:
    """Whether a root lies in a split or class folder of the data set at the root `above`."""
    if root[: len(above)] != above or root == above:
        return False
    folder = root[len(above)]
    return folder.lower() in SPLIT_OF_FOLDER or _class_name(folder) in classes


def _classes_of(images: Iterable[ArchiveImage]) -> set[str]:
    return {image.class_folder for image in images}


def _is_wanted(images: Iterable[ArchiveImage], positive: str) -> bool:
    classes = _classes_of(images)
    return len(classes) == 2 and any(same_name(name, positive) for name in classes)


def same_name(one: str, other: str) -> bool:
    """Whether two names are the same in any case, and however accents are stored."""
    return unicodedata.normalize("NFC", one).casefold() == unicodedata.normalize("NFC", other).casefold()


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


def _check_nothing_empty(images: Sequence[ArchiveImage], folders: Iterable[str]) -> None:
    """Raises DataError for a split without images of both classes, and for an empty class folder."""
    filled = {(image.split, image.class_folder) for image in images}
    wanted = {(split, folder) for split, _ in filled for _, folder in filled}
    roots = {image.root for image in images}
    for path in folders:
        *root, split, folder = ["", *path.split("/")]
        if split.lower() in SPLIT_OF_FOLDER and tuple(root) in roots:
            wanted.add((SPLIT_OF_FOLDER[split.lower()], _class_name(folder)))
    for split, folder in sorted(wanted - filled):
        raise DataError(
            f"holds no images in {split}/{folder}; add some, or remove the folder if it is no class (a whole {split} "
            "folder may be missing)"
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
