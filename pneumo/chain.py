"""How each kind of model gets from data to predictions: what a record holds besides its experiment."""

from __future__ import annotations

import os
from functools import singledispatch
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from . import classical, data, evaluation, features, models, records, training
from .classical.configuration import ClassicalConfig
from .config import Experiment, HeaderConfig, Model
from .data.headers import headers
from .models.configuration import NetworkConfig
from .study import checkpoint_path, weights_path

HEADER_FIELDS = {
    "width": lambda frame: frame["width"],
    "height": lambda frame: frame["height"],
    "aspect": lambda frame: frame["width"] / frame["height"],
    "jpeg_quality": lambda frame: frame["jpeg_quality"],
    "bytes_per_megapixel": lambda frame: frame["file_size"] / (frame["width"] * frame["height"] / 1e6),
}


@singledispatch
def results(model: Model, experiment: Experiment, progress: bool) -> dict[str, Any]:
    """What a record holds besides the experiment, for each kind of model."""
    raise TypeError(f"no way to run {type(model).__name__}")


@results.register
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
        checkpoint=checkpoint_path(experiment),
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


@results.register
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


@results.register
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


def _save_weights(network: torch.nn.Module, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, temporary)
    os.replace(temporary, path)
