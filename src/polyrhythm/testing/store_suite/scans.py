"""Scans that recovery and matching live on: complete, ordered, and paged without gaps.

Expected entries are sorted out of the rows themselves. Many rows tie in the value that orders
them, and pages of one entry are tried, which is where gaps and doubles hide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import product
from random import Random

from polyrhythm.base.work import LineCount, LineName, WorkLine, decode_work, encode_work
from polyrhythm.stores.port import RunFilter, RunRow, RunWrite
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


def work_is_found_by_line(subject: Subject) -> None:
    """A line's scan has the rows with offers in it, by (since, key)."""
    with bench(subject) as desk:
        lines = _lines(_fill(desk))
        assert len(lines) > 100
        for name in {_name(namespace_key, line) for namespace_key, line, _ in lines}:
            wanted = sorted(
                (line.since_ns, run_key)
                for namespace_key, line, run_key in lines
                if _name(namespace_key, line) == name
            )
            _check_pages(wanted, partial(desk.store.scan_work, LineName(*name)))
        assert desk.store.scan_work(LineName(1, 1, "none", 3, ""), (0, 0), 9) == []


def lines_are_found_by_queue(subject: Subject) -> None:
    """A queue's lines come in order, each once, and are counted with all their offers."""
    with bench(subject) as desk:
        found = _lines(_fill(desk))
        for queue in product((1, 2, 3), (1, 2), ("a", "b", "none")):
            own = [line for key, line, _ in found if (key, line.kind, line.queue) == queue]
            wanted = sorted({(line.priority, line.fairness_key) for line in own})
            for limit in (1, 2, 1000):
                pages: list[tuple[int, str]] = []
                while page := desk.store.scan_lines(*queue, pages[-1] if pages else (0, ""), limit):
                    assert len(page) <= limit
                    pages += page
                assert pages == wanted
            counts = [
                LineCount(
                    priority,
                    sum(line.count for line in own if line.priority == priority),
                    min(line.since_ns for line in own if line.priority == priority),
                )
                for priority in sorted({line.priority for line in own})
            ]
            assert desk.store.count_work(*queue) == counts


def queues_are_counted(subject: Subject) -> None:
    """Everything that waits is counted by namespace, kind and queue."""
    with bench(subject) as desk:
        found = Counter((key, line.kind, line.queue) for key, line, _ in _lines(_fill(desk)))
        wanted = sorted((*place, count) for place, count in found.items())
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


def _lines(rows: list[RunRow]) -> list[tuple[int, WorkLine, int]]:
    return [(r.namespace_key, line, r.run_key) for r in rows for line in decode_work(r.work)]


def _name(namespace_key: int, line: WorkLine) -> tuple[int, int, str, int, str]:
    return (namespace_key, line.kind, line.queue, line.priority, line.fairness_key)


def _some_work(chance: Random) -> str:
    names = {
        (
            chance.randint(1, 2),
            chance.choice(("a", "b")),
            chance.choice((1, 3)),
            chance.choice(("", "x", "\u00e9\0")),
        )
        for _ in range(chance.choice((0, 1, 1, 3)))
    }
    lines = [WorkLine(*name, chance.randint(1, 9), chance.randint(1, 5)) for name in sorted(names)]
    return encode_work(lines)


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
            work=_some_work(chance),
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
    work_is_found_by_line,
    lines_are_found_by_queue,
    queues_are_counted,
    owing_runs_are_found,
    expired_runs_are_found,
    expired_runs_are_found_once,
)
