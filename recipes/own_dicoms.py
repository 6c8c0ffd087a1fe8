"""Predict DICOM files, and keep the identifiers that lead back to the studies.

python recipes/own_dicoms.py dicoms/                       needs: pip install "pneumo[dicom]"
"""

import io
import sys
from pathlib import Path

import pandas as pd
import pydicom

import pneumo

if len(sys.argv) < 2:
    sys.exit(__doc__)
FOLDER = Path(sys.argv[1])

found = pneumo.inference.find_files([FOLDER])
print(f"{len(found.files)} files; {len(found.problems)} places that cannot be read")
model = pneumo.load_model()


def identifiers(data: bytes) -> dict[str, str]:
    """Of a file's header; its pixels are not decoded again."""
    header = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
    return {name: str(header.get(name, "")) for name in ("StudyInstanceUID", "SOPInstanceUID", "ViewPosition")}


rows = []
for file, data in pneumo.inference.read_contents(found.files):  # one at a time, in a folder or in a zip
    if isinstance(data, bytes):
        (row,) = model.predict_frame([data]).assign(image=file.name).to_dict("records")
        rows.append(row | identifiers(data))
table = pd.DataFrame(rows)
table.to_csv("predictions.csv", index=False)
print(table[["image", "probability", "decision", "warning", "ViewPosition"]].to_string(index=False))
