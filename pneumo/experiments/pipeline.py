"""How each kind of model gets from data to predictions: what a record holds besides its experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce, singledispatch
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file

from pneumo import classical, data, evaluation, features, models, training
from pneumo.augment import STRESS
from pneumo.augment.configuration import Augmentation
from pneumo.classical.configuration import ClassicalConfig
from pneumo.data.catalogue import CATALOGUE
from pneumo.data.duplicates import duplicate_groups, warn_of_duplicates
from pneumo.data.grey import GreyRule
from pneumo.data.headers import headers
from pneumo.data.strata import stratify
from pneumo.errors import MissingRecord
from pneumo.experiments import records
from pneumo.experiments.builders import load_data
from pneumo.experiments.config import Experiment, HeaderConfig, ModelConfig, ReevaluationConfig, TrainingConfig, soup_of
from pneumo.experiments.saliency import SALIENCY_SEED, choose_of_each_kind, lung_templates, measure_saliency
from pneumo.experiments.tracking import make_loggers
from pneumo.interpret import OCCLUSIONS
from pneumo.io.digests import file_digest
from pneumo.io.files import atomic_write
from pneumo.io.paths import checkpoint_path, weights_path
from pneumo.models.configuration import NetworkConfig, PretrainedConfig

SELECTION_PARTS = {"plain": ("validation",), "stressed": ("stressed",), "both": ("validation", "stressed")}
"""The parts of `records.SCORED_PARTS` that choose, for each `TrainingConfig.validate_on`."""

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
    network = _initial_network(model, experiment)
    parts = {name: training.standardised(part, experiment.data.grey) for name, part in images.parts.items()}
    choosing = [parts[name] for name in SELECTION_PARTS[config.validate_on]]
    fit = training.fit(
        network,
        parts["train"],
        reduce(training.joined, choosing),
        config,
        seed=experiment.seed,
        checkpoint=checkpoint_path(experiment.key),
        progress=progress,
        loggers=make_loggers(experiment),
    )
    _save_weights(network, weights_path(experiment.key))
    scores = {name: training.predict(network, parts[name]) for name in records.SCORED_PARTS}
    by = "" if config.select_by == "mean" else f", {config.select_by} over strata of {config.untying.field}"
    chosen_on = f"{config.validate_on} validation loss{by}" if config.keep == "best" else "nothing: the last"
    return {
        "history": fit.history,
        "scores": scores,
        "selection": {
            "epoch": fit.epoch,
            "epoch_chosen_on": chosen_on,
            **_threshold(scores, SELECTION_PARTS[config.validate_on], parts["validation"].labels),
        },
        "split": images.split,
        "provenance": images.provenance
        | {"network": models.cost(model, experiment.data.image_size)._asdict()}
        | ({"start_sha256": file_digest(weights_path(config.start))} if config.start else {}),
        "from_weights": _from_weights(network, experiment, parts["validation"]),
    }


def _initial_network(model: NetworkConfig, experiment: Experiment) -> torch.nn.Module:
    """The network before training: with weights of its own, of which the seed determines the random ones, or with
    those of the experiment that training starts from."""
    network = models.build(model, training.make_generator(experiment.seed, 0, "weights"))
    if _training(experiment).start:
        path = _start_path(experiment)
        try:
            network.load_state_dict(load_file(path))
        except RuntimeError as error:
            raise ValueError(
                f"{experiment.name} starts from {path}, which holds the weights of another kind of network than {model}"
            ) from error
    return network


def _start_path(experiment: Experiment) -> Path:
    """The weights that an experiment's training starts from. Raises MissingRecord where they are not here."""
    path = weights_path(_training(experiment).start)
    if not path.is_file():
        raise MissingRecord(
            f"{path}, the weights that {experiment.name} starts from, is not on this machine; those of the model that "
            "comes with the package are put there by `pneumo unpack`, others by running their experiment"
        )
    return path


