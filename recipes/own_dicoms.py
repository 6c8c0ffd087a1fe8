"""Predict DICOM files, and keep the identifiers that lead back to the studies.

python recipes/own_dicoms.py dicoms/                       needs: pip install "pneumo[dicom]"
"""

import sys
from pathlib import Path

import pandas as pd
import pydicom

import pneumo

FOLDER = Path(sys.argv[1])

found = pneumo.inference.find_files([FOLDER])
print(f"{len(found.files)} files; {len(found.problems)} places that cannot be read")
table = pneumo.load_model().predict_frame([file.path for file in found.files])


def identifiers(path: str) -> dict[str, str]:
    """Of a file's header; its pixels are not read again."""
    header = pydicom.dcmread(path, stop_before_pixels=True)
    return {name: str(header.get(name, "")) for name in ("StudyInstanceUID", "SOPInstanceUID", "ViewPosition")}


table = table.join(pd.DataFrame([identifiers(path) for path in table["image"]]))
table.to_csv("predictions.csv", index=False)
print(table[["image", "probability", "decision", "warning", "ViewPosition"]].to_string(index=False))
