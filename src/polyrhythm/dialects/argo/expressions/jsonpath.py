"""JSONPath, as Argo's `jsonpath` function and `valueFrom.jsonPath` use it.

Members, indexes, slices, wildcards and `..`; a path that can lead to one place only gives that
value, any other a list. Filters are refused: not implemented.
"""

from __future__ import annotations

import re
from typing import Any

from polyrhythm.dialects.argo.expressions.problems import ExpressionError

PART = re.compile(
    r"""\.\.(?P<deep>\*|[\w$-]+)|\.(?P<name>\*|[^.\[\]]+)|\[(?P<index>-?\d+)\]|\[(?P<star>\*)\]
    |\[(?P<low>-?\d*):(?P<high>-?\d*)\]|\[(?P<quoted>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")\]""",
    re.VERBOSE,
)


def find_path(data: Any, path: str) -> Any:
    """What a path leads to. Raises ExpressionError."""
    text = path.strip().removeprefix("{").removesuffix("}")
    text = text.removeprefix("$")
    if text and text[0] not in ".[":
        text = f".{text}"
    position, found, many = 0, [data], False
    while position < len(text):
        match = PART.match(text, position)
        if match is None:
            raise ExpressionError(f"jsonpath {path!r} is not read from {text[position:]!r}")
        position = match.end()
        step = _step(match)
        many = many or step[0] in ("all", "deep", "slice")
        found = [value for each in found for value in _follow(each, step, path)]
    return found if many else found[0]


def _step(match: re.Match[str]) -> tuple[Any, ...]:
    if match["deep"]:
        return ("deep", match["deep"])
    if match["name"] == "*" or match["star"]:
        return ("all",)
    if match["name"]:
        return ("key", match["name"])
    if match["index"]:
        return ("index", int(match["index"]))
    if match["quoted"]:
        return ("key", re.sub(r"\\(.)", r"\1", match["quoted"][1:-1]))
    low, high = match["low"], match["high"]
    return ("slice", int(low) if low else None, int(high) if high else None)


def _follow(value: Any, step: tuple[Any, ...], path: str) -> list[Any]:
    kind = step[0]
    if kind == "all":
        return list(value.values()) if isinstance(value, dict) else _items(value, path)
    if kind == "slice":
        return _items(value, path)[step[1] : step[2]]
    if kind == "deep":
        return _deep(value, step[1])
    if kind == "key" and isinstance(value, dict) and step[1] in value:
        return [value[step[1]]]
    if kind == "index" and isinstance(value, list) and -len(value) <= step[1] < len(value):
        return [value[step[1]]]
    raise ExpressionError(f"jsonpath {path!r}: key: {step[1]!r} is not there")


def _items(value: Any, path: str) -> list[Any]:
    if isinstance(value, list):
        return value
    raise ExpressionError(f"jsonpath {path!r}: a list is expected")


def _deep(value: Any, name: str) -> list[Any]:
    found = []
    children = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict):
        found += list(value.values()) if name == "*" else [value[name]] if name in value else []
    if isinstance(value, (dict, list)):
        found += [each for child in children for each in _deep(child, name)]
    return found