def _from_weights(network: torch.nn.Module, experiment: Experiment, validation: training.Images) -> dict[str, Any]:
    """What figures show of a trained network: `Record.from_weights`."""
    model = experiment.model
    if isinstance(network, models.SpatialTransformer):
        theta = training.sampling_grids(network, validation)
        return {"theta": np.round(theta.astype(float), 4).tolist()}
    if isinstance(model, PretrainedConfig):
        changes = models.layer_changes(_initial_network(model, experiment).state_dict(), network.state_dict())
        return {"weight_changes": {layer: [float(f"{value:.4g}") for value in each] for layer, each in changes.items()}}
    return {}


@compute_results.register
def _reevaluation(model: ReevaluationConfig, experiment: Experiment, progress: bool) -> dict[str, Any]:
    """Networks of other experiments, whose weights are on this machine, evaluated on other or more images."""
    if model.elsewhere:
        return _elsewhere(model, experiment, progress)
    config = _training(experiment)
    images = _images(experiment, progress)
    grey = experiment.data.grey
    parts = {
        name: _perturb_and_occlude(images.parts[name], model, grey, training.make_generator(0, 0, f"change {name}"))
        for name in records.SCORED_PARTS
    }
    members = _members(model, experiment)
    scores = {name: _mean_logits(members, part, mirrored=model.mirrored) for name, part in parts.items()}
    return {
        "scores": scores,
        "selection": _threshold(scores, SELECTION_PARTS[config.validate_on], images.parts["validation"].labels),
        "split": images.split,
        "provenance": images.provenance | {"network": models.cost(model.network, experiment.data.image_size)._asdict()},
        "from_weights": {"saliency": _saliency(members[0], experiment, images, parts["test"])}
        if model.saliency
        else {},
    }


def _saliency(
    network: torch.nn.Module, experiment: Experiment, images: StudyImages, test: training.Images
) -> dict[str, Any]:
    """What Grad-CAM shows of some test images: `measure_saliency`, and which of them these are ("images").

    images: as they are, of which `test` are the test images as the network sees them.
    """
    assert isinstance(experiment.model, ReevaluationConfig)  # made by `_reevaluation`
    frame = images.split.loc[images.split["part"] == "test"]
    chosen = choose_of_each_kind(frame, experiment.model.saliency, np.random.default_rng(SALIENCY_SEED))
    aspects = HEADER_FIELDS["aspect"](headers(_data(experiment)[0])).to_numpy()[images.parts["test"].rows[chosen]]
    templates = lung_templates(experiment.data.image_size, experiment.data.resize, aspects)
    seen = test.pixels.rows(test.rows[chosen])
    return {"images": chosen.tolist(), **measure_saliency(network, seen, test.labels[chosen], templates)}


def _elsewhere(model: ReevaluationConfig, experiment: Experiment, progress: bool) -> dict[str, Any]:
    """Frozen networks, at a frozen threshold, on all images of another data set."""
    own = replace(model, elsewhere="", elsewhere_version="", change=Augmentation(), look="whole")
    frozen = _stored_threshold(replace(experiment, model=own))
    settings = experiment.data
    dataset = _checked(data.load(model.elsewhere), model.elsewhere, model.elsewhere_version, experiment.name)
    pixels = data.pixels(dataset, size=settings.image_size, resize=settings.resize, progress=progress)
    rows = np.arange(len(dataset))
    images = training.Images(pixels=pixels, rows=rows, labels=dataset.table["label"].to_numpy())
    seen = _perturb_and_occlude(images, model, settings.grey, training.make_generator(0, 0, "change test"))
    return {
        "scores": {"test": _mean_logits(_members(model, experiment), seen, mirrored=model.mirrored)},
        "selection": frozen,
        "split": records.split_frame(dataset.table, [("test", rows)]),
        "provenance": {
            "data": {"version": dataset.version, "pixels_sha256": pixels.digest, "training_images": 0},
            "network": models.cost(model.network, settings.image_size)._asdict(),
        },
    }


