"""What the files of a data set reveal of its labels without a look at the images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pneumo import evaluation
from pneumo.data.headers import headers

if TYPE_CHECKING:
    from pneumo.data import Dataset

FIELDS = {
    "width": lambda frame: frame["width"],
    "height": lambda frame: frame["height"],
    "width / height": lambda frame: frame["width"] / frame["height"],
    "JPEG quality": lambda frame: frame["jpeg_quality"],
    "bytes a pixel": lambda frame: frame["file_size"] / (frame["width"] * frame["height"]),
}
"""What is looked at, from the columns of `data.headers`."""


def header_aucs(dataset: Dataset, *, seed: int = 0) -> pd.DataFrame:
    """AUC of each number of the files' headers for the label, in the direction that is above 0.5.

    Far from 0.5, the number tells the classes apart and a network can learn it in place of the lungs. Returns the
    columns header field and AUC (`Interval`, 95 %, over patients where they are known, else over images). A field that
    is not in every file, or the same in all, is left out. seed: of the draws. Raises DataError where images are not
    files.

    >>> header_aucs(pneumo.data.load("phantom")).columns.tolist()
    ['header field', 'AUC']
    """
    frame, table = headers(dataset), dataset.table
    patients = table["patient"].to_numpy() if dataset.has_patients else None
    labels = table["label"].to_numpy()
    rows = []
    for name, read in FIELDS.items():
        values = read(frame).to_numpy(float)
        if not np.isfinite(values).all() or np.ptp(values) == 0:
            continue
        if evaluation.auc(labels, values) < 0.5:
            values = -values
        interval = evaluation.bootstrap(labels, values, patients, evaluation.auc, rng=np.random.default_rng(seed))
        rows.append({"header field": name, "AUC": interval})
    return pd.DataFrame(rows, columns=["header field", "AUC"])
