"""Functions of sprig, as `sprig.NAME(...)`: those that manifests use most.

Pure ones only. `env`, `expandenv` and `getHostByName` are not there in Argo either; what reads the
clock or chance is not: a workflow that is replayed must compute the same again.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from polyrhythm.base.limits import SUBSTITUTED_BYTES_MAX
from polyrhythm.dialects.argo.expressions.problems import ExpressionError


def _whole(value: Any) -> int:
    """A number as sprig reads it: what cannot be read is 0."""
    try:
        return int(float(value)) if isinstance(value, str) and "." in value else int(value)
    except (TypeError, ValueError):
        return 0


def _float(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _divide(one: Any, other: Any) -> int:
    if _whole(other) == 0:
        raise ExpressionError("integer divide by zero")
    return int(_whole(one) / _whole(other))


def _product(*values: Any) -> int:
    made = 1
    for value in values:
        made *= _whole(value)
    return made


def _is_empty(value: Any) -> bool:
    return value in (None, "", 0, 0.0, False) or value in ([], {})


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _repeat(count: int, text: str) -> str:
    if count * len(text) > SUBSTITUTED_BYTES_MAX:
        raise ExpressionError("a value of an expression is too large")
    return text * count


def _substr(start: int, end: int, text: str) -> str:
    if start < 0:
        return text[:end]
    return text[start:] if end < 0 or end > len(text) else text[start:end]


def _trunc(count: int, text: str) -> str:
    return text[count:] if count < 0 else text[:count]


def _default(given: Any, value: Any = None) -> Any:
    return given if _is_empty(value) else value


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if not _is_empty(value)), None)


def _dict(*pairs: Any) -> dict[str, Any]:
    return {_text(key): value for key, value in zip(pairs[::2], pairs[1::2], strict=False)}


def _unbase64(text: str) -> str:
    return base64.b64decode(text).decode()


SPRIG: dict[str, Callable[..., Any]] = {
    "add": lambda *values: sum(map(_whole, values)),
    "add1": lambda value: _whole(value) + 1,
    "sub": lambda one, other: _whole(one) - _whole(other),
    "mul": _product,
    "div": _divide,
    "mod": lambda one, other: _whole(one) - _whole(other) * _divide(one, other),
    "max": lambda *values: max(map(_whole, values)),
    "min": lambda *values: min(map(_whole, values)),
    "addf": lambda *values: sum(map(_float, values)),
    "subf": lambda one, *others: _float(one) - sum(map(_float, others)),
    "maxf": lambda *values: max(map(_float, values)),
    "minf": lambda *values: min(map(_float, values)),
    "int": _whole,
    "int64": _whole,
    "float64": _float,
    "atoi": _whole,
    "toString": _text,
    "trim": lambda text: text.strip(),
    "trimAll": lambda cut, text: text.strip(cut),
    "trimPrefix": lambda cut, text: text.removeprefix(cut),
    "trimSuffix": lambda cut, text: text.removesuffix(cut),
    "upper": lambda text: text.upper(),
    "lower": lambda text: text.lower(),
    "title": lambda text: text.title(),
    "nospace": lambda text: "".join(text.split()),
    "repeat": _repeat,
    "substr": _substr,
    "trunc": _trunc,
    "replace": lambda old, new, text: text.replace(old, new),
    "contains": lambda part, text: part in text,
    "hasPrefix": lambda part, text: text.startswith(part),
    "hasSuffix": lambda part, text: text.endswith(part),
    "quote": lambda *values: " ".join(f'"{_text(value)}"' for value in values),
    "squote": lambda *values: " ".join(f"'{_text(value)}'" for value in values),
    "cat": lambda *values: " ".join(_text(value) for value in values),
    "indent": lambda count, text: "\n".join(" " * count + line for line in text.split("\n")),
    "b64enc": lambda text: base64.b64encode(text.encode()).decode(),
    "b64dec": _unbase64,
    "sha256sum": lambda text: hashlib.sha256(text.encode()).hexdigest(),
    "splitList": lambda by, text: text.split(by),
    "split": lambda by, text: {f"_{n}": each for n, each in enumerate(text.split(by))},
    "join": lambda by, items: by.join(_text(each) for each in items),
    "list": lambda *values: list(values),
    "dict": _dict,
    "first": lambda items: items[0] if items else None,
    "last": lambda items: items[-1] if items else None,
    "rest": lambda items: items[1:],
    "initial": lambda items: items[:-1],
    "append": lambda items, value: [*items, value],
    "prepend": lambda items, value: [value, *items],
    "has": lambda value, items: value in items,
    "keys": lambda *maps: [key for each in maps for key in sorted(each)],
    "get": lambda value, key: value.get(key, ""),
    "default": _default,
    "empty": _is_empty,
    "coalesce": _coalesce,
    "ternary": lambda yes, no, test: yes if test else no,
}
