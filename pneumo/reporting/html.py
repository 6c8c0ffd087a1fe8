"""Reports as one HTML file that opens anywhere: the page, its pictures and its tables."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pneumo.evaluation import Interval
from pneumo.reporting.formatting import format_count, format_interval, format_number
from pneumo.reporting.tables import METRICS

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: 0.3rem 0.7rem; border-bottom: 1px solid #8884; text-align: right; }
th:first-child, td:first-child { text-align: left; }
img { max-width: 100%; }
.note { border-left: 4px solid #c77d00; padding: 0.5rem 1rem; background: #c77d0018; }
"""


def page(title: str, body: str) -> str:
    """A whole HTML page. body: HTML, below the title."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>\n'
        f"<body><h1>{html.escape(title)}</h1>\n{body}\n</body></html>\n"
    )


def facts_table(facts: Mapping[str, str]) -> str:
    """A table of two columns: what, and its value."""
    rows = "".join(f"<tr><td>{name}</td><td>{html.escape(value)}</td></tr>" for name, value in facts.items())
    return f"<table>{rows}</table>"


def picture(figure: Figure | SubFigure | None, alternative: str) -> str:
    """A whole figure (`ax.figure`), which is closed, inside the page. alternative: the text that stands for it."""
    assert isinstance(figure, Figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=144)
    plt.close(figure)
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{html.escape(alternative)}" src="data:image/png;base64,{encoded}">'


def table(frame: pd.DataFrame) -> str:
    """A frame whose cells are texts, numbers and `Interval`s."""
    head = "".join(f"<th>{html.escape(METRICS.get(str(name), str(name)))}</th>" for name in frame)
    rows = ["".join(f"<td>{html.escape(_cell(value))}</td>" for value in row) for row in frame.itertuples(index=False)]
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _cell(value: Any) -> str:
    if isinstance(value, Interval):
        # Where a metric or its draws are undefined, as the NPV is where nothing is predicted negative.
        if math.isnan(value.estimate):
            return "–"
        return format_number(value.estimate) if math.isnan(value.low) else format_interval(value)
    if value is None or value is pd.NA:
        return "–"
    if isinstance(value, float | np.floating):
        return format_number(float(value))
    return format_count(int(value)) if isinstance(value, int | np.integer) else str(value)
