"""How each kind of model gets from data to predictions: what a record holds besides its experiment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import singledispatch
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file

from pneumo import classical, data, evaluation, features, models, training
from pneumo.augment import STRESS
from pneumo.classical.configuration import ClassicalConfig
from pneumo.data.duplicates import warn_of_duplicates
from pneumo.data.headers import headers
from pneumo.errors import MissingRecord
from pneumo.experiments import records
from pneumo.experiments.config import Experiment, HeaderConfig, ModelConfig, ReevaluationConfig, TrainingConfig
from pneumo.interpret import OCCLUSIONS
from pneumo.io.files import atomic_write
from pneumo.io.paths import checkpoint_path, weights_path
from pneumo.models.configuration import NetworkConfig, PretrainedConfig

SELECTION_PART = {"plain": "validation", "stressed": "stressed"}
"""The part of `records.SCORED_PARTS` that chooses, for each `TrainingConfig.validate_on`."""

HEADER_FIELDS = {
    "width": lambda frame: frame["width"],
    "height": lambda frame: frame["height"],
    "aspect": lambda frame: frame["width"] / frame["height"],
    "jpeg_quality": lambda frame: frame["jpeg_quality"],
    "bytes_per_megapixel": lambda frame: frame["file_size"] / (frame["width"] * frame["height"] / 1e6),
}


@singledispatch
def compute_results(model: ModelConfig, experiment: Experiment, progress: bool) -> dict[str, Any]:
    """What a record holds besides the experiment, for each kind of model."""
    raise TypeError(f"no way to run {type(model).__name__}")


@compute_results.register
def _network(model: NetworkConfig, experiment: Experiment, progress: bool) -> dict[str, Any]:
    config = _training(experiment)
    images = _images(experiment, progress)
    network = _initial_network(model, experiment.seed)
    fit = training.fit(
        network,
        images.parts["train"],
        images.parts[SELECTION_PART[config.validate_on]],
        config,
        seed=experiment.seed,
        checkpoint=checkpoint_path(experiment.key),
        progress=progress,
    )
    _save_weights(network, weights_path(experiment.key))
    scores = {name: training.predict(network, images.parts[name]) for name in records.SCORED_PARTS}
    chosen_on = f"{config.validate_on} validation loss" if config.keep == "best" else "nothing: the last"
    return {
        "history": fit.history,
        "scores": scores,
        "selection": {
            "epoch": fit.epoch,
            "epoch_chosen_on": chosen_on,
            **_threshold(scores, SELECTION_PART[config.validate_on], images.parts["validation"].labels),
        },
        "split": images.split,
        "provenance": images.provenance | {"network": models.cost(model, experiment.data.image_size)._asdict()},
        "from_weights": _from_weights(network, model, experiment.seed, images.parts["validation"]),
    }


def _initial_network(model: NetworkConfig, seed: int) -> torch.nn.Module:
    """The network before training, whose random weights the seed determines."""
    return models.build(model, training.make_generator(seed, 0, "weights"))


def _from_weights(
    network: torch.nn.Module, model: NetworkConfig, seed: int, validation: training.Images
) -> dict[str, Any]:
    """What figures show of a trained network: `Record.from_weights`."""
    if isinstance(network, models.SpatialTransformer):
        theta = training.sampling_grids(network, validation)
        return {"theta": np.round(theta.astype(float), 4).tolist()}
    if isinstance(model, PretrainedConfig):
        changes = models.layer_changes(_initial_network(model, seed).state_dict(), network.state_dict())
        return {"weight_changes": {layer: [float(f"{value:.4g}") for value in each] for layer, each in changes.items()}}
    return {}


@compute_results.register
def _reevaluation(model: ReevaluationConfig, experiment: Experiment, progress: bool) -> dict[str, Any]:
    """Networks of other experiments, whose weights are on this machine, evaluated on other or more images."""
    config = _training(experiment)
    images = _images(experiment, progress)
    parts = {
        name: _perturb_and_occlude(images.parts[name], model, training.make_generator(0, 0, f"change {name}"))
        for name in records.SCORED_PARTS
    }
    members = [
        load_trained_network(replace(experiment, name=experiment.name, model=model.network, seed=seed))
        for seed in model.seeds
    ]
    scores = {
        name: np.mean([_predict_with_flip(network, part, mirrored=model.mirrored) for network in members], axis=0)
        for name, part in parts.items()
    }
    return {
        "scores": scores,
        "selection": _threshold(scores, SELECTION_PART[config.validate_on], images.parts["validation"].labels),
        "split": images.split,
        "provenance": images.provenance | {"network": models.cost(model.network, experiment.data.image_size)._asdict()},
    }


def load_trained_network(experiment: Experiment) -> torch.nn.Module:
    """The network of an experiment that was trained on this machine, in evaluation mode.

    Raises MissingRecord, with the remedy, where the weights are not here, and TypeError for a model that is no network.
    """
    if not isinstance(experiment.model, NetworkConfig):
        raise TypeError(f"{experiment.name} trains no network but a {type(experiment.model).__name__}")
    path = weights_path(experiment.key)
    if not path.is_file():
        raise MissingRecord(
            f"{path}, the trained weights of {experiment.model}, seed {experiment.seed}, is not on this machine: "
            "weights are no part of a record. Move that experiment's record away and run it again"
        )
    network = models.build_untrained(experiment.model)
    network.load_state_dict(load_file(path))
    return network.eval()


def _perturb_and_occlude(
    images: training.Images, model: ReevaluationConfig, generator: torch.Generator
) -> training.Images:
    """The images after the perturbation `change` and the occlusion `look`."""
    perturbed = training.perturb_once(images, model.change, generator)
    if model.look == "whole":
        return perturbed
    array = OCCLUSIONS[model.look](perturbed.pixels.rows(perturbed.rows))
    return replace(perturbed, pixels=training.InMemory(array=array), rows=np.arange(len(perturbed)))


def _predict_with_flip(network: torch.nn.Module, images: training.Images, *, mirrored: bool) -> np.ndarray:
    """Logits, (N,); with `mirrored`, averaged over each image and its horizontal flip (test-time augmentation)."""
    logits = training.predict(network, images)
    if not mirrored:
        return logits
    array = np.ascontiguousarray(images.pixels.rows(images.rows)[:, :, ::-1])
    mirror = replace(images, pixels=training.InMemory(array=array), rows=np.arange(len(images)))
    return (logits + training.predict(network, mirror)) / 2


@compute_results.register
def _classical(model: ClassicalConfig, experiment: Experiment, progress: bool) -> dict[str, Any]:
    """A learner on features made by hand; hyper-parameters by cross-validation over the training patients."""
    dataset, split = _data(experiment)
    config = experiment.data
    pixels = data.pixels(dataset, size=config.image_size, resize=config.resize, progress=progress)
    warn_of_duplicates(dataset.table, pixels, split)
    measurements = features.extract(pixels, model.features, progress=progress)
    labels = dataset.table["label"].to_numpy()
    train = split.train
    fitted = classical.fit(measurements[train], labels[train], _groups(dataset)[train], model, seed=experiment.seed)
    parts = {"validation": split.validation, "test": split.test}
    scores = {name: classical.scores(fitted, measurements[rows]) for name, rows in parts.items()}
    return {
        "scores": scores,
        "selection": {
            "parameters": fitted.parameters,
            "parameters_chosen_on": "cross-validation over training patients, AUC",
            **_threshold(scores, "validation", labels[split.validation]),
        },
        "split": records.split_frame(dataset.table, _parts(split).items()),
        "provenance": {
            "data": {"version": dataset.version, "pixels_sha256": pixels.digest, "training_images": len(train)},
        },
    }


@compute_results.register
def _header(model: HeaderConfig, experiment: Experiment, progress: bool) -> dict[str, Any]:
    """Logistic regression on one number of the file's header, fitted on the training part."""
    from sklearn.linear_model import LogisticRegression

    dataset, split = _data(experiment)
    values = HEADER_FIELDS[model.field](headers(dataset)).to_numpy(float)
    if not np.isfinite(values).all():
        raise data.DataError(f"{dataset.name}: not every file has a {model.field}; audit another field of the header")
    labels = dataset.table["label"].to_numpy()
    mean, deviation = values[split.train].mean(), values[split.train].std()
    if deviation == 0:
        raise data.DataError(
            f"{dataset.name}: {model.field} is {mean:g} in every training file and tells nothing; audit another field"
        )
    regression = LogisticRegression().fit(((values[split.train] - mean) / deviation)[:, None], labels[split.train])
    slope = regression.coef_[0, 0] / deviation
    intercept = regression.intercept_[0] - slope * mean
    scores = {name: intercept + slope * values[rows] for name, rows in _parts(split).items()}
    return {
        "scores": scores,
        "selection": {
            "slope": float(slope),
            "intercept": float(intercept),
            **_threshold(scores, "validation", labels[split.validation]),
        },
        "split": records.split_frame(dataset.table, _parts(split).items()),
        "provenance": {"data": {"version": dataset.version, "training_images": len(split.train)}},
    }


