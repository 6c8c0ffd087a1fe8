"""How the book writes numbers, and data frames as Markdown."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
import pandas as pd

from pneumo.evaluation import Interval

THIN = "\u202f"
"""Narrow no-break space, between the thousands."""

NBSP = "\u00a0"
"""No-break space."""

THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
"""A whole number with commas between the thousands."""

NUMBER = re.compile(r"[−\d.\u202f]+(?: \([^()]*\))?")
"""A number as text, or one with its bounds."""

NAMES_OF_OTHERS = ("image", "patient")
"""Columns of a table whose text comes from others, and is shown as it is."""

MISSING = "–"
"""Stands where there is no number."""

MAX_DECIMALS = 3
"""Of numbers around one, such as an AUC."""

MAX_SIGNIFICANT = 3
"""Digits of numbers above one, such as seconds."""

SMALL_WIDTH, NEAR_ZERO = 0.002, 0.1
"""An interval that is narrower, around an estimate that is smaller, such as a difference, gets one decimal more."""


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


def format_interval(interval: Interval, decimals: int | None = None, *, signed: bool = False) -> str:
    """Estimate and bounds: 0.953 (0.938–0.967), or with "to" where a dash beside a minus would confuse.

    Bounds that are not numbers, as of a metric that some draws of patients do not have, are left out.
    decimals: by default as many as the width of the interval allows, see `interval_decimals`. signed: whether it stands
    among others with a minus, and has "to" as they have.

    >>> format_interval(Interval(0.95312, 0.9381, 0.96701)), format_interval(Interval(3.198, 3.16, 3.265))
    ('0.953 (0.938–0.967)', '3.20 (3.16–3.27)')
    """
    digits = interval_decimals([interval]) if decimals is None else decimals
    estimate, low, high = (_fixed(value, digits) for value in (interval.estimate, interval.low, interval.high))
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return estimate
    between = f"{NBSP}to{NBSP}" if signed or "−" in low + high else "–"  # a bracket never goes on on the next line
    return f"{estimate} ({low}{between}{high})"


def interval_decimals(intervals: Iterable[Interval]) -> int:
    """How many decimals suit intervals that stand together: the median width keeps two significant digits.

    At most three, and four for numbers around zero where the width is below 0.002; where all are above one, at most
    as many as make three digits of the largest. Without an interval of positive width as many as are allowed.

    >>> [interval_decimals([Interval(0, 0, width)]) for width in (40.0, 3.0, 0.1, 0.03, 0.0008)]
    [0, 1, 2, 3, 4]
    >>> format_interval(Interval(2.202, 2.175, 2.215))
    '2.20 (2.17–2.21)'
    """
    intervals = list(intervals)
    widths = [each.high - each.low for each in intervals]
    positive = [width for width in widths if math.isfinite(width) and width > 0]
    sizes = [abs(each.estimate) for each in intervals if math.isfinite(each.estimate)]
    above_one = bool(sizes) and min(sizes) > 1
    most = max(MAX_SIGNIFICANT - len(str(int(max(sizes)))), 0) if above_one else MAX_DECIMALS
    if not positive:
        return most
    width = float(np.median(positive))
    if all(size < NEAR_ZERO for size in sizes) and width < SMALL_WIDTH:
        most = MAX_DECIMALS + 1
    return min(max(math.ceil(-math.log10(width)) + 1, 0), most)


def _fixed(value: float, decimals: int) -> str:
    """A number with exactly `decimals` decimals; NaN as MISSING, and no minus before a zero."""
    if not math.isfinite(value):
        return MISSING
    return f"{round(value, decimals) + 0.0:,.{decimals}f}".replace(",", THIN).replace("-", "−")


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


def markdown(frame: pd.DataFrame, *, alike: bool = False) -> Markdown:
    """A frame as a pipe table, numbers and intervals flush right, in one format a column.

    alike: whether all intervals of the table are of the same quantity, and so have the same number of decimals.

    Cells may hold Markdown, but in the columns image and patient, whose names come from others, it is escaped. The
    index is left out; `frame.reset_index()` includes it.

    >>> print(markdown(pd.DataFrame({"model": ["CNN"], "AUC": [0.93]})))
    | model   |   AUC |
    |:--------|------:|
    | CNN     |  0.93 |
    """
    frame = frame.assign(**{column: frame[column].map(literal) for column in NAMES_OF_OTHERS if column in frame})
    intervals = [value for value in frame.to_numpy(object).ravel() if isinstance(value, Interval)]
    decimals = interval_decimals(intervals) if alike and intervals else None
    cells = frame.astype(object).apply(_column, decimals=decimals)
    # Names of rows, in the first column, stand at the left, also where they are numbers in text.
    numeric = [
        len(frame) > 0 and all(_is_number(value, also_text=place > 0) for value in frame[column])
        for place, column in enumerate(frame)
    ]
    alignment = ["right" if right else "left" for right in numeric]
    return Markdown(str(cells.to_markdown(index=False, disable_numparse=True, colalign=alignment)))


def _column(values: pd.Series, decimals: int | None) -> pd.Series:
    """The cells of one column as text, all with the same number of decimals. decimals: of its intervals, if given."""
    intervals = [value for value in values if isinstance(value, Interval)]
    fractions = [float(value) for value in values if isinstance(value, float | np.floating) and math.isfinite(value)]
    if not intervals:
        decimals = _fraction_decimals(fractions)
    elif decimals is None:
        decimals = interval_decimals(intervals)
    signed = any("−" in format_interval(each, decimals) for each in intervals)
    own_words = values.name not in NAMES_OF_OTHERS
    return values.map(lambda value: _cell(value, decimals, signed=signed, thin=own_words))


def _fraction_decimals(values: Sequence[float]) -> int:
    """As many decimals as show every number in full, at most three; four where all are very small."""
    if values and max(map(abs, values)) < SMALL_WIDTH:
        return MAX_DECIMALS + 1
    exact = (
        places for places in range(MAX_DECIMALS) if all(math.isclose(round(value, places), value) for value in values)
    )
    return next(exact, MAX_DECIMALS)


def _cell(value: object, decimals: int, *, signed: bool, thin: bool) -> str:
    """signed: see `format_interval`. thin: whether numbers within text have thin spaces between the thousands, not
    commas, and stay with their unit."""
    if isinstance(value, Interval):
        return format_interval(value, decimals, signed=signed)
    if value is None or value is pd.NA:
        return MISSING
    if isinstance(value, Integral) and not isinstance(value, bool | np.bool_):
        return format_count(int(value))
    if isinstance(value, float | np.floating):
        smallest = 10.0**-decimals
        # A p value is never 0.
        return f"< {smallest:.{decimals}f}" if 0 < value < smallest / 2 else _fixed(float(value), decimals)
    text = str(value).replace("|", "\\|")
    if not thin:
        return text
    return THOUSANDS.sub(lambda number: number[0].replace(",", THIN), text).replace(" px", f"{NBSP}px")


def _is_number(value: object, *, also_text: bool) -> bool:
    if also_text and isinstance(value, str):
        return value == MISSING or NUMBER.fullmatch(value) is not None
    return value is None or value is pd.NA or isinstance(value, Real | Interval)
