"""Show where a model looked: Grad-CAM maps over the radiographs, beside the probabilities.

python recipes/grad_cam.py radiographs/ my-model.safetensors          without a model: the one of the package
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

import pneumo
from pneumo.interpret import overlay

if len(sys.argv) < 2:
    sys.exit(__doc__)
FOLDER = Path(sys.argv[1])
model = pneumo.load_model(sys.argv[2] if len(sys.argv) > 2 else None)

files = pneumo.inference.find_files([FOLDER]).files[:8]  # in a folder or in a zip
contents = {file.name: data for file, data in pneumo.inference.read_contents(files) if isinstance(data, bytes)}
radiographs = [model.radiograph(data, name) for name, data in contents.items()]
maps = model.grad_cam(radiographs)  # (N, size, size) in [0, 1]
pictures = overlay(np.stack([each.pixels for each in radiographs]), maps)  # (N, size, size, 3) uint8

out = Path("grad-cam")
out.mkdir(exist_ok=True)
probabilities = model.predict_proba(contents.values())[:, 1]
for name, picture, probability in zip(contents, pictures, probabilities, strict=True):
    target = out / f"{Path(name).stem}.png"
    Image.fromarray(picture).resize((448, 448)).save(target)
    print(f"{name}: {probability:.3f}, {target}")
