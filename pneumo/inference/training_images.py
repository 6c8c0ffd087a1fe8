"""By which a model knows the images that it was trained and validated on: short digests of their pixels.

They tell an image again that is decoded to the very same pixels. A copy that was scaled or saved anew has others, and
so has another radiograph of the same patient.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

PARTS = ("train", "validation")
"""The parts of a record whose images a model has seen: of the second, epoch and threshold were chosen."""

DIGEST_BYTES = 6
"""Of a digest. That one of 10,000 other images has a digest of 5,000 by chance happens once in five million times."""


def image_digest(pixels: np.ndarray) -> bytes:
    """Digest of one image as a network reads it. pixels: (size, size) uint8. Returns DIGEST_BYTES bytes.

    >>> len(image_digest(np.zeros((64, 64), np.uint8)))
    6
    """
    return hashlib.blake2b(pixels.tobytes(), digest_size=DIGEST_BYTES).digest()


def to_json(digests: Mapping[str, Iterable[bytes]]) -> str:
    """For the metadata of a model file. digests: by part, of PARTS; each is stored once, in ascending order."""
    return json.dumps(
        {part: base64.b64encode(b"".join(sorted(set(digests.get(part, ()))))).decode("ascii") for part in PARTS}
    )


def from_json(text: str) -> dict[bytes, str]:
    """The part of each digest that `to_json` wrote; "train" where an image is in both. Raises ValueError for anything
    else."""
    values: Any = json.loads(text)
    if not isinstance(values, dict) or not all(isinstance(values.get(part), str) for part in PARTS):
        raise ValueError(f"its training images are no digests for the parts {' and '.join(PARTS)}")
    found: dict[bytes, str] = {}
    for part in reversed(PARTS):
        joined = base64.b64decode(values[part], validate=True)
        if len(joined) % DIGEST_BYTES:
            raise ValueError(f"its digests of {part} images have {len(joined)} bytes, no multiple of {DIGEST_BYTES}")
        found |= {joined[start : start + DIGEST_BYTES]: part for start in range(0, len(joined), DIGEST_BYTES)}
    return found
