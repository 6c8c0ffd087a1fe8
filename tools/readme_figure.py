"""The figure of README.md, from records: `python -m tools.readme_figure`."""

from __future__ import annotations

from pathlib import Path

import pneumo
from pneumo import experiments, plots
from pneumo.analysis import summaries

FIGURE = Path(__file__).resolve().parent.parent / "docs" / "audit.png"
FIELDS = ("jpeg_quality", "width")


def main() -> None:
    records = {experiment.model.field: pneumo.run(experiment) for experiment in experiments.headers()}
    axes = plots.new_axes(2.4 * len(FIELDS), rows=len(FIELDS), columns=2)
    for row, field in zip(axes, FIELDS, strict=True):
        plots.header_distributions(summaries.header_values(records[field]), field, axes=row)
    axes[0, 0].figure.savefig(FIGURE)


if __name__ == "__main__":
    main()
