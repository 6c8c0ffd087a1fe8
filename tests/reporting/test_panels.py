"""Panels of the book's figures have titles."""

import ast
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
import pytest

from pneumo import plots
from pneumo.analysis.transformer_windows import AttentionWindows
from tools.chapters import Cell, parse

ROOT = Path(__file__).parents[2]
TITLES = {"gallery": 1, "saliency_maps": 3}
"""Functions that draw images in rows, and the place of their argument `titles`."""


def calls(chapter: Path) -> list[ast.Call]:
    """The calls of functions of TITLES in the cells of a chapter."""
    pieces = parse(chapter.read_text(encoding="utf-8"), PurePosixPath(chapter.name)).pieces
    cells = "\n".join(piece.code for piece in pieces if isinstance(piece, Cell))
    return [
        node
        for node in ast.walk(ast.parse(cells))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in TITLES
    ]


@pytest.mark.parametrize("chapter", sorted(ROOT.glob("report/*.qmd")), ids=lambda path: path.stem)
def test_images_in_rows_have_titles(chapter):
    for call in calls(chapter):
        assert isinstance(call.func, ast.Attribute)
        named = any(keyword.arg == "titles" for keyword in call.keywords)
        assert named or len(call.args) > TITLES[call.func.attr], ast.unparse(call)


def test_what_a_network_sees_through_its_window_is_titled_so():
    images, theta = np.zeros((2, 8, 8), np.uint8), np.tile(np.eye(2, 3), (2, 1, 1))
    above, below = plots.attention_windows(AttentionWindows(images=images, theta=theta, resampled=images), ["a", "b"])
    assert [ax.get_title(loc="left") for ax in above] == ["a", "b"]
    assert [ax.get_title(loc="left") for ax in below] == ["within the window"] * 2


def test_each_panel_of_the_weight_changes_has_a_title():
    frame = pd.DataFrame([("all", 0, "stem", 0.5, 0.1)], columns=["variant", "seed", "layer", "relative", "rms"])
    titles = [ax.get_title(loc="left") for ax in plots.weight_change(frame)]
    assert titles == ["Relative change", "Change of a single weight"]
