"""What readers call the variants of the book."""

import re

import pytest

from pneumo import experiments
from pneumo.experiments.wording import difference_in_words, in_words

COMPARED = ("network-parts", "batch-size", "image-size", "detail", "spatial-transformer", "optimizers", "schedules",
            "regularisation", "augmentation", "transfer-learning", "scaling", "selected-model",
            "test-time-augmentation", "tumours", "classical")  # fmt: skip


IDENTIFIER = re.compile(r"^0\d|_|[a-z]-(?!tun|up)[a-z0-9]")
"""A number with leading zeros, or words joined by something else than a space; but "fine-tuning" and "warm-up"."""


@pytest.mark.parametrize("group", COMPARED)
def test_no_variant_of_a_comparison_is_called_by_an_identifier(group):
    words = {in_words(each.variant) for each in experiments.find_experiments(group)}
    assert [each for each in words if IDENTIFIER.search(each)] == []


@pytest.mark.parametrize("group", COMPARED)
def test_variants_of_a_comparison_have_different_words(group):
    names = {each.variant for each in experiments.find_experiments(group)}
    assert len({in_words(name) for name in names}) == len(names)


def test_a_difference_says_once_what_both_share():
    assert difference_in_words("dropout, all images", "none, all images") == "all images: dropout − none"
    assert difference_in_words("500 pixels, one block more", "250 pixels, one block more") == (
        "one block more: 500 pixels − 250 pixels"
    )
    assert difference_in_words("500 pixels", "250 pixels, one block more") == (
        "500 pixels − 250 pixels, one block more"
    )
    assert difference_in_words("two blocks", "baseline") == "two blocks − baseline"
    assert difference_in_words("dropout, all images", "none, a tenth of the images") == (
        "dropout, all images − none, a tenth of the images"
    )
