"""From a person's own labelled radiographs to a folder with her model: what `pneumo train` does."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

from pneumo.analysis.summaries import few_images, summary, without_bounds
from pneumo.data.catalogue import CATALOGUE
from pneumo.experiments import records, runner
from pneumo.experiments.builders import data_config, load_data
from pneumo.experiments.config import DataConfig
from pneumo.experiments.own_data import RECIPES, define_experiment
from pneumo.inference.packing import pack
from pneumo.io.files import atomic_write, check_replaceable
from pneumo.reporting.cards import data_sheet, model_card
from pneumo.reporting.formatting import format_interval
from pneumo.reporting.tables import METRICS
from pneumo.reporting.training_report import write_training_report


@dataclass(frozen=True, kw_only=True)
class OwnModel:
    """What was written. cards: the model card and the data sheet. metrics: of the test images, in words. notices: what
    whoever reads them has to know."""

    name: str
    record: Path
    model: Path
    report: Path
    cards: tuple[Path, Path]
    metrics: str
    notices: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join(
            [
                self.metrics,
                f"record  {self.record}",
                f"model   {self.model}",
                f"report  {self.report}",
                f"cards   {self.cards[0]}, {self.cards[1]}: complete them before you give the model to others",
                "",
                "Next:",
                f"  pneumo predict NEW_IMAGES --model {self.model}",
                f"  pneumo evaluate OTHER_IMAGES --model {self.model}",
                f"  pneumo export {self.model.with_suffix('.onnx')} --model {self.model}",
            ]
        )


def train_own_model(
    path: str | Path,
    out: str | Path,
    *,
    model: str = "efficientnet-lite0",
    image_size: int | None = None,
    epochs: int | None = None,
    seed: int = 0,
    name: str | None = None,
    positive: str | None = None,
    negative: str | None = None,
    labels: str | Path | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> OwnModel:
    """Train a network on labelled radiographs, and write its model file and a report into the folder `out`.

    path, model, image_size, epochs, seed, name: see `pneumo.experiments.define_experiment`. positive, negative, labels:
    see `pneumo.data.load`; of a data set known by name, they are its own. A record that is there is not made again.
    overwrite: whether what `out` holds may be replaced. Raises DataError where it may not, or for data
    that cannot be used.
    """
    out = Path(out)
    check_replaceable(out, overwrite, wanted="folder")
    # A path in a record is good from every folder.
    known = str(path) in CATALOGUE
    source = str(path) if known else str(Path(path).expanduser().resolve())
    table = None if labels is None else Path(labels).expanduser().resolve()
    classes = None if known else data_config(source, positive=positive, negative=negative, labels=table)
    experiment = define_experiment(
        source, model=model, image_size=image_size, epochs=epochs, seed=seed, name=name, data=_of_size(classes, model)
    )
    dataset = load_data(experiment.data)
    if progress:
        positives = int((dataset.table["label"].to_numpy() == 1).sum())
        kinds = zip((len(dataset) - positives, positives), dataset.classes, strict=True)
        print(", ".join(f"{count:,} {kind}" for count, kind in kinds), file=sys.stderr)
    record = runner.run(experiment, progress=progress)
    file = records.find_path(experiment)
    assert file is not None  # `run` has just stored it
    stored = records.load(file).experiment.name
    if progress and stored != experiment.name:
        print(
            f"nothing was trained: {stored} is the same experiment as {experiment.name}, and its record {file} is "
            "used; move that file away to train anew by the other name",
            file=sys.stderr,
        )
    return OwnModel(
        name=experiment.name,
        record=file,
        model=pack(experiment, out / "model.safetensors", overwrite=overwrite, progress=progress),
        report=write_training_report(record, out / "report.html", dataset=dataset, overwrite=overwrite),
        cards=(
            _write(out / "MODEL_CARD.md", model_card(record)),
            _write(out / "DATASHEET.md", data_sheet(record, dataset.classes)),
        ),
        metrics=_metrics(record),
        notices=tuple(filter(None, [few_images(record.frame("test")["label"])])),
    )


def _of_size(config: DataConfig | None, model: str) -> DataConfig | None:
    """The data at the size of a recipe; an unknown recipe is named by `define_experiment`."""
    return replace(config, image_size=RECIPES[model].image_size) if config and model in RECIPES else config


def _write(path: Path, text: str) -> Path:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def _metrics(record: records.Record) -> str:
    intervals = summary([record], "test", names=("auc", "sensitivity", "specificity", "accuracy"))
    if few_images(record.frame("test")["label"]):
        intervals = without_bounds(intervals)
    return "\n".join(
        f"{METRICS[name]:<12} {format_interval(value)}  (test images)" for name, value in intervals.items()
    )
