"""Classical machine learning: support vector machine, random forest, gradient boosting."""

from __future__ import annotations

from pneumo.classical.configuration import Learner
from pneumo.experiments.builders import is_demonstration, single, study_data
from pneumo.experiments.config import ClassicalConfig, Experiment
from pneumo.features.configuration import FeatureConfig, GLCMConfig, HOGConfig, LBPConfig, PixelsConfig

LEARNERS: tuple[Learner, ...] = ("svm", "forest", "xgboost")

FEATURES = {"pixels": PixelsConfig(), "hog": HOGConfig(), "lbp": LBPConfig(), "glcm": GLCMConfig()}

MINUTES = {"svm": 2, "forest": 8, "xgboost": 2.5}


def classical() -> list[Experiment]:
    """Three learners on four kinds of features. `pneumo run classical`: 50 min on 2 cores.

    Features are computed at 128 pixels; the pixels themselves at 64, through 100 principal components. Hyper-parameters
    by cross-validation over training patients; on the phantom, in `make demo`, all learners have their small grids.

    >>> len(classical())
    12
    """
    return [
        single(
            "classical",
            f"{learner}-{name}",
            ClassicalConfig(
                learner=learner,
                features=config,
                components=100 if name == "pixels" else None,
                grid="small" if is_demonstration() else "wide",
            ),
            data=study_data(image_size=64 if name == "pixels" else 128),
            minutes=MINUTES[learner],
        )
        for learner in LEARNERS
        for name, config in FEATURES.items()
    ]


FEATURE_SIZES: dict[str, FeatureConfig] = {
    "hog-4": HOGConfig(pixels_per_cell=4),
    "hog-8": HOGConfig(pixels_per_cell=8),
    "hog-16": HOGConfig(),
    "hog-32": HOGConfig(pixels_per_cell=32),
    "lbp-1": LBPConfig(radii=(1,)),
    "lbp-4": LBPConfig(),
    "lbp-8": LBPConfig(radii=(1, 2, 4, 8)),
    "lbp-16": LBPConfig(radii=(1, 2, 4, 8, 16)),
    "lbp-32": LBPConfig(radii=(1, 2, 4, 8, 16, 32)),
    "glcm-1": GLCMConfig(distances=(1,)),
    "glcm-8": GLCMConfig(),
    "glcm-16": GLCMConfig(distances=(1, 2, 4, 8, 16)),
    "glcm-32": GLCMConfig(distances=(1, 2, 4, 8, 16, 32)),
    "glcm-64": GLCMConfig(distances=(1, 2, 4, 8, 16, 32, 64)),
}
"""Features by the side of a cell, the largest radius, the largest distance, in pixels of an image of 128."""

FEATURE_SIZE_MINUTES = {"hog-4": 25, "hog-8": 4}
"""Of 34,596 and of 8,100 numbers an image; the others have fewer."""


def feature_sizes() -> list[Experiment]:
    """A support vector machine on features of several sizes. `pneumo run feature-sizes`: 35 min on 2 cores.

    >>> len(feature_sizes())
    14
    """
    return [
        single(
            "feature-sizes",
            name,
            ClassicalConfig(learner="svm", features=config),
            chapter="classical",
            data=study_data(image_size=128),
            minutes=FEATURE_SIZE_MINUTES.get(name, 0.5),
        )
        for name, config in FEATURE_SIZES.items()
    ]
