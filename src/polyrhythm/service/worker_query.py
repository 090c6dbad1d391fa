"""Queries over workers: a condition tree held against one heartbeat.

The language is that of lists of runs, the names are a heartbeat's. Texts know `=`, `!=`,
`STARTS_WITH` and its opposite, times the comparisons and `BETWEEN`, all know `IS [NOT] NULL`.
Nothing is skipped when the outcome is known already, so a query that is wrong somewhere is refused
whatever the workers are; where the Temporal server 1.31 then finds nobody, its words say why here.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.enums.v1 import WorkerStatus
from temporalio.api.worker.v1 import WorkerHeartbeat

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.core.search_values import time_ns_of
from polyrhythm.service.query_grammar import parse_query
from polyrhythm.service.query_tree import (
    Chain,
    Comparison,
    Expression,
    Is,
    Literal,
    Name,
    Negation,
    Other,
    Range,
    Tuple,
    go_type,
    printed,
)
from polyrhythm.service.query_words import Kind


def _status_word(worker: WorkerHeartbeat) -> str:
    known = WorkerStatus.DESCRIPTOR.values_by_number
    if worker.status not in known:
        return str(worker.status)
    words = known[worker.status].name.removeprefix("WORKER_STATUS_").split("_")
    return "".join(word.title() for word in words)


_TEXTS: dict[str, Callable[[WorkerHeartbeat], str]] = {
    "WorkerInstanceKey": lambda worker: worker.worker_instance_key,
    "WorkerIdentity": lambda worker: worker.worker_identity,
    "HostName": lambda worker: worker.host_info.host_name,
    "TaskQueue": lambda worker: worker.task_queue,
    "DeploymentName": lambda worker: worker.deployment_version.deployment_name,
    "BuildId": lambda worker: worker.deployment_version.build_id,
    "SdkName": lambda worker: worker.sdk_name,
    "SdkVersion": lambda worker: worker.sdk_version,
    "WorkerStatus": _status_word,
    # `Status` is a word of the language, which the parser makes small.
    "status": _status_word,
}
_TIMES = ("StartTime", "HeartbeatTime")
_UNSUPPORTED = "operation is not supported"


def parse_worker_query(text: str) -> Expression | None:
    """Return the condition of a query, None for all workers. Raises InvalidArgument."""
    if not text:
        return None
    if text.strip().lower().startswith(("where ", "select ")):
        raise InvalidArgument(f"invalid filter: {text.strip()}")
    try:
        query = parse_query(text)
    except InvalidArgument as error:
        words = error.message.partition(": ")[2].replace("malformed SQL query", "malformed query")
        raise InvalidArgument(words) from error
    if query.has_limit:
        raise InvalidArgument(f"{_UNSUPPORTED}: 'limit' clause")
    if query.condition is None:
        raise InvalidArgument(f"{_UNSUPPORTED}: 'where' clause is missing")
    matches(query.condition, WorkerHeartbeat())
    return query.condition


def matches(node: Expression, worker: WorkerHeartbeat) -> bool:
    """Whether a condition holds for a worker. Raises InvalidArgument for one that never could."""
    match node:
        case Chain():
            held = [matches(operand, worker) for operand in node.operands]
            return all(held) if node.operator == "and" else any(held)
        case Tuple() if len(node.items) == 1:
            return matches(node.items[0], worker)
        case Comparison():
            return _compares(node, worker)
        case Range():
            return _within(node, worker)
        case Is():
            return _is(node, worker)
        case Negation():
            raise InvalidArgument(f"{_UNSUPPORTED}: 'not' expression")
        case Name():
            raise InvalidArgument("incomplete expression")
        case Other(go_type="*sqlparser.FuncExpr"):
            raise InvalidArgument(f"{_UNSUPPORTED}: function expression")
    raise InvalidArgument(f"{_UNSUPPORTED}: expression of type {go_type(node)}")


def _compares(node: Comparison, worker: WorkerHeartbeat) -> bool:
    name = _name_of(node.left)
    if not isinstance(node.right, Literal):
        raise InvalidArgument(f"invalid value: {printed(node.right)}")
    if name in _TIMES:
        return _compare_times(node.operator, _time_of(worker, name), _time(name, node.right))
    if name not in _TEXTS:
        raise _unknown(name)
    if node.right.kind is not Kind.STRING:
        shown = printed(node.right)
        raise InvalidArgument(f"invalid value for {name}: value {shown} is not a string value")
    wanted = node.right.text
    if not wanted:
        raise InvalidArgument(f"{name} cannot be empty")
    found = _TEXTS[name](worker)
    match node.operator:
        case "=":
            return found == wanted
        case "!=":
            return found != wanted
        case "starts_with":
            return found.startswith(wanted)
        case "not starts_with":
            return not found.startswith(wanted)
    raise InvalidArgument(
        f"invalid expression: operation {node.operator} is not supported for {name} column"
    )


def _compare_times(operator: str, found_ns: int, wanted_ns: int) -> bool:
    match operator:
        case "=":
            return found_ns == wanted_ns
        case "!=":
            return found_ns != wanted_ns
        case "<":
            return found_ns < wanted_ns
        case "<=":
            return found_ns <= wanted_ns
        case ">":
            return found_ns > wanted_ns
        case ">=":
            return found_ns >= wanted_ns
    raise InvalidArgument(f"invalid expression: operation {operator} is not supported")


def _within(node: Range, worker: WorkerHeartbeat) -> bool:
    name = printed(node.left).replace("`", "")
    if not isinstance(node.left, Name) or name not in _TIMES:
        raise InvalidArgument(f"unknown or unsupported column name: {name}")
    low_ns, high_ns = _time(name, node.low), _time(name, node.high)
    if not _has_time(worker, name):
        return False
    return (low_ns <= _time_of(worker, name) <= high_ns) is not node.negated


def _is(node: Is, worker: WorkerHeartbeat) -> bool:
    name = _name_of(node.operand)
    if node.suffix not in ("null", "not null"):
        raise InvalidArgument(
            f"{_UNSUPPORTED}: 'is' operator \"is {node.suffix}\" is not supported; only IS NULL "
            "and IS NOT NULL are supported"
        )
    if name in _TIMES:
        missing = not _has_time(worker, name)
    elif name in _TEXTS:
        missing = not _TEXTS[name](worker)
    else:
        raise _unknown(name)
    return missing is (node.suffix == "null")


def _name_of(node: Expression) -> str:
    if not isinstance(node, Name):
        raise InvalidArgument(f"invalid filter name: {printed(node)}")
    return node.alias


def _unknown(name: str) -> InvalidArgument:
    return InvalidArgument(f"unknown or unsupported worker heartbeat search field: {name}")


def _time(name: str, node: Expression) -> int:
    """Return a time that is written as nanoseconds since 1970, or as RFC 3339."""
    found = None
    if isinstance(node, Literal) and node.kind is Kind.WHOLE:
        found = int(node.text)
    elif isinstance(node, Literal) and node.kind is Kind.STRING:
        found = time_ns_of(node.text)
    if found is None:
        raise InvalidArgument(f"invalid value for {name}: {printed(node)} is no time")
    return found


def _has_time(worker: WorkerHeartbeat, name: str) -> bool:
    return worker.HasField("start_time" if name == "StartTime" else "heartbeat_time")


def _time_of(worker: WorkerHeartbeat, name: str) -> int:
    # One that was not given counts as 1970, as there.
    time = worker.start_time if name == "StartTime" else worker.heartbeat_time
    return time.ToNanoseconds()
