"""Search attributes: which there are, and the check of those a start sets.

Only the server's own attributes exist yet: system ones are derived from the run and cannot be set,
predefined ones can (some by the server alone), everything else has no mapping in its namespace.
Values are JSON, as SDKs write them, and must fit the attribute's type.
"""

from __future__ import annotations

from temporalio.api.common.v1 import SearchAttributes
from temporalio.api.enums.v1 import IndexedValueType

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import SEARCH_BYTES_MAX, SEARCH_KEYS_MAX, SEARCH_VALUE_BYTES_MAX
from polyrhythm.core.search_values import value_problem

_KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
_KEYWORDS = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST
_TIME = IndexedValueType.INDEXED_VALUE_TYPE_DATETIME
_INT = IndexedValueType.INDEXED_VALUE_TYPE_INT
_BOOL = IndexedValueType.INDEXED_VALUE_TYPE_BOOL

# Derived from the run: filtered by, never set.
SYSTEM: dict[str, IndexedValueType.ValueType] = {
    "WorkflowId": _KEYWORD,
    "RunId": _KEYWORD,
    "WorkflowType": _KEYWORD,
    "StartTime": _TIME,
    "ExecutionTime": _TIME,
    "CloseTime": _TIME,
    "ExecutionStatus": _KEYWORD,
    "TaskQueue": _KEYWORD,
    "HistoryLength": _INT,
    "ExecutionDuration": _INT,
    "StateTransitionCount": _INT,
    "HistorySizeBytes": _INT,
    "ParentWorkflowId": _KEYWORD,
    "ParentRunId": _KEYWORD,
    "RootWorkflowId": _KEYWORD,
    "RootRunId": _KEYWORD,
}
# Set by the server or an SDK for its own use; users may set them too, for history's sake.
SETTABLE: dict[str, IndexedValueType.ValueType] = {
    "TemporalChangeVersion": _KEYWORDS,
    "BinaryChecksums": _KEYWORDS,
    "BuildIds": _KEYWORDS,
    "BatcherNamespace": _KEYWORD,
    "BatcherUser": _KEYWORD,
    "TemporalScheduledStartTime": _TIME,
    "TemporalScheduledById": _KEYWORD,
    "TemporalSchedulePaused": _BOOL,
    "TemporalNamespaceDivision": _KEYWORD,
    "TemporalPauseInfo": _KEYWORDS,
    "TemporalReportedProblems": _KEYWORDS,
}
PREDEFINED: dict[str, IndexedValueType.ValueType] = {
    **SETTABLE,
    "TemporalWorkerDeploymentVersion": _KEYWORD,
    "TemporalWorkflowVersioningBehavior": _KEYWORD,
    "TemporalWorkerDeployment": _KEYWORD,
    "TemporalUsedWorkerDeploymentVersions": _KEYWORDS,
    "TemporalExternalPayloadCount": _INT,
    "TemporalExternalPayloadSizeBytes": _INT,
}
ALL: dict[str, IndexedValueType.ValueType] = {**SYSTEM, **PREDEFINED}

_TYPE_NAMES = {
    _KEYWORD: "Keyword",
    _KEYWORDS: "KeywordList",
    _TIME: "Datetime",
    _INT: "Int",
    _BOOL: "Bool",
}


def check_search_attributes(attributes: SearchAttributes, namespace_name: str) -> None:
    """Refuse attributes that do not exist, cannot be set, or whose value does not fit."""
    fields = attributes.indexed_fields
    for name in fields:
        if name not in ALL:
            raise InvalidArgument(
                f"Namespace {namespace_name} has no mapping defined for search attribute {name}"
            )
    if len(fields) > SEARCH_KEYS_MAX:
        raise InvalidArgument(
            f"number of search attributes {len(fields)} exceeds limit {SEARCH_KEYS_MAX}"
        )
    for name, payload in fields.items():
        if name not in SETTABLE:
            raise InvalidArgument(f"{name} attribute can't be set in SearchAttributes")
        _check_value(name, payload.data)
    for name, payload in fields.items():
        if len(payload.data) > SEARCH_VALUE_BYTES_MAX:
            raise InvalidArgument(
                f"search attribute {name} value size {len(payload.data)} exceeds size limit "
                f"{SEARCH_VALUE_BYTES_MAX}"
            )
    size = attributes.ByteSize()
    if size > SEARCH_BYTES_MAX:
        raise InvalidArgument(
            f"total size of search attributes {size} exceeds size limit {SEARCH_BYTES_MAX}"
        )


def _check_value(name: str, data: bytes) -> None:
    problem = value_problem(name, _TYPE_NAMES[SETTABLE[name]], data)
    if problem:
        raise InvalidArgument(problem)
