"""A trained network in one file, and what it says of images.

The file is safetensors: tensors and strings, so that nothing in it can run. The strings, its metadata:
    format          "pneumo-model 1"
    experiment      `config.to_dict` of the experiment, JSON; image size and resizing are in it
    threshold       on the probability, fixed as the record says
    record          the record's key
    record_sha256   the digest that the record's file holds
    familiarity     `InputStatistics` of the training images, JSON; see `pneumo.inference.input_checks`
    calibration     labels and logits of the validation images, JSON; files of earlier versions lack it
    images          digests of the training and validation images, JSON; see `pneumo.inference.training_images`; files
                    of earlier versions lack it
    note            NOTE
The tensors are named "0.NAME" for the first network, "1.NAME" for the second, and stored as
`quantisation.quantise` returns them.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import cattrs
import numpy as np
import PIL.Image
import safetensors
import torch
from torch import Tensor, nn

from pneumo import models
from pneumo.augment import scale
from pneumo.data.grey import standardise
from pneumo.data.readers.files import find_files, is_archive, read_contents
from pneumo.errors import DataError, UnknownExperiment
from pneumo.evaluation.conformal import ConformalAnswer
from pneumo.experiments.config import Experiment, NetworkConfig, ReevaluationConfig, from_dict, soup_of
from pneumo.experiments.lookup import RecordSource, is_record_file
from pneumo.inference import training_images
from pneumo.inference.folding import fold_batch_norm
from pneumo.inference.input_checks import InputStatistics
from pneumo.inference.quantisation import dequantise
from pneumo.inference.radiograph import CHANNELS, Radiograph, as_array, from_array, from_bytes, from_picture
from pneumo.inference.training_images import image_digest
from pneumo.inference.working_point import Calibration, calibration_by_key, from_json, needed
from pneumo.interpret.gradcam import grad_cam, normalise_maps

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "pneumo-model 1"

SHIPPED_MODEL_PATH = Path(__file__).parent / "weights" / "pneumo.safetensors"
"""The model that comes with the package."""

SHIPPED_MODELS = {
    "selected": SHIPPED_MODEL_PATH,
    "independent": SHIPPED_MODEL_PATH.with_name("independent.safetensors"),
}
"""The models that come with the package, by name: the selected one, which is the default, and one that was trained to
depend less on how an image was acquired (the chapter on acquisition says what that brings and costs)."""

T = TypeVar("T")

NOTE = "Research only, not a medical device."

MODEL_SUFFIXES = (".safetensors", ".json", ".onnx")
"""How names of model and record files end. Another name that is no file's is taken for that of an experiment."""

MODEL_REMEDY = "name a model's file, or make one of an experiment that was run on this machine: pneumo pack NAME FILE"

BATCH_SIZE = 32
"""Images that pass the networks at once: enough to be quick, few enough for 1 GB of memory."""

Image = str | Path | bytes | np.ndarray | Tensor | PIL.Image.Image
"""A path, the bytes of a file, an array, a tensor or a Pillow image."""

MIN_STACKED_SIDE = 8
"""Side in pixels of the smallest images of a stack; in an array of fewer columns, they are something else."""


