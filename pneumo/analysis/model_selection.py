"""Model selection on validation patients; then, on test patients, tests between the selected models and subgroups.

Selection reads no test score. The test is read once for each selected model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import log_expit

from pneumo import evaluation, experiments
from pneumo.analysis.summaries import aligned_frames, header_values, measures, summary
from pneumo.evaluation import Interval
from pneumo.evaluation.intervals import resample
from pneumo.experiments import records

if TYPE_CHECKING:
    from pneumo.experiments.records import Record


def select_models(root: str | Path | None = None) -> dict[str, Record]:
    """The selected record of each family of models, by the family's name: "classical", "from scratch", "transferred".

    The one function of `pneumo.analysis` that looks up records: those of `experiments.selection_candidates`, in `root`
    or where `records.get` looks. The rule is `select`. Raises MissingRecord for a candidate without a record.

    >>> list(select_models())
    ['classical', 'from scratch', 'transferred']
    """
    return {
        name: select(records.get(experiment, root) for experiment in candidates)
        for name, candidates in experiments.selection_candidates().items()
    }


def select(candidates: Iterable[Record]) -> Record:
    """The record with the lowest `selection_loss`; the first of equals. Test scores play no part.

    >>> select([pneumo.records.get(f"first-network/seed-{seed}") for seed in range(3)]).experiment.group
    'first-network'
    """
    return min(candidates, key=selection_loss)


def selection_loss(record: Record) -> float:
    """Mean cross-entropy, in nats, on perturbed validation images, or on plain ones where it has no such scores.

    >>> selection_loss(pneumo.records.get("first-network/seed-0")) > 0
    True
    """
    return cross_entropy(record, "stressed" if "stressed" in record.scores else "validation")


def cross_entropy(record: Record, part: str) -> float:
    """Mean cross-entropy of a record's logits on "validation", "stressed" or "test" images, in nats.

    >>> cross_entropy(pneumo.records.get("first-network/seed-0"), "validation") < 0.2
    True
    """
    frame = record.frame(part)
    towards = np.where(frame["label"] == 1, frame["score"], -frame["score"])
    return float(-log_expit(towards).mean())


def best_candidates(candidates: Iterable[Record], *, best: int = 5) -> pd.DataFrame:
    """The `best` candidates with the lowest `selection_loss`, lowest first.

    Columns experiment, selection loss, and AUC on plain and on perturbed validation images ("validation AUC",
    "perturbed AUC"; None without scores of perturbed images).

    >>> records = [pneumo.records.get(f"first-network/seed-{seed}") for seed in range(3)]
    >>> len(best_candidates(records, best=2))
    2
    """
    rows = sorted(candidates, key=selection_loss)[:best]
    return pd.DataFrame(
        [
            {
                "experiment": record.label,
                "selection loss": selection_loss(record),
                "validation AUC": measures(record).get("validation_auc"),
                "perturbed AUC": measures(record).get("stressed_auc"),
            }
            for record in rows
        ]
    )


def test_performance(several: Iterable[Record]) -> pd.DataFrame:
    """Test performance beside `selection_loss`, the lowest loss first.

    Returns one row a record, columns experiment, selection loss, test AUC, and sensitivity and specificity at the
    record's threshold.
    """
    rows = []
    for record in sorted(several, key=selection_loss):
        test = record.frame("test")
        predicted = test["label"], test["probability"], record.threshold
        rows.append(
            {
                "experiment": record.label,
                "selection loss": selection_loss(record),
                "test AUC": measures(record)["test_auc"],
                "sensitivity": float(evaluation.sensitivity(*predicted)),
                "specificity": float(evaluation.specificity(*predicted)),
            }
        )
    return pd.DataFrame(rows)


def trained_on_all_images(several: Iterable[Record]) -> list[Record]:
    """Those of the records whose networks were trained on all training images of the study, undistorted.

    Their test scores can be compared, since nothing but network and training differs.

    >>> len(trained_on_all_images([pneumo.records.get("first-network/seed-0")]))
    1
    """
    return [
        record
        for record in several
        if record.history
        and record.experiment.data.name == experiments.study_data().name
        and record.experiment.data.fraction == 1
        and not record.experiment.data.distortion.changes_images
    ]


def add_own_result(published: pd.DataFrame, record: Record, *, seed: int = 0) -> pd.DataFrame:
    """A table of published results with the test result of one record as its last row.

    published: columns source, AUC, accuracy, note. seed: of the draws of patients.
    Returns the same columns; in the last row, AUC and accuracy are `Interval`s (95 %).
    """
    intervals = summary([record], "test", seed=seed, names=("auc", "accuracy"))
    own = {
        "source": f"this book, {record.label}",
        "AUC": intervals["auc"],
        "accuracy": intervals["accuracy"],
        "note": "selected on validation patients",
    }
    return pd.concat([published, pd.DataFrame([own])], ignore_index=True)


def pairwise_tests(models: Mapping[str, Record], *, part: str = "test", seed: int = 0) -> pd.DataFrame:
    """Paired tests between each two models on the same images.

    Returns one row a pair, columns
        models                AUC difference is that of the first minus that of the second
        AUC difference        `Interval`, 95 % over patients, by paired bootstrap
        p (DeLong)            of the difference of two correlated AUCs
        only first correct    images, each model at its own threshold
        only second correct   the same the other way round
        p (McNemar)           exact
    DeLong's and McNemar's tests take images as independent. seed: of the draws of patients.
    Raises ValueError where the models predict different images.
    """
    return pd.DataFrame([_pair(*pair, part, seed) for pair in combinations(models.items(), 2)])


def _pair(first: tuple[str, Record], second: tuple[str, Record], part: str, seed: int) -> dict[str, Any]:
    (name, a), (other, b) = first, second
    frames = aligned_frames([a, b], part)
    labels = frames[0]["label"].to_numpy()
    scores = [frame["score"].to_numpy() for frame in frames]
    difference = evaluation.paired_bootstrap(
        labels, (scores[0], scores[1]), a.patients(part), evaluation.auc, rng=np.random.default_rng(seed)
    )
    correct = [
        (frame["probability"] >= record.threshold).to_numpy() == (labels == 1)
        for frame, record in zip(frames, (a, b), strict=True)
    ]
    mcnemar = evaluation.mcnemar_exact(*correct)
    return {
        "models": f"{name} − {other}",
        "AUC difference": difference,
        "p (DeLong)": evaluation.delong(labels, *scores).p_value,
        "only first correct": mcnemar.only_a,
        "only second correct": mcnemar.only_b,
        "p (McNemar)": mcnemar.p_value,
    }


def accuracy_by_subgroup(
    models: Mapping[str, Record], width: Record, *, part: str = "test", seed: int = 0
) -> pd.DataFrame:
    """Accuracy of each model, at its threshold, in subgroups of the images.

    width: the header record of the files' widths. Subgroups: each sub-type; and of each class the images whose file is
    narrower or wider than the part's median, which says how an image was acquired, not what it shows.
    Returns one row a subgroup with images, columns subgroup, images, and one for each model: `Interval`s (95 %, over
    patients). seed: of the draws of patients.
    """
    values = header_values(width)
    widths = values.loc[values["part"] == part, "width"].to_numpy()
    frame = next(iter(models.values())).frame(part)
    wide = widths > np.median(widths)
    subgroups = {name: (frame["subtype"] == name).to_numpy() for name in frame["subtype"].unique()}
    for label, name in ((0, "normal"), (1, "pneumonia")):
        of_class = (frame["label"] == label).to_numpy()
        subgroups |= {f"{name}, narrow file": of_class & ~wide, f"{name}, wide file": of_class & wide}
    rows = []
    for subgroup, chosen in subgroups.items():
        if not chosen.any():
            continue
        cells = {name: _accuracy(record, part, chosen, seed) for name, record in models.items()}
        rows.append({"subgroup": subgroup, "images": int(chosen.sum()), **cells})
    return pd.DataFrame(rows)


def _accuracy(record: Record, part: str, chosen: np.ndarray, seed: int) -> Interval:
    """On the chosen images (N,) bool, with its interval over patients."""
    frame = record.frame(part)[chosen]
    correct = ((frame["probability"] >= record.threshold) == (frame["label"] == 1)).to_numpy(float)
    patients = frame["patient"] if record.has_patients else None
    counts = resample(frame["label"], patients, rng=np.random.default_rng(seed))
    shares = (counts @ correct) / counts.sum(axis=1)
    return Interval(float(correct.mean()), *(float(bound) for bound in np.quantile(shares, (0.025, 0.975))))
