"""MedMNIST files that are broken, hostile or of another shape."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import numpy as np
from corpus.case import Case, write_folder

AGAIN = (r"breastmnist\.npz", "download it again")
SPLITS = {"train": 8, "val": 4, "test": 4}


def _arrays(**others: object) -> bytes:
    """A whole file of 16 images, with other arrays in place of some."""
    arrays = {}
    random = np.random.default_rng(0)
    for split, count in SPLITS.items():
        arrays[f"{split}_images"] = random.integers(0, 256, (count, 28, 28)).astype(np.uint8)
        arrays[f"{split}_labels"] = (np.arange(count) % 2).astype(np.uint8)[:, None]
    file = io.BytesIO()
    np.savez(file, **arrays | others)
    return file.getvalue()


def _entries(entries: Mapping[str, bytes]) -> bytes:
    """The whole file again, with other bytes in place of some arrays."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_arrays())) as whole, zipfile.ZipFile(file, "w") as changed:
        for entry in whole.infolist():
            changed.writestr(entry.filename, entries.get(entry.filename, whole.read(entry)))
    return file.getvalue()


def _header(text: str) -> bytes:
    """An array file of which only the header is there."""
    line = text.encode() + b"\n"
    return b"\x93NUMPY\x01\0" + len(line).to_bytes(2, "little") + line


def _case(name: str, content: bytes, **outcome: object) -> Case:
    path = "breastmnist.npz"
    return Case(name=name, write=lambda folder: write_folder({path: content}, folder) / path, **outcome)


HUGE = _header("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000000, 1), }")
NESTED = _header("(" * 5000 + ")" * 5000)

CASES = (
    _case("a whole MedMNIST file", _arrays()),
    _case("an .npz of zero bytes", b"", refused=AGAIN),
    _case("an .npz cut short", _arrays()[:-200], refused=AGAIN),
    _case("pickled labels", _arrays(train_labels=np.array([print, {}], dtype=object)), refused=AGAIN),
    _case("pickled images", _arrays(val_images=np.array([print, {}], dtype=object)), refused=AGAIN),
    _case("labels that are one number", _arrays(train_labels=np.array(1)), refused=AGAIN),
    _case("labels that are words", _arrays(train_labels=np.array(["yes"] * 8)), refused=AGAIN),
    _case("labels that are no numbers", _arrays(train_labels=np.full(8, np.nan)), refused=AGAIN),
    _case("labels of several findings", _arrays(train_labels=np.zeros((8, 14), int)), refused=AGAIN),
    _case("labels that claim a petabyte", _entries({"train_labels.npy": HUGE}), refused=AGAIN),
    _case("images that claim a petabyte", _entries({"val_images.npy": HUGE}), refused=AGAIN),
    _case("labels nested five thousand deep", _entries({"train_labels.npy": NESTED}), refused=AGAIN),
    _case("images in colour", _arrays(val_images=np.zeros((4, 28, 28, 3), np.uint8)), refused=AGAIN),
    _case("fewer images than labels", _arrays(test_images=np.zeros((3, 28, 28), np.uint8)), refused=AGAIN),
    _case("images of two sizes", _arrays(test_images=np.zeros((4, 64, 64), np.uint8)), refused=AGAIN),
    _case("an array that is missing", _entries({}).replace(b"test_labels", b"test_labelz"), refused=AGAIN),
)
