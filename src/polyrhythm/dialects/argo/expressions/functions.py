"""The builtins of expr-lang, and those that Argo adds: pure functions of values.

Code over items (`filter`, `map` ...) runs in the runner that called it; it is not a value.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any, Protocol

from polyrhythm.base.limits import SUBSTITUTED_BYTES_MAX
from polyrhythm.dialects.argo.expressions.jsonpath import find_path
from polyrhythm.dialects.argo.expressions.problems import ExpressionError


class Runs(Protocol):
    """What computes nodes and code over items."""

    def run(self, node: Any) -> Any:
        """The value of a node."""
        ...

    def over(self, body: Any, item: dict[str, Any]) -> Any:
        """The value of code over an item."""
        ...


def is_number(value: Any) -> bool:
    """Whether a value is a number; truth values are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def to_json(value: Any, indent: int | None = None) -> str:
    """JSON as Go writes it."""
    separators = (",", ":") if indent is None else (",", ": ")
    return json.dumps(
        _plain(value), separators=separators, indent=indent, ensure_ascii=False, sort_keys=True
    )


def _plain(value: Any) -> Any:
    """Floats without a fraction are written without one."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ExpressionError(f"json: unsupported value: {value}")
        return int(value) if value.is_integer() and abs(value) < 1e21 else value
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value


def to_text(value: Any) -> str:
    """A value as `fmt.Sprint` prints it."""
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    if isinstance(value, list):
        return "[" + " ".join(to_text(each) for each in value) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{to_text(value[key])}" for key in sorted(value)) + "]"
    return str(value)


def to_int(value: Any) -> int:
    """`int(x)`: numbers are cut, texts are read."""
    if isinstance(value, str):
        try:
            return int(value, 10)
        except ValueError:
            text = f'invalid operation: int("{value}")'
            raise ExpressionError(text) from None
    if not is_number(value):
        raise ExpressionError("invalid argument for int")
    return int(value)


def to_float(value: Any) -> float:
    """`float(x)`."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise ExpressionError(f'invalid operation: float("{value}")') from None
    if not is_number(value):
        raise ExpressionError("invalid argument for float")
    return float(value)


def call_over_items(runner: Runs, name: str, arguments: list[Any]) -> Any:
    """A builtin that runs code over each item of its first argument."""
    if not arguments:
        raise ExpressionError(f"not enough arguments in call to {name}")
    items = runner.run(arguments[0])
    if isinstance(items, dict):
        items = list(items.values())
    if not isinstance(items, list):
        raise ExpressionError(f"builtin {name} takes only array")
    body = arguments[1][1] if len(arguments) > 1 else ("pointer", "")

    def at(index: int, **more: Any) -> Any:
        return runner.over(body, {"": items[index], "index": index, **more})

    if name == "reduce":
        return _reduce(runner, items, at, arguments)
    found = [at(index) for index in range(len(items))]
    if name in TESTS:
        for each in found:
            if not isinstance(each, bool):
                raise ExpressionError(f"predicate of {name} should return boolean")
    return OVER[name](items, found)


def _reduce(runner: Runs, items: list[Any], at: Callable[..., Any], arguments: list[Any]) -> Any:
    indexes: Iterable[int] = range(len(items))
    if len(arguments) > 2:
        return reduce(lambda acc, i: at(i, acc=acc), indexes, runner.run(arguments[2]))
    if not items:
        raise ExpressionError("reduce of empty array with no initial value")
    return reduce(lambda acc, i: at(i, acc=acc), range(1, len(items)), items[0])


TESTS = frozenset("all none any one filter count find findIndex findLast findLastIndex".split())


