"""The image that stands for the book where it is shared, drawn from records: `social-card.png`, 1200 x 630 pixels."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

import pneumo
from pneumo import experiments, plots, tables
from pneumo.analysis.summaries import header_field
from pneumo.reporting.plots.style import GREY, INK, PAPER

INCHES = (7.5, 3.9375)
DOTS_PER_INCH = 160
HEADERS = {"jpeg_quality": "JPEG quality of the file", "width": "width of the file"}


def draw(title: str, subtitle: str) -> Figure:
    """The baseline CNN and two fields of the file's header, on validation and on test patients, below a title.

    Raises MissingRecord where a record is missing.
    """
    audit = {header_field(record): record for record in map(pneumo.run, experiments.headers())}
    models = {words: [audit[field]] for field, words in HEADERS.items()}
    models["baseline CNN"] = [pneumo.run(each) for each in experiments.first_network()]
    areas = tables.auc_by_part(models, parts=("validation", "test"))
    figure = plt.figure(figsize=INCHES, facecolor=PAPER)
    ax = figure.add_axes((0.09, 0.1, 0.9, 0.62))
    ax.set_facecolor(PAPER)
    ax.spines[["top", "right"]].set_visible(False)
    plots.slope_chart(areas, dashed=list(HEADERS.values()), ax=ax)
    figure.text(0.03, 0.9, title, fontsize=16, weight="bold", color=INK)
    figure.text(0.03, 0.81, subtitle, fontsize=10.5, color=GREY)
    return figure


def write(path: Path, title: str, subtitle: str, digest: str) -> None:
    """Draw the card into `path`, unless it was made from the same inputs. digest: of these inputs, kept in the file."""
    made_from = f"{digest} {title} {subtitle}"
    if path.exists() and made_from in _comment(path):
        return
    with mpl.rc_context():
        plt.switch_backend("agg")
        figure = draw(title, subtitle)
        figure.savefig(path, dpi=DOTS_PER_INCH, metadata={"Comment": made_from})
        plt.close(figure)


def _comment(path: Path) -> str:
    from PIL import Image

    with Image.open(path) as image:
        return str(image.info.get("Comment", ""))
