"""The data sets known by name: what they are, where they may lie on this machine, and how to get them."""

from __future__ import annotations

import difflib
import os
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from pneumo.data.dataset import DataError
from pneumo.data.readers.archive import read_archive
from pneumo.data.readers.medmnist import read_medmnist
from pneumo.data.readers.pcam import download_pcam, is_pcam, read_pcam
from pneumo.data.readers.phantom import phantom
from pneumo.io.downloads import download
from pneumo.io.paths import cache_folder
from pneumo.phantom import PhantomConfig

if TYPE_CHECKING:
    from pneumo.data.dataset import Dataset


CLASSES = ("normal", "pneumonia")
"""What label 0 and label 1 are called where a data set does not say otherwise."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """A data set known by name.

    classes: what figures and tables call label 0 and label 1, `Dataset.classes` in small letters.
    files: names of files and folders that hold it, the preferred one first. version: its `Dataset.version`, if known.
    url, checksum: of the publisher's file, which is saved under `download_as`. kaggle: handle of a copy on Kaggle.
    """

    title: str
    licence: str
    classes: tuple[str, str] = CLASSES
    doi: str = ""
    files: tuple[str, ...] = ()
    version: str = ""
    url: str = ""
    download_as: str = ""
    checksum: str = ""
    kaggle: str = ""
    note: str = ""


def _medmnist(task: str, size: int, checksum: str, version: str = "") -> Known:
    """Addresses and checksums are those of the medmnist package 3.0 (Zenodo record 10519652)."""
    file = f"{task}.npz" if size == 28 else f"{task}_{size}.npz"
    title, classes = {
        "pneumoniamnist": ("PneumoniaMNIST, paediatric chest radiographs", CLASSES),
        "breastmnist": ("BreastMNIST, ultrasound", ("normal or benign", "malignant")),
    }[task]
    return Known(
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


KNOWN = {
    "chest-xray": Known(
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
    "chest-xray-highres": Known(
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
    "pcam": Known(
        title="PatchCamelyon, microscopy of lymph nodes, 96 x 96",
        licence="CC0",
        classes=("tumour-free", "tumour"),
        doi="10.5281/zenodo.2546921",
        files=("pcam",),
        url="https://zenodo.org/records/2546921",
        note="8 GB to download, 9 GB unpacked; no patients; reading it needs `pip install 'pneumo[pcam]'`",
    ),
    "phantom": Known(title="Synthetic chest radiographs, drawn from a seed", licence="MIT", note="built in"),
}

KAGGLE_LINK = "chest_xray"
"""Name of the link to what kagglehub downloaded; one of the files of chest-xray."""

# The publisher's archive has no val folder: the copy on Kaggle, which most know, took these out of train. Named as
# there, so that both are one data set with one version and one order.
_VALIDATION = frozenset(
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


def load(name_or_path: str | Path | None = None) -> Dataset:
    """Open a data set, without reading its images.

    Without a name: the one that $PNEUMO_DATASET names, or chest-xray, or the phantom where chest-xray is not at hand;
        `Dataset.name` tells which.
    name_or_path: a name of `KNOWN`, searched for in `places()`, or the path of a folder, a zip archive, a MedMNIST
        file or a folder of PatchCamelyon (write ./phantom for a folder by a known name).
    Raises DataError where there is none, with how to get it; see also `read_archive`, `read_medmnist` and `read_pcam`.
    Warns where a known data set is not as published, e.g. images are missing.
    """
    name = str(name_or_path or default_name())
    if name == "phantom":
        return phantom(PhantomConfig())
    if name in KNOWN:
        path = find(name)
        if path is None:
            raise _missing_error(name)
        dataset = _read(path, name)
        if KNOWN[name].version not in ("", dataset.version):
            warnings.warn(
                f"{path} is not {name} as published: its version is {dataset.version} where {KNOWN[name].version} is "
                "expected, so no published result belongs to it; load it by its path, or get the whole data set",
                stacklevel=2,
            )
        return dataset
    path = Path(name).expanduser()
    if not path.exists():
        near = difflib.get_close_matches(name, KNOWN, n=1)
        raise DataError(
            f'"{name}" is neither a file or folder nor a data set known by name ({", ".join(KNOWN)})'
            + (f'; did you mean "{near[0]}"?' if near else "; check the spelling")
        )
    return _read(path, None)


def default_name() -> str:
    """The data set that is meant where none is named."""
    return os.environ.get("PNEUMO_DATASET") or ("chest-xray" if find("chest-xray") else "phantom")


def class_names(name: str) -> tuple[str, str]:
    """What figures and tables call label 0 and label 1 of a data set; its data need not be here.

    name: as in `DataConfig.name`. A path says nothing of its classes: normal and pneumonia are assumed.
    """
    return KNOWN[name].classes if name in KNOWN else CLASSES


def _read(path: Path, name: str | None) -> Dataset:
    if path.suffix == ".npz":
        return read_medmnist(path, name=name)
    if name == "pcam" or is_pcam(path):
        return read_pcam(path, name=name)
    return read_archive(path, name=name, validation=_VALIDATION if name == "chest-xray" else ())


def places() -> list[Path]:
    """Folders where data sets are looked for, in this order: $PNEUMO_DATA (several, separated as in $PATH), ./data,
    ../shared/data, and the user's cache folder, where `get` puts them.
    """
    return [*_named_places(), Path("data"), Path("../shared/data"), cache_folder() / "data"]


def _named_places() -> list[Path]:
    return [Path(place).expanduser() for place in os.environ.get("PNEUMO_DATA", "").split(os.pathsep) if place]


def find(name: str) -> Path | None:
    """The file or folder of a known data set: in the first place that has one, the first of `Known.files`."""
    paths = (place / file for place in places() for file in _known(name).files)
    return next((path for path in paths if path.exists()), None)


def _known(name: str) -> Known:
    if name not in KNOWN:
        raise DataError(f'"{name}" is not a data set known by name; use one of {", ".join(KNOWN)}')
    return KNOWN[name]


def _missing_error(name: str) -> DataError:
    searched = "".join(f"\n  {place.resolve()}" for place in places())
    known = KNOWN[name]
    files = " or ".join(known.files)
    remedy = f"`pneumo data get {name}` downloads it" if known.url else f"There is no download: {known.note}"
    return DataError(f"{name} is not on this machine. {remedy}. Searched for {files} in{searched}")


def get(
    name: str,
    folder: Path | None = None,
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
    folder = Path(folder) if folder else next(iter(_named_places()), cache_folder() / "data")
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
    version = read_archive(path, name=name, validation=_VALIDATION).version
    if version != KNOWN[name].version:
        raise DataError(f"its version is {version}, not {KNOWN[name].version}")


def _get_from_kaggle(name: str, folder: Path) -> Path:
    if not KNOWN[name].kaggle:
        raise DataError(f'{name} has no copy on Kaggle; use source="publisher"')
    try:
        import kagglehub
    except ImportError as error:
        raise DataError("kagglehub is not installed; `pip install 'pneumo[kaggle]'`") from error
    link = folder / KAGGLE_LINK
    if not link.exists():
        downloaded = Path(kagglehub.dataset_download(KNOWN[name].kaggle))
        _check_version(name, downloaded)
        folder.mkdir(parents=True, exist_ok=True)
        link.symlink_to(downloaded.resolve(), target_is_directory=True)
    return link


def counts(dataset: Dataset, *, subtypes: bool = False) -> pd.DataFrame:
    """Images and patients of a data set, a row for each split and class, and for each subtype if asked for.

    Columns: split, class, (subtype,) images, patients; patients is missing (<NA>) where they are unknown.
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
    """What is on this machine: a row for each known data set.

    Columns: name, title, path ("" where it is missing), train, val and test (images of class 0 + class 1, e.g.
    "1,341 + 3,875", "" where there are none), note (licence and remarks, or why the data set cannot be read).
    """
    return pd.DataFrame([_listed(name, known) for name, known in KNOWN.items()])


def _listed(name: str, known: Known) -> dict[str, str]:
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
        row[split] = " + ".join(f"{count:,}" for count in images)
    return row
