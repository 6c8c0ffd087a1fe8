"""The numbers in the prose of the book, taken from records: the content of `_variables.yml`.

A chapter writes {{< var cnn.test.auc >}}. A measured value is a link to the record that it came from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import results
from pneumo import data, evaluation, experiments, records
from pneumo.analysis import comparisons, leakage, model_selection, strata, threshold_transfer
from pneumo.analysis.acquisition import FIRST_STRATA, stratum_specificities, width_correlations
from pneumo.analysis.choosing import merged_validation_strata
from pneumo.analysis.summaries import (
    auc_difference,
    ensemble_auc,
    header_field,
    rank_correlation,
    records_by_model,
    summary,
)
from pneumo.experiments.config import ClassicalConfig, Experiment
from pneumo.experiments.records import Record
from pneumo.experiments.wording import in_words
from pneumo.reporting.citation import version
from pneumo.reporting.formatting import format_count, format_interval, format_number, interval_decimals
from pneumo.reporting.provenance import SHOWN_DIGITS
from pneumo.reporting.tables import comparison, epoch_seconds, heading_of

ROOT = Path(__file__).resolve().parent.parent

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
    "transfer-tenth",
    "recipe-steps",
    "scaling",
)
"""Groups of experiments that compare variants, seed by seed."""

LEARNERS = {"svm": "support vector machine", "forest": "random forest", "xgboost": "gradient boosting"}
FEATURES = {"pixels": "pixels", "hog": "HOG features", "lbp": "LBP features", "glcm": "GLCM features"}
"""Names of the feature sets in the text."""

COMPARISON_MEASURES = (
    "validation_loss",
    "last_loss",
    "validation_accuracy",
    "validation_auc",
    "stressed_auc",
    "test_auc",
    "seconds_an_epoch",
    "gap",
    "loss_gap",
)
"""Of each variant, see `summaries.measures`."""


MODEL_METRICS = ("auc", "accuracy", "sensitivity", "specificity", "brier", "expected_calibration_error")
"""Of each model, see `evaluation.summary`: those that the text names, since the others take time."""


def variables() -> Values:
    """All variables. Raises MissingRecord, with the command that makes it, for an experiment without a record."""
    audit = {header_field(record): record for record in map(records.get, experiments.headers())}
    network = [records.get(experiment) for experiment in experiments.first_network()]
    learners = [records.get(experiment) for experiment in experiments.classical()]
    return {
        "project": {"version": version(ROOT / "CITATION.cff")},
        "data": counts(audit["width"]),
        "examples": {"source": example_source()},
        "headers": {field: header(record) for field, record in audit.items()},
        "cnn": {**architecture(network[0]), **measured(network), "gain_over_width": gain(network, audit["width"])},
        "classical": {**by_learner_and_features(learners), "best": best(learners, audit["width"])},
        "epoch": epoch_times(),
        "model-selection": model_selection_values(),
        "interpretation": interpretation(audit["width"]),
        "acquisition": acquisition_values(),
        "tumours": tumours(),
        "claims": marked_claims(Path("report")),
        **{name: compared(experiments.find_experiments(name)) for name in COMPARISONS},
    }


def marked_claims(report: Path) -> Values:
    """How many comparisons the text of each chapter makes, see `pneumo.analysis.comparisons`."""
    chapters = {path.stem: comparisons.read_claims(path.read_text(encoding="utf-8")) for path in report.glob("*.qmd")}
    return {name: format_count(len(claims)) for name, claims in sorted(chapters.items()) if claims}


def epoch_times() -> Values:
    """Seconds for an epoch of 1,000 images on an otherwise idle machine, by the size of batch and image."""
    measured = results.load().scaling()
    quantities = {"batch": "images in a batch", "side": "image size (pixels)"}
    return {
        name: {
            f"n{amount:03}": f"[{seconds}]{{.together}}"
            for amount, seconds in epoch_seconds(measured, quantity).items()
        }
        for name, quantity in quantities.items()
    }


def model_selection_values() -> Values:
    """The selected model of each family, and how well two selection criteria rank networks by their test AUC."""
    chosen = {name.split()[-1]: record for name, record in model_selection.select_models().items()}
    networks = threshold_transfer.validation_and_test_auc(
        model_selection.trained_on_all_images(map(records.get, experiments.all_experiments()))
    )
    return {
        **{family: {"name": description(record), **measured([record])} for family, record in chosen.items()},
        "calibration": {part: calibration_values(chosen["transferred"], part) for part in ("validation", "test")},
        "ranking": {
            "networks": format_count(len(networks)),
            **{
                part: format_number(rank_correlation(networks[f"{part}_auc"], networks["test_auc"]))
                for part in ("validation", "stressed")
            },
        },
    }


def calibration_values(record: Record, part: str) -> Values:
    """Calibration intercept and slope of one model."""
    frame = record.frame(part)
    labels, probabilities = frame["label"], frame["probability"]
    return {
        "intercept": link(format_number(float(evaluation.calibration_intercept(labels, probabilities))), record),
        "slope": link(format_number(float(evaluation.calibration_slope(labels, probabilities))), record),
    }


def interpretation(width: Record) -> Values:
    """Performance of the power spectrum alone, of the networks beside it, and of these on occluded images."""
    spectra = {each.variant: records.get(each) for each in experiments.spectra()}
    trained = records_by_model(map(records.get, experiments.selected_model()))
    first = [records.get(each) for each in experiments.first_network()]
    networks = {"first-network": first, "selected-model": trained["lite0-160px-12-epochs"]}
    occluded: dict[str, Values] = {name: {} for name in networks}
    for (name, occlusion), experiment in experiments.occluded().items():
        record = records.get(experiment)
        occluded[name][occlusion] = link(format_number(ensemble_auc([record], "test")), record)
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
        "occluded": {**occluded},
    }


def folds() -> Values:
    """The AUC of each recipe over the folds of a cross-validation on the tumours' images."""
    recorded = [records.get(experiment) for experiment in experiments.tumour_folds()]
    found = comparisons.variants(recorded)
    values: Values = {"images": format_count(len(found["cnn"][0].frame("test")))}
    for name, group in found.items():
        interval = summary(group, "test", seed=DRAW_SEED, names=["auc"])["auc"]
        values[name] = {"auc": link(format_interval(interval), *[each for each in recorded if each.variant == name])}
    return values