def _group(items: list[Any], keys: list[Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for item, key in zip(items, keys, strict=True):
        made.setdefault(to_text(key), []).append(item)
    return made


def _where(found: list[Any]) -> list[int]:
    return [index for index, each in enumerate(found) if each]


def _pick(items: list[Any], indexes: list[int], which: int) -> Any:
    return items[indexes[which]] if indexes else None


OVER: dict[str, Callable[[list[Any], list[Any]], Any]] = {
    "all": lambda items, found: all(found),
    "none": lambda items, found: not any(found),
    "any": lambda items, found: any(found),
    "one": lambda items, found: sum(found) == 1,
    "filter": lambda items, found: [items[index] for index in _where(found)],
    "map": lambda items, found: found,
    "count": lambda items, found: sum(found),
    "sum": lambda items, found: sum(found),
    "find": lambda items, found: _pick(items, _where(found), 0),
    "findLast": lambda items, found: _pick(items, _where(found), -1),
    "findIndex": lambda items, found: _where(found)[0] if any(found) else -1,
    "findLastIndex": lambda items, found: _where(found)[-1] if any(found) else -1,
    "groupBy": _group,
    "sortBy": lambda items, found: [items[i] for i in _sorted_indexes(found)],
}


def _sorted_indexes(keys: list[Any]) -> list[int]:
    return sorted(range(len(keys)), key=lambda index: keys[index])


def _repeat(text: str, count: int) -> str:
    if len(text) * count > SUBSTITUTED_BYTES_MAX:
        raise ExpressionError("a value of an expression is too large")
    return text * count


def _flat(items: list[Any]) -> list[Any]:
    made: list[Any] = []
    for item in items:
        made += _flat(item) if isinstance(item, list) else [item]
    return made


def _numbers(values: tuple[Any, ...]) -> list[Any]:
    found = _flat(list(values))
    for each in found:
        if not is_number(each):
            raise ExpressionError(f"invalid argument: {to_text(each)} is no number")
    return found


def _mean(*values: Any) -> float:
    found = _numbers(values)
    total: float = float(sum(found))
    return total / max(len(found), 1)


def _median(*values: Any) -> float:
    found = sorted(_numbers(values))
    middle = len(found) // 2
    if not found:
        return 0.0
    return float(found[middle] if len(found) % 2 else (found[middle - 1] + found[middle]) / 2)


def _unique(items: list[Any]) -> list[Any]:
    made: list[Any] = []
    for item in items:
        if item not in made:
            made.append(item)
    return made


def _get(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        return value.get(key)
    if isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    return None


def _split(text: str, by: str, limit: int = -1) -> list[str]:
    if not by:
        return list(text)
    return text.split(by) if limit < 0 else text.split(by, max(limit - 1, 0))


def _round(value: Any) -> float:
    return float(math.floor(abs(value) + 0.5)) * (1.0 if value >= 0 else -1.0)


def _jsonpath(text: Any, path: str) -> Any:
    try:
        data = json.loads(text) if isinstance(text, str) else text
    except ValueError as error:
        raise ExpressionError(f"jsonpath: {error}") from None
    return find_path(data, path)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "asInt": to_int,
    "asFloat": to_float,
    "int": to_int,
    "float": to_float,
    "string": to_text,
    "toJson": to_json,
    "toJSON": lambda value: to_json(value, 2),
    "fromJSON": json.loads,
    "jsonpath": _jsonpath,
    "len": len,
    "abs": abs,
    "ceil": lambda value: float(math.ceil(value)),
    "floor": lambda value: float(math.floor(value)),
    "round": _round,
    "max": lambda *values: max(_numbers(values)),
    "min": lambda *values: min(_numbers(values)),
    "mean": _mean,
    "median": _median,
    "trim": lambda text, cut=None: text.strip(cut),
    "trimPrefix": lambda text, cut=" ": text.removeprefix(cut),
    "trimSuffix": lambda text, cut=" ": text.removesuffix(cut),
    "upper": lambda text: text.upper(),
    "lower": lambda text: text.lower(),
    "split": _split,
    "splitAfter": lambda text, by: (
        [f"{each}{by}" for each in text.split(by)[:-1]] + [text.split(by)[-1]]
    ),
    "replace": lambda text, old, new: text.replace(old, new),
    "repeat": _repeat,
    "join": lambda items, by="": by.join(items),
    "indexOf": lambda text, part: text.find(part),
    "lastIndexOf": lambda text, part: text.rfind(part),
    "hasPrefix": lambda text, part: text.startswith(part),
    "hasSuffix": lambda text, part: text.endswith(part),
    "toBase64": lambda text: base64.b64encode(text.encode()).decode(),
    "fromBase64": lambda text: base64.b64decode(text, validate=True).decode(),
    "keys": sorted,
    "values": lambda value: [value[key] for key in sorted(value)],
    "toPairs": lambda value: [[key, value[key]] for key in sorted(value)],
    "fromPairs": lambda pairs: {str(key): value for key, value in pairs},
    "first": lambda items: items[0] if items else None,
    "last": lambda items: items[-1] if items else None,
    "get": _get,
    "take": lambda items, count: items[:count],
    "reverse": lambda items: items[::-1],
    "concat": lambda *lists: [item for each in lists for item in each],
    "flatten": _flat,
    "uniq": _unique,
    "sort": lambda items, order="asc": sorted(items, reverse=order == "desc"),
    "bitand": lambda one, other: one & other,
    "bitor": lambda one, other: one | other,
    "bitxor": lambda one, other: one ^ other,
    "bitnot": lambda one: ~one,
}
