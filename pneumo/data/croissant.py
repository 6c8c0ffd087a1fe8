"""Croissant metadata of a data set as it is loaded: what other tools need to find its images and labels.

The format is that of MLCommons, version 1.0 (Akhtar et al. 2024, doi 10.1145/3650203.3663326): JSON-LD with the words
of schema.org. It describes a table with a row for each image, which is written beside it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo.data.catalogue import CATALOGUE
from pneumo.io.files import atomic_write, check_replaceable

if TYPE_CHECKING:
    from pneumo.data.dataset import Dataset

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"

TABLE_NAME = "images.csv"
METADATA_NAME = "croissant.json"

COLUMNS = {
    "image": ("sc:Text", "Path of the image in the data set: part, class and file name."),
    "split": ("sc:Text", "Part that the publisher put the image in: train, val or test."),
    "label": ("sc:Integer", "1 for the finding, 0 for none."),
    "subtype": ("sc:Text", "Kind of the finding, where the publisher tells it; else empty."),
    "patient": ("sc:Text", "Patient of the image, where the publisher tells it; else empty."),
}
"""Type and meaning of each column of `Dataset.table`."""

CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "key": "cr:key",
    "md5": "cr:md5",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "sc": "https://schema.org/",
    "source": "cr:source",
}


def write_croissant(dataset: Dataset, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Write the metadata of a data set and its table into `folder`; return the path of the metadata.

    The images themselves stay where they are; the table says which they are, with labels, parts and patients.
    overwrite: whether files that are there may be replaced. Raises DataError where they may not.

    >>> path = write_croissant(pneumo.data.load("phantom"), "phantom-metadata")
    >>> sorted(file.name for file in path.parent.iterdir())
    ['croissant.json', 'images.csv']
    """
    folder = Path(folder)
    for name in (TABLE_NAME, METADATA_NAME):
        check_replaceable(folder / name, overwrite)
    table = dataset.table[list(COLUMNS)].to_csv(index=False, lineterminator="\n").encode()
    for name, content in {
        TABLE_NAME: table,
        METADATA_NAME: json.dumps(metadata(dataset, table), indent=2, ensure_ascii=False).encode() + b"\n",
    }.items():
        with atomic_write(folder / name) as temporary:
            temporary.write_bytes(content)
    return folder / METADATA_NAME


def metadata(dataset: Dataset, table: bytes) -> dict[str, Any]:
    """The metadata as JSON values. table: the content of the file that they describe.

    >>> metadata(pneumo.data.load("phantom"), b"")["name"]
    'phantom'
    """
    known = CATALOGUE.get(dataset.name)
    described = known.title if known else f"Radiographs labelled {dataset.classes[0]} or {dataset.classes[1]}"
    published = {"license": known.licence} if known else {}
    if known and known.doi:
        published |= {"url": f"https://doi.org/{known.doi}", "citeAs": f"https://doi.org/{known.doi}"}
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": dataset.name,
        "description": f"{described}; {len(dataset)} images. Label 0 is {dataset.classes[0]}, 1 {dataset.classes[1]}.",
        "version": _semantic_version(dataset.version),
        **published,
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": TABLE_NAME,
                "name": TABLE_NAME,
                "description": "A row for each image.",
                "contentUrl": TABLE_NAME,
                "encodingFormat": "text/csv",
                "sha256": hashlib.sha256(table).hexdigest(),
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "images",
                "name": "images",
                "key": {"@id": "images/image"},
                "field": [_field(name, kind, meaning) for name, (kind, meaning) in COLUMNS.items()],
            }
        ],
    }


def _field(name: str, kind: str, meaning: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"images/{name}",
        "name": name,
        "description": meaning,
        "dataType": kind,
        "source": {"fileObject": {"@id": TABLE_NAME}, "extract": {"column": name}},
    }


def _semantic_version(version: str) -> str:
    """`Dataset.version` as MAJOR.MINOR.PATCH, which Croissant asks for: its digest is the build."""
    count, _, digest = version.partition("-")
    return f"1.0.0+{count}.{digest}"
