"""Counted costs of scaled networks, against another count and against the rules that scaling follows."""

import pytest

from pneumo import experiments, models
from pneumo.analysis import model_cost


@pytest.fixture(scope="module")
def counted():
    return model_cost.counted(experiments.scaling()).set_index("variant")


def test_each_network_is_counted_once(counted):
    assert list(counted.index) == ["base", "width", "depth", "resolution", "compound"]
    assert counted.loc["compound", ["width", "depth", "pixels"]].tolist() == pytest.approx([1.21, 1.44, 85])


def test_counts_are_millions_of_what_the_record_will_hold(counted):
    for experiment in experiments.scaling()[::12]:
        row = counted.loc[experiment.name.split("/")[1].removesuffix("-seed-0")]
        cost = models.cost(experiment.model, experiment.data.image_size)
        assert row["parameters"] == cost.parameters / 1e6
        assert row["multiply-adds"] == cost.multiply_adds / 1e6


def test_every_way_of_scaling_costs_four_times_the_base_within_an_eighth(counted):
    assert counted.loc["base", "times base"] == 1
    assert counted["times base"].iloc[1:].tolist() == pytest.approx([4] * 4, rel=0.125)


def test_activations_grow_with_the_area_of_the_image_and_with_the_root_of_the_cost_in_width(counted):
    # Dollár et al. 2021, table 2: resolution and depth multiply activations as they do the cost, width as its root.
    times = counted["activations"] / counted.loc["base", "activations"]
    assert times["resolution"] == pytest.approx(4, rel=0.01)
    assert times["width"] == pytest.approx(counted.loc["width", "times base"] ** 0.5, rel=0.15)
    assert times["depth"] == pytest.approx(counted.loc["depth", "times base"], rel=0.15)
