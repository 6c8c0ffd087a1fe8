"""Tables that say what each column of a feature array means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def cross_product(axes: Mapping[str, Iterable]) -> pd.DataFrame:
    """Every combination of the axes' values, one row each, the last axis running fastest."""
    return pd.MultiIndex.from_product(list(axes.values()), names=list(axes)).to_frame(index=False)


def with_names(columns: pd.DataFrame, template: str) -> pd.DataFrame:
    """The table with a column "name": the template, formatted with the other columns of each row."""
    return columns.assign(name=[template.format_map(row) for row in columns.to_dict("records")])