def _stored_threshold(experiment: Experiment) -> dict[str, Any]:
    """The threshold of the record of networks on their own images. Raises MissingRecord where there is none."""
    model = experiment.model
    assert isinstance(model, ReevaluationConfig)  # made by `_elsewhere`
    if len(model.seeds) == 1 and not (model.mirrored or model.soup):  # as the network was evaluated when it was trained
        experiment = replace(experiment, model=model.network, seed=model.seeds[0])
    record = records.find(experiment)
    if record is None:
        searched = " or ".join(map(str, records.folders()))
        raise MissingRecord(
            f"{experiment.name} uses the threshold of the same networks on their own images, and {searched} has no "
            f"record of that (key {experiment.key}); evaluate them on their own images first"
        )
    return {"threshold": record.threshold, "threshold_chosen_on": f"its own validation images, record {record.key}"}


def _members(model: ReevaluationConfig, experiment: Experiment) -> list[torch.nn.Module]:
    """The trained networks that read together; of a soup, the one network."""
    if model.soup:
        return [load_soup(experiment)]
    return [
        load_trained_network(replace(experiment, name=experiment.name, model=model.network, seed=seed))
        for seed in model.seeds
    ]


def _mean_logits(members: Sequence[torch.nn.Module], images: training.Images, *, mirrored: bool) -> np.ndarray:
    """Logits averaged over networks, (N,)."""
    return np.mean([_predict_with_flip(network, images, mirrored=mirrored) for network in members], axis=0)


def load_soup(experiment: Experiment) -> torch.nn.Module:
    """The network with the mean weights of several, in evaluation mode; see `ReevaluationConfig.soup`.

    It is made of the trained networks, kept on this machine and found there again.
    Raises MissingRecord as `load_trained_network` does, and TypeError for an experiment that is no soup.
    """
    model = experiment.model
    if not (isinstance(model, ReevaluationConfig) and model.soup):
        raise TypeError(f"{experiment.name} is no soup but a {type(model).__name__}; use load_trained_network")
    path = weights_path(soup_of(experiment).key)
    if path.is_file():
        return _stored_network(model.network, path)
    members = _members(replace(model, soup=False, start_share=0.0), experiment)
    network = members[0]
    mean = {
        name: torch.stack([member.state_dict()[name].double() for member in members]).mean(dim=0)
        for name in network.state_dict()
    }
    if model.start_share:
        start = load_file(_start_path(experiment))
        mean = {name: torch.lerp(value, start[name].double(), model.start_share) for name, value in mean.items()}
    network.load_state_dict({name: mean[name].to(value.dtype) for name, value in network.state_dict().items()})
    _save_weights(network, path)
    return network


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
    return _stored_network(experiment.model, path)


def _stored_network(config: NetworkConfig, path: Path) -> torch.nn.Module:
    network = models.build_untrained(config)
    network.load_state_dict(load_file(path))
    return network.eval()


def _perturb_and_occlude(
    images: training.Images, model: ReevaluationConfig, grey: GreyRule, generator: torch.Generator
) -> training.Images:
    """The images after the perturbation `change`, the standardisation of grey levels and the occlusion `look`.

    In this order: a perturbed image is one that was taken otherwise, and is standardised as any other; what is occluded
    was hidden from the network alone, and tells nothing through the grey levels of the rest.
    """
    perturbed = training.standardised(training.perturb_once(images, model.change, generator), grey)
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
    if config.grey != "as-is":
        raise ValueError(f"grey={config.grey!r} is for networks; features are measured on grey levels as they are")
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
            "candidates": fitted.candidates.drop(columns="seconds").round({"auc": 6, "auc_sd": 6}).to_dict("records"),
            **_threshold(scores, ("validation",), labels[split.validation]),
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
            **_threshold(scores, ("validation",), labels[split.validation]),
        },
        "split": records.split_frame(dataset.table, _parts(split).items()),
        "provenance": {"data": {"version": dataset.version, "training_images": len(split.train)}},
    }


