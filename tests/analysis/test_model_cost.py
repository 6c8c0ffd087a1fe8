"""Costs of scaled networks, against another count and against the rules that scaling follows."""

import pytest

from pneumo import experiments, models
from pneumo.analysis import model_cost


@pytest.fixture(scope="module")
def costs():
    return model_cost.model_costs(experiments.scaling()).set_index("variant")


def test_each_network_is_counted_once(costs):
    assert list(costs.index) == ["base", "width", "depth", "resolution", "compound"]
    assert costs.loc["compound", ["width", "depth", "pixels"]].tolist() == pytest.approx([1.21, 1.44, 85])


def test_counts_are_millions_of_what_the_record_will_hold(costs):
    for experiment in (each for each in experiments.scaling() if each.seed == 0):
        row = costs.loc[experiment.variant]
        cost = models.cost(experiment.model, experiment.data.image_size)
        assert row["parameters"] == cost.parameters / 1e6
        assert row["multiply-adds"] == cost.multiply_adds / 1e6


def test_every_way_of_scaling_costs_four_times_the_base_within_an_eighth(costs):
    assert costs.loc["base", "times base"] == 1
    assert costs["times base"].iloc[1:].tolist() == pytest.approx([4] * 4, rel=0.125)


def test_activations_grow_with_the_area_of_the_image_and_with_the_root_of_the_cost_in_width(costs):
    # Dollár et al. 2021, table 2: resolution and depth multiply activations as they do the cost, width as its root.
    times = costs["activations"] / costs.loc["base", "activations"]
    assert times["resolution"] == pytest.approx(4, rel=0.01)
    assert times["width"] == pytest.approx(costs.loc["width", "times base"] ** 0.5, rel=0.15)
    assert times["depth"] == pytest.approx(costs.loc["depth", "times base"], rel=0.15)
