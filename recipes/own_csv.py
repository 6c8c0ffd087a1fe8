"""Evaluate a model on images whose labels stand in a table.

    python recipes/own_csv.py radiographs/ labels.csv

The table has the columns image, label (0 or 1, or two names) and, if known, patient. The same from a shell:
pneumo evaluate radiographs/ --labels labels.csv
"""

import sys
from pathlib import Path

import pneumo
from pneumo.analysis import external_validation
from pneumo.reporting.evaluation_report import write_report

if len(sys.argv) < 3:
    sys.exit(__doc__)
FOLDER, LABELS = Path(sys.argv[1]), Path(sys.argv[2])

evaluation = pneumo.inference.evaluate_files(pneumo.load_model(), FOLDER, labels=LABELS)
for name, interval in external_validation.metrics(evaluation).items():
    print(f"{name:<32} {interval}")

evaluation.predictions.to_csv("evaluation.csv", index=False)
write_report(evaluation, Path("evaluation.html"), overwrite=True)
