"""The only place where the chain is joined: data, model, training, predictions, record."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import singledispatch
from pathlib import Path
from typing import Any

import filelock
import joblib
import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from . import classical, data, evaluation, features, models, records, training
from .classical.configuration import ClassicalConfig
from .config import Experiment, HeaderConfig, Model
from .data.cache import cache_folder
from .data.headers import headers
from .models.configuration import NetworkConfig
from .provenance import measured
from .records import Record

HEADER_FIELDS = {
    "width": lambda frame: frame["width"],
    "height": lambda frame: frame["height"],
    "aspect": lambda frame: frame["width"] / frame["height"],
    "jpeg_quality": lambda frame: frame["jpeg_quality"],
    "bytes_per_megapixel": lambda frame: frame["file_size"] / (frame["width"] * frame["height"] / 1e6),
}


def run(experiment: Experiment, *, root: Path | None = None, progress: bool = True) -> Record:
    """The record of an experiment: the stored one, or else a new one from running it now.

    root: the folder of records; `records.folder()` by default.
    Raises MissingRecord, with the command that makes it, where there is none and it would take longer than
    $PNEUMO_LIMIT_MINUTES (the book sets 1, so that no chapter trains for long by surprise). Two processes that want
    the same experiment: one works, the other waits for its record.
    """
    root = root or records.folder()
    stored = records.find(experiment, root)
    if stored is not None:
        return stored
    if experiment.minutes > float(os.environ.get("PNEUMO_LIMIT_MINUTES", "inf")):
        records.get(experiment, root)  # raises MissingRecord
    with lock(experiment):
        stored = records.find(experiment, root)
        return stored if stored is not None else _conduct(experiment, root, progress)


def run_all(
    experiments: Iterable[Experiment], *, root: Path | None = None, jobs: int = 1, progress: bool = True
) -> list[Record]:
    """The records of several experiments, in their order; those that are missing are run, the longest first.

    jobs: experiments at a time, through joblib: the backend is its default or what `joblib.parallel_config` set. The
        processor's threads are divided among them. With one job, everything runs in this process.
    """
    experiments, root = list(experiments), root or records.folder()
    missing = [experiment for experiment in experiments if records.find(experiment, root) is None]
    missing.sort(key=lambda experiment: -experiment.minutes)
    if jobs == 1:
        for experiment in missing:
            run(experiment, root=root, progress=progress)
    elif missing:
        threads = max(1, (os.cpu_count() or 1) // jobs)
        work = (joblib.delayed(_run_with_threads)(experiment, root, threads) for experiment in missing)
        finished = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(work)
        for name in tqdm(finished, total=len(missing), desc="experiments", unit=" run", disable=not progress):
            tqdm.write(f"{name}: recorded", file=sys.stderr)
    return [records.get(experiment, root) for experiment in experiments]


def _run_with_threads(experiment: Experiment, root: Path, threads: int) -> str:
    torch.set_num_threads(threads)
    run(experiment, root=root, progress=False)
    return experiment.name


def weights_path(experiment: Experiment) -> Path:
    """Where the trained weights of an experiment are kept on this machine. They are not part of the record."""
    return cache_folder() / "weights" / f"{experiment.key}.safetensors"


def lock(experiment: Experiment) -> filelock.FileLock:
    """Held while an experiment runs on this machine; the system frees it when the process ends, however it ends."""
    path = cache_folder() / "runs" / f"{experiment.key}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    return filelock.FileLock(path)


def _conduct(experiment: Experiment, root: Path, progress: bool) -> Record:
    if progress:
        print(f"{experiment.name}: about {experiment.minutes:.0f} min on 2 cores", flush=True)
    with measured() as provenance:
        result = _results(experiment.model, experiment, progress)
    result["provenance"] |= provenance
    record = Record(experiment=experiment, **result)
    stored = records.load(records.save(record, root))
    # Only now, with the record safe, is the half-way state of no more use.
    _checkpoint(experiment).unlink(missing_ok=True)
    return stored


@singledispatch
def _results(model: Model, experiment: Experiment, progress: bool) -> dict[str, Any]:
    """What a record holds besides the experiment, for each kind of model."""
    raise TypeError(f"no way to run {type(model).__name__}")


@_results.register
def _network(model: NetworkConfig, experiment: Experiment, progress: bool) -> dict[str, Any]:
    if experiment.training is None:
        raise ValueError(f"{experiment.name}: a network needs training=TrainingConfig(...)")
    dataset, split = _data(experiment)
    config = experiment.data
    pixels = data.pixels(dataset, size=config.image_size, resize=config.resize, progress=progress)
    labels = dataset.table["label"].to_numpy()
    parts = {
        name: training.Images(pixels=pixels, rows=rows, labels=labels[rows]) for name, rows in _parts(split).items()
    }
    network = models.build(model, training.stream(experiment.seed, 0, "weights"))
    fit = training.fit(
        network,
        parts["train"],
        parts["validation"],
        experiment.training,
        seed=experiment.seed,
        checkpoint=_checkpoint(experiment),
        progress=progress,
    )
    _save_weights(network, weights_path(experiment))
    scores = {name: training.predict(network, parts[name]) for name in ("validation", "test")}
    return {
        "history": fit.history,
        "scores": scores,
        "selection": {
            "epoch": fit.best_epoch,
            "epoch_chosen_on": "validation loss",
            **_threshold(scores["validation"], parts["validation"].labels),
        },
        "split": records.split_frame(dataset.table, _parts(split).items()),
        "provenance": {
            "data": {"version": dataset.version, "pixels_sha256": pixels.digest, "training_images": len(split.train)},
            "network": models.cost(model, config.image_size)._asdict(),
        },
    }


@_results.register
def _classical(model: ClassicalConfig, experiment: Experiment, progress: bool) -> dict[str, Any]:
    """A learner on features made by hand; hyper-parameters by cross-validation over the training patients."""
    dataset, split = _data(experiment)
    config = experiment.data
    pixels = data.pixels(dataset, size=config.image_size, resize=config.resize, progress=progress)
    measurements = features.extract(pixels, model.features, progress=progress)
    labels = dataset.table["label"].to_numpy()
    train = split.train
    fitted = classical.fit(
        measurements[train], labels[train], _groups(dataset)[train], model, seed=experiment.seed
    )
    parts = {"validation": split.validation, "test": split.test}
    scores = {name: classical.scores(fitted, measurements[rows]) for name, rows in parts.items()}
    return {
        "scores": scores,
        "selection": {
            "parameters": fitted.parameters,
            "parameters_chosen_on": "cross-validation over training patients, AUC",
            **_threshold(scores["validation"], labels[split.validation]),
        },
        "split": records.split_frame(dataset.table, _parts(split).items()),
        "provenance": {
            "data": {"version": dataset.version, "pixels_sha256": pixels.digest, "training_images": len(train)},
        },
    }


@_results.register
def _header(model: HeaderConfig, experiment: Experiment, progress: bool) -> dict[str, Any]:
    """Logistic regression on one number of the file's header, fitted on the training part."""
    from sklearn.linear_model import LogisticRegression

    dataset, split = _data(experiment)
    values = HEADER_FIELDS[model.field](headers(dataset)).to_numpy(float)
    if not np.isfinite(values).all():
        raise data.DataError(f"{dataset.name}: not every file has a {model.field}; audit another field of the header")
    labels = dataset.table["label"].to_numpy()
    mean, deviation = values[split.train].mean(), values[split.train].std()
    regression = LogisticRegression().fit(((values[split.train] - mean) / deviation)[:, None], labels[split.train])
    slope = regression.coef_[0, 0] / deviation
    intercept = regression.intercept_[0] - slope * mean
    scores = {name: intercept + slope * values[rows] for name, rows in _parts(split).items()}
    return {
        "scores": scores,
        "selection": {
            "slope": float(slope),
            "intercept": float(intercept),
            **_threshold(scores["validation"], labels[split.validation]),
        },
        "split": records.split_frame(dataset.table, _parts(split).items()),
        "provenance": {"data": {"version": dataset.version, "training_images": len(split.train)}},
    }


