"""Search attributes as a run's events carry them: names that exist, typed payloads.

Owns the protocol's predefined names and their types, and which of them a user may set. Custom
attributes belong to a namespace and come with visibility; until then a name that is not in the
table is unknown. Source: search attribute definitions and validator of the server.
"""

from __future__ import annotations

from temporalio.api.common.v1 import SearchAttributes

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import SEARCH_BYTES_MAX, SEARCH_KEYS_MAX, SEARCH_VALUE_BYTES_MAX
from polyrhythm.core.search_values import value_problem

_LIST = b"KeywordList"
_WORD = b"Keyword"

# Names a user may set, with the type the server writes into the payload's metadata.
TYPES: dict[str, bytes] = {
    "BatcherNamespace": _WORD,
    "BatcherUser": _WORD,
    "BinaryChecksums": _LIST,
    "BuildIds": _LIST,
    "TemporalChangeVersion": _LIST,
    "TemporalNamespaceDivision": _WORD,
    "TemporalPauseInfo": _LIST,
    "TemporalReportedProblems": _LIST,
    "TemporalScheduledById": _WORD,
    "TemporalSchedulePaused": b"Bool",
    "TemporalScheduledStartTime": b"Datetime",
}

# Names of what every run has anyway.
SYSTEM: frozenset[str] = frozenset(
    {
        "CloseTime",
        "ExecutionDuration",
        "ExecutionStatus",
        "ExecutionTime",
        "HistoryLength",
        "HistorySizeBytes",
        "ParentRunId",
        "ParentWorkflowId",
        "RootRunId",
        "RootWorkflowId",
        "RunId",
        "StartTime",
        "StateTransitionCount",
        "TaskQueue",
        "WorkflowId",
        "WorkflowType",
    }
)


def check_names(attributes: SearchAttributes, namespace: str) -> None:
    """Raise InvalidArgument for a name that a user may not set, in the server's words."""
    for name in attributes.indexed_fields:
        if name in SYSTEM:
            raise InvalidArgument(f"{name} attribute can't be set in SearchAttributes")
        if name not in TYPES:
            raise InvalidArgument(
                f"Namespace {namespace} has no mapping defined for search attribute {name}"
            )


def unknown_problem(attributes: SearchAttributes, namespace: str) -> str:
    """Return that a name has no definition, or nothing; what is wrong with known ones is not
    asked. The server looks for this before everything else, even before missing ids."""
    for name in attributes.indexed_fields:
        if name not in SYSTEM and name not in TYPES:
            return f"Namespace {namespace} has no mapping defined for search attribute {name}"
    return ""


def names_problem(attributes: SearchAttributes, namespace: str) -> str:
    """Return why a command may not set these attributes, or nothing."""
    count = len(attributes.indexed_fields)
    if count > SEARCH_KEYS_MAX:
        return f"number of search attributes {count} exceeds limit {SEARCH_KEYS_MAX}"
    try:
        check_names(attributes, namespace)
    except InvalidArgument as problem:
        return problem.message
    for name, payload in attributes.indexed_fields.items():
        problem_text = value_problem(name, TYPES[name].decode(), payload.data)
        if problem_text:
            return problem_text
    return ""


def size_problem(attributes: SearchAttributes) -> str:
    """Return why all the attributes of a run are too large, or nothing."""
    for name, payload in attributes.indexed_fields.items():
        size = len(payload.data)
        if size > SEARCH_VALUE_BYTES_MAX:
            limit = SEARCH_VALUE_BYTES_MAX
            return f"search attribute {name} value size {size} exceeds size limit {limit}"
    total = attributes.ByteSize()
    if total > SEARCH_BYTES_MAX:
        return f"total size of search attributes {total} exceeds size limit {SEARCH_BYTES_MAX}"
    return ""


def encode_types(attributes: SearchAttributes) -> None:
    """Write each payload's type into its metadata, as every reader of the event sees it."""
    for name, payload in attributes.indexed_fields.items():
        kind = TYPES.get(name)
        if kind is not None:
            payload.metadata["type"] = kind
