"""Choose another threshold on labelled images of your own, for a wanted sensitivity.

    python recipes/other_threshold.py radiographs/

Choose it on one half of the patients and judge it on the other: on the same images it would flatter the model.
"""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

import pneumo
from pneumo import evaluation

if len(sys.argv) < 2:
    sys.exit(__doc__)
FOLDER, WANTED_SENSITIVITY = Path(sys.argv[1]), 0.95

model = pneumo.load_model()
evaluated = pneumo.inference.evaluate_files(model, FOLDER, progress=False)
if not evaluated.has_both_classes:
    sys.exit(f"{FOLDER} has no labelled images of both classes: put them into the folders NORMAL and PNEUMONIA")
frame = evaluated.labelled
patients = frame["patient"].where(frame["patient"] != "", frame["image"])
chosen_on = patients.isin(np.random.default_rng(0).permutation(patients.unique())[::2])

positives = np.sort(frame.loc[chosen_on & (frame["label"] == 1), "probability"])
threshold = float(positives[int((1 - WANTED_SENSITIVITY) * len(positives))])  # 95 % of the positives reach it

judged = frame[~chosen_on]
print(f"chosen on {len(positives)} positive images, judged on {len(judged)}, {judged['label'].sum()} of them positive")
for name, value in {"the model's": model.threshold, "yours": threshold}.items():
    for rate in (evaluation.sensitivity, evaluation.specificity):
        interval = evaluation.bootstrap(  # 95 %, over patients
            judged["label"],
            judged["probability"],
            patients[~chosen_on],
            partial(rate, threshold=value),
            rng=np.random.default_rng(0),
        )
        print(f"threshold {value:.3f} ({name}): {rate.__name__} {interval}")

yours = replace(model, threshold=threshold)  # decides by it from now on
for file, data in pneumo.inference.read_contents(pneumo.inference.find_files([FOLDER]).files[:1]):
    if isinstance(data, bytes):
        print(f"{file.name}: {yours.predict_frame([data])['decision'][0]}")
