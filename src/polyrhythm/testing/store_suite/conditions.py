"""Conditions: every kind on every kind of field, alone and in trees, with its counts and pages.

Expected rows come from plain lambdas, one a condition, whose None is SQL's third truth value; trees
are drawn from them. Attributes are looked for before and after runs close, change and go.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

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
from polyrhythm.stores.port import RunFilter, RunRow, RunWrite
from polyrhythm.testing.store_suite.samples import Bench, Subject, bench, log, row

Truth = bool | None
ODD = search_key('odd "name"')
OPEN_LAST = (1 << 63) - 1


def _known(holds: Callable[[Any], bool], value: Any) -> Truth:
    return None if value is None else holds(value)


def _of(r: RunRow, name: str) -> Any:
    return json.loads(r.search_values or "{}").get(name)


def _closed(r: RunRow, value: int) -> int | None:
    return value if r.close_ns else None


_NO = {"text": ""}
# A condition, and what it says of a row.
CASES: list[tuple[Condition, Callable[[RunRow], Truth]]] = [
    (Compare("workflow_id", "=", "id-2"), lambda r: r.workflow_id == "id-2"),
    (Compare("workflow_type", "!=", "refund"), lambda r: r.workflow_type != "refund"),
    (Compare("task_queue", "<", "b"), lambda r: r.task_queue < "b"),
    (Compare("workflow_id", ">=", "id-5"), lambda r: r.workflow_id >= "id-5"),
    (OneOf("run_id", ["run-3", "run-4", "none"]), lambda r: r.run_id in ("run-3", "run-4")),
    (OneOf("workflow_id", []), lambda r: False),
    (Between("workflow_id", "id-3", "id-5"), lambda r: "id-3" <= r.workflow_id <= "id-5"),
    (StartsWith("workflow_type", "CHE"), lambda r: r.workflow_type == "checkout"),
    (StartsWith("workflow_type", "re%"), lambda r: False),
    (StartsWith("task_queue", ""), lambda r: True),
    (Compare("status", "=", 2), lambda r: r.status == 2),
    (OneOf("status", [1, 3]), lambda r: r.status in (1, 3)),
    (Compare("start_ns", ">", 104), lambda r: r.start_ns > 104),
    (Compare("start_ns", ">", "text"), lambda r: False),
    (Compare("start_ns", "<", "text"), lambda r: True),
    (Between("execution_ns", 104, 106), lambda r: 104 <= (r.execution_ns or r.start_ns) <= 106),
    (Compare("list_ns", ">=", 204), lambda r: not r.close_ns or r.close_ns >= 204),
    (Compare("list_ns", "=", OPEN_LAST), lambda r: not r.close_ns),
    (IsNull("close_ns"), lambda r: not r.close_ns),
    (
        Compare("history_events", ">", 60),
        lambda r: _known(lambda v: v > 60, _closed(r, r.history_events)),
    ),
    (
        Compare("duration_ns", "<=", 98),
        lambda r: _known(
            lambda v: v <= 98, _closed(r, r.close_ns - (r.execution_ns or r.start_ns))
        ),
    ),
    (IsNull("parent_workflow_id"), lambda r: not r.parent_workflow_id),
    (
        Compare("parent_run_id", "!=", "parent-7"),
        lambda r: _known(lambda v: v != "parent-7", r.parent_run_id or None),
    ),
    (
        StartsWith("root_workflow_id", "id-"),
        lambda r: (r.root_workflow_id or r.workflow_id).startswith("id-"),
    ),
    (Compare("Color", "=", "red"), lambda r: _known(lambda v: v == "red", _of(r, "Color"))),
    (Compare("Color", "!=", "red"), lambda r: _known(lambda v: v != "red", _of(r, "Color"))),
    (OneOf("Color", ["blue"]), lambda r: _known(lambda v: v == "blue", _of(r, "Color"))),
    (StartsWith("Color", "B"), lambda r: _known(lambda v: v[0] == "b", _of(r, "Color"))),
    (IsNull("Color"), lambda r: _of(r, "Color") is None),
    (Compare("Size", ">", 2.5), lambda r: _known(lambda v: v > 2.5, _of(r, "Size"))),
    (Compare("Size", "=", 3), lambda r: _known(lambda v: v == 3, _of(r, "Size"))),
    (Compare("Size", "<", "9"), lambda r: _known(lambda v: True, _of(r, "Size"))),
    (Between("Size", 1, 2), lambda r: _known(lambda v: 1 <= v <= 2, _of(r, "Size"))),
    (Compare(ODD, "=", "a'b"), lambda r: _known(lambda v: v == "a'b", _of(r, ODD))),
    (HasWord("Tags", ["new"]), lambda r: "new" in (_of(r, "Tags") or ())),
    (HasWord("Tags", ["new", "hot"]), lambda r: bool({"new", "hot"} & {*(_of(r, "Tags") or ())})),
    (
        HasPhrase("Note", [" paid late "]),
        lambda r: " paid late " in (_of(r, "Note") or _NO)["text"],
    ),
    (HasPhrase("Note", [" paid ", " due "]), lambda r: _of(r, "Note") is not None),
]


def conditions_hold(subject: Subject) -> None:
    """Each condition and its opposite list, count and group what they say."""
    with bench(subject) as desk:
        rows = fill(desk)
        for condition, says in CASES:
            _check(desk, rows, condition, says)
            _check(desk, rows, Not(condition), _opposite(says))


def trees_hold(subject: Subject) -> None:
    """Any tree of conditions means what its parts mean."""
    chance = Random(3)
    with bench(subject) as desk:
        rows = fill(desk)
        for _ in range(150):
            condition, says = _tree(chance, chance.randint(1, 4))
            _check(desk, rows, condition, says)


def long_chains_fit(subject: Subject) -> None:
    """A thousand alternatives are one condition, and so are ten thousand choices."""
    with bench(subject) as desk:
        rows = fill(desk)
        chain = AnyOf([Compare("Color", "=", f"color-{n}") for n in range(1000)])
        says = _either([_unknown_without_color, lambda r: r.start_ns == 103])
        _check(desk, rows, AnyOf([chain, Compare("start_ns", "=", 103)]), says)
        many = OneOf("workflow_id", [f"id-{n}" for n in range(10_000)])
        _check(desk, rows, many, lambda r: True)
        words = HasWord("Tags", [*(f"tag-{n}" for n in range(500)), "hot"])
        _check(desk, rows, words, lambda r: "hot" in (_of(r, "Tags") or ()))


def divisions_are_left_out(subject: Subject) -> None:
    """A run of a division is listed only where divisions are."""
    with bench(subject) as desk:
        values = ("", '{"TemporalNamespaceDivision":"a"}', '{"Color":"red"}')
        rows = [row(key, search_values=values[key % 3]) for key in range(1, 10)]
        desk.commit(*(RunWrite(r, created=True, log=log(r.run_key)) for r in rows))
        listed = desk.store.list_runs(RunFilter(1, divided=False))
        assert {r.run_key for r in listed} == {2, 3, 5, 6, 8, 9}
        assert desk.store.count_runs(RunFilter(1, divided=False)) == 6
        assert len(desk.store.list_runs(RunFilter(1))) == 9


def values_follow_their_runs(subject: Subject) -> None:
    """A value is found while its run has it: through changes, the close, and deletion."""
    with bench(subject) as desk:

        def keys(color: str, **more: Any) -> list[int]:
            wanted = RunFilter(1, condition=Compare("Color", "=", color), **more)
            return [r.run_key for r in desk.store.list_runs(wanted)]

        def write(key: int, values: str, *, created: bool = False, **changes: Any) -> None:
            changed = row(key, search_values=values, **changes)
            desk.commit(RunWrite(changed, created=created, log=log(key) if created else None))

        for key in (1, 2, 3):
            write(key, '{"Color":"red","Tags":["x","y"]}', created=True)
        assert keys("red") == [3, 2, 1]
        write(2, '{"Color":"blue"}')
        write(3, '{"Color":"red"}', status=2, close_ns=9000)
        assert keys("red") == [1, 3]
        assert keys("blue") == [2]
        assert keys("red", limit=1, after=(0, row(1).start_ns, 1)) == [3]
        desk.reopen()
        write(1, "")
        assert keys("red") == [3]
        desk.delete(3)
        assert keys("red") == []
        write(2, '{"Color":"red"}')
        assert keys("red") == [2]


def _unknown_without_color(r: RunRow) -> Truth:
    return None if _of(r, "Color") is None else False


def _tree(chance: Random, depth: int) -> tuple[Condition, Callable[[RunRow], Truth]]:
    if depth == 0:
        return chance.choice(CASES)
    parts = [_tree(chance, depth - 1) for _ in range(chance.randint(1, 3))]
    conditions, says = [part[0] for part in parts], [part[1] for part in parts]
    match chance.randrange(3):
        case 0:
            return AllOf(conditions), _opposite(_either([_opposite(each) for each in says]))
        case 1:
            return AnyOf(conditions), _either(says)
    return Not(conditions[0]), _opposite(says[0])


def _opposite(says: Callable[[RunRow], Truth]) -> Callable[[RunRow], Truth]:
    def opposite(r: RunRow) -> Truth:
        truth = says(r)
        return None if truth is None else not truth

    return opposite


def _either(parts: list[Callable[[RunRow], Truth]]) -> Callable[[RunRow], Truth]:
    def either(r: RunRow) -> Truth:
        found = [says(r) for says in parts]
        return True if True in found else None if None in found else False

    return either


def _check(
    desk: Bench, rows: list[RunRow], condition: Condition, says: Callable[[RunRow], Truth]
) -> None:
    expected = [r for r in rows if r.namespace_key == 1 and says(r) is True]
    expected.sort(key=lambda r: (not r.close_ns, r.close_ns, r.start_ns, r.run_key), reverse=True)
    wanted = RunFilter(1, condition=condition)
    assert desk.store.list_runs(wanted) == expected, condition
    assert desk.store.count_runs(wanted) == len(expected), condition
    statuses = sorted({r.status for r in expected})
    by_status = [(s, sum(r.status == s for r in expected)) for s in statuses]
    assert list(desk.store.count_by_status(wanted).items()) == by_status, condition
    if len(expected) > 1:
        last = expected[0]
        after = (last.close_ns, last.start_ns, last.run_key)
        page = RunFilter(1, condition=condition, after=after, limit=2)
        assert desk.store.list_runs(page) == expected[1:3], condition


def fill(desk: Bench) -> list[RunRow]:
    """Rows of two namespaces with and without everything that can be missing."""
    chance = Random(8)
    rows = []
    for key in range(1, 101):
        status = chance.choice((1, 1, 2, 3))
        values: dict[str, Any] = {}
        if chance.random() < 0.5:
            values["Color"] = chance.choice(("red", "blue", "green"))
        if chance.random() < 0.5:
            values["Size"] = chance.choice((1, 2, 3, 2.5, -1))
        if chance.random() < 0.5:
            values[ODD] = chance.choice(("a'b", "ä", ""))
        if chance.random() < 0.5:
            values["Tags"] = chance.sample(("new", "old", "hot"), chance.randint(0, 3))
        if chance.random() < 0.5:
            values["Note"] = {"text": chance.choice((" paid late ", " late paid ", " due "))}
        made = row(
            key,
            namespace_key=chance.choice((1, 1, 2)),
            workflow_id=f"id-{chance.randint(1, 9)}",
            workflow_type=chance.choice(("checkout", "refund", "re_fund")),
            task_queue=chance.choice(("a", "b", "c")),
            status=status,
            start_ns=chance.randint(101, 108),
            execution_ns=chance.choice((0, chance.randint(101, 108))),
            close_ns=chance.randint(201, 206) if status > 1 else 0,
            parent_workflow_id=chance.choice(("", "cart")),
            parent_run_id=chance.choice(("", "parent-7", "parent-8")),
            root_workflow_id=chance.choice(("", "visit")),
            search_values=json.dumps(values) if values else "",
        )
        rows.append(made)
    desk.commit(*(RunWrite(r, created=True, log=log(r.run_key)) for r in rows))
    return rows


CHECKS = (
    conditions_hold,
    trees_hold,
    long_chains_fit,
    divisions_are_left_out,
    values_follow_their_runs,
)
