"""The figures of the book. Records or arrays in, `Axes` out; nothing here trains, saves or shows.

Every plot takes the axes to draw on and makes its own figure without; all share the look of `pneumo.reporting.plots.style`.
"""

from pneumo.reporting.plots.architecture import architecture
from pneumo.reporting.plots.attention import attention
from pneumo.reporting.plots.augmentations import draws, extremes, fillings, to_grey_levels
from pneumo.reporting.plots.comparisons import compared_curves, sensitivity_to_learning_rate, spread, trade
from pneumo.reporting.plots.curves import learning_curves
from pneumo.reporting.plots.growth import growth
from pneumo.reporting.plots.headers import header_distributions
from pneumo.reporting.plots.images import gallery, grey_levels, worst
from pneumo.reporting.plots.learning import descents, schedules
from pneumo.reporting.plots.movement import movement
from pneumo.reporting.plots.results import (
    confusion_matrix,
    decision_curve,
    forest,
    precision_recall,
    reliability_diagram,
    roc,
)
from pneumo.reporting.plots.robustness import agreement, robustness
from pneumo.reporting.plots.style import new_axes
from pneumo.reporting.plots.windows import followed, window_sizes, windows

__all__ = [
    "agreement",
    "architecture",
    "attention",
    "compared_curves",
    "confusion_matrix",
    "decision_curve",
    "descents",
    "draws",
    "extremes",
    "fillings",
    "followed",
    "forest",
    "gallery",
    "grey_levels",
    "growth",
    "header_distributions",
    "learning_curves",
    "movement",
    "new_axes",
    "precision_recall",
    "reliability_diagram",
    "robustness",
    "roc",
    "schedules",
    "sensitivity_to_learning_rate",
    "spread",
    "to_grey_levels",
    "trade",
    "window_sizes",
    "windows",
    "worst",
]
