"""Finding and loading one run: current and exact, states with and without a snapshot, windows.

A window of the log is compared with a plain filter over all rows, for every start and length.
"""

from __future__ import annotations

from polyrhythm.stores.port import RunWrite
from polyrhythm.testing.store_suite.samples import (
    Subject,
    bench,
    created,
    log,
    row,
    snapshot,
    step,
    unstamped,
)


def current_is_the_newest(subject: Subject) -> None:
    """The run created last under an id is the current one, closed or not."""
    with bench(subject) as desk:
        assert desk.store.find_current(1, 1, "same") == 0
        for key in range(1, 6):
            desk.commit(created(key, workflow_id="same"))
            assert desk.store.find_current(1, 1, "same") == key
        desk.commit(step(5, 2, workflow_id="same", status=2, close_ns=9))
        desk.commit(step(2, 2, workflow_id="same"))
        assert desk.store.find_current(1, 1, "same") == 5
        found = [desk.store.find_run(1, 1, "same", f"run-{key}") for key in range(1, 7)]
        assert found == [1, 2, 3, 4, 5, 0]


def namespaces_and_kinds_are_apart(subject: Subject) -> None:
    """One id in two namespaces, or of two kinds, is two runs."""
    with bench(subject) as desk:
        places = ((1, 1), (1, 2), (2, 1), (2, 2))
        for key, (namespace_key, kind) in enumerate(places, 1):
            desk.commit(
                created(
                    key, namespace_key=namespace_key, kind=kind, workflow_id="same", run_id="same"
                )
            )
        for key, (namespace_key, kind) in enumerate(places, 1):
            assert desk.store.find_current(namespace_key, kind, "same") == key
            assert desk.store.find_run(namespace_key, kind, "same", "same") == key
        assert desk.store.find_current(3, 1, "same") == 0
        assert desk.store.find_run(1, 3, "same", "same") == 0


def absent_runs_are_none(subject: Subject) -> None:
    """Nothing is found for a key nobody used."""
    with bench(subject) as desk:
        assert desk.store.load_row(1) is None
        assert desk.store.load_run(1, 1) is None
        assert desk.store.read_log(1, 1, 9) == []
        assert desk.store.run_key_last() == 0


def states_load_from_the_log(subject: Subject) -> None:
    """Without a snapshot, all rows come in order, those without events too."""
    with bench(subject) as desk:
        desk.commit(created(1), created(2))
        desk.commit(RunWrite(row(1), log=log(1, 2, count=0)))
        desk.commit(step(2, 2))
        desk.commit(RunWrite(row(1), log=log(1, 3, first=4, count=1)))
        stored = desk.store.load_run(1, 1)
        assert stored is not None and stored.snapshot is None
        assert unstamped(stored.log) == [
            log(1, 1),
            log(1, 2, count=0),
            log(1, 3, first=4, count=1),
        ]


def snapshots_cut_the_log(subject: Subject) -> None:
    """A snapshot of the asked version comes with the rows after it; of another version, not."""
    with bench(subject) as desk:
        desk.commit(created(1))
        for sequence in range(2, 7):
            write = step(1, sequence)
            if sequence in (3, 5):
                write.snapshot = snapshot(1, sequence, version=2)
            desk.commit(write)
        for _ in range(2):
            stored = desk.store.load_run(1, 2)
            assert stored is not None and stored.snapshot == snapshot(1, 5, version=2)
            assert [entry.sequence for entry in stored.log] == [6]
            other = desk.store.load_run(1, 1)
            assert other is not None and other.snapshot is None
            assert [entry.sequence for entry in other.log] == [1, 2, 3, 4, 5, 6]
            desk.reopen()
        last = RunWrite(row(1), snapshot=snapshot(1, 6, version=3))
        desk.commit(last)
        stored = desk.store.load_run(1, 3)
        assert stored is not None and (stored.snapshot, stored.log) == (last.snapshot, [])


def log_windows_have_no_gaps(subject: Subject) -> None:
    """A window starts at the row that holds the event, whatever rows without events lie about."""
    counts = (3, 0, 1, 0, 0, 5, 2, 0, 1)
    with bench(subject) as desk:
        desk.commit(created(1), created(2))
        rows, first = [log(1, 1, 1, counts[0])], 1 + counts[0]
        for sequence, count in enumerate(counts[1:], 2):
            rows.append(log(1, sequence, first, count))
            first += count
            desk.commit(RunWrite(row(1), log=rows[-1]), step(2, sequence))
        for event_id in range(first + 2):
            wanted = [
                r for r in rows if r.event_count and r.first_event_id + r.event_count > event_id
            ]
            for limit in range(1, len(rows) + 1):
                found = unstamped(desk.store.read_log(1, event_id, limit))
                assert found == wanted[:limit], (event_id, limit)


CHECKS = (
    current_is_the_newest,
    namespaces_and_kinds_are_apart,
    absent_runs_are_none,
    states_load_from_the_log,
    snapshots_cut_the_log,
    log_windows_have_no_gaps,
)
