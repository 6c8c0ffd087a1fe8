"""A few seconds of damage to each target in every run of the suite; `make stress` goes on for minutes, by coverage."""

import json

import pytest
from fuzz.seeds import seeds
from fuzz.targets import TARGETS, record
from hypothesis import example, given, settings
from hypothesis import strategies as st

few = settings(max_examples=60, deadline=None)
INPUTS = {name: seeds(name) for name in TARGETS}

damages = st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4), st.integers(0, 8)), min_size=1, max_size=6)


def damaged(data: bytes, damage: list[tuple[float, bytes, int]]) -> bytes:
    """Put other bytes in the place of some, at places given as fractions of the length."""
    for place, put, taken in damage:
        start = int(place * len(data))
        data = data[:start] + put + data[start + taken :]
    return data


@pytest.mark.parametrize("target", TARGETS)
@few
@given(data=st.data())
def test_damaged_bytes_are_read_or_refused_and_nothing_else(target, data):
    whole = data.draw(st.sampled_from(INPUTS[target]))
    TARGETS[target](damaged(whole, data.draw(damages)))


@pytest.mark.parametrize("target", TARGETS)
@few
@given(data=st.binary(max_size=200))
def test_bytes_of_any_kind_are_read_or_refused_and_nothing_else(target, data):
    TARGETS[target](data)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: object, path: tuple = ()) -> list[tuple]:
    """The way to every value inside a JSON value, the value itself not among them."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, each in inner for place in ((*path, key), *places(each, (*path, key)))]


RECORD = json.loads(INPUTS["record"][0])


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(places(RECORD)), values)
@example(("scores",), [])
@example(("scores", "test"), [[1.0], [2.0]])
@example(("scores", "test"), [10**400, 0])
@example(("split", "file"), "../../../../etc/passwd")
@example(("provenance",), {"seconds": float("nan")})
@example(("format",), [])
@example(("experiment",), [[]])
def test_a_record_with_any_other_value_anywhere_is_read_or_refused(place, value):
    body = json.loads(json.dumps(RECORD))
    *above, last = place
    inside = body
    for key in above:
        inside = inside[key]
    inside[last] = value
    record(json.dumps(body).encode())


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "1" * 10_000, "1e999", '{"format": 1, "experiment": NaN}', '"\\ud800"', "\ufeff{}", "\0"]
)
def test_what_trips_json_parsers_is_refused(text):
    record(text.encode("utf-8", "surrogatepass"))
