import json
import sys
from dataclasses import replace
from typing import get_args

import numpy as np
import onnxruntime
import pytest
import torch

from pneumo import models
from pneumo.cli import main
from pneumo.data.decode import ResizeRule
from pneumo.data.grey import GreyRule
from pneumo.errors import DataError
from pneumo.experiments.config import CNNConfig, DataConfig, Experiment, PretrainedConfig, TransformerConfig
from pneumo.inference import Model, fit_input_statistics
from pneumo.inference.export import description, export_onnx
from pneumo.inference.model import Ensemble


def model_of(config, size: int, *, mirrored: bool = False) -> Model:
    generator = torch.Generator().manual_seed(0)
    network = models.build(config, generator)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name == "regression.bias":  # a window of its own, or nothing would be read
                parameter.add_(0.1 * torch.randn(len(parameter), generator=generator))
    return Model(
        experiment=Experiment(name="a/0", data=DataConfig(name="phantom", version="", image_size=size), model=config),
        threshold=0.4,
        record="abc",
        record_sha256="def",
        input_statistics=fit_input_statistics(np.zeros((1, size, size), np.uint8)),
        ensemble=Ensemble([network], mirrored=mirrored).eval(),
    )


@pytest.mark.parametrize(
    ("config", "size", "mirrored"),
    [
        (CNNConfig(width=4, depth=2), 16, True),
        (TransformerConfig(network=CNNConfig(width=4, depth=2)), 16, False),
        (PretrainedConfig(train="scratch"), 32, False),
    ],
    ids=["cnn-mirrored", "spatial-transformer", "efficientnet-lite0"],
)
def test_onnx_runtime_and_pytorch_agree_for_any_number_of_images(config, size, mirrored, tmp_path):
    model = model_of(config, size, mirrored=mirrored)
    session = onnxruntime.InferenceSession(export_onnx(model, tmp_path / "m.onnx"))
    images = np.random.default_rng(0).integers(0, 256, (5, size, size), dtype=np.uint8)
    for count in (1, 5):
        (probabilities,) = session.run(["probability"], {"pixels": images[:count]})
        np.testing.assert_allclose(probabilities, model.predict_proba(images[:count])[:, 1], atol=1e-4)
    facts = session.get_modelmeta().custom_metadata_map
    assert facts["note"] == "Research only, not a medical device."
    assert float(facts["threshold"]) == 0.4
    assert json.loads(facts["image"]) == {"size": size, "resize": "stretch", "grey": "as-is"}
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_the_file_says_in_words_what_it_takes_and_its_number_of_images_has_a_name(tmp_path):
    model = model_of(CNNConfig(width=2, depth=2), 16)
    session = onnxruntime.InferenceSession(export_onnx(model, tmp_path / "m.onnx"))
    assert [each.shape for each in (*session.get_inputs(), *session.get_outputs())] == [["images", 16, 16], ["images"]]
    text = session.get_modelmeta().description
    assert "stretched, without regard to its aspect ratio, to 16 x 16 pixels" in text
    assert "The file itself divides by 255." in text
    assert "positive from 0.4 on" in text


@pytest.mark.parametrize("resize", get_args(ResizeRule))
@pytest.mark.parametrize("grey", get_args(GreyRule))
def test_every_preprocessing_has_words(resize, grey):
    model = model_of(CNNConfig(width=2, depth=2), 16)
    data = replace(model.experiment.data, resize=resize, grey=grey)
    text = description(replace(model, experiment=replace(model.experiment, data=data)))
    assert ("Then the grey levels are" in text) == (grey != "as-is")


def test_a_name_that_other_programs_would_not_know_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("pneumo.inference.load_model", lambda _path: pytest.fail("the model was loaded first"))
    assert main(["export", str(tmp_path / "m")]) == 1
    assert f"name it {tmp_path / 'm'}.onnx" in capsys.readouterr().err


def test_without_the_exporter_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "onnxscript" else sys)
    with pytest.raises(DataError, match=r'onnxscript is not installed; pip install "pneumo\[onnx\]"'):
        export_onnx(model_of(CNNConfig(width=2, depth=2), 16), tmp_path / "m.onnx")


def test_a_folder_that_is_not_there_is_refused_before_anything_is_computed(tmp_path):
    with pytest.raises(DataError, match="the folder .*none does not exist"):
        export_onnx(model_of(CNNConfig(width=2, depth=2), 16), tmp_path / "none" / "m.onnx")


def test_the_command_line_exports(tmp_path, monkeypatch, capsys):
    model = model_of(CNNConfig(width=2, depth=2), 16)
    monkeypatch.setattr("pneumo.inference.load_model", lambda path: replace(model, record=str(path)))
    assert main(["export", str(tmp_path / "m.onnx"), "--model", "file"]) == 0
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    assert session.get_modelmeta().custom_metadata_map["record"] == "file"
