"""Queries in flight: waiting for a workflow task to carry them, or with a worker of their own.

A query never writes, so nothing of it is stored: when the process dies its caller asks again.
How many may wait for a run's next workflow task is core's to judge.
"""

from __future__ import annotations

from dataclasses import dataclass

from polyrhythm.engine.calls import Call


@dataclass(slots=True)
class PendingQuery:
    """A query in flight; `call.request` is the QueryWorkflowRequest."""

    query_id: str
    run_key: int
    call: Call


class Queries:
    """Queries of one lane."""

    def __init__(self) -> None:
        self._count = 0
        self._pending: dict[str, PendingQuery] = {}
        self._buffered: dict[int, list[str]] = {}

    def add(self, run_key: int, call: Call) -> PendingQuery:
        """Register a query."""
        if len(self._pending) > 1000 and self._count % 256 == 0:
            self._drop_done()
        self._count += 1
        query = PendingQuery(f"query-{self._count}", run_key, call)
        self._pending[query.query_id] = query
        return query

    def buffer(self, query: PendingQuery) -> None:
        """Keep a query for the run's next workflow task; core has judged that there is room."""
        self._buffered.setdefault(query.run_key, []).append(query.query_id)

    def buffered(self, run_key: int) -> list[PendingQuery]:
        """Return the queries that the run's next workflow task should carry."""
        if run_key not in self._buffered:
            return []
        found = [self.find(query_id) for query_id in self._buffered[run_key]]
        return [query for query in found if query is not None]

    def take_buffered(self, run_key: int) -> list[PendingQuery]:
        """Take the queries that no workflow task will carry."""
        queries = self.buffered(run_key)
        self._buffered.pop(run_key, None)
        return queries

    def find(self, query_id: str) -> PendingQuery | None:
        """Return a query whose caller still waits."""
        query = self._pending.get(query_id)
        if query is not None and query.call.reply.done:
            self.end(query_id)
            return None
        return query

    @property
    def waited_for(self) -> bool:
        """Whether a caller still waits for an answer."""
        return any(not query.call.reply.done for query in self._pending.values())

    def end(self, query_id: str) -> None:
        """Forget a query."""
        query = self._pending.pop(query_id, None)
        if query is not None and query_id in self._buffered.get(query.run_key, []):
            self._buffered[query.run_key].remove(query_id)
            if not self._buffered[query.run_key]:
                del self._buffered[query.run_key]

    def _drop_done(self) -> None:
        for query_id in list(self._pending):
            self.find(query_id)
