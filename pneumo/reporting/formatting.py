"""How the book writes numbers, and data frames as Markdown."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
import pandas as pd

from pneumo.evaluation import Interval

THIN = "\u202f"
"""Narrow no-break space, between the thousands."""

MISSING = "–"
"""Stands where there is no number."""


# Numbers -------------------------------------------------------------------------------------------------------------


def format_count(value: int) -> str:
    """A whole number in groups of three.

    >>> format_count(5856).split(THIN)
    ['5', '856']
    """
    return f"{value:,}".replace(",", THIN).replace("-", "−")


def format_number(value: float) -> str:
    """Three decimals, or two significant digits below 0.001. A whole number as `format_count`; NaN as MISSING.

    >>> format_number(0.95349), format_number(0.00031)
    ('0.953', '0.00031')
    """
    if isinstance(value, Integral):
        return format_count(int(value))
    if not math.isfinite(value):
        return MISSING
    text = f"{value:.2g}" if 0 < abs(value) < 0.001 else f"{value:,.3f}"
    return text.replace(",", THIN).replace("-", "−")


def format_percent(share: float) -> str:
    """A share of 1 as a percentage with one decimal: 0.795 as 79.5 %."""
    return f"{100 * share:.1f}{THIN}%"


def format_interval(interval: Interval) -> str:
    """Estimate and bounds: 0.953 (0.938–0.967), or with "to" where a dash beside a minus would confuse.

    >>> format_interval(Interval(0.953, 0.938, 0.967))
    '0.953 (0.938–0.967)'
    """
    between = " to " if min(interval.low, interval.high) < 0 else "–"
    bounds = format_number(interval.low), format_number(interval.high)
    return f"{format_number(interval.estimate)} ({between.join(bounds)})"


def format_duration(seconds: float) -> str:
    """Seconds in the largest units that fit.

    >>> [format_duration(seconds) for seconds in (4.2, 151, 3900)]
    ['4.2 s', '2 min 31 s', '1 h 05 min']
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def format_shape(shape: Sequence[int]) -> str:
    """(C, H, W) as H × W × C, (C,) as C.

    >>> format_shape((16, 64, 64))
    '64 × 64 × 16'
    """
    channels, *sides = shape
    return " × ".join(map(str, [*sides, channels]))


# Markdown ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Markdown:
    """Text that a notebook shows as Markdown."""

    text: str

    def _repr_markdown_(self) -> str:
        return self.text

    def __str__(self) -> str:
        return self.text


def literal(text: str) -> str:
    """Text of others, such as the name of a file, as Markdown that shows it unchanged: every special character escaped.

    >>> literal("a_b*")
    'a\\\\_b\\\\*'
    """
    return re.sub(r"([\\`*_<>\[\]{}$~^@#&])", r"\\\1", text)


def markdown(frame: pd.DataFrame) -> Markdown:
    """A frame as a pipe table, numbers and intervals in the book's format and flush right.

    Cells may hold Markdown, but in the columns image and patient, whose names come from others, it is escaped. The
    index is left out; `frame.reset_index()` includes it.

    >>> print(markdown(pd.DataFrame({"model": ["CNN"], "AUC": [0.93]})))
    | model   |   AUC |
    |:--------|------:|
    | CNN     | 0.930 |
    """
    frame = frame.assign(**{column: frame[column].map(literal) for column in ("image", "patient") if column in frame})
    cells = frame.astype(object).map(_cell)
    numeric = [len(frame) > 0 and all(_is_number(value) for value in frame[column]) for column in frame]
    alignment = ["right" if right else "left" for right in numeric]
    return Markdown(str(cells.to_markdown(index=False, disable_numparse=True, colalign=alignment)))


def _cell(value: object) -> str:
    if isinstance(value, Interval):
        return format_interval(value)
    if value is None or value is pd.NA:
        return MISSING
    if isinstance(value, Integral) and not isinstance(value, bool | np.bool_):
        return format_count(int(value))
    if isinstance(value, float | np.floating):
        return format_number(float(value))
    return str(value).replace("|", "\\|")


def _is_number(value: object) -> bool:
    return value is None or value is pd.NA or isinstance(value, Real | Interval)
