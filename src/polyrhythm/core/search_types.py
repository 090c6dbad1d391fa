"""Which search attributes there are, with their types: the server's own and a namespace's.

Types are spelled as the server prints them and as they stand in a payload's metadata. A namespace
has a number of fields of each type (`Keyword01` ...), and gives them names: users see the names
only. Source: search attribute definitions of the server 1.31 and its schema for SQLite.
"""

from __future__ import annotations

from collections.abc import Mapping

# Derived from the run: filtered by, never set.
SYSTEM: dict[str, str] = {
    "WorkflowId": "Keyword",
    "RunId": "Keyword",
    "WorkflowType": "Keyword",
    "StartTime": "Datetime",
    "ExecutionTime": "Datetime",
    "CloseTime": "Datetime",
    "ExecutionStatus": "Keyword",
    "TaskQueue": "Keyword",
    "HistoryLength": "Int",
    "ExecutionDuration": "Int",
    "StateTransitionCount": "Int",
    "HistorySizeBytes": "Int",
    "ParentWorkflowId": "Keyword",
    "ParentRunId": "Keyword",
    "RootWorkflowId": "Keyword",
    "RootRunId": "Keyword",
}
# Set by the server or an SDK for its own use; users may set them too, for history's sake.
SETTABLE: dict[str, str] = {
    "TemporalChangeVersion": "KeywordList",
    "BinaryChecksums": "KeywordList",
    "BuildIds": "KeywordList",
    "BatcherNamespace": "Keyword",
    "BatcherUser": "Keyword",
    "TemporalScheduledStartTime": "Datetime",
    "TemporalScheduledById": "Keyword",
    "TemporalSchedulePaused": "Bool",
    "TemporalNamespaceDivision": "Keyword",
    "TemporalPauseInfo": "KeywordList",
    "TemporalReportedProblems": "KeywordList",
}
PREDEFINED: dict[str, str] = {
    **SETTABLE,
    "TemporalWorkerDeploymentVersion": "Keyword",
    "TemporalWorkflowVersioningBehavior": "Keyword",
    "TemporalWorkerDeployment": "Keyword",
    "TemporalUsedWorkerDeploymentVersions": "KeywordList",
    "TemporalExternalPayloadCount": "Int",
    "TemporalExternalPayloadSizeBytes": "Int",
}
OWN: dict[str, str] = {**SYSTEM, **PREDEFINED}
# Names that nobody's attribute may have, beside those and all that begin with the prefix.
RESERVED = frozenset(["NamespaceId", "MemoEncoding", "Memo", "VisibilityTaskKey"])
RESERVED_PREFIX = "Temporal"
# How many fields a namespace has to give names to.
FIELD_COUNTS = {
    "Bool": 3,
    "Datetime": 3,
    "Double": 3,
    "Int": 3,
    "Keyword": 10,
    "KeywordList": 3,
    "Text": 3,
}
FIELDS: dict[str, str] = {
    f"{kind}{number:02}": kind
    for kind, count in FIELD_COUNTS.items()
    for number in range(1, count + 1)
}


def is_reserved(name: str) -> bool:
    """Return whether an attribute may not be registered under this name."""
    return name in OWN or name in RESERVED or name.startswith(RESERVED_PREFIX)


def types_of(aliases: Mapping[str, str]) -> dict[str, str]:
    """Return the types of a namespace's attributes by name, from its names by field."""
    return {name: FIELDS[field] for field, name in aliases.items() if name and field in FIELDS}
