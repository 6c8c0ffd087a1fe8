"""Data sets by name: title, licence, where they may lie on this machine, and how to download them."""

from __future__ import annotations

import difflib
import os
import warnings
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from pneumo.data.readers.archive import read_archive, split_archive_path
from pneumo.data.readers.medmnist import read_medmnist
from pneumo.data.readers.pcam import download_pcam, is_pcam, read_pcam
from pneumo.data.readers.phantom import phantom
from pneumo.errors import DataError
from pneumo.io.downloads import download
from pneumo.io.paths import cache_folder
from pneumo.phantom import PhantomConfig

if TYPE_CHECKING:
    from pneumo.data.dataset import Dataset


DEFAULT_CLASS_NAMES = ("normal", "pneumonia")
"""Names of label 0 and label 1 in figures and tables, for data sets without names of their own."""


@dataclass(frozen=True, kw_only=True)
class CatalogueEntry:
    """What is known of a data set without its files.

    classes: names of label 0 and label 1 in figures and tables, `Dataset.classes` in lower case.
    files: names of files and folders that hold it, the preferred one first. version: its `Dataset.version`, if known.
    url, checksum: of the publisher's file, which is saved under `download_as`. kaggle: handle of a copy on Kaggle.
    note: a remark for the listing.
    evaluation_only: whether it is there to judge models that are fixed; no experiment trains or chooses on it.
    """

    title: str
    licence: str
    classes: tuple[str, str] = DEFAULT_CLASS_NAMES
    doi: str = ""
    files: tuple[str, ...] = ()
    version: str = ""
    url: str = ""
    download_as: str = ""
    checksum: str = ""
    kaggle: str = ""
    note: str = ""
    evaluation_only: bool = False


def _medmnist(task: str, size: int, checksum: str, version: str = "") -> CatalogueEntry:
    """Addresses and checksums are those of the medmnist package 3.0 (Zenodo record 10519652)."""
    file = f"{task}.npz" if size == 28 else f"{task}_{size}.npz"
    title, classes = {
        "pneumoniamnist": ("PneumoniaMNIST, paediatric chest radiographs", DEFAULT_CLASS_NAMES),
        "breastmnist": ("BreastMNIST, ultrasound", ("normal or benign", "malignant")),
    }[task]
    return CatalogueEntry(
        title=f"{title}, {size} x {size}",
        licence="CC BY 4.0",
        classes=classes,
        doi="10.5281/zenodo.10519652",
        files=(file,),
        version=version,
        url=f"https://zenodo.org/records/10519652/files/{file}",
        download_as=file,
        checksum=f"md5:{checksum}",
        note="no patients",
    )