class Prediction(NamedTuple):
    """What is said of one image. decision: "positive" where the probability reaches the threshold, else "negative".
    answer: "normal", "pneumonia" or "cannot tell", see `Model.answer`; "" for a model without calibration.
    warning: what is unlike the training images, or ""."""

    image: str
    probability: float
    decision: str
    answer: str
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
    calibration: its predictions for validation images, or None where neither its file nor a record here has them.
    answer: bounds within which the model answers "cannot tell", from the calibration; None without.
    ensemble: for inference: batch normalisation is folded into the convolutions, see `fold_batch_norm`.
    images: the part, "train" or "validation", of each image that it was made from, by `image_digest`; None where its
        file does not tell.

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
    calibration: Calibration | None = None
    answer: ConformalAnswer | None = None
    images: Mapping[bytes, str] | None = None

    def __repr__(self) -> str:
        """One line: the experiment's name, networks, image size, threshold, record."""
        networks = len(member_experiments(self.experiment))
        return (
            f"Model({self.experiment.name}: {networks} network{'s' * (networks > 1)}, "
            f"{self.experiment.data.image_size} pixels, threshold {self.threshold:.4f}, record {self.record})"
        )

    def at(
        self, *, threshold: float | None = None, sensitivity: float | None = None, error: float | None = None
    ) -> Model:
        """The same model at another working point.

        threshold: on the probability, in (0, 1). sensitivity: in its place, the highest threshold that reaches it on
            validation images.
        error: for the answer "cannot tell", the share of a class's images for which the class may be ruled out.
        None leaves each as it is. Raises ValueError for a value out of range and for both threshold and sensitivity,
        DataError where validation predictions are needed and not at hand.

            model = load_model().at(sensitivity=0.95)
        """
        if (threshold, sensitivity, error) == (None, None, None):
            return self
        if threshold is not None and sensitivity is not None:
            raise ValueError(f"threshold={threshold} and sensitivity={sensitivity} set the same; give one of them")
        if threshold is not None and not 0 < threshold < 1:
            raise ValueError(f"threshold={threshold} is not between 0 and 1; it is a probability")
        if sensitivity is not None:
            threshold = needed(self.calibration, f"sensitivity={sensitivity}").threshold_at(sensitivity)
        answer = self.answer if error is None else needed(self.calibration, f"error={error}").answer(error)
        return replace(self, threshold=self.threshold if threshold is None else threshold, answer=answer)

    def predict_proba(self, images: Image | Iterable[Image]) -> np.ndarray:
        """Probabilities of the two classes for each image, in the form that scikit-learn's classifiers have.

        Returns (N, 2) float64 in [0, 1]: column 0 negative, column 1 positive (pneumonia). N is 1 for a single image.

        images: one or several of: the path of an image or DICOM file, or its bytes; a Pillow image; an array or tensor,
            0 black, as in `pneumo.inference.from_array`: (H, W) or (H, W, C) of uint8, uint16 or floats in [0, 1],
            where C is 1 to 4. Also, by itself: the path of a folder or zip archive, for all its radiographs in the
            order of `find_files`; an array or tensor (N, H, W), (N, H, W, C) or (N, C, H, W).
        Decoded and resized as in training. Raises DataError, which names the image, for one that cannot be read, and
        for a shape that can mean two things.

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
        import pandas as pd  # for whoever wants a table

        named = ((name, self.radiograph(image, name)) for name, image in _named(images))
        rows = []
        for batch in batches(named):
            rows += self.predict_radiographs(batch)
        return pd.DataFrame(rows, columns=Prediction._fields).assign(note=NOTE)

    def radiograph(self, image: Image, name: str) -> Radiograph:
        """An image as the networks read it.

        image: one, as in `predict_proba`. name: what errors call it.

        Raises DataError for one that cannot be read.
        """
        settings = self.experiment.data
        size, resize = settings.image_size, settings.resize
        if isinstance(image, str | Path):
            if Path(image).is_dir():
                raise DataError(f"{name} is a folder; give it by itself, or its files")
            try:
                image = Path(image).read_bytes()
            except OSError as error:
                raise DataError(f"{name} cannot be read ({error.strerror}); check the path") from error
        if isinstance(image, bytes):
            read = from_bytes(image, name, size=size, resize=resize)
        elif isinstance(image, PIL.Image.Image):
            read = from_picture(image, name, size=size, resize=resize)
        else:
            read = from_array(image, name, size=size, resize=resize)
        return replace(read, pixels=standardise(read.pixels[None], settings.grey)[0])

    def part_of(self, radiograph: Radiograph) -> str:
        """The part of the model's own images that a radiograph is in, "train" or "validation"; "" for any other one.

        Pixels are compared: a copy of an image that was scaled or saved anew counts as another one.
        """
        return (self.images or {}).get(image_digest(radiograph.pixels), "")

    def predict_radiographs(self, named: Sequence[tuple[str, Radiograph]]) -> list[Prediction]:
        """What is said of radiographs, each given with its name. They pass the networks all at once."""
        pixels = _stack([radiograph for _, radiograph in named])
        with torch.inference_mode():
            logits = self.ensemble(scale(torch.from_numpy(pixels)))
        probabilities = torch.sigmoid(logits.double()).tolist()
        answers = [""] * len(named) if self.answer is None else self.answer.answers(probabilities).tolist()
        return [
            Prediction(
                image=name,
                probability=probability,
                decision="positive" if probability >= self.threshold else "negative",
                answer=answer,
                warning=self.input_statistics.warning(radiograph),
            )
            for (name, radiograph), probability, answer in zip(named, probabilities, answers, strict=True)
        ]

    def grad_cam(self, radiographs: Sequence[Radiograph]) -> np.ndarray:
        """Grad-CAM maps, (N, size, size) in [0, 1], averaged as the logits are; see `pneumo.interpret.grad_cam`."""
        images = _stack(radiographs)
        maps = [grad_cam(network, images) for network in self.ensemble.networks]
        if self.ensemble.mirrored:
            maps += [grad_cam(network, images[:, :, ::-1])[:, :, ::-1] for network in self.ensemble.networks]
        return normalise_maps(np.mean(maps, axis=0))


def batches(items: Iterable[T], *, started: bool = False) -> Iterator[list[T]]:
    """Items in lists of BATCH_SIZE; the first alone, so that whoever waits sees an answer soon.

    started: the first was in an earlier call. All predictions divide images in this way, since a network's last digits
    depend on how many images pass it at once.
    """
    iterator = iter(items)
    size = BATCH_SIZE if started else 1
    while batch := list(islice(iterator, size)):
        yield batch
        size = BATCH_SIZE


def load_model(source: RecordSource | None = None) -> Model:
    """A trained model: by default the one that comes with the package.

    source: a name of SHIPPED_MODELS; the path of a model file; or a record, an experiment that was run on this machine,
        its name, or the path of its record's file. A model of a record is packed first, into the cache, for which its
        images are needed.
    Raises DataError for a file that is no model or of another version, and where there is none; MissingRecord for a
    record or weights that are not on this machine.

    >>> load_model()
    Model(...: 1 network, 160 pixels, threshold 0.4361, record e03da5ce3ac3)
    """
    chosen = _model_file(source)
    metadata, tensors = _read_model_file(chosen)
    with _explained(chosen):
        experiment = from_dict(json.loads(metadata["experiment"]))
        stored = metadata.get("calibration")
        calibration = calibration_by_key(metadata["record"]) if stored is None else from_json(stored)
        return Model(
            experiment=experiment,
            threshold=float(metadata["threshold"]),
            record=metadata["record"],
            record_sha256=metadata["record_sha256"],
            input_statistics=cattrs.structure(json.loads(metadata["familiarity"]), InputStatistics),
            ensemble=_build_ensemble(experiment, tensors),
            calibration=calibration,
            answer=None if calibration is None else calibration.answer(),
            images=None if "images" not in metadata else training_images.from_json(metadata["images"]),
        )


def trained_networks(path: str | Path | None = None) -> list[tuple[Experiment, nn.Module]]:
    """The networks of a model file as they were trained, each with the experiment that trained it.

    path and errors: as in `load_model`.
    """
    chosen = _model_file(path)
    metadata, tensors = _read_model_file(chosen)
    with _explained(chosen):
        return _build_networks(from_dict(json.loads(metadata["experiment"])), tensors)


def _read_model_file(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """What is said of a model, and its weights."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (a file, not a dictionary)
    except (safetensors.SafetensorError, OSError) as error:
        raise DataError(f"{path} is no whole model file ({error}); get it again") from error
    if metadata.get("format") != FORMAT:
        raise DataError(
            f"{path} is not in the format {FORMAT!r} but {metadata.get('format', 'another')!r}; "
            "make it with this version: pneumo pack NAME FILE"
        )
    with _explained(path):
        return metadata, dequantise(tensors)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Errors in the content of a model file, in its user's words."""
    try:
        yield
    except (KeyError, ValueError, RuntimeError, cattrs.BaseValidationError) as error:
        reason = " ".join(str(error).split())  # PyTorch names missing tensors on lines of their own
        raise DataError(f"{path} does not hold what it should ({reason}); get it again, or update pneumo") from error


