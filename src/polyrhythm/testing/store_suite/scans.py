"""Scans that recovery and matching live on: complete, ordered, and paged without gaps.

Expected entries are sorted out of the rows themselves. Many rows tie in the value that orders
them, and pages of one entry are tried, which is where gaps and doubles hide.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

from polyrhythm.stores.port import RunFilter, RunRow, RunWrite, WorkKind
from polyrhythm.testing.store_suite.samples import (
    NANOSECONDS_MAX,
    Bench,
    Subject,
    bench,
    created,
    log,
    row,
)

Entry = tuple[int, int]


def due_runs_are_found(subject: Subject) -> None:
    """Open runs with a due time come by (due, key); closed ones and those without do not."""
    with bench(subject) as desk:
        rows = _fill(desk)
        wanted = sorted((r.due_ns, r.run_key) for r in rows if r.due_ns and not r.close_ns)
        assert len(wanted) > 20
        assert desk.store.scan_due((0, 0), 1000) == wanted
        _check_pages(wanted, desk.store.scan_due)
        assert desk.store.scan_due((wanted[-1][0], wanted[-1][1]), 10) == []


def many_due_at_once_are_paged(subject: Subject) -> None:
    """Runs due in the same nanosecond are told apart by their key."""
    with bench(subject) as desk:
        desk.commit(*(created(key, due_ns=500) for key in range(1, 101)))
        wanted = [(500, key) for key in range(1, 101)]
        _check_pages(wanted, desk.store.scan_due)


def work_is_found_by_queue(subject: Subject) -> None:
    """A queue's scan has its own rows and those with kind MANY, by (order, key)."""
    with bench(subject) as desk:
        rows = _fill(desk)
        for namespace_key in (1, 2, 3):
            for kind in (WorkKind.WORKFLOW_TASK, WorkKind.ACTIVITY):
                for queue in ("a", "b", "none"):
                    wanted = sorted(
                        (r.work_order, r.run_key)
                        for r in rows
                        if r.namespace_key == namespace_key and _has_work(r, kind, queue)
                    )
                    scan = partial(desk.store.scan_work, namespace_key, kind, queue)
                    _check_pages(wanted, scan)


def queues_are_counted(subject: Subject) -> None:
    """Everything that waits is counted by namespace, kind and queue."""
    with bench(subject) as desk:
        counts: dict[tuple[int, int, str], int] = {}
        for r in _fill(desk):
            if r.work_kind:
                place = (r.namespace_key, r.work_kind, r.work_queue)
                counts[place] = counts.get(place, 0) + 1
        wanted = sorted((*place, count) for place, count in counts.items())
        assert sorted(desk.store.scan_work_queues()) == wanted


def owing_runs_are_found(subject: Subject) -> None:
    """Runs that owe messages come by key, closed ones too."""
    with bench(subject) as desk:
        wanted = [r.run_key for r in _fill(desk) if r.owes]
        assert any(r.close_ns and r.owes for r in _fill_rows())
        for limit in (1, 3, len(wanted), 1000):
            found: list[int] = []
            while page := desk.store.scan_owing(found[-1] if found else 0, limit):
                assert len(page) <= limit
                found += page
            assert found == wanted


def expired_runs_are_found(subject: Subject) -> None:
    """Runs closed long enough ago come by (close time, start, key), but for those that owe."""
    with bench(subject) as desk:
        rows = _fill(desk)
        closed = [r for r in rows if r.close_ns and not r.owes]
        assert any(r.close_ns and r.owes for r in rows)
        closed.sort(key=lambda r: (r.close_ns, r.start_ns, r.run_key))
        for namespace_key in (1, 2, 3, 4):
            for close_ns_max in (8, 9, 10, NANOSECONDS_MAX):
                wanted = [
                    r.run_key
                    for r in closed
                    if r.namespace_key == namespace_key and r.close_ns <= close_ns_max
                ]
                for limit in (0, 1, 3, 1000):
                    found = desk.store.scan_expired(namespace_key, close_ns_max, limit)
                    assert found == wanted[:limit]


def expired_runs_are_found_once(subject: Subject) -> None:
    """What is deleted is found no more, and the earliest closed come first."""
    with bench(subject) as desk:
        desk.commit(*(created(key, owes=0, close_ns=100 - key) for key in range(1, 11)))
        order: list[int] = []
        while found := desk.store.scan_expired(1, 95, 2):
            order += found
            desk.delete(*found)
        assert order == [10, 9, 8, 7, 6, 5]
        assert [r.run_key for r in desk.store.list_runs(RunFilter(1))] == [1, 2, 3, 4]


def _has_work(r: RunRow, kind: int, queue: str) -> bool:
    if r.work_kind == WorkKind.MANY:
        return True
    return r.work_kind == kind and r.work_queue == queue


def _fill_rows() -> list[RunRow]:
    """Rows of three namespaces in every mixture, with many ties."""
    chance = Random(7)
    return [
        row(
            key,
            namespace_key=chance.randint(1, 3),
            due_ns=chance.choice((0, 5, 5, 6, 7)),
            close_ns=chance.choice((0, 0, 9)),
            owes=chance.choice((0, 0, 1, 2)),
            work_kind=chance.randint(0, 3),
            work_queue=chance.choice(("a", "b")),
            work_order=chance.randint(1, 9),
        )
        for key in range(1, 121)
    ]


def _fill(desk: Bench) -> list[RunRow]:
    rows = _fill_rows()
    desk.commit(*(RunWrite(r, created=True, log=log(r.run_key)) for r in rows))
    return rows


def _check_pages(wanted: list[Entry], scan: Callable[[Entry, int], list[Entry]]) -> None:
    for limit in (1, 2, 7, 1000):
        found: list[Entry] = []
        while page := scan(found[-1] if found else (0, 0), limit):
            assert len(page) <= limit
            found += page
        assert found == wanted


CHECKS = (
    due_runs_are_found,
    many_due_at_once_are_paged,
    work_is_found_by_queue,
    queues_are_counted,
    owing_runs_are_found,
    expired_runs_are_found,
    expired_runs_are_found_once,
)
