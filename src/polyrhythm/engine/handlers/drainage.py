"""Counts the open runs that are pinned to a version: a draining one has drained without any.

Looked at when somebody asks for the deployment, every few minutes at most: the open runs are
read page by page, and nothing is kept.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import workflow_pb2 as statuses

from polyrhythm.core.state import Version
from polyrhythm.core.versions import spell_version
from polyrhythm.engine.desk import Desk
from polyrhythm.stores.port import RunFilter

_OPEN = (statuses.WORKFLOW_EXECUTION_STATUS_RUNNING,)
_PAGE = 1000


def count_pinned(desk: Desk, namespace_key: int, version: Version) -> int:
    """Return how many open runs are pinned to a version; 1 stands for some."""
    mark = f'"pinned:{spell_version(version)}"'.encode()
    wanted = RunFilter(namespace_key, statuses=_OPEN, limit=_PAGE)
    while True:
        rows = desk.memory.world.store.list_runs(wanted)
        for row in rows:
            touched = desk.turn.touched.get(row.run_key)
            attributes = touched.state.search_attributes if touched else row.search_attributes
            if mark in attributes and (touched is None or touched.state.running):
                return 1
        if len(rows) < _PAGE:
            return 0
        last = rows[-1]
        wanted.after = (last.close_ns, last.start_ns, last.run_key)
