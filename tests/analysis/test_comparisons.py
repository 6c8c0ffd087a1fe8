"""Comparisons of variants and the claims of chapters, against differences that are made up."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.records import make_record

from pneumo import evaluation, experiments, records
from pneumo.analysis import comparisons
from pneumo.analysis.comparisons import Claim

REPORT = Path(__file__).parents[2] / "report"
LABELS = np.tile([0, 1], 40)


def variant(name: str, shift: float, *, seeds: int = 3):
    """A variant whose logits are better than chance by `shift`, with little chance of training."""
    chance = np.random.default_rng(0).normal(size=(seeds, len(LABELS)))
    return [
        make_record(
            f"group/{name}-seed-{seed}",
            group="group",
            variant=name,
            seed=seed,
            labels=LABELS,
            scores={"validation": shift * (2 * LABELS - 1) + 0.1 * chance[seed]},
        )
        for seed in range(seeds)
    ]


VARIANTS = {"good": variant("good", 2.0), "poor": variant("poor", 0.5), "same": variant("same", 0.5)}


def test_the_loss_of_one_variant_minus_that_of_another():
    found = comparisons.difference(VARIANTS["good"], VARIANTS["poor"])

    def loss(name):
        return np.mean([evaluation.log_loss(LABELS, one.predictions["validation"]) for one in VARIANTS[name]])

    assert found.interval.estimate == pytest.approx(loss("good") - loss("poor"))
    assert found.interval.high < 0
    assert found.p_value < 0.01


def test_one_network_is_not_compared_with_a_recipe():
    one = [replace(VARIANTS["good"][0], history=[{"epoch": 1}])]
    with pytest.raises(ValueError, match="group/good-seed-0 is one seed"):
        comparisons.difference(one, VARIANTS["poor"])


def test_a_variant_of_another_group_is_found_there():
    claims = comparisons.read_claims("<!-- claim: g: good < h/poor -->")
    groups = {"g": {"good": VARIANTS["good"]}, "h": {"poor": VARIANTS["poor"]}}
    (verdict,) = comparisons.check_claims(claims, groups.__getitem__)
    assert verdict.holds


def test_an_end_point_that_is_unknown_is_refused_by_name():
    with pytest.raises(ValueError, match="end_point='speed' is unknown; choose from loss, validation AUC"):
        comparisons.difference(VARIANTS["good"], VARIANTS["poor"], "speed")


def test_marks_are_read_with_the_primary_end_point_where_they_name_none():
    text = (
        "Better. <!-- claim: group: good < poor -->\n"
        "As good.<!-- claim: group: same = poor, perturbed AUC; a-b: x > y -->"
    )
    assert comparisons.read_claims(text) == [
        Claim(group="group", variant="good", sign="<", other="poor", end_point="loss"),
        Claim(group="group", variant="same", sign="=", other="poor", end_point="perturbed AUC"),
        Claim(group="a-b", variant="x", sign=">", other="y", end_point="loss"),
    ]


@pytest.mark.parametrize("mark", ["good better than poor", "group: good < poor, speed", "good < poor"])
def test_a_mark_that_cannot_be_read_is_refused_with_the_way_to_write_it(mark):
    with pytest.raises(
        ValueError, match=r"cannot read the mark .*; write <!-- claim: group: variant > other, end point"
    ):
        comparisons.read_claims(f"<!-- claim: {mark} -->")


@pytest.mark.parametrize(
    ("mark", "holds"),
    [
        ("good < poor", True),
        ("good > poor", False),
        ("good = poor", False),
        ("same = poor", True),
        ("same < poor", False),
        ("good > poor, validation AUC", False),  # both rank every image rightly
    ],
)
def test_a_claim_holds_where_the_records_say_the_same(mark, holds):
    (verdict,) = comparisons.check_claims(
        comparisons.read_claims(f"<!-- claim: group: {mark} -->"), lambda group: VARIANTS
    )
    assert verdict.holds == holds


def test_the_p_values_of_a_chapter_are_corrected_together():
    claims = comparisons.read_claims("<!-- claim: g: good < poor; g: same = poor; g: good < same -->")
    alone = [comparisons.difference(VARIANTS[each.variant], VARIANTS[each.other]).p_value for each in claims]
    together = [each.p_value for each in comparisons.check_claims(claims, lambda group: VARIANTS)]
    assert together == pytest.approx(evaluation.holm(alone))
    assert together[0] == pytest.approx(3 * alone[0])


def test_a_variant_that_is_not_there_is_named():
    claims = comparisons.read_claims("<!-- claim: g: best < poor -->")
    with pytest.raises(ValueError, match="there is no variant 'best', only good, poor, same"):
        comparisons.check_claims(claims, lambda group: VARIANTS)


@pytest.mark.parametrize("chapter", sorted(path.stem for path in REPORT.glob("*.qmd")))
def test_every_marked_claim_of_the_book_is_what_the_records_say(chapter):
    def variants(group):
        chosen = experiments.find_experiments(group)
        return comparisons.variants(records.get(each, REPORT.parent / "records") for each in chosen)

    claims = comparisons.read_claims((REPORT / f"{chapter}.qmd").read_text(encoding="utf-8"))
    wrong = [
        f"{each.claim}: {each.difference.interval}, corrected p = {each.p_value:.3f}"
        for each in comparisons.check_claims(claims, variants)
        if not each.holds
    ]
    assert wrong == []
