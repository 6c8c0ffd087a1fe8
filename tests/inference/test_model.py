import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from support.chests import Made, chests, png

import pneumo
from pneumo import experiments, models, records
from pneumo.errors import DataError, MissingRecord
from pneumo.experiments.config import (
    DataConfig,
    Experiment,
    HeaderConfig,
    PretrainedConfig,
    ReevaluationConfig,
    from_dict,
)
from pneumo.inference import fit_input_statistics, load_model, save_model
from pneumo.inference.model import member_experiments
from pneumo.inference.quantisation import dequantise, quantise
from pneumo.interpret.gradcam import GradCamOverlays, grad_cam, overlay
from pneumo.models import pretrained


def metadata(path) -> dict[str, str]:
    with safetensors.safe_open(path, "pt") as file:
        return file.metadata()


def test_a_packed_model_says_what_its_record_says(made: Made):
    np.testing.assert_allclose(made.model.predict_proba(made.images)[:, 1], made.record.predictions["test"], atol=1e-3)
    assert np.ptp(made.record.predictions["test"]) > 0.01  # or anything would agree


def test_predict_and_predict_proba_return_what_scikit_learns_classifiers_do(made: Made):
    probabilities = made.model.predict_proba(made.images)
    assert probabilities.shape == (6, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    threshold = float(np.sort(probabilities[:, 1])[3])  # three of six reach it
    model = replace(made.model, threshold=threshold)
    decisions = model.predict(made.images)
    np.testing.assert_array_equal(decisions, probabilities[:, 1] >= threshold)
    assert decisions.sum() == 3
    words = model.predict_frame(made.images)["decision"]
    np.testing.assert_array_equal(words == "positive", decisions == 1)


def test_arrays_files_and_paths_of_an_image_get_the_same_probability(made: Made, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(made.images[0]))
    colour = np.repeat(made.images[0][..., None], 3, axis=2)
    deep = made.images[0].astype(np.uint16) * 256 + 77
    expected = made.model.predict_proba(made.images[0])[:, 1]
    assert expected.shape == (1,)
    for image in (path, str(path), colour, deep):
        np.testing.assert_array_equal(made.model.predict_proba(image)[:, 1], expected)
    np.testing.assert_allclose(made.model.predict_proba([path, colour, deep])[:, 1], np.repeat(expected, 3), atol=1e-6)


def test_16_bit_png_is_read_as_the_array_it_holds(made: Made, tmp_path):
    deep = made.images[0].astype(np.uint16) * 256
    (tmp_path / "a.png").write_bytes(png(deep))
    np.testing.assert_array_equal(
        made.model.predict_proba(tmp_path / "a.png")[:, 1], made.model.predict_proba(deep)[:, 1]
    )


def test_images_of_any_size_are_resized_as_in_training(made: Made):
    large = np.kron(made.images[0], np.ones((3, 3), np.uint8))
    np.testing.assert_allclose(
        made.model.predict_proba(large)[:, 1], made.model.predict_proba(made.images[0])[:, 1], atol=0.02
    )


def test_more_images_than_a_batch_keep_their_order(made: Made):
    images = chests(70)
    expected = [made.model.predict_proba(image)[0, 1] for image in images]
    np.testing.assert_allclose(made.model.predict_proba(images)[:, 1], expected, atol=1e-6)


def test_the_decision_is_positive_from_the_threshold_on(made: Made):
    frame = made.model.predict_frame(made.images)
    assert frame["image"].tolist() == [f"image {i}" for i in range(1, 7)]
    np.testing.assert_array_equal(frame["decision"] == "positive", frame["probability"] >= 0.4)
    assert set(frame["note"]) == {"Research only, not a medical device."}


def test_a_model_is_shown_in_one_line(made: Made):
    assert repr(made.model) == f"Model(group/seed-0: 1 network, 32 pixels, threshold 0.4000, record {made.record.key})"


def test_no_images_give_no_probabilities(made: Made):
    assert made.model.predict_proba([]).shape == (0, 2)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((4, 4), 2.0), r"image 2 has floats from 2 to 2; give them in \[0, 1\], or uint8"),
        (np.full((4, 4), -0.1), r"image 2 has floats from -0.1 to -0.1; give them in \[0, 1\]"),
        (np.full((4, 4), np.nan), r"image 2 has floats from nan to nan"),
        (np.zeros((4, 4), int), r"image 2 is int64; give uint8 .*, uint16 .* or floats in \[0, 1\]"),
        (np.zeros((4, 4), bool), "image 2 is bool; give uint8"),
        (np.zeros((4, 4, 5), np.uint8), r"image 2 has shape \(4, 4, 5\); give \(H, W\)"),
        (np.zeros((3, 9, 9), np.uint8), r"image 2 has shape \(3, 9, 9\); give \(H, W\)"),
        (torch.zeros(2, 3, 9, 9), r"image 2 has shape \(2, 3, 9, 9\)"),
        ([[1, 2], [3]], "image 2 is a list and no image"),
        (object(), "image 2 is object; give uint8"),
        (b"", "image 2 is empty"),
        (np.zeros((0, 4), np.uint8), r"image 2 has shape \(0, 4\)"),
        ("missing.png", r"missing\.png cannot be read"),
    ],
)
def test_what_is_no_image_is_refused_by_name(made: Made, image, message):
    with pytest.raises(DataError, match=message):
        made.model.predict_proba([made.images[0], image])


