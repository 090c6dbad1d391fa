"""Workers as a lane knows them: by their last heartbeats, for as long as those are fresh."""

from __future__ import annotations

from typing import Any

import pytest
import temporalio.api.workflowservice.v1 as ws
from temporalio.api.enums.v1 import WorkerStatus
from temporalio.api.worker.v1 import WorkerHeartbeat

from engine.rig import Rig
from polyrhythm.base.errors import NotFound
from polyrhythm.engine.fleet import RECORD_BYTES, Fleet

RUNNING, SHUTDOWN = WorkerStatus.WORKER_STATUS_RUNNING, WorkerStatus.WORKER_STATUS_SHUTDOWN
MINUTE_NS = 60 * 1_000_000_000


def beat(key: str, status: WorkerStatus.ValueType = RUNNING, queue: str = "q") -> WorkerHeartbeat:
    return WorkerHeartbeat(worker_instance_key=key, status=status, task_queue=queue)


def record(rig: Rig, *heartbeats: WorkerHeartbeat) -> None:
    request = ws.RecordWorkerHeartbeatRequest(namespace="default", worker_heartbeat=heartbeats)
    assert rig.call(request) == ws.RecordWorkerHeartbeatResponse()


def keys(rig: Rig) -> list[str]:
    found: list[Any] = rig.call(ws.ListWorkersRequest(namespace="default"))
    return [one.worker_instance_key for one in found]


def test_workers_are_known_by_their_last_heartbeat() -> None:
    rig = Rig()
    record(rig, beat("b"), beat("a"))
    record(rig, beat("b", queue="other"))
    assert keys(rig) == ["a", "b"]
    ask = ws.DescribeWorkerRequest(namespace="default", worker_instance_key="b")
    assert rig.call(ask).worker_info.worker_heartbeat == beat("b", queue="other")
    ask.worker_instance_key = "c"
    with pytest.raises(NotFound, match="Worker c not found"):
        rig.call(ask)


def test_a_worker_that_has_shut_down_is_gone() -> None:
    rig = Rig()
    record(rig, beat("a"), beat("b"), beat("c"))
    record(rig, beat("a", SHUTDOWN), beat("nobody", SHUTDOWN))
    rig.call(ws.ShutdownWorkerRequest(namespace="default", worker_heartbeat=beat("b", SHUTDOWN)))
    assert keys(rig) == ["c"]


def test_silent_workers_are_gone_after_five_minutes() -> None:
    rig = Rig()
    record(rig, beat("a"), beat("b"))
    rig.advance(200)
    record(rig, beat("a"))
    rig.advance(101)
    assert keys(rig) == ["a"]
    rig.crash()
    assert keys(rig) == []


def test_heartbeats_are_bounded_in_bytes_and_of_one_namespace() -> None:
    size = beat("a").ByteSize() + RECORD_BYTES
    fleet = Fleet(bytes_max=2 * size)
    fleet.record(1, [beat("a"), beat("b"), beat("a"), beat("c")], 0)
    assert [one.worker_instance_key for one in fleet.of(1, 0)] == ["a", "c"]
    fleet.record(2, [beat("a", queue="x")], 0)
    assert [one.worker_instance_key for one in fleet.of(1, 0)] == ["c"]
    assert fleet.find(2, "a", 0) == beat("a", queue="x")
    assert fleet.find(1, "a", 0) is None
    assert not fleet.of(2, 6 * MINUTE_NS)
