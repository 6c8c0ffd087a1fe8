"""Train a network on your own labelled radiographs, and use it.

    python recipes/own_folder.py radiographs/

The folder (or zip) has two class folders, NORMAL and PNEUMONIA. The same from a shell: pneumo train radiographs/
"""

import sys
from pathlib import Path

import pneumo

if len(sys.argv) < 2:
    sys.exit(__doc__)
FOLDER = Path(sys.argv[1])
MODEL, EPOCHS = "cnn", 5  # "efficientnet-lite0", None: better, and ten times as long

experiment = pneumo.define_experiment(FOLDER, model=MODEL, epochs=EPOCHS)
record = pneumo.run(experiment)  # trained once; the second time it is read from ./records
print(pneumo.tables.metrics(record).to_string(index=False))

model = pneumo.load_model(record)
files = pneumo.inference.find_files([FOLDER]).files[:5]  # in a folder or in a zip
contents = {file.name: data for file, data in pneumo.inference.read_contents(files) if isinstance(data, bytes)}
table = model.predict_frame(contents.values()).assign(image=list(contents))
print(table[["image", "probability", "decision", "warning"]].to_string(index=False))

pneumo.inference.pack(record, "my-model.safetensors", overwrite=True)  # one file, for `pneumo predict --model`
