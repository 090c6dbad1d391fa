"""Calls about the workers themselves: their heartbeats, and who is there.

Nothing is written: a turn that only hears of workers commits nothing.
"""

from __future__ import annotations

from temporalio.api.workflowservice.v1 import DescribeWorkerResponse, RecordWorkerHeartbeatResponse

from polyrhythm.base.errors import NotFound
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk


def record_heartbeats(desk: Desk, call: Call) -> None:
    """Note what workers say of themselves."""
    desk.memory.fleet.record(call.namespace.key, call.request.worker_heartbeat, desk.now_ns)
    desk.turn.answer(call.reply, RecordWorkerHeartbeatResponse())


def list_workers(desk: Desk, call: Call) -> None:
    """Answer with the heartbeats of all workers, by instance; the service picks and pages."""
    desk.turn.answer(call.reply, desk.memory.fleet.of(call.namespace.key, desk.now_ns))


def describe_worker(desk: Desk, call: Call) -> None:
    """Answer with what one worker said last. Raises NotFound."""
    instance = call.request.worker_instance_key
    heartbeat = desk.memory.fleet.find(call.namespace.key, instance, desk.now_ns)
    if heartbeat is None:
        raise NotFound(f"Worker {instance} not found")
    answer = DescribeWorkerResponse()
    answer.worker_info.worker_heartbeat.CopyFrom(heartbeat)
    desk.turn.answer(call.reply, answer)
