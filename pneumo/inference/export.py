"""A model as ONNX, for programs that are not Python.

Needs onnx and onnxscript: `pip install "pneumo[onnx]"`.
"""

from __future__ import annotations

import importlib.util
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from pneumo.data.decode import ResizeRule
from pneumo.data.grey import GreyRule
from pneumo.errors import DataError
from pneumo.io.files import atomic_write, check_replaceable

if TYPE_CHECKING:
    from pneumo.inference import Model

ONNX_OPSET = 20
"""Of ONNX: the first that can do what the spatial transformer does."""


RESIZE_WORDS: dict[ResizeRule, str] = {
    "stretch": "stretched, without regard to its aspect ratio,",
    "letterbox": "resized between black bars, with its aspect ratio kept,",
    "crop": "cut to its centred square and resized",
    "square": "cut to its centred square, in its original aspect ratio, and resized",
    "thorax": "cut to the field of the lungs (pneumo.data.thorax) and resized",
}
"""What each rule of `pneumo.data.decode.resize_to_square` does, for the description of a file."""

GREY_WORDS: dict[GreyRule, str] = {
    "equalised": "equalised, so that the histogram of each image is uniform",
    "percentiles": "stretched linearly, so that the 1st and 99th percentile of each image are black and white",
}
"""What each rule of `pneumo.data.grey.standardise` does that changes grey levels."""


class ExportedModel(nn.Module):
    """What is exported: (N, size, size) uint8, 0 black -> (N,) probabilities of pneumonia."""

    def __init__(self, ensemble: nn.Module) -> None:
        super().__init__()
        self.ensemble = ensemble

    def forward(self, pixels: Tensor) -> Tensor:
        return torch.sigmoid(self.ensemble(pixels.unsqueeze(1).float() / 255))


def export_onnx(model: Model, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a model as one ONNX file; return its path.

    path: ends in ".onnx", by which other programs know the format.
    Its input "pixels" is (images, size, size) uint8, 0 black, for any number of images: grey levels, resized as
    `pneumo.data.decode.resize_to_square` does. Its output "probability" is (images,) float32. Threshold, record, image
    size, resizing and the note that it is for research only are in the file's metadata; its description says the same
    in words.
    overwrite: whether a file that is there may be replaced.
    Raises DataError for another name, where onnx or onnxscript is not installed, the folder does not exist, or the file
    may not be replaced.
    """
    from pneumo.inference import NOTE

    path = Path(path)
    absent = [name for name in ("onnx", "onnxscript") if importlib.util.find_spec(name) is None]
    if absent:
        raise DataError(f'{" and ".join(absent)} is not installed; pip install "pneumo[onnx]"')
    if not path.parent.is_dir():
        raise DataError(f"the folder {path.parent} does not exist; make it first")
    check_replaceable(path, overwrite, wanted="file")
    check_name(path)
    size = model.experiment.data.image_size
    # Two images, or the exporter would take the number of images for a constant.
    example = torch.zeros(2, size, size, dtype=torch.uint8)
    with quiet_exporter():
        program = torch.onnx.export(
            ExportedModel(model.ensemble).eval(),
            (example,),
            input_names=["pixels"],
            output_names=["probability"],
            dynamic_shapes=({0: torch.export.Dim("images")},),
            opset_version=ONNX_OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None  # with dynamo=True there always is one
    program.model.metadata_props.update(
        {
            "note": NOTE,
            "threshold": repr(model.threshold),
            "record": model.record,
            "record_sha256": model.record_sha256,
            "image": json.dumps(
                {"size": size, "resize": model.experiment.data.resize, "grey": model.experiment.data.grey}
            ),
        }
    )
    program.model.doc_string = description(model)
    with atomic_write(path) as temporary:
        program.save(temporary, external_data=False)
    return path


def check_name(path: Path) -> None:
    """Raises DataError for a file whose name does not end in ".onnx"."""
    if path.suffix.lower() != ".onnx":
        raise DataError(f"{path} does not end in .onnx, by which other programs know the format; name it {path}.onnx")


def description(model: Model) -> str:
    """What whoever runs the file has to do before and after it, in words."""
    from pneumo.inference import NOTE

    settings = model.experiment.data
    size = settings.image_size
    grey = "" if settings.grey == "as-is" else f" Then the grey levels are {GREY_WORDS[settings.grey]}."
    return (
        f"Pneumonia in chest radiographs of children: model {model.experiment.name}, record {model.record}. {NOTE}\n"
        f"Input pixels: (images, {size}, {size}) uint8, 0 black, 255 white. A radiograph is decoded to grey levels of "
        f"8 bits (luma of colour; 16 bits divided by 256) and {RESIZE_WORDS[settings.resize]} to {size} x {size} "
        f"pixels, bilinear over the area that a pixel covers (antialiased).{grey} The file itself divides by 255.\n"
        f"Output probability: (images,) float32, of pneumonia; positive from {model.threshold!r} on."
    )


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Without the exporter's notices about itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