def description(record: Record) -> str:
    """A record in words: a learner on its features, or the name of the experiment."""
    model = record.experiment.model
    if isinstance(model, ClassicalConfig):
        return f"{LEARNERS[model.learner]} on {FEATURES[model.features.name]}"
    return record.label


def variable_name(variant: str) -> str:
    """The variable of a variant: n008 for 008, since Quarto takes a number for a place in a list."""
    return f"n{variant}" if variant.isdigit() else variant


def compared(chosen: Sequence[Experiment]) -> Values:
    """{"adam": {"validation_loss": "0.050 (0.048–0.053)", ...}, "best": "adam"}: mean, lowest and highest of the seeds.

    best: the variant with the lowest mean validation loss. network: `architecture` of the first record.
    """
    named = records_by_model(records.get(experiment) for experiment in chosen)
    values: Values = {"network": architecture(records.get(chosen[0]))}
    rows = dict(zip(named, comparison(named, COMPARISON_MEASURES).to_dict("records"), strict=True))
    losses = {variant: row["validation loss"].estimate for variant, row in rows.items()}
    for variant, group in named.items():
        # As many decimals as in the tables, which have a column for the variants of one share of the training images.
        beside = [rows[other] for other, others in named.items() if _fraction(others) == _fraction(group)]
        texts: Values = {}
        for name in COMPARISON_MEASURES:
            heading = heading_of(name)
            decimals = interval_decimals(row[heading] for row in beside)
            texts[name] = link(format_interval(rows[variant][heading], decimals), *group)
        values[variable_name(variant)] = texts
    return {**values, "best": in_words(min(losses, key=losses.__getitem__))}


