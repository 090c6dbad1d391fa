"""Types of Machinery: what each holds, how it stands in JSON, and what is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.brokers.errors import WrongValue
from polyrhythm.brokers.machinery.kinds import (
    KINDS,
    RANGES,
    Typed,
    decode_value,
    typed,
)
from polyrhythm.brokers.machinery.times import ZERO_NS, decode_time, encode_time

FLOAT32_MAX = 3.4028234663852886e38
VALUES = {
    "bool": st.booleans(),
    "float32": st.floats(-FLOAT32_MAX, FLOAT32_MAX, width=32),
    "float64": st.floats(allow_nan=False, allow_infinity=False),
    "string": st.text(st.characters(exclude_categories=["Cs"])),
    **{kind: st.integers(low, high) for kind, (low, high) in RANGES.items()},
}


def values_of(kind):
    if kind in ("[]byte", "[]uint8"):
        return st.binary()
    return st.lists(VALUES[kind[2:]]) if kind.startswith("[]") else VALUES[kind]


def test_there_are_the_29_types_of_go():
    assert len(KINDS) == len(set(KINDS)) == 29


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_value_of_each_type_comes_back_through_json(kind, data):
    value = data.draw(values_of(kind))
    sent = typed(value, kind)
    wire = json.loads(json.dumps(sent.wire, allow_nan=False))
    assert decode_value(Typed(kind, wire)) == value


@pytest.mark.parametrize("kind", sorted(RANGES))
def test_what_lies_past_a_range_is_refused_not_cut(kind):
    low, high = RANGES[kind]
    for value in (low - 1, high + 1, 1.0, True, "1", None):
        with pytest.raises(WrongValue, match=f"not a value of {kind}"):
            typed(value, kind)
        with pytest.raises(WrongValue):
            decode_value(Typed(kind, value))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("map[string]int", {}),
        ("[]map", []),
        ("[][]int", [[1]]),
        ("time.Time", "x"),
        ("float64", float("nan")),
        ("float64", float("inf")),
        ("float64", 10**400),
        ("float32", 3.5e38),
        ("string", b"x"),
        ("string", "\ud800"),
        ("bool", 1),
        ("[]int", "12"),
        ("[]int", [1, None]),
        ("[]byte", "text"),
        ("[]byte", [256]),
        ("", 1),
    ],
)
def test_values_that_no_go_worker_reads_are_refused(kind, value):
    with pytest.raises(WrongValue):
        typed(value, kind or "no type")


def test_a_float_of_32_bits_is_rounded_to_them():
    assert decode_value(Typed("float32", 3.4028235e38)) == FLOAT32_MAX
    assert decode_value(Typed("float32", 0.1)) == typed(0.1, "float32").wire == 0.10000000149011612


def test_a_float_may_be_written_as_an_integer_and_a_list_may_be_null():
    assert decode_value(Typed("float64", 1)) == 1.0
    assert decode_value(Typed("[]int64", None)) == []
    assert decode_value(Typed("[]byte", None)) == b""
    assert decode_value(Typed("[]uint8", [1, 2])) == b"\x01\x02"
    with pytest.raises(WrongValue, match="base64"):
        decode_value(Typed("[]byte", "%"))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "bool"),
        (7, "int64"),
        (2**63, "uint64"),
        (0.5, "float64"),
        ("a", "string"),
        (b"a", "[]byte"),
        ([1, 2], "[]int64"),
        (("a",), "[]string"),
    ],
)
def test_types_are_guessed_for_plain_values(value, kind):
    assert typed(value).kind == kind


@pytest.mark.parametrize("value", [None, {}, object(), [], [[1]], [1, "a"], [2**63, -1]])
def test_what_cannot_be_guessed_says_what_to_do(value):
    with pytest.raises(WrongValue):
        typed(value)


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("0001-01-01T00:00:00Z", ZERO_NS),
        ("2026-11-24T03:04:05.000000001Z", 1795489445000000001),
        ("1969-12-31T23:59:59.5Z", -500_000_000),
    ],
)
def test_times_are_exact_to_the_nanosecond(text, time_ns):
    assert decode_time(text) == time_ns
    assert encode_time(time_ns) == text


def test_a_time_in_another_zone_is_the_same_moment():
    assert decode_time("2026-11-24T04:04:05+01:00") == decode_time("2026-11-24T03:04:05Z")


@given(st.integers(ZERO_NS, 253_402_300_799_999_999_999))
def test_every_time_comes_back(time_ns):
    assert decode_time(encode_time(time_ns)) == time_ns


@pytest.mark.parametrize(
    "text", ["", "now", "2026-13-01T00:00:00Z", "2026-11-24 03:04:05", "9" * 99]
)
def test_what_is_no_time_is_refused(text):
    with pytest.raises(InvalidArgument):
        decode_time(text)
