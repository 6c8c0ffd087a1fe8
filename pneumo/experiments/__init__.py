"""The study: experiments as frozen values, the chain that runs them, and their records.

    record = pneumo.run(pneumo.experiments.first_network()[0])

One module a chapter defines its experiments; `book` lists them all. `config` says what an experiment is, `pipeline` how
one gets from data to predictions, `runner` runs them, `records` keeps what came of it.
"""

import lazy_loader

# Values alone, imported in a moment. Now, so that the functions stand here and not the modules of the same names.
from pneumo.experiments.augmentation import AUGMENTATIONS, augmentation
from pneumo.experiments.book import CHAPTERS, GROUPS, all_experiments, families, group
from pneumo.experiments.classical import FEATURES, LEARNERS, classical
from pneumo.experiments.cnn_architecture import batch_size, detail, image_size, network_parts
from pneumo.experiments.config import (
    DataConfig,
    Experiment,
    HeaderConfig,
    ReadingConfig,
)
from pneumo.experiments.data_and_shortcuts import headers, spectra
from pneumo.experiments.definitions import SEEDS, data_config, fewer_data, repeated, study_data
from pneumo.experiments.first_network import first_network
from pneumo.experiments.interpretation import (
    OCCLUSIONS,
    PERTURBATIONS,
    occluded,
    occlusions,
    perturbations,
    perturbed,
)
from pneumo.experiments.model_selection import recipe_steps, selected_model, test_time_augmentation
from pneumo.experiments.optimizers import BEST_RATES, RATES, learning_rates, optimizers, schedules
from pneumo.experiments.regularisation import regularisation
from pneumo.experiments.scaling import scaling
from pneumo.experiments.spatial_transformer import DISPLACED, spatial_transformer
from pneumo.experiments.transfer_learning import transfer_learning
from pneumo.experiments.tumours import tumours

__getattr__, _, _ = lazy_loader.attach(
    __name__,
    submodules=["cluster", "pipeline", "planning", "provenance", "records", "runner"],
    submod_attrs={
        "planning": ["Plan", "plan", "status"],
        "records": ["Record"],
        "runner": ["run", "run_all"],
    },
)

__all__ = [
    "AUGMENTATIONS",
    "BEST_RATES",
    "CHAPTERS",
    "DISPLACED",
    "FEATURES",
    "GROUPS",
    "LEARNERS",
    "OCCLUSIONS",
    "PERTURBATIONS",
    "RATES",
    "SEEDS",
    "DataConfig",
    "Experiment",
    "HeaderConfig",
    "Plan",
    "ReadingConfig",
    "Record",
    "all_experiments",
    "augmentation",
    "batch_size",
    "classical",
    "cluster",
    "data_config",
    "detail",
    "families",
    "fewer_data",
    "first_network",
    "group",
    "headers",
    "image_size",
    "learning_rates",
    "network_parts",
    "occluded",
    "occlusions",
    "optimizers",
    "perturbations",
    "perturbed",
    "pipeline",
    "plan",
    "planning",
    "provenance",
    "recipe_steps",
    "records",
    "regularisation",
    "repeated",
    "run",
    "run_all",
    "runner",
    "scaling",
    "schedules",
    "selected_model",
    "spatial_transformer",
    "spectra",
    "status",
    "study_data",
    "test_time_augmentation",
    "transfer_learning",
    "tumours",
]
