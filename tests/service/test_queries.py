"""Visibility queries: what becomes a filter, what is refused and how, what is not built."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyrhythm.base.errors import InvalidArgument, PolyrhythmError, Unimplemented
from polyrhythm.service.query_filter import INT64_MAX, Wanted, build_filter
from polyrhythm.service.query_grammar import parse_query

DAY = "2024-05-06T07:08:09Z"
DAY_NS = 1_714_979_289 * 1_000_000_000


def filter_of(query: str) -> Wanted:
    return build_filter(parse_query(query), 1)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", {}),
        ("   ", {}),
        ("WorkflowId = 'a'", {"workflow_ids": ["a"]}),
        ('`WorkflowType` = "TypeA"', {"workflow_types": ["TypeA"]}),
        ("WorkflowType in ('a', 'b', 'a')", {"workflow_types": ["a", "b"]}),
        ("TemporalRunId = 'r'", {"run_ids": ["r"]}),
        ("TaskQueue='q'AND(RunId='r')", {"task_queues": ["q"], "run_ids": ["r"]}),
        ("WorkflowType = 5", {"workflow_types": ["5"]}),
        ("WorkflowId = 'it''s'", {"workflow_ids": ["it's"]}),
        (r"WorkflowId = 'a\'b'", {"workflow_ids": ["a'b"]}),
        ("WorkflowId = ''", {"workflow_ids": [""]}),
        ("WorkflowId in ('a','b') AND WorkflowId in ('b','c')", {"workflow_ids": ["b"]}),
        ("ExecutionStatus = 'Running'", {"statuses": [1]}),
        ("ExecutionStatus = 2", {"statuses": [2]}),
        ("ExecutionStatus = 99", {"statuses": [99]}),
        ("ExecutionStatus IN ('TimedOut', 'ContinuedAsNew')", {"statuses": [7, 6]}),
        ("ExecutionStatus != 'Running'", {"excluded_statuses": [1]}),
        ("ExecutionStatus NOT IN (1, 2)", {"excluded_statuses": [1, 2]}),
        ("ExecutionStatus='WORKFLOW_EXECUTION_STATUS_FAILED'", {"statuses": [3]}),
        ("CloseTime IS NULL", {"statuses": [1]}),
        ("CloseTime is not null", {"excluded_statuses": [1]}),
        ("WorkflowId IS NOT NULL", {}),
        (f"StartTime = '{DAY}'", {"start_ns_min": DAY_NS, "start_ns_max": DAY_NS + 999}),
        (f"StartTime < '{DAY}'", {"start_ns_max": DAY_NS - 1}),
        (f"StartTime <= '{DAY}'", {"start_ns_max": DAY_NS + 999}),
        (f"StartTime > '{DAY}'", {"start_ns_min": DAY_NS + 1000}),
        (f"CloseTime >= {DAY_NS}", {"close_ns_min": DAY_NS}),
        (
            f"CloseTime BETWEEN '{DAY}' AND '2024-05-06T09:08:09.5000001+02:00'",
            {"close_ns_min": DAY_NS, "close_ns_max": DAY_NS + 500_000_999},
        ),
        ("StartTime > '9999-12-31T23:59:59Z'", {"start_ns_min": INT64_MAX}),
        (
            f"StartTime > '{DAY}' AND StartTime >= '{DAY}'",
            {"start_ns_min": DAY_NS + 1000},
        ),
    ],
)
def test_filters(query: str, fields: dict[str, Any]) -> None:
    wanted = filter_of(query)
    assert not wanted.nothing
    found = wanted.filter
    given_fields = {
        name: getattr(found, name)
        for name in found.__slots__
        if name not in ("namespace_key", "kind", "limit") and getattr(found, name) is not None
    }
    assert given_fields == fields


@pytest.mark.parametrize(
    "query",
    [
        "WorkflowId = 'a' AND WorkflowId = 'b'",
        "WorkflowId IS NULL",
        "StartTime IS NULL",
        f"StartTime < '{DAY}' AND StartTime > '{DAY}'",
        f"StartTime BETWEEN {DAY_NS} AND 0",
    ],
)
def test_contradictions_match_nothing(query: str) -> None:
    assert filter_of(query).nothing


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("WorkflowId = 'zz' ORDER BY CloseTime", "operation is not supported: 'ORDER BY' clause"),
        ("ORDER BY CloseTime DESC, StartTime", "operation is not supported: 'ORDER BY' clause"),
        ("WorkflowId = 'a' LIMIT 3", "operation is not supported: 'LIMIT' clause"),
        (
            "GROUP BY WorkflowType",
            "operation is not supported: 'GROUP BY' clause is only supported for ExecutionStatus",
        ),
        (
            "GROUP BY ExecutionStatus, WorkflowType",
            "operation is not supported: 'GROUP BY' clause supports only a single field",
        ),
        (
            "Nonesuch = 1",
            "invalid expression: column name 'Nonesuch' is not a valid search attribute",
        ),
        ("WorkflowType", "invalid expression: incomplete expression"),
        ("f(WorkflowId) = 'a'", "operation is not supported: function expression"),
        ("WorkflowId = f('a')", "operation is not supported: nested func"),
        (
            "ExecutionStatus = 'Walking'",
            "invalid expression: invalid ExecutionStatus value 'Walking'",
        ),
        ("StartTime > 'soon'", "invalid expression: unable to parse datetime 'soon'"),
        ("StartTime > '2024-13-06T07:08:09Z'",
         "invalid expression: unable to parse datetime '2024-13-06T07:08:09Z'"),
        (
            "CloseTime = missing",
            "operation is not supported: column name on the right side of comparison expression "
            "(did you forget to quote 'missing'?)",
        ),
        (
            "WorkflowId LIKE 'a%'",
            "invalid expression: invalid operator 'like' in `WorkflowId like 'a%'`",
        ),
        (
            "BuildIds BETWEEN 'a' AND 'b'",
            "invalid expression: cannot do range condition on search attribute 'BuildIds' of type "
            "KeywordList",
        ),
        (
            "WorkflowId IS TRUE",
            "invalid expression: 'IS' operator can only be used with 'NULL' or 'NOT NULL'",
        ),
    ],
)  # fmt: skip
def test_refusals(query: str, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        filter_of(query)
    assert str(caught.value) == f"invalid query: {message}"


@pytest.mark.parametrize(
    "query",
    [
        "WorkflowId = ", "= 'a'", "WorkflowId 'a'", "WorkflowId = 'a", "(WorkflowId = 'a'", "AND",
        "WorkflowId = 'a' AND", "WorkflowId IN ()", "WorkflowId IN 'a'", "WorkflowId NOT 'a'",
        "WorkflowId = 'a' WorkflowId = 'b'", "WorkflowId = -'a'", "where WorkflowId = 'a'",
        "StartTime BETWEEN 1", "WorkflowId = 5x", "WorkflowId = #", "GROUP", "WorkflowId == 'a'",
        "\0", "WorkflowId IS 5", "GROUP BY 'a'", "WorkflowId.",
    ],
)  # fmt: skip
def test_syntax_errors(query: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^invalid query: malformed SQL query: syntax error"):
        filter_of(query)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("WorkflowType = 'a' OR WorkflowType = 'b'", "OR"),
        ("NOT WorkflowType = 'a'", "NOT"),
        ("WorkflowType STARTS_WITH 'a'", "STARTS_WITH"),
        ("WorkflowType NOT STARTS_WITH 'a'", "STARTS_WITH"),
        ("WorkflowType != 'a'", "!="),
        ("WorkflowType NOT IN ('a')", "NOT IN"),
        ("HistoryLength >= 6", "HistoryLength"),
        ("ExecutionDuration < '1h'", "ExecutionDuration"),
        ("ParentWorkflowId IS NULL", "ParentWorkflowId"),
        ("BuildIds = 'a'", "BuildIds"),
        ("ScheduleId = 'a'", "ScheduleId"),
        (f"StartTime != '{DAY}'", "StartTime"),
    ],
)
def test_what_is_not_built_is_named(query: str, named: str) -> None:
    with pytest.raises(Unimplemented, match=named):
        filter_of(query)


def test_what_cannot_be_comes_before_what_is_not_built() -> None:
    with pytest.raises(InvalidArgument, match="Nonesuch"):
        filter_of("HistoryLength > 5 OR Nonesuch = 1")


@pytest.mark.parametrize(
    "query",
    [
        "(" * 10_000 + "WorkflowId = 'a'" + ")" * 10_000,
        "NOT " * 10_000 + "WorkflowId = 'a'",
        "ExecutionStatus = " + "9" * 10_000,
        "StartTime > 1" + "0" * 30,
    ],
    ids=["parentheses", "nots", "digits", "far"],
)
def test_hostile_queries_are_refused(query: str) -> None:
    with pytest.raises(InvalidArgument):
        filter_of(query)


def test_long_conjunctions_do_not_recurse() -> None:
    query = " AND ".join(["WorkflowId = 'a'"] * 5000)
    assert filter_of(query).filter.workflow_ids == ["a"]


WORDS = st.sampled_from(
    """WorkflowId StartTime ExecutionStatus Nonesuch = != < <= > IN NOT BETWEEN AND OR IS NULL ( ) ,
    'a' 'Running' 5 -5 1.5 ` ' " TRUE GROUP BY ORDER LIMIT STARTS_WITH LIKE . \\ #""".split()
)


@given(st.one_of(st.text(), st.lists(WORDS, max_size=12).map(" ".join)))
def test_any_text_is_a_filter_or_a_refusal(text: str) -> None:
    # Whatever is raised is a refusal: anything else fails the test.
    with suppress(PolyrhythmError):
        filter_of(text)
