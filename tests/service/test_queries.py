"""Visibility queries: what becomes a condition, what is refused and how; no text does else."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyrhythm.base.conditions import (
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
    search_key,
)
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.core.context import NamespaceInfo
from polyrhythm.core.search_values import INT64_MAX, INT64_MIN
from polyrhythm.engine.filter import RunFilter
from polyrhythm.service.query_filter import build_filter
from polyrhythm.service.query_grammar import parse_query

DAY = "2024-05-06T07:08:09Z"
DAY_NS = 1_714_979_289 * 1_000_000_000
ALIASES = {
    "Keyword01": "Color",
    "Int01": "Size",
    "Text01": "Note",
    "KeywordList01": "Tags",
    "Bool01": "Paid",
    "Datetime01": "Sent",
    "Double01": "Price",
    "Keyword02": 'odd"name',
}
TYPES = {name: field.rstrip("0123456789") for field, name in ALIASES.items()}
SHOP = NamespaceInfo(1, "shop", "id", 0, TYPES, ALIASES)


def filter_of(query: str) -> RunFilter:
    return build_filter(parse_query(query), SHOP)


def _at(operator: str, value: Any, field: str = "start_ns") -> Compare:
    return Compare(field, operator, value)


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ("", None),
        ("   ", None),
        ("GROUP BY ExecutionStatus", None),
        ("WorkflowId = 'a'", Compare("workflow_id", "=", "a")),
        ('`WorkflowType` = "TypeA"', Compare("workflow_type", "=", "TypeA")),
        ("WorkflowType in ('a', 'b', 'a')", OneOf("workflow_type", ["a", "b"])),
        ("TemporalRunId != 'r'", Compare("run_id", "!=", "r")),
        ("WorkflowType = 5", Compare("workflow_type", "=", "5")),
        ("WorkflowType = 2.50", Compare("workflow_type", "=", "2.5")),
        ("WorkflowType = true", Compare("workflow_type", "=", "1")),
        ("WorkflowId = 'it''s'", Compare("workflow_id", "=", "it's")),
        (r"WorkflowId = 'a\'b'", Compare("workflow_id", "=", "a'b")),
        ("WorkflowId = ''", Compare("workflow_id", "=", "")),
        ("WorkflowId = 'ä♡'", Compare("workflow_id", "=", "ä♡")),
        ("WorkflowId >= 'a' -- so\n", Compare("workflow_id", ">=", "a")),
        ("WorkflowId /* id */ < 'a';", Compare("workflow_id", "<", "a")),
        ("WorkflowId NOT IN ('a')", Not(OneOf("workflow_id", ["a"]))),
        ("WorkflowId BETWEEN 'a' AND 'b'", Between("workflow_id", "a", "b")),
        ("WorkflowId NOT BETWEEN 'a' AND 'b'", Not(Between("workflow_id", "a", "b"))),
        ("WorkflowId STARTS_WITH 'a'", StartsWith("workflow_id", "a")),
        ("WorkflowId NOT STARTS_WITH 'a'", Not(StartsWith("workflow_id", "a"))),
        ("ScheduleId = 'a'", Compare("workflow_id", "=", "temporal-sys-scheduler:a")),
        ("ParentWorkflowId IS NULL", IsNull("parent_workflow_id")),
        ("ExecutionStatus = 'Running'", Compare("status", "=", 1)),
        ("ExecutionStatus = 99", Compare("status", "=", 99)),
        ("ExecutionStatus IN ('TimedOut', 6)", OneOf("status", [7, 6])),
        ("ExecutionStatus='WORKFLOW_EXECUTION_STATUS_FAILED'", Compare("status", "=", 3)),
        ("HistoryLength >= 6", Compare("history_events", ">=", 6)),
        ("HistoryLength >= '6'", Compare("history_events", ">=", 6)),
        ("HistoryLength >= 'six'", Compare("history_events", ">=", "six")),
        ("ExecutionDuration < '1h30m'", Compare("duration_ns", "<", 5400 * 10**9)),
        ("ExecutionDuration < '1.5d'", Compare("duration_ns", "<", 129_600 * 10**9)),
        ("ExecutionDuration = '01:02:03'", Compare("duration_ns", "=", 3723 * 10**9)),
        ("ExecutionDuration = '15'", Compare("duration_ns", "=", 15)),
        ("CloseTime IS NULL", IsNull("close_ns")),
        ("CloseTime is not null", Not(IsNull("close_ns"))),
        (f"StartTime = '{DAY}'", Between("start_ns", DAY_NS, DAY_NS + 999)),
        (f"StartTime != '{DAY}'", Not(Between("start_ns", DAY_NS, DAY_NS + 999))),
        (f"StartTime < '{DAY}'", _at("<", DAY_NS)),
        (f"StartTime <= '{DAY}'", _at("<=", DAY_NS + 999)),
        (f"StartTime > '{DAY}'", _at(">", DAY_NS + 999)),
        ("StartTime = true", _at("=", INT64_MIN)),
        (f"CloseTime >= {DAY_NS + 7}", _at(">=", DAY_NS, "list_ns")),
        (
            f"CloseTime BETWEEN '{DAY}' AND '2024-05-06T09:08:09.5000001+02:00'",
            AllOf([_at(">=", DAY_NS, "list_ns"), _at("<=", DAY_NS + 500_000_999, "list_ns")]),
        ),
        ("StartTime > '9999-12-31T23:59:59Z'", _at(">", INT64_MAX)),
        ("Color = 'red'", Compare("Color", "=", "red")),
        ("Keyword01 = 'red'", Compare("Color", "=", "red")),
        ("Keyword03 = 'red'", Compare("Keyword03", "=", "red")),
        ("Size > -2.5", None),
        ("Size IN (1, '2', 3.5)", OneOf("Size", [1, 2, 3.5])),
        ("Price BETWEEN 1 AND 2.5", Between("Price", 1, 2.5)),
        ("Paid = true", Compare("Paid", "=", 1)),
        ("Sent = 5000", Between("Sent", 5000, 5999)),
        ("Tags = 'New'", HasWord("Tags", ["new"])),
        ("Tags NOT IN ('a', 'B')", Not(HasWord("Tags", ["a", "b"]))),
        ("Note = 'Paid  late-ish'", HasPhrase("Note", [" paid ", " late ish "])),
        ("Note != '!!'", Not(HasPhrase("Note", []))),
        ('`odd"name` = 1', Compare(search_key('odd"name'), "=", "1")),
        ("BuildIds = 'a'", HasWord("BuildIds", ["a"])),
        (
            "NOT Color = 'a' AND Size = 1 OR (Paid IS NULL)",
            AnyOf([AllOf([Not(Compare("Color", "=", "a")), _at("=", 1, "Size")]), IsNull("Paid")]),
        ),
        ("NOT NOT Color = 'a'", Compare("Color", "=", "a")),
    ],
)  # fmt: skip
def test_conditions(query: str, condition: Condition | None) -> None:
    if query == "Size > -2.5":
        # The server knows negative whole numbers only.
        with pytest.raises(InvalidArgument, match=r"unexpected value type \*sqlparser.UnaryExpr"):
            filter_of(query)
        return
    assert filter_of(query).condition == condition


def test_divisions_are_listed_when_they_are_named() -> None:
    assert not filter_of("Color = 'a'").divided
    assert filter_of("Color = 'a' OR NamespaceDivision IS NOT NULL").divided
    assert filter_of("TemporalNamespaceDivision = 'a'").divided


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("WorkflowId = 'zz' ORDER BY CloseTime", "operation is not supported: 'ORDER BY' clause"),
        ("ORDER BY CloseTime DESC, StartTime", "operation is not supported: 'ORDER BY' clause"),
        ("WorkflowId = 'a' LIMIT 3", "operation is not supported: 'LIMIT' clause"),
        ("GROUP BY WorkflowType",
         "operation is not supported: 'GROUP BY' clause is only supported for ExecutionStatus"),
        ("GROUP BY ExecutionStatus, WorkflowType",
         "operation is not supported: 'GROUP BY' clause supports only a single field"),
        ("GROUP BY 'a'", "invalid expression: must be a column name but was *sqlparser.SQLVal"),
        ("Nonesuch = 1",
         "invalid expression: column name 'Nonesuch' is not a valid search attribute"),
        ("HistoryLength > 5 OR Nonesuch = 1",
         "invalid expression: column name 'Nonesuch' is not a valid search attribute"),
        ("WorkflowType", "invalid expression: incomplete expression"),
        ("'a'", "operation is not supported: expression of type *sqlparser.SQLVal"),
        ("f(WorkflowId) = 'a'",
         "invalid expression: must be a column name but was *sqlparser.FuncExpr"),
        ("f(WorkflowId)", "operation is not supported: function expression"),
        ("WorkflowId = f('a')", "operation is not supported: nested func"),
        ("RunId = (select 1)", "invalid expression: unexpected value type *sqlparser.Subquery"),
        ("WorkflowId = NULL", "invalid expression: unexpected value type *sqlparser.NullVal"),
        ("WorkflowId = ('a')", "invalid expression: unexpected value type *sqlparser.ParenExpr"),
        ("Size = 1 + 1", "invalid expression: unexpected value type *sqlparser.BinaryExpr"),
        ("5 = 5", "invalid expression: must be a column name but was *sqlparser.SQLVal"),
        ("ExecutionStatus = 'Walking'",
         "invalid expression: invalid ExecutionStatus value 'Walking'"),
        ("ExecutionStatus = 1.5",
         "invalid expression: unexpected value type float64 for search attribute ExecutionStatus"),
        ("StartTime > 'soon'", "invalid expression: unable to parse datetime 'soon'"),
        ("StartTime > '2024-13-06T07:08:09Z'",
         "invalid expression: unable to parse datetime '2024-13-06T07:08:09Z'"),
        ("ExecutionDuration > 'long'",
         "invalid value for search attribute ExecutionDuration: long (invalid duration)"),
        ("ExecutionDuration > '1:60:00'",
         "invalid value for search attribute ExecutionDuration: 1:60:00 (invalid duration: minutes "
         "must be from 0 to 59)"),
        ("CloseTime = missing",
         "operation is not supported: column name on the right side of comparison expression (did "
         "you forget to quote 'missing'?)"),
        ("WorkflowId LIKE 'a%'",
         "invalid expression: invalid operator 'like' in `WorkflowId like 'a%'`"),
        ("Nonesuch <=> 1", "invalid expression: invalid operator '<=>' in `Nonesuch <=> 1`"),
        ("BuildIds BETWEEN 'a' AND 'b'",
         "invalid expression: cannot do range condition on search attribute 'BuildIds' of type "
         "KeywordList"),
        ("Paid BETWEEN 0 AND 1",
         "invalid expression: cannot do range condition on search attribute 'Paid' of type Bool"),
        ("WorkflowId IS TRUE",
         "invalid expression: 'IS' operator can only be used with 'NULL' or 'NOT NULL'"),
        ("Tags > 'a'",
         "invalid expression: operator '>' not supported for KeywordList type search attribute in "
         "`Tags > 'a'`"),
        ("Tags = 5", "invalid expression: unexpected value type (expected string, got 5)"),
        ("Tags IN ('a', 5)",
         "invalid expression: unexpected value type in tuple (expected string, got 5)"),
        ("Note IN ('a')",
         "invalid expression: operator 'in' not supported for Text type search attribute in `Note "
         "in ('a')`"),
        ("Note = '  '",
         "invalid expression: unexpected value for Text type search attribute (no tokens found in "
         "'  ')"),
        ("Size STARTS_WITH 5",
         "invalid expression: right-hand side of 'starts_with' must be a literal string (got: 5)"),
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
        "WorkflowId = 'a' WorkflowId = 'b'", "where WorkflowId = 'a'", "Select = 1",
        "StartTime BETWEEN 1", "WorkflowId = 5x", "WorkflowId = #", "GROUP", "WorkflowId == 'a'",
        "\0", "WorkflowId IS 5", "WorkflowId.", "ä = 1", "`a = 1", "CASE WHEN 1", "f(1",
    ],
)  # fmt: skip
def test_syntax_errors(query: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^invalid query: malformed SQL query: syntax error"):
        filter_of(query)


@pytest.mark.parametrize(
    "query",
    [
        "(" * 10_000 + "WorkflowId = 'a'" + ")" * 10_000,
        "f(" * 10_000,
        "ExecutionStatus = " + "9" * 10_000,
        "StartTime > 1" + "0" * 30,
        " AND ".join(["WorkflowId = 'a'"] * 1001),
        "Size = 1e999",
        "Size = 1" + "0" * 400,
        "ExecutionDuration = '" + "9" * 19 + "'",
        "ExecutionDuration = '9999999999999d'",
    ],
    ids=["parentheses", "calls", "digits", "far", "chain", "huge", "wide", "over", "days"],
)
def test_hostile_queries_are_refused(query: str) -> None:
    with pytest.raises(InvalidArgument):
        filter_of(query)


def test_long_chains_do_not_recurse() -> None:
    query = " AND ".join(["WorkflowId = 'a'"] * 1000)
    condition = filter_of(query).condition
    assert isinstance(condition, AllOf)
    assert len(condition.conditions) == 1000
    assert filter_of("NOT " * 9_999 + "Color = 'a'").condition == Not(Compare("Color", "=", "a"))


WORDS = st.sampled_from(
    """WorkflowId StartTime ExecutionStatus Nonesuch Color Size Tags Note Sent = != < <= > IN NOT
    BETWEEN AND OR IS NULL ( ) , 'a' 'Running' 5 -5 1.5 ` ' " TRUE GROUP BY ORDER LIMIT STARTS_WITH
    LIKE . \\ # + - * ! CASE WHEN THEN END select f( x'41' b'1' 0x1 ? :v /* */ -- ; || && ä ♡ 1e9
    interval collate convert( cast(""".split()
)


@given(st.one_of(st.text(), st.lists(WORDS, max_size=12).map(" ".join)))
def test_any_text_is_a_filter_or_a_refusal(text: str) -> None:
    # Whatever is raised is a refusal: anything else fails the test.
    with suppress(InvalidArgument):
        filter_of(text)
