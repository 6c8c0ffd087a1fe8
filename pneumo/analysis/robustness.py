"""Test performance on perturbed and on occluded images: records in, frames out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from pneumo.analysis.summaries import ensemble_auc, measures

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

UNPERTURBED_LEVELS = {"blur": 0.0, "noise": 0.0, "contrast": 1.0, "rotation": 0.0, "jpeg": 100.0}
"""The level of each of `experiments.PERTURBATIONS` at which an image is as it was."""


def robustness(
    perturbed: Mapping[tuple[str, str, float], Record], unperturbed: Mapping[str, Sequence[Record]]
) -> pd.DataFrame:
    """One row a network, perturbation and level: columns network, perturbation, level, test_auc.

    perturbed: records on perturbed images by network, perturbation and level, see `experiments.perturbed`.
    unperturbed: the records of each network on images as they are; their logits are averaged, as those on perturbed
        images were.
    """
    rows = [(*key, measures(record)["test_auc"]) for key, record in perturbed.items()]
    rows += [
        (network, perturbation, level, ensemble_auc(records))
        for network, records in unperturbed.items()
        for perturbation, level in UNPERTURBED_LEVELS.items()
    ]
    frame = pd.DataFrame(rows, columns=["network", "perturbation", "level", "test_auc"])
    return frame.sort_values(["network", "perturbation", "level"], ignore_index=True)


def occlusion(occluded: Mapping[tuple[str, str], Record], whole: Mapping[str, Sequence[Record]]) -> pd.DataFrame:
    """One row a network: AUC on test patients of the whole images, and of what each occlusion leaves of them.

    occluded: records on occluded images by network and occlusion, see `experiments.occluded`. whole: as `unperturbed`
        in `robustness`. Columns network, whole, and the occlusions.
    """
    rows = {network: {"network": network, "whole": ensemble_auc(records)} for network, records in whole.items()}
    for (network, name), record in occluded.items():
        rows[network][name] = measures(record)["test_auc"]
    return pd.DataFrame(rows.values())
