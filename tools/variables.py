"""Every number that the prose of the book names, taken from records: the content of `_variables.yml`.

A chapter writes {{< var cnn.test.auc >}}. A measured value is a quiet link to the record it came from.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from pneumo import data, evaluation, experiments, records
from pneumo.analysis import leakage, model_selection, threshold_transfer, transformer_windows
from pneumo.analysis.summaries import summary, variants
from pneumo.experiments.config import ClassicalConfig, Experiment
from pneumo.experiments.records import Record
from pneumo.reporting.formatting import format_count, format_interval, format_number
from pneumo.reporting.tables import comparison

Values = dict[str, "str | Values"]

DRAW_SEED = 0
"""Of the bootstrap; that of the tables too, so that text and tables give the same intervals."""


COMPARISONS = (
    "network-parts",
    "batch-size",
    "image-size",
    "detail",
    "spatial-transformer",
    "learning-rates",
    "optimizers",
    "schedules",
    "regularisation",
    "augmentation",
    "transfer-learning",
    "recipe-steps",
    "scaling",
)
"""Groups of experiments that compare variants, seed by seed."""

LEARNERS = {"svm": "support vector machine", "forest": "random forest", "xgboost": "gradient boosting"}
VIEWS = {"pixels": "pixels", "hog": "HOG features", "lbp": "LBP features", "glcm": "GLCM features"}
"""How the text calls them."""

COMPARED = ("validation_loss", "validation_accuracy", "validation_auc", "stressed_auc", "seconds_an_epoch", "gap")
"""What is said of each variant: see `summaries.measures`."""


MEASURED = ("auc", "accuracy", "sensitivity", "specificity", "brier", "expected_calibration_error")
"""What is said of each model, see `evaluation.usual_statistics`: what the text names; the others take time."""


def variables() -> Values:
    """All variables. Raises MissingRecord, with the command that makes it, for an experiment without a record."""
    audit = {experiment.model.field: records.get(experiment) for experiment in experiments.headers()}
    network = [records.get(experiment) for experiment in experiments.first_network()]
    learners = [records.get(experiment) for experiment in experiments.classical()]
    return {
        "data": counts(audit["width"]),
        "examples": {"source": example_source()},
        "windows": {"source": window_source()},
        "headers": {field: header(record) for field, record in audit.items()},
        "cnn": {**architecture(network[0]), **measured(network), "gain_over_width": gain(network, audit["width"])},
        "classical": {**by_learner_and_view(learners), "best": best(learners, audit["width"])},
        "model-selection": model_selection_values(),
        "interpretation": interpretation(audit["width"]),
        "tumours": tumours(),
        **{name: compared(experiments.group(name)) for name in COMPARISONS},
    }


def model_selection_values() -> Values:
    """The chosen model of each family, and what the two ways to choose were worth."""
    chosen = {name.split()[-1]: record for name, record in model_selection.select_models().items()}
    networks = threshold_transfer.ranking(model_selection.comparable(map(records.get, experiments.all_experiments())))
    return {
        **{family: {"name": in_words(record), **measured([record])} for family, record in chosen.items()},
        "ranking": {
            "networks": format_count(len(networks)),
            **{
                part: format_number(threshold_transfer.rank_correlation(networks, f"{part}_auc", "test_auc"))
                for part in ("validation", "stressed")
            },
        },
    }


def interpretation(width: Record) -> Values:
    """What a diagnosis by the power spectrum reaches, the networks beside it, and what they see without lungs."""
    spectra = {each.variant: records.get(each) for each in experiments.spectra()}
    trained = variants(map(records.get, experiments.selected_model()))
    first = [records.get(each) for each in experiments.first_network()]
    networks = {"first-network": first, "selected-model": trained["lite0-160px-12-epochs"]}
    occluded: Values = {name: {} for name in networks}
    for (name, occlusion), experiment in experiments.occluded().items():
        record = records.get(experiment)
        occluded[name][occlusion] = link(format_number(area(record, "test")), record)
    return {
        **{name: measured([record]) for name, record in spectra.items()},
        **{
            name: {
                **measured(group),
                "gain_over_spectrum": gain(group, spectra["spectrum"]),
                "gain_over_width": gain(group, width),
            }
            for name, group in networks.items()
        },
        "occluded": occluded,
    }


def in_words(record: Record) -> str:
    """What a record is of: a learner on its features, or the name of the experiment."""
    model = record.experiment.model
    if isinstance(model, ClassicalConfig):
        return f"{LEARNERS[model.learner]} on {VIEWS[model.features.name]}"
    return f"{record.group}, {record.variant}".replace("-", " ")


def key(variant: str) -> str:
    """What text calls a variant: 008 is n008, since Quarto takes a number for a place in a list."""
    return f"n{variant}" if variant.isdigit() else variant


def compared(chosen: Sequence[Experiment]) -> Values:
    """{"adam": {"validation_loss": "0.050 (0.048–0.053)", ...}, "best": "adam"}: mean, lowest and highest of the seeds.

    best: the variant with the lowest mean validation loss. network: `architecture` of the first record.
    """
    named = variants(records.get(experiment) for experiment in chosen)
    values: Values = {"network": architecture(records.get(chosen[0]))}
    losses = {}
    for row in comparison(named, COMPARED).to_dict("records"):
        group = named[row["variant"]]
        losses[row["variant"]] = row["validation loss"].estimate
        values[key(row["variant"])] = {
            name: link(format_interval(row[name.replace("_", " ")]), *group) for name in COMPARED
        }
    return {**values, "best": min(losses, key=losses.__getitem__)}


def counts(record: Record) -> Values:
    """Images and patients of the data set, from the record's split."""
    split = record.split
    images = split.groupby("patient").size()
    return {
        "images": format_count(len(split)),
        "patients": format_count(len(images)) if record.has_patients else "unknown",
        "repeated_patients": format_count(int((images > 1).sum())),
        "test_patients": format_count(split.loc[split["part"] == "test", "patient"].nunique()),
        "most_images": format_count(int(images.max())),
        "positive_share": {
            part: f"{rows['label'].mean():.1%}".replace("%", " %") for part, rows in split.groupby("part")
        },
    }


