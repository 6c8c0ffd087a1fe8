"""Weight changes of layers, against lengths worked out by hand."""

import pytest
import torch

from pneumo import models


def test_the_change_of_a_layer_is_that_of_all_its_kernels():
    before = {
        "network._conv_stem.weight": torch.tensor([[3.0], [4.0]]),
        "network._bn0.weight": torch.ones(2),
        "network._blocks.0._depthwise_conv.weight": torch.tensor([[2.0]]),
        "network._blocks.0._project_conv.weight": torch.tensor([[1.0, 2.0]]),
        "network._fc.weight": torch.tensor([[2.0]]),
        "network._fc.bias": torch.zeros(1),
    }
    after = {
        **before,
        "network._conv_stem.weight": torch.tensor([[3.0], [3.0]]),
        "network._bn0.weight": torch.zeros(2),
        "network._blocks.0._project_conv.weight": torch.tensor([[1.0, 8.0]]),
        "network._fc.bias": torch.ones(1),
    }
    # Stem: 1 over the root of 9 + 16, and over the root of 2 weights. Block: 6 over the root of 4 + 1 + 4, and of 3.
    found = models.layer_changes(before, after)
    assert list(found) == ["stem", "1", "head"]
    assert found["stem"] == pytest.approx((0.2, 0.5**0.5))
    assert found["1"] == pytest.approx((2.0, 6 / 3**0.5))
    assert found["head"] == (0, 0)