# What an array is ----------------------------------------------------------------------------------------------------


def one(made: Made) -> np.ndarray:
    """An image that is wider than high, so that axes cannot be confused unnoticed."""
    return np.kron(made.images[0], np.ones((2, 3), np.uint8))


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image[..., None],
        lambda image: np.repeat(image[..., None], 3, axis=2),
        lambda image: np.dstack([image, np.full_like(image, 255)]),
        lambda image: np.dstack([image, image, image, np.full_like(image, 255)]),
        lambda image: image[None],
        lambda image: image[None, ..., None],
        lambda image: image[None, None],
        lambda image: np.repeat(image[None, None], 3, axis=1),
        lambda image: image / 255,
        lambda image: (image / 255).astype(np.float32)[..., None],
        lambda image: (image / 255).astype(np.float64),
        lambda image: image.astype(np.uint16) * 256,
        lambda image: (image.astype(np.uint16) * 256).astype(">u2"),
        np.asfortranarray,
        torch.from_numpy,
        lambda image: torch.from_numpy(image)[None],
        lambda image: torch.from_numpy(image / 255)[None, None].requires_grad_(),
        lambda image: torch.from_numpy(image)[..., None].expand(-1, -1, 3),
        lambda image: torch.from_numpy(image / 255)[None, None].expand(-1, 3, -1, -1),
        Image.fromarray,
        lambda image: Image.fromarray(image).convert("RGB"),
        lambda image: Image.fromarray(image).convert("P"),
        lambda image: Image.fromarray(image).convert("LA"),
        lambda image: Image.fromarray(image).convert("CMYK"),
        lambda image: Image.fromarray(image.astype(np.uint16) * 256),
        png,
        lambda image: [image],
        lambda image: iter([image]),
        lambda image: pd.Series([image]),
    ],
)
def test_an_image_is_one_image_in_whatever_form_it_comes(made: Made, change):
    image = one(made)
    found = made.model.predict_proba(change(image))
    assert found.shape == (1, 2)
    np.testing.assert_allclose(found, made.model.predict_proba(image), atol=2e-3)


