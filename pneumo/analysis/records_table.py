"""All records as one table, for a spreadsheet or another program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from pneumo import evaluation
from pneumo.analysis.summaries import Models, measures, records_by_model
from pneumo.errors import DataError, PneumoError
from pneumo.experiments.config import to_dict
from pneumo.io.files import atomic_write, check_replaceable

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

RATES = {"sensitivity": evaluation.sensitivity, "specificity": evaluation.specificity, "accuracy": evaluation.accuracy}
"""Of each part, at the record's threshold."""

SUFFIXES = (".csv", ".parquet")


def records_table(records: Models) -> pd.DataFrame:
    """One row a record, with plain numbers.

    Columns: name, group, variant, seed, key; data, version, image_size; model (its kind), threshold, epoch (that was
    kept); of each part that has scores ("validation", "stressed", "test"): images, and {part}_auc, {part}_sensitivity,
    {part}_specificity, {part}_accuracy at the threshold; the measures of `analysis.summaries.measures`; date, commit.
    What a record does not have is missing.

    >>> records_table(pneumo.records.get("first-network/seed-0"))[["name", "seed", "test_images"]].values.tolist()
    [['first-network/seed-0', 0, 624]]
    """
    return pd.DataFrame([_row(record) for each in records_by_model(records).values() for record in each])


def write_table(frame: pd.DataFrame, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a table as CSV or Parquet, as the file's ending says; return its path.

    Parquet needs pyarrow: `pip install "pneumo[parquet]"`. Raises DataError for another ending and for a file that
    exists and may not be replaced, PneumoError where pyarrow is not installed.

    >>> write_table(records_table(pneumo.records.get("first-network/seed-0")), "results.csv")
    PosixPath('results.csv')
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise DataError(f"{path} ends neither in {' nor in '.join(SUFFIXES)}; name a file that does")
    check_replaceable(path, overwrite, wanted="file")
    with atomic_write(path) as temporary:
        if path.suffix == ".csv":
            frame.to_csv(temporary, index=False, lineterminator="\n")
        else:
            try:
                frame.to_parquet(temporary, index=False, engine="pyarrow")
            except ImportError as error:
                raise PneumoError('pyarrow is not installed; install it with: pip install "pneumo[parquet]"') from error
    return path


def _row(record: Record) -> dict[str, Any]:
    experiment = record.experiment
    row: dict[str, Any] = {
        "name": experiment.name,
        "group": record.group,
        "variant": record.variant,
        "seed": experiment.seed,
        "key": record.key,
        "data": experiment.data.name,
        "version": experiment.data.version,
        "image_size": experiment.data.image_size,
        "model": to_dict(experiment)["model"]["kind"],
        "threshold": record.threshold,
        "epoch": record.selection.get("epoch"),
    }
    for part in record.scores:
        row |= _performance(record, part)
    row |= measures(record)
    return row | {"date": record.provenance.get("date"), "commit": record.provenance.get("commit")}


def _performance(record: Record, part: str) -> dict[str, float]:
    frame = record.frame(part)
    values = {
        f"{part}_{name}": float(rate(frame["label"], frame["probability"], record.threshold))
        for name, rate in RATES.items()
    }
    return {f"{part}_images": len(frame)} | values