CATALOGUE = {
    "chest-xray": CatalogueEntry(
        title="Paediatric chest radiographs, Kermany et al. 2018",
        licence="CC BY 4.0",
        doi="10.17632/rscbjbr9sj",
        # Small files first: they decode in seconds, and hold the same radiographs for every size up to 224 pixels.
        files=(
            "chest_xray_224.zip",
            "chest_xray.zip",
            "chest-xray-pneumonia.zip",
            "ChestXRay2017.zip",
            "chest_xray",
            "ChestXRay2017",
        ),
        version="5856-fd5ea79d",
        url="https://data.mendeley.com/public-files/datasets/rscbjbr9sj/files/f12eaf6d-6023-432f-acc9-80c9d7393433/file_downloaded",
        download_as="ChestXRay2017.zip",
        kaggle="paultimothymooney/chest-xray-pneumonia",
        note="1.2 GB; the publisher gives no checksum, so the names of all 5,856 images are checked instead",
    ),
    "chest-xray-highres": CatalogueEntry(
        title="1,566 training images of chest-xray, short side at most 512 pixels",
        licence="CC BY 4.0",
        doi="10.17632/rscbjbr9sj",
        files=("chest_xray_highres.zip",),
        version="1566-4a4788ac",
        note="not published by itself; chest-xray holds the same images in full size",
    ),
    "pneumoniamnist": _medmnist("pneumoniamnist", 28, "28209eda62fecd6e6a2d98b1501bb15f"),
    "pneumoniamnist-64": _medmnist("pneumoniamnist", 64, "8f4eceb4ccffa70c672198ea285246c6"),
    "pneumoniamnist-128": _medmnist("pneumoniamnist", 128, "05b46931834c231683c68f40c47b2971"),
    "pneumoniamnist-224": _medmnist("pneumoniamnist", 224, "d6a3c71de1b945ea11211b03746c1fe1"),
    "breastmnist": _medmnist("breastmnist", 28, "750601b1f35ba3300ea97c75c52ff8f6", "780-d388c8ea"),
    "breastmnist-64": _medmnist("breastmnist", 64, "742edef2a1fd1524b2efff4bd7ba9364"),
    "breastmnist-128": _medmnist("breastmnist", 128, "363e4b3f8d712e9b5de15470a2aaadf1"),
    "breastmnist-224": _medmnist("breastmnist", 224, "b56378a6eefa9fed602bb16d192d4c8b"),
    "pcam": CatalogueEntry(
        title="PatchCamelyon, microscopy of lymph nodes, 96 x 96",
        licence="CC0",
        classes=("tumour-free", "tumour"),
        doi="10.5281/zenodo.2546921",
        files=("pcam",),
        url="https://zenodo.org/records/2546921",
        note="8 GB to download, 9 GB unpacked; no patients; reading it needs `pip install 'pneumo[pcam]'`",
    ),
    "nih-adults": CatalogueEntry(
        title="386 adult chest radiographs of another country, from ChestX-ray14, Wang et al. 2017",
        licence="free with attribution to the NIH Clinical Center",
        doi="10.1109/CVPR.2017.369",
        files=("external_adults.zip",),
        version="386-04e2d9b8",
        note="an external test, labels mined from reports; class folders of 183 images without finding and 203 with "
        "pneumonia, scaled to 320 pixels; not published by itself",
        evaluation_only=True,
    ),
    "phantom": CatalogueEntry(title="Synthetic chest radiographs, drawn from a seed", licence="MIT", note="built in"),
}

KAGGLE_LINK_NAME = "chest_xray"
"""Name of the link to what kagglehub downloaded; one of the files of chest-xray."""

# The publisher's archive has no val folder; the copy on Kaggle moved these images there from train. With them moved,
# both are one data set with one version and one order.
_KAGGLE_VALIDATION_IMAGES = frozenset(
    [
        f"train/NORMAL/NORMAL2-IM-{number}-0001.jpeg"
        for number in (1427, 1430, 1431, 1436, 1437, 1438, 1440, 1442)
    ]
    + [
        f"train/PNEUMONIA/person{person}_bacteria_{number}.jpeg"
        for person, number in (
            (1946, 4874), (1946, 4875), (1947, 4876), (1949, 4880),
            (1950, 4881), (1951, 4882), (1952, 4883), (1954, 4886),
        )
    ]
)  # fmt: skip


def load(
    name_or_path: str | Path | None = None,
    *,
    positive: str | None = None,
    negative: str | None = None,
    labels: str | Path | None = None,
) -> Dataset:
    """Open a data set, without reading its images.

    Without a name: the one that $PNEUMO_DATASET names, or chest-xray, or the phantom where chest-xray is not at hand;
        `Dataset.name` tells which.
    name_or_path: a name of `CATALOGUE`, searched for in `data_folders()`, or the path of a folder, a zip archive, a
        folder inside one, a MedMNIST file or a folder of PatchCamelyon (write ./phantom for a folder by a known name).
    positive, negative, labels: of a folder or zip archive, see `read_archive`; by default positive is what
        $PNEUMO_POSITIVE names, or pneumonia. A data set of `CATALOGUE` has its own classes.
    Raises DataError where there is none, with how to get it; see also `read_archive`, `read_medmnist` and `read_pcam`.
    Warns where a known data set is not as published, e.g. images are missing.

        dataset = load("chest-xray")
        dataset = load("films", labels="films.csv", positive="Pneumonia", negative="No Finding")

    >>> dataset = load("phantom")
    >>> dataset.classes, len(dataset) == len(dataset.table)
    (('NORMAL', 'PNEUMONIA'), True)
    """
    name = str(name_or_path or default_name())
    if name in CATALOGUE and (positive or negative or labels):
        raise DataError(f"{name} has its own classes; leave out positive, negative and labels")
    if name == "phantom":
        return phantom(PhantomConfig())
    if name in CATALOGUE:
        path = find(name)
        if path is None:
            raise _missing_error(name)
        dataset = replace(_open(path, name), from_catalogue=True)
        published = CATALOGUE[name].version
        if published not in ("", dataset.version):
            warnings.warn(
                f"{path} is not {name} as published: its version is {dataset.version} where {published} is expected, "
                "so no published result belongs to it; load it by its path, or get the whole data set",
                stacklevel=2,
            )
        return dataset
    path = Path(name).expanduser()
    if not split_archive_path(path)[0].exists():
        place = "" if path.is_absolute() else f" in {Path.cwd()}"
        near = difflib.get_close_matches(name, CATALOGUE, n=1)
        raise DataError(
            f'"{name}" is neither a file or folder{place} nor a data set known by name ({", ".join(CATALOGUE)})'
            + (f'; did you mean "{near[0]}"?' if near else "; check the spelling")
        )
    return _open(path, None, positive=positive, negative=negative, labels=labels)


