"""Show where a model looked: Grad-CAM maps over the radiographs, beside the probabilities.

python recipes/grad_cam.py radiographs/ my-model.safetensors          without a model: the one of the package
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

import pneumo
from pneumo.interpret import overlay

FOLDER = Path(sys.argv[1])
model = pneumo.load_model(sys.argv[2] if len(sys.argv) > 2 else None)

paths = [file.path for file in pneumo.inference.find_files([FOLDER]).files[:8]]
radiographs = [model.radiograph(path, str(path)) for path in paths]
maps = model.grad_cam(radiographs)  # (N, size, size) in [0, 1]
pictures = overlay(np.stack([each.pixels for each in radiographs]), maps)  # (N, size, size, 3) uint8

out = Path("grad-cam")
out.mkdir(exist_ok=True)
for path, picture, probability in zip(paths, pictures, model.predict_proba(paths)[:, 1], strict=True):
    Image.fromarray(picture).resize((448, 448)).save(out / f"{path.stem}.png")
    print(f"{path.name}: {probability:.3f}, {out / path.stem}.png")