def _fraction(group: Sequence[Record]) -> float:
    """The share of the training images with which the records of one variant were trained."""
    return group[0].experiment.data.fraction


def counts(record: Record) -> Values:
    """Images and patients of the data set, from the record's split."""
    split = record.split
    images = np.unique(split["patient"].to_numpy(str), return_counts=True)[1]  # of each patient
    return {
        "images": format_count(len(split)),
        "patients": format_count(len(images)) if record.has_patients else "unknown",
        "repeated_patients": format_count(int((images > 1).sum())),
        "test_patients": format_count(split.loc[split["part"] == "test", "patient"].nunique()),
        "most_images": format_count(int(images.max())),
        "positive_share": {
            part: f"{split.loc[split['part'] == part, 'label'].to_numpy().mean():.1%}".replace("%", " %")
            for part in sorted(set(split["part"]))
        },
    }


def example_source() -> str:
    """Where the example images of this render come from, for captions."""
    if data.load().name != "phantom":
        return "from the archive"
    meant = experiments.study_data().name
    return "synthetic" if meant == "phantom" else f"synthetic stand-ins, as {meant} is not at hand here"


def header(record: Record) -> Values:
    """AUC of one header field on every part, and its sensitivity and specificity on the test part."""
    values: Values = {
        f"{part}_auc": link(format_number(ensemble_auc([record], part)), record) for part in records.PARTS
    }
    intervals = summary([record], "test", seed=DRAW_SEED, names=("sensitivity", "specificity"))
    return values | {name: link(format_interval(interval), record) for name, interval in intervals.items()}


def by_learner_and_features(learners: Sequence[Record]) -> Values:
    """{"svm": {"hog": {"validation": {"auc": ...}, "test": ...}}}: metrics of each learner on each feature set."""
    values: dict[str, Values] = {}
    for record in learners:
        model = record.experiment.model
        assert isinstance(model, ClassicalConfig)  # what the chapter on classical learners defines
        values.setdefault(model.learner, {})[model.features.name] = measured([record])
    return {**values}


def best(learners: Sequence[Record], baseline: Record) -> Values:
    """The record with the highest AUC on validation patients, and how its test AUC compares with the baseline's."""
    chosen = max(learners, key=lambda record: ensemble_auc([record], "validation"))
    return {"name": description(chosen), **measured([chosen]), "gain_over_width": gain([chosen], baseline)}


def architecture(record: Record) -> Values:
    """Size and training of a network, from its record."""
    training, network = record.experiment.training, record.provenance["network"]
    if training is None:
        raise TypeError(f"{record.experiment.name} has no training; give a record of a network")
    return {
        "parameters": format_count(network["parameters"]),
        "multiply_adds": f"{network['multiply_adds'] / 1e6:.1f} million",
        "training_images": format_count(record.provenance["data"]["training_images"]),
        "epochs": str(training.epochs),
        "batch_size": str(training.batch_size),
        "learning_rate": str(training.optimizer.learning_rate),
        "patience": str(training.patience),
    }


def measured(group: Sequence[Record]) -> Values:
    """Metrics of several seeds on validation and on test patients: the seeds' mean, with an interval over patients."""
    return {
        part: {
            name: link(format_interval(interval), *group)
            for name, interval in summary(group, part, seed=DRAW_SEED, names=MODEL_METRICS).items()
        }
        for part in ("validation", "test")
    }


def gain(network: Sequence[Record], baseline: Record) -> str:
    """Difference of the AUC on the test part between the mean of the seeds and a baseline, on the same patients."""
    return link(format_interval(auc_difference(network, [baseline], "test", seed=DRAW_SEED)), *network)


def link(text: str, *sources: Record) -> str:
    """A measured value as a link to its record, or to the group of its records with the keys of those it is of.

    A page shows exactly these records where the number stands; without JavaScript the link leads to their list.
    """
    if len(sources) == 1:
        return f"[{text}](/report/provenance.qmd#{sources[0].anchor}){{.measured}}"
    keys = " ".join(source.key[:SHOWN_DIGITS] for source in sources)
    return f'[{text}](/report/provenance.qmd#{sources[0].group_anchor}){{.measured data-records="{keys}"}}'


