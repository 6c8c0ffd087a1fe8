"""A model knows the images that it was made from."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from support.chests import Made, chests, png

from pneumo.cli import main
from pneumo.inference import evaluate_files, load_model, save_model, training_images
from pneumo.inference.model import SHIPPED_MODELS
from pneumo.reporting.evaluation_report import write_report

NOTICE = "figures on them say nothing of new images"


@pytest.fixture
def own_model(made: Made, tmp_path):
    """The file of a model that was trained on the first image and validated on the second."""
    train, validation = (hashlib.blake2b(image.tobytes(), digest_size=6).digest() for image in made.images[:2])
    return save_model(
        made.record_file,
        tmp_path / "own.safetensors",
        input_statistics=made.model.input_statistics,
        images={"train": [train], "validation": [validation]},
        weights=[made.weights],
    )


@pytest.fixture
def films(made: Made, tmp_path):
    for number, image in enumerate(made.images):
        place = tmp_path / "films" / ("pneumonia" if number % 2 else "normal") / f"{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(png(image))
    return tmp_path / "films"


def test_what_is_stored_is_read_again_and_training_comes_before_validation():
    stored = training_images.to_json({"train": [b"bbbbbb", b"aaaaaa"], "validation": [b"aaaaaa", b"cccccc"]})
    found = {b"aaaaaa": "train", b"bbbbbb": "train", b"cccccc": "validation"}
    assert training_images.from_json(stored) == found


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"train": "AAAA", "validation": ""}', '{"train": "?", "validation": ""}']
)
def test_digests_that_are_none_are_refused(text):
    with pytest.raises(ValueError, match=r"digests|base64|characters|padding"):
        training_images.from_json(text)


def test_an_evaluation_on_the_models_own_images_says_so_and_claims_no_independence(
    own_model, films, made: Made, tmp_path, capsys
):
    evaluation = evaluate_files(load_model(own_model), films, progress=False)
    parts = dict(zip(evaluation.predictions["image"].str[-5:], evaluation.predictions["part"], strict=True))
    assert parts == {"0.png": "train", "1.png": "validation", **{f"{number}.png": "" for number in range(2, 6)}}
    said = f"2 of these 6 images are among the training and validation images of this model; {NOTICE}"
    assert said in evaluation.notices
    assert main(["evaluate", str(films), "--model", str(own_model), "--report", str(tmp_path / "r.html")]) == 0
    assert f"pneumo: {said}\n" in capsys.readouterr().err
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert said in text
    assert "before it saw these images" not in text


def test_new_images_are_an_independent_test(own_model, films, tmp_path):
    (films / "normal/0.png").unlink()
    (films / "pneumonia/1.png").unlink()
    evaluation = evaluate_files(load_model(own_model), films, progress=False)
    assert evaluation.own_images == 0
    assert not any(NOTICE in notice for notice in evaluation.notices)
    text = write_report(evaluation, tmp_path / "r.html").read_text(encoding="utf-8")
    assert "fixed before it saw these images" in text


def test_a_model_file_without_digests_claims_nothing(made: Made, films, tmp_path):
    assert made.model.images is None
    evaluation = evaluate_files(made.model, films, progress=False)
    assert set(evaluation.predictions["part"]) == {""}
    text = write_report(evaluation, tmp_path / "r.html").read_text(encoding="utf-8")
    assert "before it saw these images" not in text
    assert "does not tell which images it was trained on" in text


def test_one_image_is_spoken_of_as_one(made: Made, films):
    model = replace(made.model, images={training_images.image_digest(made.images[0]): "train"})
    notices = evaluate_files(model, films, progress=False).notices
    assert f"1 of these 6 images is among the training images of this model; {NOTICE}" in notices


@pytest.mark.parametrize("name", SHIPPED_MODELS)
def test_the_models_of_the_package_know_their_images(name):
    images = load_model(name).images
    assert images is not None
    parts = list(images.values())
    # 4,447 and 785 images, some of which the publisher has twice
    assert (parts.count("train"), parts.count("validation")) == (4425, 781)
    assert training_images.image_digest(np.zeros((160, 160), np.uint8)) not in images


def test_a_damaged_list_of_digests_is_explained(own_model, capsys):
    data = own_model.read_bytes()
    good = json.dumps(training_images.to_json({"train": [], "validation": []}))
    assert good[1:-1].encode() not in data  # it holds some
    own_model.write_bytes(data.replace(b'\\"train\\"', b'\\"trAin\\"'))
    assert main(["predict", "x", "--model", str(own_model)]) == 1
    assert "its training images are no digests" in capsys.readouterr().err


def test_an_image_that_was_scaled_or_saved_anew_counts_as_another_one():
    image = chests(1)[0]
    other = image.copy()
    other[0, 0] ^= 1
    assert training_images.image_digest(image) != training_images.image_digest(other)
