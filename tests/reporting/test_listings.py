"""Code of the package as the book shows it."""

from pneumo.models.cnn import conv_block
from pneumo.reporting.listings import listing


class Example:
    def method(self) -> int:
        return 1


def test_a_listing_is_the_source_in_a_fence():
    text = str(listing(conv_block))
    assert text.startswith("```python\ndef conv_block(c_in: int, c_out: int, *, batch_norm: bool)")
    assert text.endswith("\n```")


def test_a_method_begins_at_the_margin_and_several_definitions_stand_apart():
    assert str(listing(Example.method, Example.method)).splitlines() == [
        "```python",
        "def method(self) -> int:",
        "    return 1",
        "",
        "",
        "def method(self) -> int:",
        "    return 1",
        "```",
    ]