def _model_file(source: RecordSource | None) -> Path:
    if source is None:
        if not SHIPPED_MODEL_PATH.is_file():
            raise DataError(f"this package comes without a model; {MODEL_REMEDY}")
        return SHIPPED_MODEL_PATH
    if isinstance(source, str) and source in SHIPPED_MODELS:
        return SHIPPED_MODELS[source]
    if isinstance(source, str | Path) and not is_record_file(source):
        if Path(source).is_file():
            return Path(source)
        if isinstance(source, Path) or source.endswith(MODEL_SUFFIXES):
            raise DataError(
                f"{source} does not exist; {MODEL_REMEDY}. With the package come {' and '.join(SHIPPED_MODELS)}"
            )
    from pneumo.inference.packing import packed  # which writes what is read here, and reads whole data sets for it

    try:
        return packed(source)
    except UnknownExperiment as error:
        near = difflib.get_close_matches(str(source), SHIPPED_MODELS, n=1, cutoff=0.5)
        raise DataError(
            f"{source} is neither a model that comes with the package ({', '.join(SHIPPED_MODELS)}), nor a file, nor "
            f"the name of an experiment; " + (f'did you mean "{near[0]}"? Or ' if near else "") + MODEL_REMEDY
        ) from error


def member_experiments(experiment: Experiment) -> list[Experiment]:
    """The experiments whose trained networks read together; of a network's own experiment, itself alone; of a soup, the
    soup of which the experiment is an evaluation.

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
    if model.soup:
        return [soup_of(experiment)]
    return [replace(experiment, model=model.network, seed=seed) for seed in model.seeds]


def _build_networks(experiment: Experiment, tensors: dict[str, Tensor]) -> list[tuple[Experiment, nn.Module]]:
    """The networks of an experiment that read together, each with the experiment that trained it."""
    networks = []
    for number, member in enumerate(member_experiments(experiment)):
        prefix = f"{number}."
        model = member.model.network if isinstance(member.model, ReevaluationConfig) else member.model
        assert isinstance(model, NetworkConfig)  # `member_experiments` sees to that
        network = models.build_untrained(model)
        network.load_state_dict(
            {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
        )
        networks.append((member, network))
    return networks


def _build_ensemble(experiment: Experiment, tensors: dict[str, Tensor]) -> Ensemble:
    networks = [network for _, network in _build_networks(experiment, tensors)]
    mirrored = isinstance(experiment.model, ReevaluationConfig) and experiment.model.mirrored
    ensemble = Ensemble(networks, mirrored=mirrored).eval()
    fold_batch_norm(ensemble)
    return ensemble.requires_grad_(False).to(memory_format=torch.channels_last)


def _named(images: Image | Iterable[Image]) -> Iterable[tuple[str, Image]]:
    """The images one by one, each with what errors call it."""
    if isinstance(images, str | Path):
        return _named_at(Path(images), str(images))
    if isinstance(images, bytes | PIL.Image.Image):
        return [("image 1", images)]
    if isinstance(images, np.ndarray | Tensor):
        images = _unstacked(images)
    elif not isinstance(images, Iterable):
        raise DataError(f"images is a {type(images).__name__}; give a path, an array, or several of them")
    return (
        (str(image) if isinstance(image, str | Path) else f"image {number}", image)
        for number, image in enumerate(images, start=1)
    )


def _named_at(path: Path, name: str) -> Iterable[tuple[str, Image]]:
    """The image, or the images of the folder or zip archive, at a path."""
    if not (path.is_dir() or (path.is_file() and is_archive(path))):
        return [(name, path)]
    found = find_files([path])
    if found.problems:
        raise found.problems[0]
    return ((file.name, _content(content)) for file, content in read_contents(found.files))


def _content(content: bytes | DataError) -> bytes:
    if isinstance(content, DataError):
        raise content
    return content


def _unstacked(images: np.ndarray | Tensor) -> Iterable[Image]:
    """The images in an array, by its shape. Raises DataError for one that can mean two things, or none."""
    array = as_array(images, "images")
    shape = array.shape
    if array.ndim == 1 and (array.dtype.kind in "OUT" or not array.size):  # of paths, or of arrays
        return array.tolist()
    if array.ndim == 2 or (
        array.ndim == 3 and (shape[2] in CHANNELS or (shape[0] == 1 and isinstance(images, Tensor)))
    ):
        return [array]
    if array.ndim == 3 and isinstance(images, Tensor) and shape[0] in CHANNELS:
        raise DataError(
            f"images has shape {tuple(shape)}, which may be {shape[0]} grey images or the channels of one; "
            f"give ({shape[0]}, 1, H, W) or (1, {shape[0]}, H, W)"
        )
    if array.ndim == 3 and min(shape[1:]) >= MIN_STACKED_SIDE:
        return list(array)
    if array.ndim == 4 and (shape[1] in CHANNELS) != (shape[3] in CHANNELS):
        return list(array if shape[3] in CHANNELS else np.moveaxis(array, 1, 3))
    raise DataError(
        f"images has shape {tuple(shape)}; give (H, W) or (H, W, C) for one image, (N, H, W), (N, H, W, C) or "
        f"(N, C, H, W) for several, with 1 to 4 channels C and sides of {MIN_STACKED_SIDE} and more"
    )


def _stack(radiographs: Sequence[Radiograph]) -> np.ndarray:
    return np.stack([radiograph.pixels for radiograph in radiographs])
