from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from support.chests import Made
from support.records import make_record

from pneumo import data, experiments, models, records
from pneumo.augment import scale
from pneumo.cli import main
from pneumo.errors import MissingRecord
from pneumo.experiments import study
from pneumo.experiments.config import CNNConfig, Experiment, TrainingConfig
from pneumo.inference import load_model, pack, training_images, unpack
from pneumo.inference.model import trained_networks
from pneumo.inference.packing import image_digests
from pneumo.io.paths import weights_path


@pytest.fixture
def recorded(monkeypatch) -> Experiment:
    """An experiment on the phantom that counts as run: its record and its weights are in place."""
    monkeypatch.setenv("PNEUMO_DATASET", "phantom")
    experiment = Experiment(
        name="first-network/small",
        data=experiments.study_data(image_size=16),
        model=CNNConfig(width=4, depth=2),
        training=TrainingConfig(),
    )
    dataset = data.load("phantom")
    parts = data.split(dataset.table)
    network = models.build(experiment.model, torch.Generator().manual_seed(0)).eval()
    images = data.pixels(dataset, size=16, progress=False).rows(parts.validation)
    with torch.inference_mode():
        logits = network(scale(torch.from_numpy(images))).numpy()
    split = records.split_frame(dataset.table, [("train", parts.train), ("validation", parts.validation)])
    records.save(make_record(experiment=experiment, scores={"validation": logits}, split=split))
    weights_path(experiment.key).parent.mkdir(parents=True)
    save_file(network.state_dict(), weights_path(experiment.key))
    return experiment


def test_a_packed_experiment_predicts_its_recorded_probabilities_from_the_images_themselves(recorded, tmp_path):
    model = load_model(pack(recorded, tmp_path / "m.safetensors", progress=False))
    frame = records.get(recorded).frame("validation").iloc[:20]
    dataset = data.load("phantom")
    rows = {image: row for row, image in enumerate(dataset.table["image"])}
    images = [dataset.source.image(rows[image]) for image in frame["image"]]
    np.testing.assert_allclose(model.predict_proba(images)[:, 1], frame["probability"], atol=1e-3)


@pytest.mark.parametrize(("resize", "grey"), [("stretch", "as-is"), ("square", "equalised")])
def test_a_packed_experiment_knows_its_images_and_no_others(recorded, resize, grey):
    record = records.get(recorded)
    settings = replace(recorded.data, resize=resize, grey=grey)
    dataset = data.load("phantom")
    digests = image_digests(replace(record, experiment=replace(recorded, data=settings)), dataset, progress=False)
    model = replace(
        load_model(),
        experiment=replace(recorded, data=settings),
        images=training_images.from_json(training_images.to_json(digests)),
    )
    rows = {image: row for row, image in enumerate(dataset.table["image"])}
    chosen = record.split.groupby("part").head(3)
    found = [
        model.part_of(model.radiograph(dataset.source.image(rows[image]), image)) for image in chosen["image"].tolist()
    ]
    assert found == chosen["part"].tolist()
    test = data.split(dataset.table).test[:3]
    assert [model.part_of(model.radiograph(dataset.source.image(int(row)), "")) for row in test] == [""] * 3


def test_a_packed_file_holds_the_digests(recorded, tmp_path):
    model = load_model(pack(recorded, tmp_path / "m.safetensors", progress=False))
    split = records.get(recorded).split
    assert model.images is not None
    assert len(model.images) == len(split)


def test_what_is_familiar_is_learnt_from_training_images_alone(recorded, tmp_path, monkeypatch):
    before = load_model(pack(recorded, tmp_path / "a", progress=False)).input_statistics
    rows = data.Pixels.array.fget
    parts = data.split(data.load("phantom").table)

    def spoilt(pixels):
        array = rows(pixels).copy()
        array[np.r_[parts.validation, parts.test]] = 255
        return array

    monkeypatch.setattr(data.Pixels, "array", property(spoilt))
    assert load_model(pack(recorded, tmp_path / "b", progress=False)).input_statistics == before
    low, high = before.ranges["aspect"]
    assert 0.8 < low < high < 2.2  # the phantom's files claim 1.35, more or less


def test_without_a_record_or_weights_there_is_nothing_to_pack(recorded, tmp_path):
    with pytest.raises(MissingRecord, match="has no record"):
        pack(replace(recorded, seed=9), tmp_path / "m", progress=False)
    weights_path(recorded.key).unlink()
    with pytest.raises(MissingRecord, match="weights are no part of a record"):
        pack(recorded, tmp_path / "m", progress=False)


def test_the_command_line_packs_an_experiment_by_name(recorded, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        study, "GROUPS", {"first-network": lambda: [recorded, replace(recorded, name="first-network/b")]}
    )
    assert main(["pack", "first-network/small", str(tmp_path / "m.safetensors")]) == 0
    assert load_model(tmp_path / "m.safetensors").record == recorded.key
    assert main(["pack", "first-network", str(tmp_path / "n")]) == 1
    assert "means 2 experiments; name one of: first-network/small, first-network/b" in capsys.readouterr().err
    assert main(["pack", "first-network/nobody", str(tmp_path / "n")]) == 1
    assert "no experiments are called 'first-network/nobody'" in capsys.readouterr().err


def test_unpacked_weights_are_those_of_the_file_and_what_is_there_stays(made: Made, tmp_path, monkeypatch):
    monkeypatch.setenv("PNEUMO_CACHE", str(tmp_path / "cache"))
    (path,) = unpack(made.file)
    assert path == weights_path(made.record.experiment.key)
    ((member, trained),) = trained_networks(made.file)
    assert member == made.record.experiment
    found = load_file(path)
    assert found.keys() == trained.state_dict().keys()
    assert all(torch.equal(found[name], value) for name, value in trained.state_dict().items())
    trained.eval()
    images = torch.rand(2, 1, 32, 32)
    assert trained(images).detach() == pytest.approx(made.model.ensemble(images), abs=1e-4)
    path.write_bytes(b"mine")
    assert unpack(made.file) == [path]
    assert path.read_bytes() == b"mine"
