"""A list's filter as bytes, for whoever has to remember one: JSON of its values, by class.

Only classes of the filter's own vocabulary are read back: what is stored can be nothing else.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from typing import Any, get_args

from polyrhythm.base.conditions import Condition
from polyrhythm.stores.port import RunFilter

_CLASS = "@"
_KNOWN: dict[str, type] = {each.__name__: each for each in (RunFilter, *get_args(Condition))}


def encode_filter(wanted: RunFilter) -> bytes:
    """Return the bytes of a filter."""
    return json.dumps(_plain(wanted), separators=(",", ":")).encode()


def decode_filter(data: bytes) -> RunFilter:
    """Return the filter of `encode_filter`."""
    wanted = _value(json.loads(data))
    assert isinstance(wanted, RunFilter)
    return wanted


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        # What is not set is left out: a filter has many fields, and gets more.
        named = {each.name: getattr(value, each.name) for each in fields(value)}
        kept = {name: _plain(part) for name, part in named.items() if part is not None}
        return {_CLASS: type(value).__name__, **kept}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def _value(plain: Any) -> Any:
    if isinstance(plain, dict):
        named = {name: _value(part) for name, part in plain.items() if name != _CLASS}
        return _KNOWN[plain[_CLASS]](**named)
    if isinstance(plain, list):
        return [_value(each) for each in plain]
    return plain
