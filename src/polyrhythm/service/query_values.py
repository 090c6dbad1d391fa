"""The values of a query: literals become what the rows of runs hold, by the attribute's type.

As on the server: times are RFC 3339 or nanoseconds, a status is a word or a number, a duration may
be written `1h30m` or `hh:mm:ss`. Whatever else does not fit a type is compared as SQLite compares
it, numbers before texts. Messages are those of the Temporal server 1.31 on SQLite.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from temporalio.api.enums.v1 import WorkflowExecutionStatus

from polyrhythm.base.conditions import Scalar
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.core.search_values import INT64_MAX, INT64_MIN, MICROSECOND_NS, time_ns_of
from polyrhythm.service.query_columns import Column
from polyrhythm.service.query_tree import Expression, Literal, Name, Other, Truth, go_type, printed
from polyrhythm.service.query_words import Kind, refusal

_UNITS_NS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86_400 * 10**9,
}
_PART = re.compile(r"(\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(ns|us|µs|μs|ms|s|m|h|d)", re.ASCII)
_CLOCK = re.compile(r"\s*([+-]?\d{1,12}):([+-]?\d{1,12}):([+-]?\d{1,12})", re.ASCII)
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


@dataclass(slots=True)
class Value:
    """A value as it is compared. `shown` is how the server prints it in messages; `is_text`: it
    was or became a text there; `is_truth`: it is true or false."""

    scalar: Scalar
    shown: str
    is_text: bool = False
    is_truth: bool = False


def value_of(column: Column, node: Expression) -> Value:
    """Return the value of an expression beside a column. Raises InvalidArgument."""
    match node:
        case Truth():
            return Value(_truth(column, node.value), printed(node), is_truth=True)
        case Literal():
            return _fitted(column, _literal(node))
        case Name():
            raise refusal(
                "operation is not supported: column name on the right side of comparison "
                f"expression (did you forget to quote '{printed(node)}'?)"
            )
        case Other(go_type="*sqlparser.FuncExpr"):
            raise refusal("operation is not supported: nested func")
        case Other(go_type="*sqlparser.GroupConcatExpr"):
            raise refusal("operation is not supported: 'group_concat'")
    raise refusal(f"invalid expression: unexpected value type {go_type(node)}")


def status_word(status: int) -> str:
    """Return a status as searches name it: Running, TimedOut ..."""
    full = WorkflowExecutionStatus.Name(WorkflowExecutionStatus.ValueType(status))
    words = full.removeprefix("WORKFLOW_EXECUTION_STATUS_").split("_")
    return "".join(word.capitalize() for word in words)


def clamped(time_ns: int) -> int:
    """Return a time as far out as 64 bits reach: the year 9999 is past them in nanoseconds."""
    return max(INT64_MIN, min(time_ns, INT64_MAX))


def _truth(column: Column, value: bool) -> Scalar:
    # It is the number 1 or 0, which a column of texts compares as a text; times are texts there,
    # and any text is greater than a number.
    if column.kind == "Datetime":
        return INT64_MIN
    if column.kind == "Keyword" and column.attribute != "ExecutionStatus":
        return str(int(value))
    return int(value)


def _literal(literal: Literal) -> Scalar:
    """Return what is written: a text, an integer of 64 bits, or else a float."""
    text = literal.text
    if literal.kind is Kind.STRING:
        # The server trims every quote at the ends of a string: what stays of `'it''s'` is `it's`.
        return text.strip("'")
    if not text:
        return ""
    if literal.kind is not Kind.VARIABLE and not re.match(r"-?0[xX]", text):
        if re.fullmatch(r"-?\d{1,100}", text) and INT64_MIN <= int(text) <= INT64_MAX:
            return int(text)
        # Python refuses to convert thousands of digits to an integer, not to a float.
        if _NUMBER.fullmatch(text) and abs(number := float(text)) <= 1.7976931348623157e308:
            return number
    shown = ":v1" if text == "?" else text
    raise InvalidArgument(f"invalid expression: unable to parse {shown}")


def _fitted(column: Column, written: Scalar) -> Value:
    if column.kind == "Datetime":
        return _fitted_time(column, written)
    if column.attribute == "ExecutionStatus":
        status = _status(column, written)
        return Value(status, str(status))
    if column.attribute == "ExecutionDuration" and isinstance(written, str):
        duration_ns = _duration(column, written)
        return Value(duration_ns, str(duration_ns))
    if column.prefix:
        written = column.prefix + str(written)
    if isinstance(written, str):
        return Value(_affine(column, written), f"'{written}'", is_text=True)
    shown = _printed_number(written)
    if column.kind in ("Keyword", "KeywordList", "Text"):
        return Value(shown, shown)
    return Value(written, shown)


def _affine(column: Column, text: str) -> Scalar:
    """Return a text as a column of numbers compares it: as the number that it is, if any."""
    if column.kind not in ("Int", "Double", "Bool") or not _NUMBER.fullmatch(text):
        return text
    text = text.strip()
    if re.fullmatch(r"[+-]?\d{1,100}", text) and INT64_MIN <= int(text) <= INT64_MAX:
        return int(text)
    return max(-1.7976931348623157e308, min(float(text), 1.7976931348623157e308))


def _fitted_time(column: Column, written: Scalar) -> Value:
    match written:
        case int():
            time_ns = written - written % MICROSECOND_NS
        case str():
            found = time_ns_of(written)
            if found is None:
                raise refusal(f"invalid expression: unable to parse datetime '{written}'")
            time_ns = found
        case float():
            raise refusal(
                "invalid expression: unexpected value type float64 for search attribute "
                f"{column.alias}"
            )
    return Value(time_ns, str(written), is_text=True)


def _status(column: Column, written: Scalar) -> int:
    match written:
        case int():
            return written
        case str():
            if written in _STATUSES:
                return _STATUSES[written]
            raise refusal(f"invalid expression: invalid ExecutionStatus value '{written}'")
    raise refusal(
        f"invalid expression: unexpected value type float64 for search attribute {column.alias}"
    )


def _duration(column: Column, written: str) -> int:
    try:
        duration_ns = _duration_ns(written)
        problem = "" if abs(duration_ns) <= INT64_MAX else "invalid duration"
    except ValueError as error:
        duration_ns, problem = 0, str(error)
    if problem:
        name = column.alias
        raise refusal(f"invalid value for search attribute {name}: {written} ({problem})")
    return duration_ns


def _duration_ns(text: str) -> int:
    """Return a duration in nanoseconds: digits, numbers with units, or hours:minutes:seconds."""
    if re.fullmatch(r"[+-]?\d{1,19}", text):
        return int(text)
    sign = -1 if text.startswith("-") else 1
    rest = text.removeprefix("-") if sign < 0 else text.removeprefix("+")
    total, at = 0.0, 0
    while at < len(rest) and (part := _PART.match(rest, at)):
        total += float(part[1]) * _UNITS_NS[part[2]]
        at = part.end()
    if rest and at == len(rest):
        return sign * round(total)
    found = _CLOCK.match(text)
    if found is None:
        raise ValueError("invalid duration")
    hours, minutes, seconds = (int(found[number]) for number in (1, 2, 3))
    if hours < 0:
        raise ValueError("invalid duration: hours must be a positive number")
    if not 0 <= minutes <= 59:
        raise ValueError("invalid duration: minutes must be from 0 to 59")
    if not 0 <= seconds <= 59:
        raise ValueError("invalid duration: seconds must be from 0 to 59")
    return (hours * 3600 + minutes * 60 + seconds) * 10**9


def _printed_number(number: int | float) -> str:
    """Print a number without an exponent, as the server hands it to its database."""
    if isinstance(number, int):
        return str(number)
    if number.is_integer() and abs(number) < 2**63:
        return str(int(number))
    return format(number, "f") if number.is_integer() else repr(number)


def _status_names() -> dict[str, int]:
    """Both spellings of each status: TimedOut and WORKFLOW_EXECUTION_STATUS_TIMED_OUT."""
    names: dict[str, int] = {}
    for full, number in WorkflowExecutionStatus.items():
        names[full] = names[status_word(number)] = int(number)
    return names


_STATUSES = _status_names()
