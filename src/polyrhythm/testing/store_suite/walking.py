"""Walks by key: every matching run of a range once, whatever changes between two pages.

What batch operations live on: a run that is changed by the walk itself must not come again.
"""

from __future__ import annotations

from polyrhythm.stores.port import RunFilter
from polyrhythm.testing.store_suite.samples import Bench, Subject, bench, created


def walks_go_by_key(subject: Subject) -> None:
    """A range of keys gives what matches in it, by key and page; the filter's own page is not
    asked."""
    with bench(subject) as desk:
        _fill(desk)
        wanted = RunFilter(1, statuses=[1], after=(0, 1, 1), limit=1)
        matching = [key for key in range(1, 41) if key % 3]
        for limit in (1, 4, 100):
            assert _walk(desk, wanted, 0, 40, limit) == matching
        assert _walk(desk, wanted, 4, 10, 2) == [5, 7, 8, 10]
        assert _walk(desk, RunFilter(2), 0, 40, 5) == []
        assert _walk(desk, RunFilter(1, statuses=[]), 0, 40, 5) == []


def walks_meet_a_run_once(subject: Subject) -> None:
    """A run that closes behind the walk moves in lists, but not in front of the walk."""
    with bench(subject) as desk:
        _fill(desk)
        seen: list[int] = []
        while page := desk.store.list_by_key(RunFilter(1), seen[-1] if seen else 0, 40, 4):
            seen += [row.run_key for row in page]
            closing = created(seen[-1], status=2, close_ns=9000)
            closing.created, closing.log = False, None
            desk.commit(closing)
        assert seen == list(range(1, 41))


def _fill(desk: Bench) -> None:
    desk.commit(
        *(
            created(key, status=1, close_ns=0) if key % 3 else created(key, status=2, close_ns=key)
            for key in range(1, 41)
        )
    )


def _walk(desk: Bench, wanted: RunFilter, after: int, last: int, limit: int) -> list[int]:
    seen: list[int] = []
    while page := desk.store.list_by_key(wanted, after, last, limit):
        assert len(page) <= limit
        seen += [row.run_key for row in page]
        after = seen[-1]
    return seen


CHECKS = (walks_go_by_key, walks_meet_a_run_once)
