"""Robustness: performance on perturbed and on partly occluded test images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from pneumo.analysis.summaries import Models, ensemble_auc, measures, records_by_model

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

UNPERTURBED_LEVELS = {"blur": 0.0, "noise": 0.0, "contrast": 1.0, "rotation": 0.0, "jpeg": 100.0}
"""The level of each of `experiments.PERTURBATIONS` that leaves an image as it is."""


def auc_by_perturbation(perturbed: Mapping[tuple[str, str, float], Record], unperturbed: Models) -> pd.DataFrame:
    """AUC on test images for each network, perturbation and level, the unperturbed level included.

    perturbed: the record for each (network, perturbation, level), see `experiments.perturbed`.
    unperturbed: the records of each network on images as they are, see `summaries.records_by_model`; their logits are
        averaged, as those on perturbed images were.
    Returns one row a network, perturbation and level, columns network, perturbation, level, test_auc, sorted.
    """
    rows = [(*key, measures(record)["test_auc"]) for key, record in perturbed.items()]
    rows += [
        (network, perturbation, level, ensemble_auc(records))
        for network, records in records_by_model(unperturbed).items()
        for perturbation, level in UNPERTURBED_LEVELS.items()
    ]
    frame = pd.DataFrame(rows, columns=["network", "perturbation", "level", "test_auc"])
    return frame.sort_values(["network", "perturbation", "level"], ignore_index=True)


def auc_by_occlusion(occluded: Mapping[tuple[str, str], Record], whole: Models) -> pd.DataFrame:
    """AUC on test images, whole and with each occlusion: one row a network, columns network, whole, the occlusions.

    occluded: the record for each (network, occlusion), see `experiments.occluded`.
    whole: the records of each network on whole images, see `summaries.records_by_model`; their logits are averaged.
    """
    cells = {network: {"whole": ensemble_auc(records)} for network, records in records_by_model(whole).items()}
    for (network, occlusion), record in occluded.items():
        cells[network][occlusion] = measures(record)["test_auc"]
    return pd.DataFrame([{"network": network, **row} for network, row in cells.items()])
