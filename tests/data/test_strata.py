"""Acquisition strata of heights and aspect ratios."""

import numpy as np
import pytest

from pneumo.data.strata import STRATUM_EDGES, merged_strata, stratify, stratum_names


def test_a_bound_belongs_to_the_stratum_below_it():
    strata = stratify([750, 751, 900, 901, 1100, 1101, 1300, 1301])
    assert strata.codes.tolist() == [0, 1, 1, 2, 2, 3, 3, 4]
    assert strata[0] == "up to 750 px"
    assert strata[-1] == "above 1,300 px"


def test_strata_are_ordered_from_the_lowest():
    strata = stratify([2000, 100, 1000])
    assert strata.ordered
    assert strata.sort_values().tolist() == ["up to 750 px", "901 to 1,100 px", "above 1,300 px"]


def test_aspect_ratios_have_strata_of_their_own():
    assert stratify([1.0, 1.2, 1.3, 1.6, 1.7], "aspect").tolist() == [
        "up to 1.2",
        "up to 1.2",
        "above 1.2 to 1.4",
        "above 1.4 to 1.6",
        "above 1.6",
    ]


@pytest.mark.parametrize("field", STRATUM_EDGES)
def test_there_is_one_name_more_than_there_are_bounds(field):
    assert len(set(stratum_names(field))) == len(STRATUM_EDGES[field]) + 1


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_what_is_no_height_is_named(value):
    with pytest.raises(ValueError, match="is not a positive number"):
        stratify([1000, value])


def test_an_unknown_field_lists_the_known_ones():
    with pytest.raises(ValueError, match="field='width' is unknown; choose from height, aspect"):
        stratify([1000], "width")


def test_neighbouring_strata_are_merged_until_each_holds_both_classes():
    labels = np.repeat([0, 1] * 4, [2, 50, 30, 50, 400, 50, 5, 50])
    strata = np.repeat([0, 0, 1, 1, 2, 2, 3, 3], [2, 50, 30, 50, 400, 50, 5, 50])
    assert merged_strata(strata, labels, 20).tolist() == [0, 0, 1, 1]
    assert merged_strata(strata, labels, 1).tolist() == [0, 1, 2, 3]
    assert merged_strata(strata, labels, 10_000).tolist() == [0, 0, 0, 0]


def test_a_stratum_that_no_image_has_is_merged_with_its_neighbour():
    assert merged_strata(np.array([0, 0, 2, 2]), np.array([0, 1, 0, 1]), 1).tolist() == [0, 1, 1]