def default_positive() -> str | None:
    """Name of the class that is label 1 in a data set at a path, where none is given: that of $PNEUMO_POSITIVE."""
    return os.environ.get("PNEUMO_POSITIVE") or None


def default_name() -> str:
    """Name of the data set that `load` opens without a name."""
    return os.environ.get("PNEUMO_DATASET") or ("chest-xray" if find("chest-xray") else "phantom")


def class_names(name: str) -> tuple[str, str]:
    """Names of label 0 and label 1 in figures and tables; the data need not be on this machine.

    name: as in `DataConfig.name`. A data set without an entry in `CATALOGUE` gets DEFAULT_CLASS_NAMES.

    >>> class_names("chest-xray"), class_names("pcam")
    (('normal', 'pneumonia'), ('tumour-free', 'tumour'))
    """
    return CATALOGUE[name].classes if name in CATALOGUE else DEFAULT_CLASS_NAMES


def _open(
    path: Path,
    name: str | None,
    *,
    positive: str | None = None,
    negative: str | None = None,
    labels: str | Path | None = None,
) -> Dataset:
    own_classes = path.suffix == ".npz" or name == "pcam" or is_pcam(path)
    if own_classes and (positive or negative or labels):
        raise DataError(f"{path} has its own classes; leave out positive, negative and labels")
    if path.suffix == ".npz":
        return read_medmnist(path, name=name)
    if own_classes:
        return read_pcam(path, name=name)
    if name is None:
        positive = positive or default_positive()
    validation = _KAGGLE_VALIDATION_IMAGES if name == "chest-xray" else ()
    return read_archive(path, name=name, positive=positive, negative=negative, labels=labels, validation=validation)


def data_folders() -> list[Path]:
    """Folders where data sets are looked for, in this order: those of $PNEUMO_DATA (several, separated as in $PATH) and
    no others; where it is not set, ./data, ../shared/data, and the user's cache folder, where `get` puts them.
    """
    return _configured_folders() or [Path("data"), Path("../shared/data"), cache_folder() / "data"]


def _configured_folders() -> list[Path]:
    return [Path(place).expanduser() for place in os.environ.get("PNEUMO_DATA", "").split(os.pathsep) if place]


def find(name: str) -> Path | None:
    """The file or folder of a known data set, or None where it is not on this machine.

    Of the first folder of `data_folders()` that has any, the first of `CatalogueEntry.files`.
    Raises DataError for a name that is not in `CATALOGUE`.

    >>> find("phantom") is None  # it is built in, and has no file
    True
    """
    paths = (place / file for place in data_folders() for file in _known(name).files)
    return next((path for path in paths if path.exists()), None)


def _known(name: str) -> CatalogueEntry:
    if name not in CATALOGUE:
        raise DataError(f'"{name}" is not a data set known by name; use one of {", ".join(CATALOGUE)}')
    return CATALOGUE[name]


def _missing_error(name: str) -> DataError:
    searched = "".join(f"\n  {place.resolve()}" for place in data_folders())
    only = " the folders of $PNEUMO_DATA, and no others" if _configured_folders() else ""
    known = CATALOGUE[name]
    files = " or ".join(known.files)
    remedy = f"`pneumo data get {name}` downloads it" if known.url else f"There is no download: {known.note}"
    return DataError(f"{name} is not on this machine. {remedy}. Searched for {files} in{only}{searched}")


