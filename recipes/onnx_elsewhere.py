"""Run the model in a program that has neither PyTorch nor this package: ONNX Runtime, Pillow and NumPy are enough.

    python recipes/onnx_elsewhere.py radiograph.png          needs: pip install "pneumo[onnx]"

Any language with an ONNX runtime does the same with the same file.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

if len(sys.argv) < 2:
    sys.exit(__doc__)
if not Path("model.onnx").exists():
    import pneumo  # once, where the model is exported; from a shell: pneumo export model.onnx

    pneumo.export_onnx(pneumo.load_model(), "model.onnx")

session = onnxruntime.InferenceSession("model.onnx")
facts = session.get_modelmeta().custom_metadata_map  # threshold, image size and resizing travel in the file
side = json.loads(facts["image"])["size"]

image = Image.open(sys.argv[1]).convert("L").resize((side, side), Image.Resampling.BILINEAR, reducing_gap=None)
pixels = np.asarray(image)[np.newaxis]  # (1, side, side) uint8, 0 black
(probability,) = session.run(["probability"], {"pixels": pixels})[0]
decision = "positive" if probability >= float(facts["threshold"]) else "negative"
print(f"{sys.argv[1]}: {probability:.4f}, {decision}. {facts['note']}")
