"""How the book writes numbers, and data frames as Markdown."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from pneumo.evaluation import Interval

THIN = "\u202f"
"""Narrow no-break space, between the thousands."""

NOTHING = "–"
"""What stands where there is no number."""


# Numbers -------------------------------------------------------------------------------------------------------------


def format_count(value: int) -> str:
    """A whole number in groups of three: 5 856."""
    return f"{value:,}".replace(",", THIN).replace("-", "−")


def format_number(value: Real) -> str:
    """Three decimals, 0.953, and two digits of what is too small for that, 0.0003. A whole number as `format_count`."""
    if isinstance(value, Integral):
        return format_count(int(value))
    if not math.isfinite(value):
        return NOTHING
    text = f"{value:.2g}" if 0 < abs(value) < 0.001 else f"{value:,.3f}"
    return text.replace(",", THIN).replace("-", "−")


def format_percent(share: float) -> str:
    """A share of 1 as 79.5 %."""
    return f"{100 * share:.1f}{THIN}%"


def format_interval(interval: Interval) -> str:
    """0.953 (0.938–0.967), or −0.012 (−0.030 to 0.006) where a dash beside a minus would confuse."""
    between = " to " if min(interval.low, interval.high) < 0 else "–"
    bounds = format_number(interval.low), format_number(interval.high)
    return f"{format_number(interval.estimate)} ({between.join(bounds)})"


def format_duration(seconds: float) -> str:
    """4.2 s, 45 s, 2 min 31 s, 1 h 05 min."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def format_shape(shape: Sequence[int]) -> str:
    """(C, H, W) as H × W × C, the way it is drawn: 64 × 64 × 16; (C,) as C."""
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
    """Other people's text, such as the name of a file, as Markdown that shows it as it is: no tag, link or code in it
    comes to life."""
    return re.sub(r"([\\`*_<>\[\]{}$~^@#&])", r"\\\1", text)


def markdown(frame: pd.DataFrame) -> Markdown:
    """A frame as a pipe table: numbers and intervals written in the style of the book and set flush right.

    Cells may hold Markdown; but images and patients, whose names are other people's, stand there as they are. The index
    is left out; `frame.reset_index()` brings it in.
    """
    frame = frame.assign(**{column: frame[column].map(literal) for column in ("image", "patient") if column in frame})
    cells = frame.astype(object).map(_cell)
    numeric = [len(frame) > 0 and all(_is_number(value) for value in frame[column]) for column in frame]
    return Markdown(
        cells.to_markdown(
            index=False, disable_numparse=True, colalign=["right" if right else "left" for right in numeric]
        )
    )


def _cell(value: Any) -> str:
    if isinstance(value, Interval):
        return format_interval(value)
    if value is None or value is pd.NA:
        return NOTHING
    if isinstance(value, Real) and not isinstance(value, bool | np.bool_):
        return format_number(value)
    return str(value).replace("|", "\\|")


def _is_number(value: Any) -> bool:
    return value is None or value is pd.NA or isinstance(value, Real | Interval)
