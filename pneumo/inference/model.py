"""A trained network in one file, and what it says of images.

The file is safetensors: tensors and strings, so that nothing in it can run. The strings, its metadata:
    format          "pneumo-model 1"
    experiment      `config.to_dict` of the experiment, JSON; image size and resizing are in it
    threshold       on the probability, fixed as the record says
    record          the record's key
    record_sha256   the digest that the record's file holds
    familiarity     `InputStatistics` of the training images, JSON; see `pneumo.inference.input_checks`
    note            NOTE
The tensors are named "0.NAME" for the first network, "1.NAME" for the second, and stored as
`quantisation.quantise` returns them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cattrs
import numpy as np
import pandas as pd
import safetensors
import torch
from torch import Tensor, nn

from pneumo import models
from pneumo.augment import scale
from pneumo.errors import DataError, UnknownExperiment
from pneumo.experiments.config import Experiment, NetworkConfig, ReevaluationConfig, from_dict
from pneumo.experiments.lookup import RecordSource, is_record_file
from pneumo.inference.input_checks import InputStatistics
from pneumo.inference.quantisation import dequantise
from pneumo.inference.radiograph import Radiograph, from_array, from_bytes
from pneumo.interpret.gradcam import grad_cam, normalise_maps

FORMAT = "pneumo-model 1"

SHIPPED_MODEL_PATH = Path(__file__).parent / "weights" / "pneumo.safetensors"
"""The model that comes with the package."""

NOTE = "Research only, not a medical device."

MODEL_SUFFIXES = (".safetensors", ".json", ".onnx")
"""How names of model and record files end. Another name that is no file's is taken for that of an experiment."""

MODEL_REMEDY = "name a model's file, or make one of an experiment that was run on this machine: pneumo pack NAME FILE"

BATCH_SIZE = 32
"""Images that pass the networks at once: enough to be quick, few enough for 1 GB of memory."""

Image = str | Path | np.ndarray


class Prediction(NamedTuple):
    """What is said of one image. decision: "positive" where the probability reaches the threshold, else "negative".
    warning: what is unlike the training images, or ""."""

    image: str
    probability: float
    decision: str
    warning: str


