"""Conditions held against rows of the memory store, with SQL's three truth values.

The plain reading of what SQLite's statements mean; the contract suite asks both the same. A value
that a run does not have is None, and so is whatever compares it.
"""

from __future__ import annotations

import json
from typing import Any

from polyrhythm.base.conditions import (
    FIELDS,
    OPEN_LAST,
    AllOf,
    AnyOf,
    Between,
    Compare,
    Condition,
    HasPhrase,
    HasWord,
    IsNull,
    Not,
    OneOf,
    StartsWith,
    compared,
)
from polyrhythm.stores.port import RunRow

_CLOSED = {"history_events", "history_bytes", "transitions"}
_OPTIONAL = {"parent_workflow_id", "parent_run_id"}


def meets(row: RunRow, condition: Condition) -> bool | None:
    """Return whether a row meets a condition, None when that is unknown."""
    match condition:
        case Not():
            inner = meets(row, condition.condition)
            return None if inner is None else not inner
        case AllOf():
            found = [meets(row, each) for each in condition.conditions]
            return False if False in found else None if None in found else True
        case AnyOf():
            found = [meets(row, each) for each in condition.conditions]
            return True if True in found else None if None in found else False
        case IsNull():
            return value_of(row, condition.field) is None
        case HasWord():
            held = value_of(row, condition.field)
            return isinstance(held, list) and any(word in held for word in condition.words)
        case HasPhrase():
            text = value_of(row, condition.field)
            held = text["text"] if isinstance(text, dict) else ""
            return any(phrase in held for phrase in condition.phrases)
    value = _scalar(value_of(row, condition.field))
    return None if value is None else _holds(value, condition)


def _holds(value: Any, condition: Compare | OneOf | Between | StartsWith) -> bool:
    match condition:
        case Compare():
            return compared(condition.operator, value, condition.value)
        case OneOf():
            return any(compared("=", value, each) for each in condition.values)
        case Between():
            low = compared(">=", value, condition.low)
            return low and compared("<=", value, condition.high)
        case StartsWith():
            return _folded(str(value)).startswith(_folded(condition.prefix))


def value_of(row: RunRow, field: str) -> Any:
    """Return what a row has for a field: a scalar, a list of keywords, a text, or None."""
    if field not in FIELDS:
        return json.loads(row.search_values).get(field) if row.search_values else None
    if field in _CLOSED:
        return getattr(row, field) if row.close_ns else None
    if field in _OPTIONAL:
        return getattr(row, field) or None
    match field:
        case "list_ns":
            return row.close_ns or OPEN_LAST
        case "close_ns":
            return row.close_ns or None
        case "execution_ns":
            return row.execution_ns or row.start_ns
        case "duration_ns":
            begun_ns = row.execution_ns or row.start_ns
            return max(0, row.close_ns - begun_ns) if row.close_ns else None
        case "root_workflow_id":
            return row.root_workflow_id or row.workflow_id
        case "root_run_id":
            return row.root_run_id or row.run_id
    return getattr(row, field)


def _scalar(value: Any) -> Any:
    # A list or a text can only be there under a name that had another type before.
    return json.dumps(value, separators=(",", ":")) if isinstance(value, list | dict) else value


def _folded(text: str) -> str:
    """Fold the letters that SQLite folds: those of ASCII."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)