@pytest.mark.parametrize(
    "change",
    [
        np.stack,
        lambda images: np.stack(images)[..., None],
        lambda images: np.stack(images)[:, None],
        lambda images: np.stack([np.repeat(image[..., None], 3, axis=2) for image in images]),
        lambda images: np.stack([np.repeat(image[None], 3, axis=0) for image in images]),
        lambda images: np.stack(images) / 255,
        lambda images: torch.from_numpy(np.stack(images)),
        lambda images: torch.from_numpy(np.stack(images))[:, None],
        lambda images: [Image.fromarray(image) for image in images],
    ],
)
def test_a_stack_is_as_many_images_as_it_holds(made: Made, change):
    images = [one(made), one(made)[::-1], one(made)[:, ::-1], one(made) // 2, 255 - one(made)]
    expected = [made.model.predict_proba(image)[0] for image in images]
    np.testing.assert_allclose(made.model.predict_proba(change(images)), expected, atol=2e-3)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((30, 40, 5), np.uint8), r"images has shape \(30, 40, 5\); give .* sides of 8 and more"),
        (np.zeros((30, 7, 40), np.uint8), r"images has shape \(30, 7, 40\)"),
        (np.zeros((2, 3, 40, 3), np.uint8), r"images has shape \(2, 3, 40, 3\); give"),
        (np.zeros((2, 40, 30, 5), np.uint8), r"images has shape \(2, 40, 30, 5\); give"),
        (np.zeros((1, 1, 1, 40, 40), np.uint8), r"images has shape \(1, 1, 1, 40, 40\); give"),
        (np.zeros(40, np.uint8), r"images has shape \(40,\); give"),
        (np.uint8(7) + np.zeros((), np.uint8), r"give"),
        (torch.zeros(3, 40, 30), r"may be 3 grey images or the channels of one; give \(3, 1, H, W\) or \(1, 3, H, W\)"),
        (None, "images is a NoneType; give a path, an array, or several of them"),
        (7, "images is a int; give a path"),
    ],
)
def test_a_shape_that_can_mean_two_things_or_none_is_refused(made: Made, images, message):
    with pytest.raises(DataError, match=message):
        made.model.predict_proba(images)


def test_a_folder_and_an_archive_are_their_radiographs_in_order(made: Made, tmp_path):
    (tmp_path / "films/b").mkdir(parents=True)
    for name, image in zip(("c", "a.png", "b/d.jpg_1"), made.images, strict=False):
        (tmp_path / "films" / name).write_bytes(png(image))
    (tmp_path / "films/notes.txt").write_text("text")
    shutil.make_archive(str(tmp_path / "films"), "zip", tmp_path / "films")
    expected = made.model.predict_proba(made.images[[1, 2, 0]])
    for path in (tmp_path / "films", str(tmp_path / "films.zip")):
        frame = made.model.predict_frame(path)
        np.testing.assert_allclose(frame["probability"], expected[:, 1], atol=1e-6)
        assert frame["image"].tolist() == [f"{path}/{name}" for name in ("a.png", "b/d.jpg_1", "c")]


def test_a_folder_of_which_something_cannot_be_read_is_refused_by_name(made: Made, tmp_path):
    (tmp_path / "a.png").write_bytes(png(made.images[0]))
    (tmp_path / "b.png").write_bytes(b"broken")
    with pytest.raises(DataError, match=r"b\.png is no JPEG or PNG image"):
        made.model.predict_proba(tmp_path)


def test_a_folder_among_images_is_refused(made: Made, tmp_path):
    with pytest.raises(DataError, match="is a folder; give it by itself, or its files"):
        made.model.predict_proba([made.images[0], tmp_path])


def test_the_file_says_what_it_is_and_where_it_came_from(made: Made):
    strings = metadata(made.file)
    assert strings["format"] == "pneumo-model 1"
    assert from_dict(json.loads(strings["experiment"])) == made.record.experiment
    assert float(strings["threshold"]) == 0.4
    assert strings["record"] == made.record.key
    assert strings["record_sha256"] == json.loads(made.record_file.read_text())["digest"]
    assert strings["note"] == "Research only, not a medical device."
    assert made.model.record_sha256 == strings["record_sha256"]


