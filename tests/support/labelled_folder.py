"""A folder of labelled radiographs as a user has it, from the phantom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from pneumo import data


def labelled_folder(folder: Path, *, each: int = 20, side: int = 48) -> Path:
    """Two class folders with `each` PNG images, one of each patient, whose names tell patients as chest-xray's do."""
    dataset = data.load("phantom")
    labels = dataset.table["label"].to_numpy()
    for label, name in enumerate(("NORMAL", "PNEUMONIA")):
        (folder / name).mkdir(parents=True)
        for number, row in enumerate(np.flatnonzero(labels == label)[:each]):
            file = f"IM-{number:04d}-0001.png" if label == 0 else f"person{number}_virus_{number}.png"
            image = Image.fromarray(dataset.source.image(int(row))).resize((side, side))
            image.save(folder / name / file)
    return folder
