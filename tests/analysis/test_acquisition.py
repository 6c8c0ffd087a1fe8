"""Tables of the variants, on rates and ranks counted by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from support.records import make_record

from pneumo import records
from pneumo.analysis import acquisition
from pneumo.errors import MissingRecord
from pneumo.experiments.config import DataConfig, Experiment, HeaderConfig

LABELS = np.tile([0, 1], 30)
HEIGHTS = np.repeat([700.0, 800.0, 2000.0], 20)


def header(field: str, values: np.ndarray):
    """Its scores are 3 - 0.002 x the field's value."""
    return make_record(
        experiment=Experiment(
            name=f"headers/{field}", data=DataConfig(name="phantom", version="0-0"), model=HeaderConfig(field=field)
        ),
        scores={"validation": 3 - 0.002 * values},
        labels=LABELS,
        selection={"slope": -0.002, "intercept": 3.0},
    )


def record(validation, seed=0, variant="square", name="g/square-seed-0"):
    scores = {"validation": validation, "stressed": validation, "test": validation}
    return make_record(name, group="g", variant=variant, scores=scores, labels=LABELS, seed=seed)


def scores_with(low_normals: float) -> np.ndarray:
    """Pneumonias at 2; normals at -2, but for those of the low files, which lie at `low_normals`."""
    return np.where(LABELS == 1, 2.0, np.where(HEIGHTS < 900, low_normals, -2.0))


def test_specificity_is_that_of_low_files_and_of_the_others_at_one_sensitivity():
    low, rest = acquisition.stratum_specificities(record(scores_with(3.0)), header("height", HEIGHTS))
    assert (low, rest) == (0.0, 1.0)
    assert acquisition.stratum_specificities(record(scores_with(-2.0)), header("height", HEIGHTS)) == (1.0, 1.0)


@pytest.mark.filterwarnings("error")
def test_where_all_files_are_low_the_specificity_in_others_is_missing():
    low, rest = acquisition.stratum_specificities(
        record(scores_with(3.0)), header("height", np.full(len(HEIGHTS), 500))
    )
    assert 0 < low < 1
    assert np.isnan(rest)


def test_a_variant_has_the_mean_of_its_seeds_with_the_lowest_and_the_highest():
    several = [record(scores_with(3.0)), record(scores_with(-2.0), seed=1, name="g/square-seed-1")]
    frame = acquisition.variant_results({"square-weights": several}, header("height", HEIGHTS))
    row = frame.iloc[0]
    assert (row["variant"], row["seeds"]) == ("square, weights", 2)
    assert (row["specificity, low files"].estimate, row["specificity, low files"].low) == (0.5, 0.0)
    # Two thirds of the normals lie above all pneumonias in one, none in the other.
    assert row["AUC"].low == pytest.approx(1 / 3)
    assert row["AUC"].high == 1.0


def test_evidence_is_taken_from_occluded_images_and_from_ranks_within_a_class():
    widths = np.linspace(500, 2000, 60)
    follows = record(np.where(LABELS == 0, widths, -widths) / 1000)
    dark = record(scores_with(3.0), name="e/square-border-seed-0")
    frame = acquisition.variant_evidence({"square": [follows]}, {("square", "border"): [dark]}, header("width", widths))
    row = frame.iloc[0]
    assert row["width, normal"].estimate == pytest.approx(1.0)
    assert row["width, pneumonia"].estimate == pytest.approx(-1.0)
    assert row["border alone"].estimate == pytest.approx(1 / 3)
    assert row["without lungs"] is None or pd.isna(row["without lungs"])


def test_occluded_records_hold_the_seeds_of_a_variant_together(monkeypatch, tmp_path):
    monkeypatch.setenv("PNEUMO_RECORDS", str(tmp_path))
    first = record(scores_with(-2.0), name="e/square-border-seed-0")
    records.save(first)
    wanted = {("square", "border", 0): first.experiment, ("selected-model", "border"): first.experiment}
    looks = acquisition.occluded_records(wanted)
    assert list(looks) == [("square", "border"), ("selected-model", "border")]
    assert [[each.experiment for each in several] for several in looks.values()] == [[first.experiment]] * 2
    # A network that was not evaluated is an error, not a shorter table.
    with pytest.raises(MissingRecord):
        acquisition.occluded_records({("square", "border", 7): replace(first.experiment, seed=7)})


def test_goals_stand_beside_what_both_models_reach_by_hand():
    widths = np.linspace(500, 2000, 60)
    old = record(scores_with(3.0) - widths * 1e-6, variant="old")
    new = record(np.where(LABELS == 1, 2.0, -2.0) - widths * 1e-6, variant="new")
    border = {("selected-model", "border"): [old], ("independent-model", "border"): [new]}
    table = acquisition.goals(old, new, border, height=header("height", HEIGHTS), width=header("width", widths))
    assert table["part"].tolist() == ["validation"] * 4 + ["test"] * 3
    # The low normals of the old model lie above all pneumonias: specificity 0 in low files, 1 in the others.
    assert table["selected model"].tolist()[:2] == [1.0, pytest.approx(1 / 3)]
    assert table["independent model"].tolist()[:2] == [0.0, 1.0]
    correlation = table.loc[2, "selected model"]
    assert table.loc[2, "wanted"] == f"at most {correlation / 2:.3f}"
    assert table.loc[4:, "independent model"].tolist() == [1.0, 1.0, 1.0]
    assert table.loc[6, "selected model"] == pytest.approx(1 / 3)
