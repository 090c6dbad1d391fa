"""Values of search attributes: whether a payload fits its attribute's type, in the server's words.

Values are JSON, as SDKs write them; no data at all is their nil and removes the attribute. Types
are spelled as the server prints them and as they stand in a payload's metadata.
Source: DecodeValue of the server's search attribute definitions.
"""

from __future__ import annotations

import json
import re
from typing import Any

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)


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


def _fits(kind: str, value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, list):
        # The dev server stores a list under a plain attribute when it has one element.
        inner = "Keyword" if kind == "KeywordList" else kind
        return (kind == "KeywordList" or len(value) <= 1) and all(_fits(inner, v) for v in value)
    if kind in ("Keyword", "KeywordList"):
        return isinstance(value, str)
    if kind == "Datetime":
        return isinstance(value, str) and _RFC3339.fullmatch(value) is not None
    if kind == "Bool":
        return isinstance(value, bool)
    return isinstance(value, int) and not isinstance(value, bool)


def _as_go(value: Any) -> str:
    if isinstance(value, list):
        return "[" + " ".join(_as_go(v) for v in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
