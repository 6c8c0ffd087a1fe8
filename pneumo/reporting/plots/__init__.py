"""The figures of the book: records, frames or arrays in, matplotlib axes out. Nothing here trains, saves or shows.

Each plot draws on the axes it is given, or on a new figure; all share the style of `pneumo.reporting.plots.style`.
"""

from pneumo.reporting.plots.architecture import architecture
from pneumo.reporting.plots.attention_windows import (
    attention_windows,
    window_against_displacement,
    window_size_histograms,
)
from pneumo.reporting.plots.augmentation import augmentation_ranges, augmentation_samples, batch_to_uint8, fill_modes
from pneumo.reporting.plots.comparisons import (
    MEASURES,
    correlation_scatter,
    dot_plot,
    learning_rate_sweep,
    trade_off,
)
from pneumo.reporting.plots.effects import effect_forest
from pneumo.reporting.plots.gallery import gallery, most_confident_errors, scale_to_uint8
from pneumo.reporting.plots.header_histograms import header_histograms
from pneumo.reporting.plots.learning_curves import learning_curves, learning_curves_by_model
from pneumo.reporting.plots.optimisation import learning_rate_schedules, optimizer_paths
from pneumo.reporting.plots.performance import (
    confusion_matrix,
    decision_curve,
    forest_plot,
    precision_recall,
    reliability_diagram,
    roc,
    threshold_curves,
)
from pneumo.reporting.plots.robustness import robustness_curves
from pneumo.reporting.plots.runtime import runtime_scaling
from pneumo.reporting.plots.saliency import saliency_maps
from pneumo.reporting.plots.saliency_tests import saliency_tests
from pneumo.reporting.plots.slope_chart import slope_chart
from pneumo.reporting.plots.style import new_axes, shared_legend
from pneumo.reporting.plots.weight_changes import weight_change

__all__ = [
    "MEASURES",
    "architecture",
    "attention_windows",
    "augmentation_ranges",
    "augmentation_samples",
    "batch_to_uint8",
    "confusion_matrix",
    "correlation_scatter",
    "decision_curve",
    "dot_plot",
    "effect_forest",
    "fill_modes",
    "forest_plot",
    "gallery",
    "header_histograms",
    "learning_curves",
    "learning_curves_by_model",
    "learning_rate_schedules",
    "learning_rate_sweep",
    "most_confident_errors",
    "new_axes",
    "optimizer_paths",
    "precision_recall",
    "reliability_diagram",
    "robustness_curves",
    "roc",
    "runtime_scaling",
    "saliency_maps",
    "saliency_tests",
    "scale_to_uint8",
    "shared_legend",
    "slope_chart",
    "threshold_curves",
    "trade_off",
    "weight_change",
    "window_against_displacement",
    "window_size_histograms",
]


def __dir__() -> list[str]:
    return sorted(__all__)
