"""Cross-validate by patient and search hyper-parameters with scikit-learn.

python recipes/cross_validation.py chest-xray
"""

import sys

import numpy as np
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold, cross_val_score

import pneumo
from pneumo.experiments.config import CNNConfig, TrainingConfig

if len(sys.argv) < 2:
    sys.exit(__doc__)
DATA, SIZE = sys.argv[1], 32

dataset = pneumo.data.load(DATA)
rows = pneumo.data.split(dataset.table).train  # the test images stay unseen
images = pneumo.data.pixels(dataset, size=SIZE, progress=False).rows(rows)  # (N, 32, 32) uint8
labels = dataset.table["label"].to_numpy()[rows]
patients = dataset.table["patient"].to_numpy()[rows] if dataset.has_patients else np.arange(len(rows))

classifier = pneumo.PneumoniaClassifier(
    model=CNNConfig(width=4, depth=3), training=TrainingConfig(epochs=3, batch_size=32), random_state=0
)
folds = StratifiedGroupKFold(3, shuffle=True, random_state=0)  # no patient is in two folds
aucs = cross_val_score(classifier, images, labels, groups=patients, cv=folds, scoring="roc_auc")
print(f"AUC of the folds: {', '.join(f'{auc:.3f}' for auc in aucs)}")

grid = {"training__optimizer__learning_rate": [1e-3, 1e-2], "model__width": [4]}
search = GridSearchCV(classifier, grid, cv=folds, scoring="roc_auc").fit(images, labels, groups=patients)
print(f"best: {search.best_params_}, AUC {search.best_score_:.3f}")