def get(
    name: str,
    folder: str | Path | None = None,
    *,
    source: Literal["publisher", "kaggle"] = "publisher",
    progress: bool = True,
) -> Path:
    """Download a known data set, going on where an earlier download broke off. One that is there is checked and kept.

    folder: where to; by default the first of $PNEUMO_DATA, or else the user's cache folder.
    source: "kaggle" gets the copy there by the kagglehub package and leaves a link to it in `folder`.
    Returns the path. Raises DataError for a data set that cannot be downloaded, or is not as published.
    """
    known = _known(name)
    folder = Path(folder) if folder else next(iter(_configured_folders()), cache_folder() / "data")
    if source == "kaggle":
        return _get_from_kaggle(name, folder)
    if not known.url:
        raise DataError(f"{name} cannot be downloaded: {known.note}")
    if name == "pcam":
        return download_pcam(folder / known.files[0], progress=progress)
    path = folder / known.download_as
    if known.checksum:
        return download(known.url, path, checksum=known.checksum, progress=progress)
    return download(known.url, path, check=partial(_check_version, name), progress=progress)


def _check_version(name: str, path: Path) -> None:
    version = read_archive(path, name=name, validation=_KAGGLE_VALIDATION_IMAGES).version
    if version != CATALOGUE[name].version:
        raise DataError(f"its version is {version}, not {CATALOGUE[name].version}")


def _get_from_kaggle(name: str, folder: Path) -> Path:
    if not CATALOGUE[name].kaggle:
        raise DataError(f'{name} has no copy on Kaggle; use source="publisher"')
    try:
        import kagglehub  # pyright: ignore[reportMissingImports]  an optional dependency
    except ImportError as error:
        raise DataError("kagglehub is not installed; `pip install 'pneumo[kaggle]'`") from error
    link = folder / KAGGLE_LINK_NAME
    if not link.exists():
        downloaded = Path(kagglehub.dataset_download(CATALOGUE[name].kaggle))
        _check_version(name, downloaded)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            link.symlink_to(downloaded.resolve(), target_is_directory=True)
        except OSError as error:  # Windows lets only some users make links
            raise DataError(f"{link} cannot be made ({error}); set PNEUMO_DATA to {downloaded.parent}") from error
    return link


def counts(dataset: Dataset, *, subtypes: bool = False) -> pd.DataFrame:
    """Images and patients of a data set, a row for each split and class, and for each subtype if asked for.

    Columns: split, class, (subtype,) images, patients; patients is missing (<NA>) where they are unknown.

    >>> counts(pneumo.data.load("phantom")).columns.tolist()
    ['split', 'class', 'images', 'patients']
    """
    table = dataset.table.assign(
        split=pd.Categorical(dataset.table["split"], ["train", "val", "test"]),
        **{"class": pd.Categorical.from_codes(dataset.table["label"], dataset.classes)},
    )
    by = ["split", "class", "subtype"] if subtypes else ["split", "class"]
    counted = table.groupby(by, observed=True).agg(images=("image", "size"), patients=("patient", "nunique"))
    if not dataset.has_patients:
        counted["patients"] = pd.NA
    return counted.astype("Int64").reset_index()


def listing() -> pd.DataFrame:
    """The known data sets, a row each, and where they lie on this machine.

    Columns: name, title, path ("" where it is missing), train, val and test (images of class 0 + class 1, e.g.
    "1,341 + 3,875", "" where there are none), note (licence and remarks, or why the data set cannot be read).

    >>> listing()["name"].tolist()[:2]
    ['chest-xray', 'chest-xray-highres']
    """
    return pd.DataFrame([_listed(name, known) for name, known in CATALOGUE.items()])


def _listed(name: str, known: CatalogueEntry) -> dict[str, str]:
    path = find(name)
    row = {"name": name, "title": known.title, "path": str(path or ""), "train": "", "val": "", "test": ""}
    row["note"] = "; ".join(filter(None, [known.licence, known.note]))
    if path is None and name != "phantom":
        return row
    try:
        counted = counts(load(name))
    except DataError as error:
        return row | {"note": str(error)}
    for split, images in counted.groupby("split", observed=True)["images"]:
        row[str(split)] = " + ".join(f"{count:,}" for count in images)
    return row
