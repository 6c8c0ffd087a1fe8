"""A model card and a data sheet as Markdown files, to lie beside the weights of a model.

After Mitchell et al. 2019 (doi 10.1145/3287560.3287596) and Gebru et al. 2021 (doi 10.1145/3458723). Numbers come from
the record of the model; what a record cannot know, such as who may use a model for what, is given by the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pneumo import __version__
from pneumo.analysis.summaries import summary
from pneumo.data.catalogue import CATALOGUE, class_names
from pneumo.experiments.config import UntyingConfig, to_dict
from pneumo.inference.model import NOTE
from pneumo.reporting.formatting import format_interval, literal
from pneumo.reporting.tables import METRICS, counts

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

OWN_MODEL = {
    "Intended use": "Research. Nothing else was examined.",
    "Not intended": "Any decision about a patient: diagnosis, triage, second reading, or the choice whether to treat.",
    "Evaluation data": "The test part of the same images; none from elsewhere. `pneumo evaluate` reports on others.",
    "Selected on": "Epoch and threshold on the validation part. The test part chose nothing.",
    "Factors": "Acquisition: what the headers of the files reveal is in the report of the training. Age, sex, machine "
    "and severity were not examined, unless you did.",
    "Caveats": "The threshold and the probabilities suit images acquired and saved like the training images, with the "
    "same share of positives.",
}
"""What can be said of every model that somebody trains with this package. To be completed by who trained it."""


def model_card(record: Record, statements: Mapping[str, str] = OWN_MODEL, *, part: str = "test") -> str:
    """The model card of a trained network, as Markdown.

    statements: by heading, in their order; they stand above the measured numbers. part: that the numbers are of.

    >>> print(model_card(pneumo.records.get("first-network/seed-0")))  # doctest: +ELLIPSIS
    # Model card: first-network/seed-0
    ...
    """
    data, training = record.experiment.data, record.experiment.training
    facts = {
        "Model": _settings(to_dict(record.experiment.model)),
        "Input": f"grey images of {data.image_size} × {data.image_size} pixels, resized by: {data.resize}",
        "Output": f"the probability of the positive class, and a decision at the threshold {record.threshold:.4f}",
        "Training": _settings(_used(to_dict(training))) if training is not None else "none",
        "Training data": f"{literal(data.name)}, version {data.version}; see the data sheet",
        "Record": f"{record.key}, pneumo {__version__}",
    }
    rows = [f"| {name} | {text} |" for name, text in {**facts, **statements}.items()]
    metrics = [f"| {METRICS[name]} | {format_interval(value)} |" for name, value in summary([record], part).items()]
    return "\n".join(
        [
            f"# Model card: {literal(record.experiment.name)}",
            "",
            f"**{NOTE}**",
            "",
            "| | |",
            "|---|---|",
            *rows,
            "",
            f"## Performance on the {part} part",
            "",
            "With 95 % intervals over patients, or over images where patients are unknown.",
            "",
            "| metric | value |",
            "|---|---|",
            *metrics,
            "",
        ]
    )


def data_sheet(record: Record, classes: tuple[str, str] | None = None) -> str:
    """The data sheet of the images that a network was trained on, as Markdown.

    classes: names of label 0 and label 1, by default those of the data set.

    >>> print(data_sheet(pneumo.records.get("first-network/seed-0")))  # doctest: +ELLIPSIS
    # Data sheet: chest-xray
    ...
    """
    data = record.experiment.data
    known = CATALOGUE.get(data.name)
    published = (
        {"Title": known.title, "Licence": known.licence, "DOI": known.doi or "none", "Remark": known.note or "none"}
        if known
        else {"Licence": "to be filled in: whose images these are, and who may use them for what"}
    )
    facts = {
        "Name": literal(data.name),
        **published,
        "Version": f"{data.version}: the number of images, and a digest of their names, parts and labels",
        "Labels": "as the publisher gives them" if known else "as the class folders or the table give them",
        "Patients": "known; no patient is in two parts" if record.has_patients else "unknown",
        "Preprocessing": f"decoded to grey levels, resized to {data.image_size} pixels by: {data.resize}; nothing is "
        "changed in the files",
        "Not known": "age, sex, machine, hospital and severity, unless the publisher says more",
    }
    frame = counts(record.split, classes or class_names(data.name)).astype(object)
    frame = frame.where(frame.notna(), "–")
    heads = [str(column) for column in frame]
    table = [" | ".join(map(str, row)) for row in frame.itertuples(index=False)]
    return "\n".join(
        [
            f"# Data sheet: {literal(data.name)}",
            "",
            "| | |",
            "|---|---|",
            *(f"| {name} | {text} |" for name, text in facts.items()),
            "",
            "## Images and patients in each part",
            "",
            f"| {' | '.join(heads)} |",
            "|" + "---|" * len(heads),
            *(f"| {row} |" for row in table),
            "",
        ]
    )


def _used(training: Mapping[str, object]) -> dict[str, object]:
    """The settings of a training without those of what it does not use: untying that does nothing."""
    unused = {"untying"} if training["untying"] == to_dict(UntyingConfig()) else set()
    unused |= set() if training["start"] else {"start"}
    unused |= {"select_by"} if training["select_by"] == "mean" else set()
    return {name: value for name, value in training.items() if name not in unused}


def _settings(values: Mapping[str, object]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {literal(_written(value))}" for name, value in values.items())


def _written(value: object) -> str:
    """A setting in words; of a configuration in a configuration, what differs from nothing."""
    if isinstance(value, dict):
        return "(" + ", ".join(f"{name} {each}" for name, each in value.items() if each not in (0, False, None)) + ")"
    return str(value)
