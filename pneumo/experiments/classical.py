"""Classical machine learning: support vector machine, random forest, gradient boosting."""

from __future__ import annotations

from pneumo.experiments.builders import single, study_data
from pneumo.experiments.config import ClassicalConfig, Experiment
from pneumo.features.configuration import GLCMConfig, HOGConfig, LBPConfig, PixelsConfig

LEARNERS = ("svm", "forest", "xgboost")


FEATURES = {"pixels": PixelsConfig(), "hog": HOGConfig(), "lbp": LBPConfig(), "glcm": GLCMConfig()}


def classical() -> list[Experiment]:
    """Three learners on four kinds of features. `pneumo run classical`: 15 min on 2 cores.

    Features are computed at 128 pixels; the pixels themselves at 64, through 100 principal components. Hyper-parameters
    by cross-validation over training patients.

    >>> len(classical())
    12
    """
    return [
        single(
            "classical",
            f"{learner}-{name}",
            ClassicalConfig(learner=learner, features=config, components=100 if name == "pixels" else None),
            data=study_data(image_size=64 if name == "pixels" else 128),
            minutes=1.2,
        )
        for learner in LEARNERS
        for name, config in FEATURES.items()
    ]
