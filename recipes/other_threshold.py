"""Choose another threshold on labelled images of your own, for a wanted sensitivity.

    python recipes/other_threshold.py radiographs/

Choose it on one half of the patients and judge it on the other: on the same images it would flatter the model.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

import pneumo
from pneumo import evaluation

FOLDER, WANTED_SENSITIVITY = Path(sys.argv[1]), 0.95

model = pneumo.load_model()
frame = pneumo.inference.evaluate_files(model, FOLDER, progress=False).labelled
patients = frame["patient"].where(frame["patient"] != "", frame["image"])
chosen_on = patients.isin(np.random.default_rng(0).permutation(patients.unique())[::2])

positives = np.sort(frame.loc[chosen_on & (frame["label"] == 1), "probability"])
threshold = float(positives[int((1 - WANTED_SENSITIVITY) * len(positives))])  # 95 % of the positives reach it

judged = frame[~chosen_on]
for name, value in {"the model's": model.threshold, "yours": threshold}.items():
    rates = [
        rate(judged["label"], judged["probability"], value) for rate in (evaluation.sensitivity, evaluation.specificity)
    ]
    print(f"threshold {value:.3f} ({name}): sensitivity {rates[0]:.3f}, specificity {rates[1]:.3f}")

yours = replace(model, threshold=threshold)  # decides by it from now on
print(
    yours.predict_frame([FOLDER / frame["image"].iloc[0]])[["image", "probability", "decision"]].to_string(index=False)
)
