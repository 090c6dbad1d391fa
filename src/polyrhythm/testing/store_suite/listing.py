"""Lists: the order, every filter alone and with others, pages without gaps, and counts.

Expected rows come from a reference written here as plainly as possible: one lambda a condition.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from polyrhythm.stores.port import RunFilter, RunRow, RunWrite
from polyrhythm.testing.store_suite.samples import Bench, Subject, bench, created, log, row

# filter field -> does a row meet it. An open run has no close time to compare.
CONDITIONS: dict[str, Callable[[RunRow, Any], bool]] = {
    "workflow_ids": lambda r, v: r.workflow_id in v,
    "run_ids": lambda r, v: r.run_id in v,
    "workflow_types": lambda r, v: r.workflow_type in v,
    "task_queues": lambda r, v: r.task_queue in v,
    "statuses": lambda r, v: r.status in v,
    "excluded_statuses": lambda r, v: r.status not in v,
    "start_ns_min": lambda r, v: r.start_ns >= v,
    "start_ns_max": lambda r, v: r.start_ns <= v,
    "close_ns_min": lambda r, v: r.close_ns > 0 and r.close_ns >= v,
    "close_ns_max": lambda r, v: r.close_ns > 0 and r.close_ns <= v,
}
# Two values of each, the second one narrower or empty.
VALUES: dict[str, tuple[Any, ...]] = {
    "workflow_ids": (["id-1", "id-2", "absent"], ["id-3"], []),
    "run_ids": (["run-5", "run-50", "run-90", "absent"], ["run-7"], []),
    "workflow_types": (["checkout", "refund"], ["re'fund\0"], []),
    "task_queues": (["a", "b"], ["b"], []),
    "statuses": ([1, 2], [3], []),
    "excluded_statuses": ([1], [1, 2], []),
    "start_ns_min": (1, 105, 1000),
    "start_ns_max": (1000, 104, 1),
    "close_ns_min": (0, 203, 1000),
    "close_ns_max": (1000, 204, 0),
}


def lists_are_ordered(subject: Subject) -> None:
    """Open runs first, then by close time, start time and key, the newest first."""
    with bench(subject) as desk:
        rows = _fill(desk)
        for namespace_key in (1, 2, 3):
            for kind in (1, 2):
                wanted = RunFilter(namespace_key, kind)
                assert desk.store.list_runs(wanted) == _expected(rows, wanted)
        assert desk.store.list_runs(RunFilter(1))[0].close_ns == 0


def every_filter_narrows(subject: Subject) -> None:
    """Each condition alone, with each of its values, lists and counts what meets it."""
    with bench(subject) as desk:
        rows = _fill(desk)
        for name, values in VALUES.items():
            for value in values:
                _check_filter(desk, rows, RunFilter(1, **{name: value}))


def filters_combine(subject: Subject) -> None:
    """Any conditions together list what meets all of them, paged at any size."""
    chance = Random(11)
    with bench(subject) as desk:
        rows = _fill(desk)
        for _ in range(150):
            chosen = chance.sample(sorted(VALUES), chance.randint(2, 4))
            conditions = {name: chance.choice(VALUES[name]) for name in chosen}
            _check_filter(desk, rows, RunFilter(1, **conditions))


def pages_have_no_gaps(subject: Subject) -> None:
    """Page after page gives every row once, ties of time included."""
    with bench(subject) as desk:
        rows = _fill(desk)
        for limit in (1, 2, 7, 1000):
            for conditions in ({}, {"statuses": [1, 2]}, {"workflow_ids": ["id-1", "id-2"]}):
                wanted = RunFilter(1, **conditions, limit=limit)
                assert _paged(desk, wanted) == _expected(rows, wanted)


def pages_hold_while_runs_close(subject: Subject) -> None:
    """Runs that do not change are seen exactly once, whatever others do between two pages."""
    with bench(subject) as desk:
        desk.commit(*(created(key) for key in range(1, 41)))
        seen: list[int] = []
        after: tuple[int, int, int] | None = None
        while page := desk.store.list_runs(RunFilter(1, limit=4, after=after)):
            seen += [r.run_key for r in page]
            after = _place(page[-1])
            for key in (len(seen) // 2, 41 + len(seen)):
                changed = created(key, status=2, close_ns=5000 + key)
                changed.created = key > 40
                changed.log = None
                desk.commit(changed)
        still_open = [r.run_key for r in desk.store.list_runs(RunFilter(1, statuses=[1]))]
        assert all(seen.count(key) == 1 for key in still_open)


def many_choices_fit(subject: Subject) -> None:
    """A list of thousands of ids is one filter."""
    with bench(subject) as desk:
        rows = _fill(desk)
        many = [f"id-{n}" for n in range(5000)]
        _check_filter(desk, rows, RunFilter(1, workflow_ids=many))


def _check_filter(desk: Bench, rows: list[RunRow], wanted: RunFilter) -> None:
    expected = _expected(rows, wanted)
    assert desk.store.list_runs(wanted) == expected, wanted
    assert desk.store.count_runs(wanted) == len(expected), wanted
    statuses = sorted({row.status for row in expected})
    by_status = [(s, sum(row.status == s for row in expected)) for s in statuses]
    assert list(desk.store.count_by_status(wanted).items()) == by_status, wanted
    after = _place(expected[0]) if expected else (0, 0, 0)
    page = replace(wanted, limit=3, after=after)
    assert desk.store.list_runs(page) == expected[1:4], page
    assert desk.store.count_runs(page) == len(expected), page
    assert list(desk.store.count_by_status(page).items()) == by_status, page


def _expected(rows: list[RunRow], wanted: RunFilter) -> list[RunRow]:
    found = [
        r
        for r in rows
        if (r.namespace_key, r.kind) == (wanted.namespace_key, wanted.kind)
        and all(
            getattr(wanted, name) is None or meets(r, getattr(wanted, name))
            for name, meets in CONDITIONS.items()
        )
    ]
    found.sort(key=lambda r: (r.close_ns == 0, r.close_ns, r.start_ns, r.run_key), reverse=True)
    return found


def _place(r: RunRow) -> tuple[int, int, int]:
    return (r.close_ns, r.start_ns, r.run_key)


def _paged(desk: Bench, wanted: RunFilter) -> list[RunRow]:
    found: list[RunRow] = []
    while page := desk.store.list_runs(wanted):
        assert len(page) <= wanted.limit
        found += page
        wanted = replace(wanted, after=_place(page[-1]))
    return found


def _fill(desk: Bench) -> list[RunRow]:
    """Rows of three namespaces and two kinds, with ties in every time."""
    chance = Random(5)
    rows = []
    for key in range(1, 121):
        status = chance.choice((1, 1, 2, 3))
        made = row(
            key,
            namespace_key=chance.choice((1, 1, 1, 2, 3)),
            kind=chance.choice((1, 1, 1, 2)),
            workflow_id=f"id-{chance.randint(1, 9)}",
            workflow_type=chance.choice(("checkout", "refund", "re'fund\0")),
            task_queue=chance.choice(("a", "b", "c")),
            status=status,
            start_ns=chance.randint(101, 108),
            close_ns=chance.randint(201, 206) if status > 1 else 0,
        )
        rows.append(made)
    desk.commit(*(RunWrite(r, created=True, log=log(r.run_key)) for r in rows))
    return rows


CHECKS = (
    lists_are_ordered,
    every_filter_narrows,
    filters_combine,
    pages_have_no_gaps,
    pages_hold_while_runs_close,
    many_choices_fit,
)