def test_the_file_is_half_as_large_as_the_weights(made: Made):
    tensors = load_file(made.file)
    matrices = [value for value in load_file(made.weights).values() if value.ndim > 1]
    assert sum(v.numel() for v in tensors.values() if v.dtype == torch.int16) == sum(v.numel() for v in matrices)
    assert not any(value.ndim > 1 for value in tensors.values() if value.dtype == torch.float32)


def test_shortened_weights_come_back_within_a_65534th_of_the_largest_of_their_filter():
    weights = torch.randn(5, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    weights *= torch.logspace(-6, 3, 5).view(5, 1, 1, 1)
    weights[2] = 0
    back = dequantise(quantise({"w": weights, "b": weights[:, 0, 0, 0]}))
    largest = weights.abs().amax(dim=(1, 2, 3), keepdim=True)
    assert ((back["w"] - weights).abs() <= largest / 65534 * 1.01).all()
    assert torch.equal(back["b"], weights[:, 0, 0, 0])


def test_networks_that_read_together_average_their_logits_and_those_of_the_mirror_image(made: Made, tmp_path):
    single = made.record.experiment
    reading = Experiment(
        name="reading/both",
        data=single.data,
        model=ReevaluationConfig(network=single.model, seeds=(0, 1), mirrored=True),
    )
    record_file = records.save(replace(made.record, experiment=reading), tmp_path)
    second = models.build(single.model, torch.Generator().manual_seed(5))
    save_file(second.state_dict(), tmp_path / "second.safetensors")
    weights = [made.weights, tmp_path / "second.safetensors"]
    input_statistics = made.model.input_statistics
    both = load_model(
        save_model(record_file, tmp_path / "both.safetensors", input_statistics=input_statistics, weights=weights)
    )
    logits = []
    for file in weights:
        alone = load_model(
            save_model(
                made.record_file, tmp_path / "one.safetensors", input_statistics=input_statistics, weights=[file]
            )
        )
        for images in (made.images, made.images[:, :, ::-1]):
            probability = alone.predict_proba(images)[:, 1]
            logits.append(np.log(probability / (1 - probability)))
    np.testing.assert_allclose(
        both.predict_proba(made.images)[:, 1], 1 / (1 + np.exp(-np.mean(logits, axis=0))), atol=1e-5
    )


def test_the_networks_of_a_reading_are_those_that_its_seeds_trained():
    single = Experiment(name="a/0", data=DataConfig(name="phantom", version=""), model=PretrainedConfig())
    reading = replace(single, model=ReevaluationConfig(network=PretrainedConfig(), seeds=(3, 4)))
    assert [member.key for member in member_experiments(reading)] == [replace(single, seed=seed).key for seed in (3, 4)]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (HeaderConfig(field="width"), "has no network"),
        (ReevaluationConfig(network=PretrainedConfig(), look="border"), "changes images before it reads them"),
    ],
)
def test_an_experiment_that_reads_no_whole_images_is_no_model(model, message):
    with pytest.raises(DataError, match=message):
        member_experiments(Experiment(name="a/0", data=DataConfig(name="phantom", version=""), model=model))


def test_a_model_from_imagenet_weights_is_read_without_them(made: Made, tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "weights", lambda *_: pytest.fail("asked for ImageNet's weights"))
    experiment = replace(made.record.experiment, model=PretrainedConfig(train="top"))
    record_file = records.save(replace(made.record, experiment=experiment), tmp_path)
    network = models.build(PretrainedConfig(train="scratch"))
    save_file(network.state_dict(), tmp_path / "w.safetensors")
    file = save_model(
        record_file,
        tmp_path / "m.safetensors",
        input_statistics=made.model.input_statistics,
        weights=[tmp_path / "w.safetensors"],
    )
    assert file.stat().st_size < 10_000_000
    assert load_model(file).predict_proba(made.images).shape == (6, 2)


def test_grad_cam_of_a_model_is_that_of_its_network(made: Made):
    radiographs = [made.model.radiograph(image, "x") for image in made.images]
    (network,) = made.model.ensemble.networks
    np.testing.assert_allclose(made.model.grad_cam(radiographs), grad_cam(network, made.images), atol=1e-6)


