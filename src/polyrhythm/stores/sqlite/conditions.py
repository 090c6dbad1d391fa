"""Conditions as SQL: a tree becomes an expression over `executions e`, every value bound.

Chains are joined as balanced trees, since SQLite refuses expressions deeper than 1,000; long lists
of choices are one JSON value, since a statement has a number of parameters. Attributes are read
from the row's JSON; which statement finds rows without reading all of them is `lists`' choice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from polyrhythm.base.conditions import (
    FIELDS,
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
    Scalar,
    StartsWith,
)

# Past this, choices are handed over as one value.
CHOICES_BOUND_MAX = 100
_BEGUN = "CASE e.execution_ns WHEN 0 THEN e.start_ns ELSE e.execution_ns END"
_COLUMNS = {
    "execution_ns": f"({_BEGUN})",
    "close_ns": "nullif(e.close_ns, 0)",
    "duration_ns": f"(CASE e.close_ns WHEN 0 THEN NULL ELSE max(0, e.close_ns - {_BEGUN}) END)",
    **{
        name: f"(CASE e.close_ns WHEN 0 THEN NULL ELSE e.{name} END)"
        for name in ("history_events", "history_bytes", "transitions")
    },
    "parent_workflow_id": "nullif(e.parent_workflow_id, '')",
    "parent_run_id": "nullif(e.parent_run_id, '')",
    "root_workflow_id": "coalesce(nullif(e.root_workflow_id, ''), e.workflow_id)",
    "root_run_id": "coalesce(nullif(e.root_run_id, ''), e.run_id)",
}
# The empty text is no JSON: rows without attributes are never parsed.
_ATTRIBUTE = "json_extract(nullif(e.search_values, ''), ?)"


def sql_of(condition: Condition, values: list[Scalar]) -> str:
    """Return a condition's expression; what it compares with is added to `values`, in order."""
    match condition:
        case Not():
            return f"NOT ({sql_of(condition.condition, values)})"
        case AllOf():
            return _joined([sql_of(each, values) for each in condition.conditions], "AND", "1")
        case AnyOf():
            return _joined([sql_of(each, values) for each in condition.conditions], "OR", "0")
        case HasWord():
            path = json_path(condition.field)
            values.append(path)
            chosen = _choices(condition.words, values)
            return (
                "EXISTS (SELECT 1 FROM json_each(nullif(e.search_values, ''), ?) "
                f"WHERE atom IN {chosen})"
            )
        case HasPhrase():
            parts = []
            for phrase in condition.phrases:
                values += (json_path(condition.field) + ".text", phrase)
                parts.append(f"coalesce(instr({_ATTRIBUTE}, ?), 0) > 0")
            return _joined(parts, "OR", "0")
    column = _column(condition.field, values)
    match condition:
        case IsNull():
            return f"{column} IS NULL"
        case Compare():
            values.append(condition.value)
            return f"{column} {condition.operator} ?"
        case OneOf():
            return f"{column} IN {_choices(condition.values, values)}"
        case Between():
            values += (condition.low, condition.high)
            return f"{column} BETWEEN ? AND ?"
        case StartsWith():
            values += (len(condition.prefix), condition.prefix)
            return f"lower(substr({column}, 1, ?)) = lower(?)"


def json_path(field: str) -> str:
    """Return where an attribute is in a row's JSON; `search_key` keeps quotes out of it."""
    return f'$."{field}"'


def _column(field: str, values: list[Scalar]) -> str:
    if field in FIELDS:
        return _COLUMNS.get(field, f"e.{field}")
    values.append(json_path(field))
    return _ATTRIBUTE


def _choices(choices: Sequence[Scalar], values: list[Scalar]) -> str:
    if len(choices) > CHOICES_BOUND_MAX:
        values.append(json.dumps(list(choices)))
        return "(SELECT value FROM json_each(?))"
    values += choices
    return f"({', '.join('?' for _ in choices)})"


def _joined(parts: list[str], word: str, empty: str) -> str:
    if not parts:
        return empty
    if len(parts) == 1:
        return parts[0]
    half = len(parts) // 2
    return f"({_joined(parts[:half], word, empty)} {word} {_joined(parts[half:], word, empty)})"
