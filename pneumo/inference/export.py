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

from pneumo.errors import DataError
from pneumo.io.files import atomic_write, check_replaceable

if TYPE_CHECKING:
    from pneumo.inference import Model

ONNX_OPSET = 20
"""Of ONNX: the first that can do what the spatial transformer does."""


class ExportedModel(nn.Module):
    """What is exported: (N, size, size) uint8, 0 black -> (N,) probabilities of pneumonia."""

    def __init__(self, ensemble: nn.Module) -> None:
        super().__init__()
        self.ensemble = ensemble

    def forward(self, pixels: Tensor) -> Tensor:
        return torch.sigmoid(self.ensemble(pixels.unsqueeze(1).float() / 255))


def export_onnx(model: Model, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write a model as one ONNX file; return its path.

    Its input "pixels" is (N, size, size) uint8, 0 black, for any N: grey levels, resized as
    `pneumo.data.decode.resize_to_square` does. Its output "probability" is (N,) float32. Threshold, record, image size,
    resizing and the note that it is for research only are in the file's metadata.
    overwrite: whether a file that is there may be replaced.
    Raises DataError where onnx or onnxscript is not installed, the folder does not exist, or the file may not be
    replaced.
    """
    from pneumo.inference import NOTE

    path = Path(path)
    absent = [name for name in ("onnx", "onnxscript") if importlib.util.find_spec(name) is None]
    if absent:
        raise DataError(f'{" and ".join(absent)} is not installed; pip install "pneumo[onnx]"')
    if not path.parent.is_dir():
        raise DataError(f"the folder {path.parent} does not exist; make it first")
    check_replaceable(path, overwrite)
    size = model.experiment.data.image_size
    # Two images, or the exporter would take the number of images for a constant.
    example = torch.zeros(2, size, size, dtype=torch.uint8)
    with quiet_exporter():
        program = torch.onnx.export(
            ExportedModel(model.ensemble).eval(),
            (example,),
            input_names=["pixels"],
            output_names=["probability"],
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},),
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
    with atomic_write(path) as temporary:
        program.save(temporary, external_data=False)
    return path


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
