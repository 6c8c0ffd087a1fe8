"""The two figures of the first page, against intervals given by hand."""

import numpy as np
import pandas as pd
import pytest

from plain_edition.markdown import MAX_NARROW_WIDTH
from pneumo import plots
from pneumo.evaluation import Interval
from pneumo.reporting.plots.slope_chart import spread
from pneumo.reporting.plots.style import BLUE, GREY, VERMILLION

AREAS = pd.DataFrame(
    {
        "model": ["quality", "network"],
        "validation": [Interval(0.99, 0.98, 1.0), Interval(0.98, 0.97, 0.99)],
        "test": [Interval(0.45, 0.4, 0.5), Interval(0.93, 0.9, 0.95)],
    }
)


def test_a_slope_leads_from_one_part_to_the_other_and_names_its_model_at_the_end():
    ax = plots.slope_chart(AREAS, dashed=["quality"])
    slopes = [line for line in ax.lines if len(line.get_xdata()) == 2 and list(line.get_xdata()) == [0, 1]]
    assert [list(line.get_ydata()) for line in slopes[:2]] == [[0.99, 0.45], [0.98, 0.93]]
    assert [line.get_linestyle() for line in slopes[:2]] == ["--", "-"]
    texts = [text.get_text() for text in ax.texts]
    assert {"0.990", "0.450  quality", "0.930  network"} <= set(texts)


def test_a_slope_chart_is_as_narrow_as_a_phone_shows_it_whole():
    ax = plots.slope_chart(AREAS)
    assert ax.figure.get_figwidth() * 96 <= MAX_NARROW_WIDTH
    assert [label.get_text() for label in ax.get_xticklabels()] == [
        "held-out\nvalidation patients",
        "official\ntest patients",
    ]


def test_labels_are_moved_apart_as_little_as_needed_and_keep_their_order():
    assert spread([0.0, 1.0, 1.0], 0.5).tolist() == [0.0, 0.75, 1.25]
    moved = spread([0.9, 0.91, 0.92, 0.2], 0.05)
    assert np.diff(np.sort(moved)).min() == pytest.approx(0.05)
    assert moved[3] == 0.2
    assert moved[:3].mean() == pytest.approx(0.91)
    assert list(np.argsort(moved)) == [3, 0, 1, 2]


def test_a_row_of_the_effects_is_grey_where_its_interval_reaches_zero():
    frame = pd.DataFrame(
        {
            "chapter": ["One", "One", "Two"],
            "comparison": ["a", "b", "c"],
            "validation": [Interval(0.1, 0.05, 0.2), Interval(0.0, -0.1, 0.1), Interval(-0.1, -0.2, -0.05)],
            "stressed": [Interval(0.2, 0.15, 0.3), Interval(0.0, -0.1, 0.1), Interval(0.2, 0.15, 0.3)],
        }
    )
    ax = plots.effect_forest(frame)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["One", "a", "b", "Two", "c"]
    dots = [line for line in ax.lines if len(line.get_xdata()) == 1]
    assert [(dot.get_xdata()[0], round(dot.get_ydata()[0]), dot.get_color()) for dot in dots] == [
        (0.1, 1, BLUE),
        (0.0, 2, GREY),
        (-0.1, 4, BLUE),
        (0.2, 1, VERMILLION),
        (0.0, 2, GREY),
        (0.2, 4, VERMILLION),
    ]
    assert ax.figure.get_figwidth() * 96 <= MAX_NARROW_WIDTH