@dataclass(frozen=True, kw_only=True)
class StudyImages:
    """parts: the images of each part, and "stressed", the validation images as another machine might have taken them.
    split, provenance: as a record holds them."""

    parts: dict[str, training.Images]
    split: pd.DataFrame
    provenance: dict[str, Any]


def _images(experiment: Experiment, progress: bool) -> StudyImages:
    dataset, split = _data(experiment)
    config = experiment.data
    pixels = data.pixels(dataset, size=config.image_size, resize=config.resize, progress=progress)
    warn_of_duplicates(dataset.table, pixels, split)
    labels = dataset.table["label"].to_numpy()
    parts = {}
    for name, rows in _parts(split).items():
        images = training.Images(pixels=pixels, rows=rows, labels=labels[rows])
        # Drawn apart for each part, so that a smaller training part leaves the others as they were.
        distortion = training.make_generator(config.split_seed, 0, f"distortion {name}")
        parts[name] = training.perturb_once(images, config.distortion, distortion)
    parts["stressed"] = training.perturb_once(parts["validation"], STRESS, training.make_generator(0, 0, "stress"))
    return StudyImages(
        parts=parts,
        split=records.split_frame(dataset.table, _parts(split).items()),
        provenance={
            "data": {"version": dataset.version, "pixels_sha256": pixels.digest, "training_images": len(split.train)}
        },
    )


def _training(experiment: Experiment) -> TrainingConfig:
    if experiment.training is None:
        raise ValueError(f"{experiment.name}: a network needs training=TrainingConfig(...)")
    return experiment.training


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


def _threshold(scores: dict[str, np.ndarray], part: str, labels: np.ndarray) -> dict[str, Any]:
    """The threshold on the probability that maximises Youden's index on validation patients.

    part: of `records.SCORED_PARTS`, whose scores choose. labels: of the validation part.
    """
    threshold = evaluation.youden_threshold(labels, records.probabilities(scores[part]))
    return {"threshold": round(float(threshold), 6), "threshold_chosen_on": f"{part}, Youden's index"}


def _save_weights(network: torch.nn.Module, path: Path) -> None:
    with atomic_write(path) as temporary:
        save_file({name: value.contiguous() for name, value in network.state_dict().items()}, temporary)