def acquisition_values() -> Values:
    """The selected model on images from elsewhere, their number, and that of low normal validation images."""
    elsewhere = records.get(experiments.acquisition_external()[0])
    intervals = summary([elsewhere], "test", seed=DRAW_SEED, names=("auc", "sensitivity", "specificity"))
    labels = elsewhere.frame("test")["label"]
    counts = {
        "images": len(labels),
        "patients": len(set(elsewhere.patients("test"))),
        "normal": int((labels == 0).sum()),
        "pneumonia": int((labels == 1).sum()),
    }
    texts = {name: format_interval(interval) for name, interval in intervals.items()}
    texts |= {name: format_count(count) for name, count in counts.items()}
    headers = {header_field(each): each for each in map(records.get, experiments.headers())}
    models = {
        "independent": records.get(experiments.independent_model()[0]),
        "selected": records.get(experiments.test_time_augmentation()[-1]),
    }
    compared = strata.within_strata(*models.values(), headers["height"], seed=DRAW_SEED)
    differences = {name.replace(" ", "-"): format_interval(values[-1]) for name, values in compared.items()}
    return {
        "external": {name: link(text, elsewhere) for name, text in texts.items()},
        "low-normals": link(format_count(low_normals(models["selected"], headers["height"])), headers["height"]),
        "difference": {name: link(text, *models.values()) for name, text in differences.items()},
        **{name: model_by_acquisition(record, headers) for name, record in models.items()},
    }


def low_normals(record: Record, height: Record) -> int:
    """How many normal validation images lie in the lowest populated strata."""
    low = merged_validation_strata(record, height) < FIRST_STRATA
    return int((low & (record.frame("validation")["label"] == 0)).sum())


def model_by_acquisition(record: Record, headers: Mapping[str, Record]) -> Values:
    """How far a model's scores depend on acquisition, and its AUC on test images: rank correlation of validation scores
    with the width of the file within each class, and how many low normal images it calls positive at a sensitivity of
    97 %. headers: by field."""
    normal, pneumonia = width_correlations(record, headers["width"])
    low, _ = stratum_specificities(record, headers["height"])
    area = summary([record], "test", seed=DRAW_SEED, names=("auc",))["auc"]
    texts = {
        "width-normal": format_number(normal),
        "width-pneumonia": format_number(pneumonia),
        "low-errors": format_count(round((1 - low) * low_normals(record, headers["height"]))),
        "test-auc": format_interval(area),
    }
    return {name: link(text, record) for name, text in texts.items()}


def tumours() -> Values:
    """Performance of each recipe on the tumours' images, and how many images have a duplicate in an earlier part.

    best: the recipe with the highest mean AUC on validation images, also on test images without a duplicate.
    """
    named = records_by_model(map(records.get, experiments.tumours()))
    values = {name: measured(group) for name, group in named.items()}
    best = max(named, key=lambda name: np.mean([ensemble_auc([record], "validation") for record in named[name]]))
    validation, test = (set(named[best][0].frame(part)["image"]) for part in ("validation", "test"))
    pairs = pd.read_csv("report/breastmnist-duplicates.csv").to_dict("records")
    duplicated = {pair["image"] for pair in pairs}
    contradicted = {pair["image"] for pair in pairs if pair["label"] != pair["copy_label"]}
    rest = summary(leakage.exclude_images(named[best], duplicated & test), "test", seed=DRAW_SEED, names=["auc"])
    return {
        **values,
        "best": {
            "name": in_words(best),
            **values[best],
            "without_copies": link(format_interval(rest["auc"]), *named[best]),
        },
        "folds": folds(),
        "copies": {
            "images": format_count(len(test)),
            "met": format_count(len(duplicated & test)),
            "share": f"{len(duplicated & test) / len(test):.0%}".replace("%", " %"),
            "contradicted": format_count(len(contradicted & test)),
            "validation_images": format_count(len(validation)),
            "validation_met": format_count(len(duplicated & validation)),
        },
    }