def _data(experiment: Experiment) -> tuple[data.Dataset, data.Split]:
    config = experiment.data
    dataset = data.load(config.name)
    if dataset.version != config.version:
        raise data.DataError(
            f"{config.name} here is version {dataset.version}, {experiment.name} was defined for {config.version} "
            "(images are missing, added, or sorted into other folders); get the original, or define the experiment "
            "with data_config() for the data that are here"
        )
    split = data.split(
        dataset.table,
        validation_fraction=config.validation_fraction,
        fraction=config.fraction,
        seed=config.split_seed,
    )
    return dataset, split


def _groups(dataset: data.Dataset) -> np.ndarray:
    """The patient of each image; where none is named, each image is a group of its own."""
    return dataset.table["patient"].to_numpy() if dataset.has_patients else np.arange(len(dataset))


def _parts(split: data.Split) -> dict[str, np.ndarray]:
    return {name: getattr(split, name) for name in records.PARTS}


def _threshold(logits: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """The threshold on the probability that maximises Youden's index on validation patients."""
    threshold = evaluation.youden_threshold(labels, records.probabilities(logits))
    return {"threshold": round(float(threshold), 6), "threshold_chosen_on": "validation, Youden's index"}


def _checkpoint(experiment: Experiment) -> Path:
    path = cache_folder() / "runs" / f"{experiment.key}.ckpt"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _save_weights(network: torch.nn.Module, path: Path) -> None:
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, temporary)
    os.replace(temporary, path)


def status(experiments: Iterable[Experiment], root: Path | None = None) -> pd.DataFrame:
    """One row an experiment: name, state ("recorded" or "missing"), minutes it is said to take, minutes it took."""
    rows = []
    for experiment in experiments:
        record = records.find(experiment, root)
        rows.append(
            {
                "experiment": experiment.name,
                "seed": experiment.seed,
                "state": "recorded" if record else "missing",
                "minutes": experiment.minutes,
                "took": record.provenance["seconds"] / 60 if record else None,
            }
        )
    return pd.DataFrame(rows)