@dataclass(frozen=True, kw_only=True)
class StudyImages:
    """parts: the images of each part, and "stressed", the validation images as another machine might have taken them;
        their grey levels are not standardised yet.
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
    strata, aspects = _acquisition(experiment, dataset)
    parts = {}
    for name, rows in _parts(split).items():
        images = training.Images(
            pixels=pixels,
            rows=rows,
            labels=labels[rows],
            strata=None if strata is None else strata[rows],
            aspects=None if aspects is None else aspects[rows],
        )
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


def _acquisition(experiment: Experiment, dataset: data.Dataset) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Codes of the acquisition strata and aspect ratios of all images, (N,) each; None for what training needs not."""
    config = experiment.training or TrainingConfig()
    stretched = experiment.data.resize == "stretch" and config.untying.style_exchange > 0
    if not (config.needs_strata or stretched):
        return None, None
    frame = headers(dataset)
    strata = stratify(HEADER_FIELDS[config.untying.field](frame), config.untying.field).codes.astype(np.int64)
    return strata if config.needs_strata else None, HEADER_FIELDS["aspect"](frame).to_numpy() if stretched else None


def _training(experiment: Experiment) -> TrainingConfig:
    if experiment.training is None:
        raise ValueError(f"{experiment.name}: a network needs training=TrainingConfig(...)")
    return experiment.training


def _data(experiment: Experiment) -> tuple[data.Dataset, data.Split]:
    config = experiment.data
    if config.name in CATALOGUE and CATALOGUE[config.name].evaluation_only:
        raise data.DataError(
            f"{experiment.name} would train or choose on {config.name}, which is there to judge models that are fixed; "
            "use ReevaluationConfig(elsewhere=...)"
        )
    dataset = _checked(load_data(config), config.name, config.version, experiment.name)
    if config.folds:
        return dataset, data.cross_validation_split(
            dataset.table,
            duplicate_groups(dataset),
            folds=config.folds,
            fold=config.fold,
            fraction=config.fraction,
            seed=config.split_seed,
        )
    split = data.split(
        dataset.table,
        validation_fraction=config.validation_fraction,
        fraction=config.fraction,
        seed=config.split_seed,
    )
    return dataset, split


def _checked(dataset: data.Dataset, name: str, version: str, experiment: str) -> data.Dataset:
    """The data set. Raises DataError where it is not that for which the experiment of this name was defined."""
    if dataset.version != version:
        raise data.DataError(
            f"{name} here is version {dataset.version}, {experiment} was defined for {version} "
            "(images are missing, added, or sorted into other folders); get the original, or define the experiment "
            "with data_config() for the data that are here"
        )
    return dataset


def _groups(dataset: data.Dataset) -> np.ndarray:
    """The patient of each image; where none is named, each image is a group of its own."""
    return dataset.table["patient"].to_numpy() if dataset.has_patients else np.arange(len(dataset))


def _parts(split: data.Split) -> dict[str, np.ndarray]:
    return {name: getattr(split, name) for name in records.PARTS}


def _threshold(scores: dict[str, np.ndarray], parts: Sequence[str], labels: np.ndarray) -> dict[str, Any]:
    """The threshold on the probability that maximises Youden's index on validation patients.

    parts: of `records.SCORED_PARTS`, whose scores choose. labels: of the validation part.
    """
    choosing = np.concatenate([scores[part] for part in parts])
    threshold = evaluation.youden_threshold(np.tile(labels, len(parts)), records.probabilities(choosing))
    return {"threshold": round(float(threshold), 6), "threshold_chosen_on": f"{' and '.join(parts)}, Youden's index"}


def _save_weights(network: torch.nn.Module, path: Path) -> None:
    with atomic_write(path) as temporary:
        save_file({name: value.contiguous() for name, value in network.state_dict().items()}, temporary)
