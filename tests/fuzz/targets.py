"""What is fuzzed: bytes in; out comes a result, or an error that the package explains. Anything else is a finding.

Each target writes its bytes to a file of its own folder and reads them as a user's file is read.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from pneumo import records
from pneumo.data.decode import decode
from pneumo.data.headers import read_headers
from pneumo.data.readers.archive import read_archive
from pneumo.data.readers.names import parse_file_name
from pneumo.errors import PneumoError
from pneumo.io.digests import json_digest

FOLDER = Path(tempfile.mkdtemp(prefix="pneumo-fuzz-"))


def archive(data: bytes) -> None:
    """A zip archive: its layout, the headers of its images, and their pixels."""
    path = FOLDER / "images.zip"
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = read_archive(path)
        except PneumoError:
            return
        for row in range(min(len(dataset), 3)):
            with suppress(PneumoError):
                assert dataset.source.image(row, 16).dtype == np.uint8
        with suppress(PneumoError):
            read_headers(dataset)


def image(data: bytes) -> None:
    """An image file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with suppress(PneumoError):
            assert decode(data, "image.jpeg", 16).ndim == 2


def record(data: bytes) -> None:
    """A record file. One that forgets nothing but its digest is given the right one, so that the rest is read too."""
    try:
        body = json.loads(data)
        if isinstance(body, dict):
            body.pop("digest", None)
            data = json.dumps(body | {"digest": json_digest(body)}).encode()
    except (ValueError, RecursionError):
        pass
    path = FOLDER / "record.json"
    path.write_bytes(data)
    with suppress(PneumoError):
        assert isinstance(records.load(path), records.Record)


def name(data: bytes) -> None:
    """A file name: the patient and the subtype are in it, or there is none of either."""
    text = data.decode("utf-8", "replace")
    parsed = parse_file_name(text)
    assert bool(parsed.patient) == bool(parsed.subtype)
    assert parsed.patient.rpartition("-")[2] in text


TARGETS: dict[str, Callable[[bytes], None]] = {"archive": archive, "image": image, "record": record, "name": name}
