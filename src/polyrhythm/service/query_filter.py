"""A visibility query's tree becomes the filter of a list of runs, or is refused.

A filter is a conjunction of simple conditions: that is all that is built. What the language allows
beyond it (OR, NOT, other attributes) is Unimplemented and named; what it does not allow is refused
with the words of the Temporal server 1.31 on SQLite. Times are compared in microseconds, as there.
A run that is open has a close time later than any.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from temporalio.api.enums.v1 import IndexedValueType, WorkflowExecutionStatus

from polyrhythm.base.errors import PolyrhythmError, Unimplemented
from polyrhythm.engine.filter import RunFilter
from polyrhythm.service.query_grammar import Both, Condition, Not, Query, Test, Value
from polyrhythm.service.query_words import refusal
from polyrhythm.service.search_attributes import ALL

MICROSECOND_NS = 1000
INT64_MAX = 2**63 - 1
TEXT_FIELDS = {
    "WorkflowId": "workflow_ids",
    "RunId": "run_ids",
    "WorkflowType": "workflow_types",
    "TaskQueue": "task_queues",
}
TIME_FIELDS = {"StartTime": "start_ns", "CloseTime": "close_ns"}
SUPPORTED = frozenset(
    ["=", "!=", "<", "<=", ">", ">=", "in", "not in", "starts_with", "not starts_with"]
)
_DATETIME = IndexedValueType.INDEXED_VALUE_TYPE_DATETIME
_RANGED = frozenset(
    [
        _DATETIME,
        IndexedValueType.INDEXED_VALUE_TYPE_INT,
        IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    ]
)
_RUNNING = int(WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING)
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(slots=True)
class Wanted:
    """A filter, and whether a contradiction in it means that nothing can match."""

    filter: RunFilter
    nothing: bool = False


def build_filter(query: Query, namespace_key: int) -> Wanted:
    """Return the filter of a query. Raises InvalidArgument, Unimplemented.

    What cannot be is refused before what is not built, wherever both stand in the query.
    """
    if query.has_order:
        raise refusal("operation is not supported: 'ORDER BY' clause")
    if query.has_limit:
        raise refusal("operation is not supported: 'LIMIT' clause")
    wanted = Wanted(RunFilter(namespace_key))
    unbuilt: PolyrhythmError | None = None
    for condition, plain in _tests(query.condition):
        try:
            _apply(wanted, condition)
        except Unimplemented as error:
            unbuilt = unbuilt or error
        if not plain:
            unbuilt = unbuilt or Unimplemented("OR and NOT in queries are not implemented")
    _check_grouping(query)
    if unbuilt is not None:
        raise unbuilt
    return wanted


def _check_grouping(query: Query) -> None:
    if len(query.group_by) > 1:
        raise refusal("operation is not supported: 'GROUP BY' clause supports only a single field")
    for name in query.group_by:
        if _attribute(name) != "ExecutionStatus":
            raise refusal(
                "operation is not supported: 'GROUP BY' clause is only supported for "
                "ExecutionStatus"
            )


def each_test(condition: Condition | None) -> list[Test]:
    """Return every test of a condition, from left to right."""
    return [test for test, _ in _tests(condition)]


def _tests(condition: Condition | None) -> Iterator[tuple[Test, bool]]:
    """Yield every test from left to right, and whether only ANDs lie above it.

    A stack instead of recursion: a chain of ANDs may be as long as a request.
    """
    pending: list[tuple[Condition, bool]] = [(condition, True)] if condition else []
    while pending:
        node, plain = pending.pop()
        if isinstance(node, Test):
            yield node, plain
        elif isinstance(node, Not):
            pending.append((node.condition, False))
        else:
            plain = plain and isinstance(node, Both)
            pending += [(node.right, plain), (node.left, plain)]


def _apply(wanted: Wanted, test: Test) -> None:
    if test.operator in ("between", "not between"):
        name = _attribute(test.name)
        if ALL[name] not in _RANGED:
            kind = IndexedValueType.Name(ALL[name]).removeprefix("INDEXED_VALUE_TYPE_")
            words = "".join(word.capitalize() for word in kind.split("_"))
            raise refusal(
                "invalid expression: cannot do range condition on search attribute "
                f"'{test.name}' of type {words}"
            )
    elif test.operator not in ("is null", "is not null"):
        if test.operator not in SUPPORTED:
            raise refusal(
                f"invalid expression: invalid operator '{test.operator}' in `{_printed(test)}`"
            )
        name = _attribute(test.name)
    else:
        name = _attribute(test.name)
    for value in test.values:
        _check_value(name, test.name, value)
    if name == "ExecutionStatus":
        _apply_status(wanted, test)
    elif name in TIME_FIELDS:
        _apply_time(wanted, name, test)
    elif name in TEXT_FIELDS:
        _apply_text(wanted, name, test)
    else:
        raise Unimplemented(f"queries by {test.name} are not implemented")


def _attribute(name: str) -> str:
    """Return the attribute a name means: the prefix `Temporal` may be there or not."""
    for spelling in (name, f"Temporal{name}", name.removeprefix("Temporal")):
        if spelling in ALL:
            return spelling
    if name == "ScheduleId":
        raise Unimplemented("queries by ScheduleId are not implemented")
    raise refusal(f"invalid expression: column name '{name}' is not a valid search attribute")


def _check_value(name: str, alias: str, value: Value) -> None:
    if value.name is not None:
        raise refusal(
            "operation is not supported: column name on the right side of comparison expression "
            f"(did you forget to quote '{value.name}'?)"
        )
    if value.truth is not None:
        return
    if ALL[name] == _DATETIME:
        _time_of(alias, value)
    elif name == "ExecutionStatus":
        _status_of(alias, value)


def _apply_text(wanted: Wanted, name: str, test: Test) -> None:
    if test.operator == "is not null":
        return
    if test.operator == "is null":
        wanted.nothing = True
        return
    if test.operator not in ("=", "in"):
        raise Unimplemented(f"{test.operator.upper()} on {test.name} is not implemented")
    texts = [_text_of(value) for value in test.values]
    _narrow(wanted, TEXT_FIELDS[name], texts)


def _apply_status(wanted: Wanted, test: Test) -> None:
    if test.operator == "is not null":
        return
    if test.operator == "is null":
        wanted.nothing = True
        return
    if any(value.truth is not None for value in test.values):
        raise Unimplemented("truth values for ExecutionStatus are not implemented")
    statuses = [_status_of(test.name, value) for value in test.values]
    if test.operator in ("=", "in"):
        _narrow(wanted, "statuses", statuses)
    elif test.operator in ("!=", "not in"):
        _exclude(wanted, statuses)
    else:
        raise Unimplemented(f"{test.operator.upper()} on {test.name} is not implemented")


def _apply_time(wanted: Wanted, name: str, test: Test) -> None:
    if test.operator in ("is null", "is not null"):
        _apply_null_time(wanted, name, test.operator == "is null")
        return
    if any(value.truth is not None for value in test.values):
        raise Unimplemented(f"truth values for {test.name} are not implemented")
    times = [_time_of(test.name, value) for value in test.values]
    at, end = times[0], times[-1] + MICROSECOND_NS - 1
    bounds: dict[str, tuple[int | None, int | None]] = {
        "=": (at, end),
        "<": (None, at - 1),
        "<=": (None, end),
        ">": (end + 1, None),
        ">=": (at, None),
        "between": (at, end),
    }
    if test.operator not in bounds:
        raise Unimplemented(f"{test.operator.upper()} on {test.name} is not implemented")
    _bound(wanted, TIME_FIELDS[name], *bounds[test.operator])


def _apply_null_time(wanted: Wanted, name: str, is_null: bool) -> None:
    if name == "StartTime":
        wanted.nothing = wanted.nothing or is_null
    elif is_null:
        _narrow(wanted, "statuses", [_RUNNING])
    else:
        _exclude(wanted, [_RUNNING])


def _narrow(wanted: Wanted, field: str, values: Sequence[object]) -> None:
    before = getattr(wanted.filter, field)
    kept = list(dict.fromkeys(values))
    if before is not None:
        allowed = set(before)
        kept = [v for v in kept if v in allowed]
    setattr(wanted.filter, field, kept)
    wanted.nothing = wanted.nothing or not kept


def _exclude(wanted: Wanted, statuses: Sequence[int]) -> None:
    before = wanted.filter.excluded_statuses or ()
    wanted.filter.excluded_statuses = list(dict.fromkeys([*before, *statuses]))


def _bound(wanted: Wanted, field: str, low: int | None, high: int | None) -> None:
    """Tighten a range; both ends belong to it."""
    runs = wanted.filter
    low_before, high_before = getattr(runs, f"{field}_min"), getattr(runs, f"{field}_max")
    lows = [clamped(v) for v in (low_before, low) if v is not None]
    highs = [clamped(v) for v in (high_before, high) if v is not None]
    setattr(runs, f"{field}_min", max(lows, default=None))
    setattr(runs, f"{field}_max", min(highs, default=None))
    if lows and highs and max(lows) > min(highs):
        wanted.nothing = True


def clamped(time_ns: int) -> int:
    """Return a time as far out as 64 bits reach: the year 9999 is past them in nanoseconds."""
    return max(-INT64_MAX, min(time_ns, INT64_MAX))


def _text_of(value: Value) -> str:
    if value.text is not None:
        # The server trims every quote at the ends of a string: what stays of `'it''s'` is `it's`.
        return value.text.strip("'")
    return value.number if value.number is not None else str(int(value.truth or False))


def _status_of(alias: str, value: Value) -> int:
    if value.number is not None:
        return _integer_of(alias, value.number)
    text = (value.text or "").strip("'")
    if text not in _STATUSES:
        raise refusal(f"invalid expression: invalid ExecutionStatus value '{text}'")
    return _STATUSES[text]


def _integer_of(alias: str, number: str) -> int:
    """Return an integer of 64 bits; whatever else is a number counts as a float, as in Go."""
    # Python refuses to convert thousands of digits, and 64 bits have nineteen.
    digits = number.removeprefix("-")
    if not digits.isdigit() or len(digits) > 100 or abs(int(number)) > INT64_MAX:
        raise refusal(
            f"invalid expression: unexpected value type float64 for search attribute {alias}"
        )
    return int(number)


def _status_names() -> dict[str, int]:
    """Both spellings of each status: TimedOut and WORKFLOW_EXECUTION_STATUS_TIMED_OUT."""
    names: dict[str, int] = {}
    for full, number in WorkflowExecutionStatus.items():
        names[full] = names[status_word(number)] = int(number)
    return names


def status_word(status: int) -> str:
    """Return a status as searches name it: Running, TimedOut ..."""
    full = WorkflowExecutionStatus.Name(WorkflowExecutionStatus.ValueType(status))
    words = full.removeprefix("WORKFLOW_EXECUTION_STATUS_").split("_")
    return "".join(word.capitalize() for word in words)


_STATUSES = _status_names()


def _time_of(alias: str, value: Value) -> int:
    """Return a time in nanoseconds, cut to the microsecond."""
    if value.number is not None:
        time_ns = _integer_of(alias, value.number)
        return time_ns - time_ns % MICROSECOND_NS
    text = (value.text or "").strip("'")
    found = _RFC3339.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        zone = found[3].replace("Z", "+00:00")
        whole = int(datetime.fromisoformat(found[1] + zone).timestamp())
    except (ValueError, OverflowError):
        raise refusal(f"invalid expression: unable to parse datetime '{text}'") from None
    return whole * 1_000_000_000 + int((found[2] or "").ljust(6, "0")[:6]) * MICROSECOND_NS


def _printed(test: Test) -> str:
    """Print a test as the server's messages do."""
    operands = ", ".join(
        f"'{v.text}'" if v.text is not None else v.number or v.name or str(v.truth).lower()
        for v in test.values
    )
    return f"{test.name} {test.operator} {operands}"