def example_source() -> str:
    """What the example images of this render are: captions say it."""
    if data.load().name != "phantom":
        return "from the archive"
    meant = experiments.study_data().name
    return "synthetic" if meant == "phantom" else f"synthetic stand-ins, as {meant} is not at hand here"


def window_source() -> str:
    """Whose windows the figures of this render show: captions say it. Trained weights are no part of a record."""
    if transformer_windows.at_hand(experiments.spatial_transformer()):
        return "of the trained networks"
    return "of networks before training, which see the whole image, as the trained weights are not at hand here"


def header(record: Record) -> Values:
    """AUC of one header field on every part, and its calls on the test part."""
    values: Values = {f"{part}_auc": link(format_number(area(record, part)), record) for part in records.PARTS}
    intervals = summary([record], "test", seed=DRAW_SEED, names=("sensitivity", "specificity"))
    return values | {name: link(format_interval(interval), record) for name, interval in intervals.items()}


def area(record: Record, part: str) -> float:
    """AUC of a record on a part."""
    frame = record.frame(part)
    return float(evaluation.auc(frame["label"], frame["score"]))


def by_learner_and_view(learners: Sequence[Record]) -> Values:
    """{"svm": {"hog": {"validation": {"auc": ...}, "test": ...}}}: metrics of each learner on each view."""
    values: Values = {}
    for record in learners:
        model = record.experiment.model
        values.setdefault(model.learner, {})[model.features.name] = measured([record])
    return values


def best(learners: Sequence[Record], baseline: Record) -> Values:
    """The record with the highest AUC on validation patients, and how its test AUC compares with the baseline's."""
    chosen = max(learners, key=lambda record: area(record, "validation"))
    return {"name": in_words(chosen), **measured([chosen]), "gain_over_width": gain([chosen], baseline)}


def architecture(record: Record) -> Values:
    """What the network is and how it is trained, from its configuration."""
    experiment, network = record.experiment, record.provenance["network"]
    return {
        "parameters": format_count(network["parameters"]),
        "multiply_adds": f"{network['multiply_adds'] / 1e6:.1f} million",
        "training_images": format_count(record.provenance["data"]["training_images"]),
        "epochs": str(experiment.training.epochs),
        "batch_size": str(experiment.training.batch_size),
        "learning_rate": str(experiment.training.optimizer.learning_rate),
        "patience": str(experiment.training.patience),
    }


def measured(group: Sequence[Record]) -> Values:
    """Metrics of several seeds on validation and on test patients: the seeds' mean, with an interval over patients."""
    return {
        part: {
            name: link(format_interval(interval), *group)
            for name, interval in summary(group, part, seed=DRAW_SEED, names=MEASURED).items()
        }
        for part in ("validation", "test")
    }


def gain(network: Sequence[Record], baseline: Record) -> str:
    """Difference of the AUC on the test part between the mean of the seeds and a baseline, on the same patients."""
    labels, groups, scores = stacked(network, "test")
    _, _, others = stacked([baseline], "test")
    rng = np.random.default_rng(DRAW_SEED)
    interval = evaluation.paired_bootstrap(labels, (scores, others), groups, evaluation.auc, rng=rng)
    return link(format_interval(interval), *network)


def stacked(group: Sequence[Record], part: str) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Labels (N,), patients (N,) or None where there are none, and probabilities (seeds, N)."""
    frames = [record.frame(part) for record in group]
    probabilities = np.stack([frame["probability"] for frame in frames])
    return frames[0]["label"].to_numpy(), group[0].patients(part), probabilities


def link(text: str, *sources: Record) -> str:
    """A measured value that leads to its record, or to the group of its records."""
    anchor = sources[0].anchor if len(sources) == 1 else sources[0].group_anchor
    return f"[{text}](/report/provenance.qmd#{anchor}){{.measured}}"


def tumours() -> Values:
    """Each recipe on the tumours' images; the one with the highest mean AUC on validation images, "best"; and how many
    test images and validation images are copies of others, with the best one's test AUC on those that are none."""
    named = variants(map(records.get, experiments.tumours()))
    values: Values = {name: measured(group) for name, group in named.items()}
    best = max(named, key=lambda name: np.mean([area(record, "validation") for record in named[name]]))
    validation, test = (named[best][0].frame(part)["image"] for part in ("validation", "test"))
    pairs = pd.read_csv("report/breastmnist-duplicates.csv").set_index("image")
    met, met_before = (pairs[pairs.index.isin(images)] for images in (test, validation))
    rest = summary(leakage.without(named[best], met.index), "test", seed=DRAW_SEED, names=["auc"])
    contradicted = met[met["label"] != met["copy_label"]]
    return {
        **values,
        "best": {"name": best, **values[best], "without_copies": link(format_interval(rest["auc"]), *named[best])},
        "copies": {
            "images": format_count(len(test)),
            "met": format_count(met.index.nunique()),
            "share": f"{met.index.nunique() / len(test):.0%}".replace("%", " %"),
            "contradicted": format_count(contradicted.index.nunique()),
            "validation_images": format_count(len(validation)),
            "validation_met": format_count(met_before.index.nunique()),
        },
    }
