"""Takes up what a store holds when a lane gets its owner, without loading a single run.

Queues with work in the rows are marked spilled and read when a worker polls; deadlines are read up
to the horizon; only runs that owe messages are loaded, closed ones too, since somebody waits for
those. So the first call is accepted after three index scans, however many runs sleep.
"""

from __future__ import annotations

from dataclasses import replace

from polyrhythm.base.ids import UuidSource
from polyrhythm.base.limits import DAY_NS
from polyrhythm.base.work import LineName, WorkKind
from polyrhythm.core.search_values import search_values_of
from polyrhythm.engine.calls import Call, Restore
from polyrhythm.engine.desk import Memory
from polyrhythm.engine.namespaces import new_row
from polyrhythm.stores.port import Batch, LaneOwner, RunWrite

DEFAULT_NAMESPACE = "default"
DEFAULT_RETENTION_NS = DAY_NS
# Owing runs, and unsorted ones, read at a time.
OWING_PAGE = 1000


def recover(memory: Memory, owner: LaneOwner, now_ns: int) -> None:
    """Fill a lane's memory from its store; registers namespace `default` in an empty one."""
    store = memory.world.store
    for row in store.load_namespaces():
        memory.registry.put(row)
    if not memory.registry.all():
        ids = memory.world.ids
        if isinstance(ids, UuidSource):
            ids.tick(now_ns)
        row = new_row(1, DEFAULT_NAMESPACE, ids.run_id(), DEFAULT_RETENTION_NS)
        store.commit(Batch(owner.lane, owner.epoch, now_ns, namespaces=[row]))
        memory.registry.put(row)
    _read_attributes(memory, owner, now_ns)
    memory.world.next_run_key = store.run_key_last() + 1
    for namespace_key, kind, queue, _ in store.scan_work_queues():
        if kind == WorkKind.UNSORTED:
            _sort_work(memory, namespace_key)
        else:
            memory.matching.spill(namespace_key, kind, queue)
    memory.timers.refill(now_ns)
    after = 0
    while True:
        owing = store.scan_owing(after, OWING_PAGE)
        for run_key in owing:
            memory.inbox.append(Call(memory.registry.first(), Restore(run_key)))
        if len(owing) < OWING_PAGE:
            return
        after = owing[-1]


def _sort_work(memory: Memory, namespace_key: int) -> None:
    line, after = LineName(namespace_key, WorkKind.UNSORTED, "", 0, ""), (0, 0)
    while True:
        found = memory.world.store.scan_work(line, after, OWING_PAGE)
        for _, run_key in found:
            memory.inbox.append(Call(memory.registry.first(), Restore(run_key)))
        if len(found) < OWING_PAGE:
            return
        after = found[-1]


def _read_attributes(memory: Memory, owner: LaneOwner, now_ns: int) -> None:
    """Give rows of an older release what queries compare; there are none from then on."""
    store = memory.world.store
    while keys := store.scan_unread(OWING_PAGE):
        batch = Batch(owner.lane, owner.epoch, now_ns)
        for row in filter(None, map(store.load_row, keys)):
            values = search_values_of(row.search_attributes)
            batch.runs.append(RunWrite(replace(row, search_values=values), before=row))
        store.commit(batch)
