from .configuration import ClassicalConfig, Learner
from .learners import FittedLearner, fit, importances, scores

__all__ = ["ClassicalConfig", "FittedLearner", "Learner", "fit", "importances", "scores"]