class Ensemble(nn.Module):
    """Networks whose logits are averaged; if `mirrored`, also over horizontal flips (test-time augmentation).

    (N, 1, H, W) in [0, 1] -> (N,) logits of the positive class.
    """

    def __init__(self, networks: Sequence[nn.Module], *, mirrored: bool) -> None:
        super().__init__()
        self.networks, self.mirrored = nn.ModuleList(networks), mirrored

    def forward(self, images: Tensor) -> Tensor:
        views = [images, images.flip(3)] if self.mirrored else [images]
        return torch.stack([network(view) for network in self.networks for view in views]).mean(dim=0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """What a model file holds.

    experiment: what was run. threshold: the probability from which an image counts as positive, fixed by the record.
    record: its key. record_sha256: the digest in its file.

    >>> model = load_model()
    >>> model.predict_frame(np.zeros((224, 224), np.uint8))["warning"][0] != ""  # no radiograph
    True
    """

    experiment: Experiment
    threshold: float
    record: str
    record_sha256: str
    input_statistics: InputStatistics
    ensemble: Ensemble

    def __repr__(self) -> str:
        """One line: the experiment's name, networks, image size, threshold, record."""
        networks = len(member_experiments(self.experiment))
        return (
            f"Model({self.experiment.name}: {networks} network{'s' * (networks > 1)}, "
            f"{self.experiment.data.image_size} pixels, threshold {self.threshold:.4f}, record {self.record})"
        )

    def predict_proba(self, images: Image | Iterable[Image]) -> np.ndarray:
        """Probabilities of the two classes for each image, (N, 2) float64 in [0, 1], as scikit-learn's classifiers give
        them: column 0 negative, column 1 positive (pneumonia). N is 1 for a single image.

        images: one or several of: the path of a JPEG, PNG or DICOM file; an array (H, W) or (H, W, 3) of uint8 or
            uint16, 0 black. Also one array (N, H, W) or (N, H, W, 3). An array whose last of three dimensions is 3 is
            one colour image.
        Decoded and resized as in training. Raises DataError, which names the image, for one that cannot be read.

        >>> load_model().predict_proba(np.zeros((2, 224, 224), np.uint8)).shape
        (2, 2)
        """
        positive = self.predict_frame(images)["probability"].to_numpy(float)
        return np.column_stack([1 - positive, positive])

    def predict(self, images: Image | Iterable[Image]) -> np.ndarray:
        """The decision for each image at the model's threshold, (N,) int64: 1 positive (pneumonia), 0 negative.

        images and errors: see `predict_proba`, whose column 1 is the probability.

        >>> load_model().predict(np.zeros((224, 224), np.uint8)).shape
        (1,)
        """
        return (self.predict_proba(images)[:, 1] >= self.threshold).astype(np.int64)

    def predict_frame(self, images: Image | Iterable[Image]) -> pd.DataFrame:
        """One row an image, in their order, with the columns of `Prediction` and note, which is NOTE.

        images: see `predict_proba`. The third array is called "image 3".
        """
        named = ((name, self.radiograph(image, name)) for name, image in _named(images))
        rows = []
        while batch := list(islice(named, BATCH_SIZE)):
            rows += self.predict_radiographs(batch)
        return pd.DataFrame(rows, columns=Prediction._fields).assign(note=NOTE)

    def radiograph(self, image: Image | bytes, name: str) -> Radiograph:
        """An image as the networks read it.

        image: as in `predict_proba`, or the bytes of a file. name: what errors call it.

        Raises DataError for one that cannot be read.
        """
        size, resize = self.experiment.data.image_size, self.experiment.data.resize
        if isinstance(image, str | Path):
            try:
                image = Path(image).read_bytes()
            except OSError as error:
                raise DataError(f"{name} cannot be read ({error.strerror}); check the path") from error
        if isinstance(image, bytes):
            return from_bytes(image, name, size=size, resize=resize)
        return from_array(image, name, size=size, resize=resize)

    def predict_radiographs(self, named: Sequence[tuple[str, Radiograph]]) -> list[Prediction]:
        """What is said of radiographs, each given with its name. They pass the networks all at once."""
        pixels = _stack([radiograph for _, radiograph in named])
        with torch.inference_mode():
            logits = self.ensemble(scale(torch.from_numpy(pixels)))
        return [
            Prediction(
                image=name,
                probability=probability,
                decision="positive" if probability >= self.threshold else "negative",
                warning=self.input_statistics.warning(radiograph),
            )
            for (name, radiograph), probability in zip(named, torch.sigmoid(logits.double()).tolist(), strict=True)
        ]

    def grad_cam(self, radiographs: Sequence[Radiograph]) -> np.ndarray:
        """Grad-CAM maps, (N, size, size) in [0, 1], averaged as the logits are; see `pneumo.interpret.grad_cam`."""
        images = _stack(radiographs)
        maps = [grad_cam(network, images) for network in self.ensemble.networks]
        if self.ensemble.mirrored:
            maps += [grad_cam(network, images[:, :, ::-1])[:, :, ::-1] for network in self.ensemble.networks]
        return normalise_maps(np.mean(maps, axis=0))


def load_model(source: RecordSource | None = None) -> Model:
    """A trained model: by default the one that comes with the package.

    source: the path of a model file; or a record, an experiment that was run on this machine, its name, or the path of
        its record's file. A model of a record is packed first, into the cache, for which its images are needed.
    Raises DataError for a file that is no model or of another version, and where there is none; MissingRecord for a
    record or weights that are not on this machine.

    >>> load_model()
    Model(model-selection/test-time-augmentation/flip-12-epochs: 1 network, 160 pixels, ...)
    """
    chosen = _model_file(source)
    try:
        with safetensors.safe_open(chosen, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (a file, not a dictionary)
    except (safetensors.SafetensorError, OSError) as error:
        raise DataError(f"{chosen} is no whole model file ({error}); get it again") from error
    if metadata.get("format") != FORMAT:
        raise DataError(
            f"{chosen} is not in the format {FORMAT!r} but {metadata.get('format', 'another')!r}; "
            "make it with this version: pneumo pack NAME FILE"
        )
    try:
        experiment = from_dict(json.loads(metadata["experiment"]))
        return Model(
            experiment=experiment,
            threshold=float(metadata["threshold"]),
            record=metadata["record"],
            record_sha256=metadata["record_sha256"],
            input_statistics=cattrs.structure(json.loads(metadata["familiarity"]), InputStatistics),
            ensemble=_build_ensemble(experiment, dequantise(tensors)),
        )
    except (KeyError, ValueError, RuntimeError, cattrs.BaseValidationError) as error:
        reason = " ".join(str(error).split())  # PyTorch names missing tensors on lines of their own
        raise DataError(f"{chosen} does not hold what it should ({reason}); get it again, or update pneumo") from error


def _model_file(source: RecordSource | None) -> Path:
    from pneumo.inference.packing import packed  # which writes what is read here

    if source is None:
        if not SHIPPED_MODEL_PATH.is_file():
            raise DataError(f"this package comes without a model; {MODEL_REMEDY}")
        return SHIPPED_MODEL_PATH
    if isinstance(source, str | Path) and not is_record_file(source):
        if Path(source).is_file():
            return Path(source)
        if isinstance(source, Path) or source.endswith(MODEL_SUFFIXES):
            raise DataError(f"{source} does not exist; {MODEL_REMEDY}")
    try:
        return packed(source)
    except UnknownExperiment as error:
        raise DataError(f"{source} is neither a file nor the name of an experiment; {MODEL_REMEDY}") from error


def member_experiments(experiment: Experiment) -> list[Experiment]:
    """The experiments whose trained networks read together; of a network's own experiment, itself alone.

    Raises DataError for an experiment without a network, and for one that does not read images as they are.
    """
    model = experiment.model
    if experiment.data.distortion.changes_images:
        raise DataError(f"{experiment.name} distorts its images, so its network is none for people's own")
    if isinstance(model, NetworkConfig):
        return [experiment]
    if not isinstance(model, ReevaluationConfig):
        raise DataError(f"{experiment.name} has no network but a {type(model).__name__}; choose one that has")
    if model.change.changes_images or model.look != "whole":
        raise DataError(f"{experiment.name} changes images before it reads them, so it is none for people's own")
    return [replace(experiment, model=model.network, seed=seed) for seed in model.seeds]


def _build_ensemble(experiment: Experiment, tensors: dict[str, Tensor]) -> Ensemble:
    networks = []
    for number, member in enumerate(member_experiments(experiment)):
        prefix = f"{number}."
        assert isinstance(member.model, NetworkConfig)  # `member_experiments` sees to that
        network = models.build_untrained(member.model)
        network.load_state_dict(
            {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
        )
        networks.append(network.requires_grad_(False))
    mirrored = isinstance(experiment.model, ReevaluationConfig) and experiment.model.mirrored
    return Ensemble(networks, mirrored=mirrored).eval().to(memory_format=torch.channels_last)


def _named(images: Image | Iterable[Image]) -> Iterable[tuple[str, Image]]:
    if isinstance(images, str | Path):
        return [(str(images), images)]
    if isinstance(images, np.ndarray) and (images.ndim == 2 or (images.ndim == 3 and images.shape[2] == 3)):
        return [("image 1", images)]
    return (
        (str(image) if isinstance(image, str | Path) else f"image {number}", image)
        for number, image in enumerate(images, start=1)
    )


def _stack(radiographs: Sequence[Radiograph]) -> np.ndarray:
    return np.stack([radiograph.pixels for radiograph in radiographs])
