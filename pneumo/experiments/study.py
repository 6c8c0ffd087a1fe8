"""Every experiment of the book, by chapter and comparison."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from pneumo.errors import UnknownExperiment
from pneumo.experiments.acquisition import (
    acquisition_continued,
    acquisition_evidence,
    acquisition_external,
    acquisition_larger,
    acquisition_recipe,
    acquisition_saliency,
    acquisition_transferred,
    acquisition_variants,
    independent_model,
    independent_networks,
)
from pneumo.experiments.augmentation import augmentation
from pneumo.experiments.classical import classical, feature_sizes
from pneumo.experiments.cnn_architecture import batch_size, detail, image_size, network_parts
from pneumo.experiments.config import Experiment
from pneumo.experiments.data_and_shortcuts import headers, spectra
from pneumo.experiments.first_network import first_network
from pneumo.experiments.interpretation import occlusions, perturbations
from pneumo.experiments.lookup import recorded_experiments
from pneumo.experiments.model_selection import recipe_steps, selected_model, test_time_augmentation
from pneumo.experiments.optimizers import learning_rates, optimizers, schedules
from pneumo.experiments.regularisation import regularisation
from pneumo.experiments.scaling import scaling
from pneumo.experiments.spatial_transformer import spatial_transformer
from pneumo.experiments.transfer_learning import transfer_learning, transfer_tenth
from pneumo.experiments.tumours import patchcamelyon, tumour_folds, tumours

CHAPTERS: dict[str, dict[str, Callable[[], list[Experiment]]]] = {
    "data-and-shortcuts": {"headers": headers, "spectra": spectra},
    "first-network": {"first-network": first_network},
    "classical": {"classical": classical, "feature-sizes": feature_sizes},
    "cnn-architecture": {
        "network-parts": network_parts,
        "batch-size": batch_size,
        "image-size": image_size,
        "detail": detail,
    },
    "spatial-transformer": {"spatial-transformer": spatial_transformer},
    "optimizers": {"learning-rates": learning_rates, "optimizers": optimizers, "schedules": schedules},
    "regularisation": {"regularisation": regularisation},
    "augmentation": {"augmentation": augmentation},
    "transfer-learning": {"transfer-learning": transfer_learning, "transfer-tenth": transfer_tenth},
    "scaling": {"scaling": scaling},
    "model-selection": {
        "recipe-steps": recipe_steps,
        "selected-model": selected_model,
        "test-time-augmentation": test_time_augmentation,
    },
    "interpretation": {"perturbations": perturbations, "occlusions": occlusions},
    "acquisition": {
        "acquisition-variants": acquisition_variants,
        "acquisition-transferred": acquisition_transferred,
        "acquisition-continued": acquisition_continued,
        "acquisition-recipe": acquisition_recipe,
        "independent-networks": independent_networks,
        "acquisition-larger": acquisition_larger,
        "independent-model": independent_model,
        "acquisition-evidence": acquisition_evidence,
        "acquisition-saliency": acquisition_saliency,
        "acquisition-external": acquisition_external,
    },
    "tumours": {"tumours": tumours, "tumour-folds": tumour_folds},
}
"""The comparisons of each chapter. A chapter, report/NAME.qmd, has its definitions in pneumo/experiments/NAME.py and
its records in records/NAME."""

GROUPS = {name: make for groups in CHAPTERS.values() for name, make in groups.items()}
"""The comparisons by name."""

ON_REQUEST = {"patchcamelyon": patchcamelyon}
"""Comparisons that are no part of the book, since their data are too large for it."""


def all_experiments() -> list[Experiment]:
    """Every experiment of the book, in the order of its chapters. One that two comparisons share is in both.

    >>> len(all_experiments()) > 200
    True
    """
    return [experiment for make in GROUPS.values() for experiment in make()]


def selection_candidates() -> dict[str, list[Experiment]]:
    """The candidates for model selection, by family. One of each family is selected, and evaluated on the test images.

    From scratch: networks trained on all images, none of them distorted. Transferred: single networks, no ensembles.

    >>> list(selection_candidates())
    ['classical', 'from scratch', 'transferred']
    """
    return {
        "classical": classical(),
        "from scratch": [
            each for make in (network_parts, regularisation, augmentation) for each in make() if each.data.fraction == 1
        ],
        "transferred": [
            each
            for make in (transfer_learning, recipe_steps, selected_model, test_time_augmentation)
            for each in make()
            if len(getattr(each.model, "seeds", (0,))) == 1
        ],
    }


def is_defined(name: str) -> bool:
    """Whether a name is of the study: of a comparison, of a chapter, of one experiment, or "all"."""
    known = {"all", *GROUPS, *ON_REQUEST, *CHAPTERS}
    return name in known or any(each.name == name for each in all_experiments())


def find_experiments(name: str) -> list[Experiment]:
    """Experiments by name: of a comparison, of a chapter, one by its own name, or "all" that the book has; also of
    stored records that the study does not define, by the name of one or of their folder.

    >>> [len(find_experiments(name)) for name in ("first-network", "cnn-architecture", "first-network/seed-0")]
    [5, 77, 1]

    Raises UnknownExperiment that gives the nearest names, or lists those there are.
    """
    if name == "all":
        return all_experiments()
    if name in GROUPS:
        return GROUPS[name]()
    if name in ON_REQUEST:
        return ON_REQUEST[name]()
    if name in CHAPTERS:
        return [experiment for make in CHAPTERS[name].values() for experiment in make()]
    found = [experiment for experiment in all_experiments() if experiment.name == name] or recorded_experiments(name)
    if not found:
        names = dict.fromkeys([*GROUPS, *ON_REQUEST, *CHAPTERS, "all", *(each.name for each in all_experiments())])
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.75)
        if near:
            raise UnknownExperiment(
                f"no experiments are called {name!r}; did you mean {' or '.join(near)}? `pneumo status` lists all names"
            )
        raise UnknownExperiment(
            f"no experiments are called {name!r}; there are {', '.join([*GROUPS, *ON_REQUEST])}, the chapters "
            f"{', '.join(chapter for chapter in CHAPTERS if chapter not in GROUPS)}, all, and the names that "
            "`pneumo status` lists"
        )
    return found


def find_experiment(name: str) -> Experiment:
    """The one experiment that a name means: its own name, or that of a comparison or chapter with a single experiment.

    Raises UnknownExperiment, with the names to choose from, where a name means several or none.

    >>> find_experiment("first-network/seed-3").seed
    3
    """
    found = find_experiments(name)
    if len(found) > 1:
        raise UnknownExperiment(
            f"{name!r} means {len(found)} experiments; name one of: {', '.join(e.name for e in found)}"
        )
    return found[0]
