"""Metrics of a diagnostic model and their confidence intervals.

Plain arrays in, numbers or small frozen values out. Positive is label 1; an image is predicted positive where its
probability reaches the threshold.
"""

from pneumo.evaluation.calibration import (
    ReliabilityCurve,
    brier,
    calibration_intercept,
    calibration_slope,
    expected_calibration_error,
    recalibrate,
    reliability_curve,
    temperature,
)
from pneumo.evaluation.comparison import DeLong, McNemar, delong, mcnemar_exact
from pneumo.evaluation.conformal import ConformalAnswer, conformal_answer
from pneumo.evaluation.hierarchical import Difference, hierarchical_difference, holm
from pneumo.evaluation.intervals import Interval, bootstrap, paired_bootstrap, summary
from pneumo.evaluation.metrics import (
    accuracy,
    auc,
    average_precision,
    balanced_accuracy,
    confusion,
    f1,
    log_loss,
    npv,
    ppv,
    sensitivity,
    specificity,
)
from pneumo.evaluation.thresholds import (
    DecisionCurve,
    net_benefit,
    ppv_at_prevalence,
    specificity_at_sensitivity,
    threshold_at_sensitivity,
    youden_threshold,
)

__all__ = [
    "ConformalAnswer",
    "DeLong",
    "DecisionCurve",
    "Difference",
    "Interval",
    "McNemar",
    "ReliabilityCurve",
    "accuracy",
    "auc",
    "average_precision",
    "balanced_accuracy",
    "bootstrap",
    "brier",
    "calibration_intercept",
    "calibration_slope",
    "conformal_answer",
    "confusion",
    "delong",
    "expected_calibration_error",
    "f1",
    "hierarchical_difference",
    "holm",
    "log_loss",
    "mcnemar_exact",
    "net_benefit",
    "npv",
    "paired_bootstrap",
    "ppv",
    "ppv_at_prevalence",
    "recalibrate",
    "reliability_curve",
    "sensitivity",
    "specificity",
    "specificity_at_sensitivity",
    "summary",
    "temperature",
    "threshold_at_sensitivity",
    "youden_threshold",
]


def __dir__() -> list[str]:
    return sorted(__all__)
