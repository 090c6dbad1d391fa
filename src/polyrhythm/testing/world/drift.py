"""Compares the lane's cached states and the store's snapshots with the fold of the log.

The one part of the audit that calls the engine's public fold, from the outside: a state that a
decision left must be what anybody gets who reads the log. Folds are kept and continued row by
row, so a step costs what it wrote.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any

from polyrhythm.core.state import RunState
from polyrhythm.engine.cache import RunCache
from polyrhythm.engine.natures import NATURES, Nature
from polyrhythm.stores.memory.tables import Tables
from polyrhythm.stores.port import LogRow, RunRow, Snapshot
from polyrhythm.testing.auditor.finding import Finding

# Deadlines are derived and may hold dead entries.
_FIELDS = tuple(each.name for each in fields(RunState) if each.name != "deadlines")
_VALUES = attrgetter(*_FIELDS)


@dataclass(slots=True)
class Drift:
    """Folds of all runs, and of what else has a log."""

    tables: Tables
    states: dict[int, Any] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)
    snapshots: dict[int, int] = field(default_factory=dict)

    def follow(self) -> None:
        """Fold what is new in the logs, and compare new snapshots."""
        for run_key, rows in self.tables.logs.items():
            done = self.counts.get(run_key, 0)
            if len(rows) == done:
                continue
            nature = NATURES[RunRow(*self.tables.runs[run_key]).kind]
            state = self.states.setdefault(run_key, nature.new())
            for values in rows[done:]:
                row = LogRow(*values)
                nature.fold(state, row.events, row.notes)
            self.counts[run_key] = len(rows)
            self._check_snapshot(run_key, nature, len(rows))

    def compare(self, cache: RunCache, run_keys: set[int]) -> None:
        """Compare the cached states of these runs."""
        for run_key in run_keys:
            run = cache.get(run_key)
            state = self.states.get(run_key)
            if run is not None and state is not None and run_key in self.tables.logs:
                _same(f"state of run {run_key}", run.state, state)

    def _check_snapshot(self, run_key: int, nature: Nature, count: int) -> None:
        values = self.tables.snapshots.get(run_key)
        if values is None:
            return
        snapshot = Snapshot(*values)
        if snapshot.sequence > count:
            raise Finding("snapshot", f"run {run_key}: of row {snapshot.sequence}, {count} exist")
        if snapshot.sequence == count and self.snapshots.get(run_key) != count:
            self.snapshots[run_key] = count
            _same(f"snapshot of run {run_key}", nature.decode(snapshot.body), self.states[run_key])


def _same(what: str, found: Any, folded: Any) -> None:
    if isinstance(found, RunState):
        names: tuple[str, ...] = _FIELDS
        if _VALUES(found) == _VALUES(folded):
            return
    else:
        names = tuple(each.name for each in fields(found))
    names = tuple(n for n in names if getattr(found, n) != getattr(folded, n))
    if not names:
        return
    text = "; ".join(f"{n}: {getattr(found, n)!r} / {getattr(folded, n)!r}" for n in names)
    raise Finding("fold", f"{what} is not the fold of its log: {text}")
