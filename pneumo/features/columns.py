"""What each column of a feature array means, as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def crossed(axes: Mapping[str, Iterable]) -> pd.DataFrame:
    """Every combination of the values of some axes, a row each, the last axis running fastest."""
    return pd.MultiIndex.from_product(axes.values(), names=axes.keys()).to_frame(index=False)


def named(columns: pd.DataFrame, text: str) -> pd.DataFrame:
    """The table with a column "name": the text, filled in with the other columns of each row."""
    return columns.assign(name=[text.format_map(row) for row in columns.to_dict("records")])
