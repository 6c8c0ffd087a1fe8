"""The figure of README.md, from records: `python -m tools.readme_figure`."""

from __future__ import annotations

from pathlib import Path

import pneumo
from pneumo import experiments, plots
from pneumo.analysis import summaries

FIGURE = Path(__file__).resolve().parent.parent / "docs" / "audit.png"
FIELDS = ("jpeg_quality", "width")


def main() -> None:
    records = {summaries.header_field(record): record for record in map(pneumo.run, experiments.headers())}
    axes = plots.new_axes(2.4 * len(FIELDS), rows=len(FIELDS), columns=2)
    for row, field in zip(axes, FIELDS, strict=True):
        plots.header_histograms(summaries.header_values(records[field]), field, axes=row)
    axes[0, 0].figure.savefig(FIGURE)


if __name__ == "__main__":
    main()
