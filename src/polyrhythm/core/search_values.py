"""Values of search attributes: whether a payload fits its attribute's type, and what of it is
compared.

Values are JSON, as SDKs write them; no data at all is their nil and removes the attribute. What is
compared is a JSON object by name: scalars, times as nanoseconds cut to the microsecond, keywords of
a list folded, a text as its tokens. Source: DecodeValue of the server's search attribute
definitions, and the tokenizers of its schema for SQLite.
"""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import datetime
from functools import lru_cache
from typing import Any

from temporalio.api.common.v1 import Payload, SearchAttributes

from polyrhythm.base.conditions import search_key

# At most 40 kB each, nearly always under 200 bytes.
ATTRIBUTES_KEPT = 256
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
MICROSECOND_NS = 1000
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)", re.ASCII)


def value_problem(name: str, kind: str, data: bytes) -> str:
    """Return why an attribute of type `kind` ("Keyword", "Bool" ...) cannot be `data`."""
    try:
        value: Any = json.loads(data) if data else None
    except (ValueError, RecursionError):
        value, fits = "<undecodable>", False
    else:
        fits = _fits(kind, value)
    if fits:
        return ""
    return f"invalid value for search attribute {name} of type {kind}: {_as_go(value)}"


def encode_search_values(attributes: SearchAttributes) -> str:
    """Return what conditions compare of a run's attributes, as JSON; empty when there is none."""
    values: dict[str, Any] = {}
    for name, payload in attributes.indexed_fields.items():
        value = _compared_value(payload)
        if value is not None:
            values[search_key(name)] = value
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False) if values else ""


# Every run is told the build that it meets, nearly always in the same words.
@lru_cache(maxsize=ATTRIBUTES_KEPT)
def search_values_of(search_attributes: bytes) -> str:
    """The same of serialized SearchAttributes."""
    return encode_search_values(SearchAttributes.FromString(search_attributes))


def time_ns_of(text: str) -> int | None:
    """Return a time of RFC 3339 in nanoseconds, cut to the microsecond; None where it is none."""
    found = _RFC3339.fullmatch(text)
    if found is None:
        return None
    try:
        whole = int(datetime.fromisoformat(found[1] + found[3].replace("Z", "+00:00")).timestamp())
    except (ValueError, OverflowError):
        return None
    return whole * 1_000_000_000 + int((found[2] or "").ljust(6, "0")[:6]) * MICROSECOND_NS


def tokens_of(text: str) -> str:
    """Return the tokens of a text with a blank around each: letters and digits in small letters
    without their marks. Empty when there is none."""
    parts: list[str] = []
    for letter in unicodedata.normalize("NFD", text):
        category = unicodedata.category(letter)
        if category[0] in "LN" or category == "Co":
            parts.append(letter.lower())
        elif category != "Mn":
            parts.append(" ")
    tokens = "".join(parts).split()
    return f" {' '.join(tokens)} " if tokens else ""


def folded(keyword: str) -> str:
    """Return a keyword of a list as it is compared: the case of letters does not count."""
    return "".join(letter.lower() for letter in keyword)


def _compared_value(payload: Payload) -> Any:
    kind = payload.metadata.get("type", b"").decode("utf-8", "replace")
    try:
        value = json.loads(payload.data) if payload.data else None
    except (ValueError, RecursionError):
        return None
    if value is None or not _fits(kind, value):
        return None
    if kind == "KeywordList":
        return list(dict.fromkeys(folded(v or "") for v in value))
    if isinstance(value, list):
        if not value:
            return None
        value = value[0]
        if value is None:
            return None
    match kind:
        case "Datetime":
            time_ns = time_ns_of(value)
            return time_ns if time_ns is None else max(INT64_MIN, min(time_ns, INT64_MAX))
        case "Text":
            return {"text": tokens_of(value)}
        case "Bool":
            return int(value)
    return value


def _fits(kind: str, value: Any) -> bool:
    if value is None:
        return True
    if kind == "KeywordList":
        return isinstance(value, list) and all(v is None or isinstance(v, str) for v in value)
    if isinstance(value, list):
        # The dev server stores a list under a plain attribute when it has one element.
        return len(value) <= 1 and all(_fits(kind, v) for v in value)
    match kind:
        case "Keyword" | "Text":
            return isinstance(value, str)
        case "Datetime":
            return isinstance(value, str) and time_ns_of(value) is not None
        case "Bool":
            return isinstance(value, bool)
        case "Double":
            # Python reads Infinity and NaN, which are no JSON.
            number = isinstance(value, int | float) and not isinstance(value, bool)
            return number and abs(value) <= 1.7976931348623157e308
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and INT64_MIN <= value <= INT64_MAX


def _as_go(value: Any) -> str:
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case list():
            return "[" + " ".join(_as_go(v) for v in value) + "]"
        case dict():
            pairs = (f"{key}:{_as_go(value[key])}" for key in sorted(value))
            return "map[" + " ".join(pairs) + "]"
        case int() | float():
            return _number_as_go(value)
    return str(value)


def _number_as_go(value: int | float) -> str:
    # Numbers of JSON are floats to Go, which writes large and tiny ones with an exponent.
    try:
        number = float(value)
    except OverflowError:
        return str(value)
    if number == 0 or number != number or abs(number) == float("inf"):
        return "0" if number == 0 else str(number)
    mantissa, _, power = f"{number:e}".partition("e")
    shortest = repr(number)
    exponent = int(power)
    if -4 <= exponent < 21 and ((number.is_integer() and exponent < 6) or not number.is_integer()):
        return str(int(number)) if number.is_integer() else shortest
    digits = shortest.partition("e")[0].replace(".", "").replace("-", "").strip("0")
    mantissa = digits[0] + (f".{digits[1:]}" if digits[1:] else "")
    sign = "-" if number < 0 else ""
    return f"{sign}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02}"
