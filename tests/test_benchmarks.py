"""Every benchmark runs on tiny data, and its comparison is fair: both sides compute the same."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import (
    features,
    libraries,
    measuring,
    memory,
    onnxruntime_loop,
    predicting,
    radiographs,
    results,
    scaling,
    study,
    training,
)
from benchmarks.results import Claim, Measurement, Point, Results
from pneumo import data
from pneumo.experiments import study as experiments_of_study
from pneumo.features import extraction
from pneumo.inference import export_onnx, load_model

PROVENANCE = {
    "date": "2024-02-29T12:00:00+00:00",
    "seconds": 61.4,
    "load_before": 0.1,
    "commit": "abc",
    "versions": {"python": "3.11.9"},
    "machine": {"processor": "Z80", "cores": 2, "memory_gb": 0.1, "system": "CP/M"},
}


@pytest.fixture
def some_results() -> Results:
    claim = Claim(name="a/x", what="A by B", values=(0.5, 0.9, 0.7), at_least=0.6, details={"images": 3})
    point = Point(curve="epoch", quantity="images", amount=100, seconds=(3.0, 1.0, 2.0))
    return Results({"a": Measurement(claims=(claim,), points=(point,), provenance=PROVENANCE)})


@pytest.fixture
def light(monkeypatch):
    """No process of its own for what would import Lightning anew, which takes longer than all else."""
    for module in (memory, study):
        monkeypatch.setattr(module, "in_new_process", lambda function, *arguments: function(*arguments))
    monkeypatch.setattr(study, "QUICK", replace(study.QUICK, jobs=1))
    monkeypatch.setattr(
        experiments_of_study, "GROUPS", dict(experiments_of_study.GROUPS)
    )  # what runs there adds a group
    monkeypatch.setattr(libraries, "WORKERS", 0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # the command sets it for good


@pytest.mark.filterwarnings("ignore:.*show one picture")  # the made-up archive repeats a few
@pytest.mark.parametrize("name", command.NAMES)
def test_every_benchmark_runs_and_its_claims_are_written(name, light, tmp_path, capsys):
    assert command.main([name, "--quick", "--folder", str(tmp_path)]) == 0
    claims = results.load(tmp_path).claims()
    assert len(claims)
    assert claims["claim"].is_unique
    assert set(claims["benchmark"]) == {name}
    assert claims["claim"].str.startswith(f"{name}/").all()
    assert np.isfinite(claims[["value", "low", "high"]].to_numpy(float)).all()
    assert (claims["target"] != "").all()
    table = (tmp_path / "RESULTS.md").read_text().splitlines()
    assert all(any(what in line for line in table) for what in claims["what"])
    printed = capsys.readouterr().out
    assert all(claim in printed for claim in claims["claim"])


def test_an_unknown_benchmark_is_refused_with_the_names_there_are(capsys):
    with pytest.raises(SystemExit):
        command.main(["nonsense"])
    assert "nonsense; there are: training, libraries, reading" in capsys.readouterr().err


# Results


@pytest.mark.parametrize(
    ("bounds", "target", "reached"),
    [
        ({"at_least": 0.7}, "at least 0.7 s", True),
        ({"at_least": 0.71}, "at least 0.71 s", False),
        ({"at_most": 0.7}, "at most 0.7 s", True),
        ({"at_most": 0.69}, "at most 0.69 s", False),
        ({"at_least": 0.6, "at_most": 0.69}, "at least 0.6 s, at most 0.69 s", False),
        ({"at_least": 1, "at_most": 1}, "exactly 1 s", False),
        ({}, "", True),
    ],
)
def test_the_median_is_held_to_the_target(bounds, target, reached):
    claim = Claim(name="a", what="A", values=(9.0, 0.7, 0.1), unit="s", **bounds)
    assert (claim.value, claim.target, claim.reached) == (0.7, target, reached)


def test_results_are_read_back_as_they_were_saved(some_results, tmp_path):
    results.save(some_results, tmp_path)
    assert results.load(tmp_path) == some_results


def test_a_folder_without_results_has_none(tmp_path):
    assert results.load(tmp_path).claims().empty
    assert results.load(tmp_path).scaling().empty


def test_measuring_one_benchmark_again_leaves_the_others(some_results):
    other = Measurement(provenance=PROVENANCE)
    both = some_results.with_measurement("b", other)
    assert dict(both.with_measurement("a", other).measurements) == {"a": other, "b": other}


def test_the_frames_hold_medians_and_ranges(some_results):
    claim = some_results.claims().iloc[0]
    assert claim[["value", "low", "high", "target", "reached"]].tolist() == [0.7, 0.5, 0.9, "at least 0.6", True]
    point = some_results.scaling().iloc[0]
    assert point[["curve", "amount", "seconds", "low", "high"]].tolist() == ["epoch", 100, 2, 1, 3]


def test_the_table_says_what_is_not_reached(some_results, tmp_path):
    claim = replace(some_results.measurements["a"].claims[0], at_least=0.8)
    results.save(Results({"a": Measurement(claims=(claim,), provenance=PROVENANCE)}), tmp_path)
    row = (tmp_path / "RESULTS.md").read_text().splitlines()[-1]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == ["A by B", "0.7 (0.5 to 0.9)", "at least 0.8", "**no**"]


# Fairness


def test_ways_are_measured_in_turns():
    calls = []
    ways = {name: lambda name=name: calls.append(name) or len(calls) for name in "ab"}
    measured = measuring.in_turns(ways, rounds=2, warm_up=1)
    assert calls == ["a", "b", "a", "b", "a", "b"]
    assert measured["b"].tolist() == [4, 6]


def test_the_rate_counts_whole_steps_after_the_warm_up():
    # Steps of 10 s, 2 s, 2 s, 4 s; the first one warms up. Three of 32 images in 8 s.
    assert training._rate([0.0, 10.0, 12.0, 14.0, 18.0]) == 12


@pytest.mark.parametrize("name", ["pneumo", *libraries.LIBRARIES])
def test_each_library_shows_every_image_once_changed_and_in_the_same_range(name, monkeypatch):
    if name not in ("pneumo", *libraries.installed()):
        pytest.skip(f"{name} is not installed")
    monkeypatch.setattr(libraries, "WORKERS", 0)  # no process of its own for eight images
    monkeypatch.setattr(libraries, "BATCH", 4)
    random = np.random.default_rng(0)
    images = (random.integers(0, 40, (8, 16, 16)) + 25 * np.arange(8)[:, None, None]).astype(np.uint8)
    way = libraries.ours if name == "pneumo" else libraries.LIBRARIES[name]
    batches = list(way(images, np.arange(8)))
    shown = np.concatenate([batch.numpy() for batch, _ in batches])
    labels = np.concatenate([targets.numpy() for _, targets in batches])
    assert shown.shape == (8, 1, 16, 16)
    assert sorted(labels.tolist()) == list(range(8))
    for image, label in zip(shown, labels.astype(int), strict=True):
        original = images[label] / 255
        assert not np.allclose(image[0], original)
        # Brightness, and what a library fills a moved image's margin with: some have nothing but black.
        assert image.mean() == pytest.approx(original.mean(), abs=0.5 * original.mean() + 0.1)


def test_the_plain_loop_gives_the_probabilities_that_it_is_compared_with(tmp_path):
    paths = predicting.write_files(tmp_path / "files", predicting.QUICK)
    model = load_model()
    exported = export_onnx(model, tmp_path / "model.onnx")
    expected = model.predict_proba(paths)[:, 1]
    np.testing.assert_allclose(onnxruntime_loop.probabilities(exported, paths), expected, atol=1e-3)


def test_scikit_image_measures_the_features_it_is_compared_with():
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 64), dtype=np.uint8)
    for config, measure_one in features.ONE_IMAGE.items():
        function, _ = extraction.EXTRACTORS[type(config)]
        expected = [measure_one(image, config) for image in images]
        np.testing.assert_allclose(function(images, config), expected, rtol=1e-6, atol=1e-6)


def test_experiments_begun_before_longer_ones_are_counted(record):
    def began(second, minutes):
        experiment = replace(record.experiment, minutes=minutes)
        return replace(record, experiment=experiment, provenance={"date": f"2024-01-01T00:00:{second:02}+00:00"})

    # Two at a time: 4 and 5 begin together; 2 should have waited for 3; 1 and 3 begin in the same second.
    assert study._out_of_order([began(0, 4), began(1, 5), began(4, 2), began(9, 1), began(9, 3)], jobs=2) == 1


def test_a_made_up_archive_is_shared_out_like_the_real_one(tmp_path):
    table = radiographs.made_up_archive(tmp_path / "made-up.zip", images=160, size=32).table
    assert table.groupby("patient").size().unique().tolist() == [2]
    assert table.groupby(["split", "label"]).size().to_dict() == {
        ("test", 0): 4,
        ("test", 1): 12,
        ("train", 0): 36,
        ("train", 1): 108,
    }
    assert len(data.split(table).test) == 16


def test_made_up_patients_have_one_diagnosis():
    labels, _, groups, _ = scaling._made_up(scaling.TEST_IMAGES, scaling.TEST_PATIENTS)
    assert len(set(groups)) == 428
    assert len(set(zip(groups, labels, strict=True))) == 428
    assert labels.mean() == pytest.approx(390 / 624, abs=0.02)  # as in the official test part
