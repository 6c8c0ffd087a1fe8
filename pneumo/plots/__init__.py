"""The figures of the book. Records or arrays in, `Axes` out; nothing here trains, saves or shows.

Every plot takes the axes to draw on and makes its own figure without; all share the look of `pneumo.plots.style`.
"""

from .architecture import architecture
from .attention import attention
from .augmentations import draws, extremes, fillings, to_grey_levels
from .comparisons import compared_curves, sensitivity_to_learning_rate, spread, trade
from .curves import learning_curves
from .evidence import agreement, robustness
from .growth import growth
from .headers import header_distributions
from .images import gallery, grey_levels, worst
from .learning import descents, schedules
from .movement import movement
from .results import (
    confusion_matrix,
    decision_curve,
    forest,
    precision_recall,
    reliability_diagram,
    roc,
)
from .style import new_axes
from .windows import followed, window_sizes, windows

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
