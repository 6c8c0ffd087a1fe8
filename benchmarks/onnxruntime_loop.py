"""A plain loop over onnxruntime, which needs nothing of pneumo: python -m benchmarks.onnxruntime_loop MODEL FILE ..."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image


def probabilities(exported: str | Path, paths: Sequence[str | Path]) -> list[float]:
    """Of pneumonia in each file, by an exported model, one file after the other."""
    session: Any = onnxruntime.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    size = json.loads(session.get_modelmeta().custom_metadata_map["image"])["size"]
    found = []
    for path in paths:
        image = Image.open(path).convert("L").resize((size, size), Image.Resampling.BILINEAR)
        found.append(float(session.run(None, {"pixels": np.asarray(image)[None]})[0][0]))
    return found


if __name__ == "__main__":
    print(probabilities(sys.argv[1], sys.argv[2:]))
