from .calibration import (
    ReliabilityCurve as ReliabilityCurve,
    brier as brier,
    calibration_intercept as calibration_intercept,
    calibration_slope as calibration_slope,
    expected_calibration_error as expected_calibration_error,
    recalibrate as recalibrate,
    reliability_curve as reliability_curve,
    temperature as temperature,
)
from .comparison import (
    DeLong as DeLong,
    McNemar as McNemar,
    delong as delong,
    mcnemar_exact as mcnemar_exact,
)
from .conformal import (
    ConformalAnswer as ConformalAnswer,
    conformal_answer as conformal_answer,
)
from .hierarchical import (
    Difference as Difference,
    hierarchical_difference as hierarchical_difference,
    holm as holm,
)
from .intervals import (
    Interval as Interval,
    bootstrap as bootstrap,
    paired_bootstrap as paired_bootstrap,
    summary as summary,
)
from .metrics import (
    accuracy as accuracy,
    auc as auc,
    auc_within_groups as auc_within_groups,
    average_precision as average_precision,
    balanced_accuracy as balanced_accuracy,
    confusion as confusion,
    f1 as f1,
    log_loss as log_loss,
    npv as npv,
    ppv as ppv,
    sensitivity as sensitivity,
    specificity as specificity,
)
from .slices import (
    failures_by_slice as failures_by_slice,
    file_number_runs as file_number_runs,
)
from .thresholds import (
    DecisionCurve as DecisionCurve,
    net_benefit as net_benefit,
    ppv_at_prevalence as ppv_at_prevalence,
    specificity_at_sensitivity as specificity_at_sensitivity,
    threshold_at_sensitivity as threshold_at_sensitivity,
    youden_threshold as youden_threshold,
)