def test_grad_cam_of_a_mirrored_reading_is_mirrored_with_its_images(made: Made):
    both = replace(made.model, ensemble=type(made.model.ensemble)(list(made.model.ensemble.networks), mirrored=True))
    straight = both.grad_cam([made.model.radiograph(image, "x") for image in made.images])
    mirrored = both.grad_cam([made.model.radiograph(image[:, ::-1], "x") for image in made.images])
    np.testing.assert_allclose(mirrored, straight[:, :, ::-1], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "experiment"),
    [("selected", experiments.test_time_augmentation()[-1]), ("independent", experiments.independent_model()[0])],
)
def test_a_shipped_model_is_known_by_its_name_and_is_that_of_its_record(name, experiment):
    root = Path(__file__).parents[2] / "records"
    model, record = load_model(name), records.get(experiment, root)
    assert (model.record, model.threshold) == (record.key, record.threshold)
    file = next(path for path in records.paths(root) if path.stem.endswith(record.key))
    assert model.record_sha256 == json.loads(file.read_text(encoding="utf-8"))["digest"]
    assert model.calibration is not None
    np.testing.assert_allclose(model.calibration.logits, record.scores["validation"], atol=1e-3)


def test_where_no_model_is_shipped_the_error_says_how_to_get_one(monkeypatch, tmp_path):
    monkeypatch.setattr("pneumo.inference.model.SHIPPED_MODEL_PATH", tmp_path / "none.safetensors")
    with pytest.raises(DataError, match="comes without a model; .*pneumo pack NAME FILE"):
        pneumo.load_model()


def test_a_path_without_a_model_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"none\.safetensors does not exist"):
        load_model(tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("indep", r'a model that comes with the package \(selected, independent\).*did you mean "independent"\?'),
        ("foo", r"foo is neither a model that comes with the package \(selected, independent\), nor a file"),
        ("none.safetensors", r"does not exist; .*With the package come selected and independent"),
    ],
)
def test_a_name_of_no_model_is_answered_with_those_there_are(name, message):
    with pytest.raises(DataError, match=message):
        load_model(name)


def test_bytes_that_are_no_model_are_refused(tmp_path, made: Made):
    (tmp_path / "a").write_bytes(made.file.read_bytes()[:1000])
    with pytest.raises(DataError, match="is no whole model file"):
        load_model(tmp_path / "a")


def test_plain_weights_and_other_versions_are_refused(tmp_path, made: Made):
    with pytest.raises(DataError, match="is not in the format 'pneumo-model 1' but 'another'"):
        load_model(made.weights)
    save_file(load_file(made.file), tmp_path / "b", metadata(made.file) | {"format": "pneumo-model 9"})
    with pytest.raises(DataError, match="'pneumo-model 9'"):
        load_model(tmp_path / "b")


def test_a_model_whose_tensors_do_not_fit_its_experiment_is_refused(tmp_path, made: Made):
    tensors = load_file(made.file)
    del tensors["0.head.bias"]
    save_file(tensors, tmp_path / "a", metadata(made.file))
    with pytest.raises(DataError, match=r"does not hold what it should.*head\.bias"):
        load_model(tmp_path / "a")


def test_missing_weights_are_named_with_the_remedy(made: Made, tmp_path):
    with pytest.raises(MissingRecord, match="run the experiment again"):
        save_model(made.record_file, tmp_path / "m", input_statistics=fit_input_statistics(chests(4)))


def test_an_overlay_by_name_is_the_image_with_the_models_own_map_over_it(made: Made):
    picture = GradCamOverlays(made.model, lambda image, subtype: made.images[int(image)])("2", "virus")
    radiograph = made.model.radiograph(made.images[2], "2")
    np.testing.assert_array_equal(picture, overlay(made.images[2][None], made.model.grad_cam([radiograph]))[0])
    assert picture.shape == (*made.images[2].shape, 3)
