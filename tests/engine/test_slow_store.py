"""A store that stalls: the loop goes on, and what came in time meanwhile is in time."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import temporalio.api.workflowservice.v1 as ws

from engine.rig import Rig, activity, poll_activity_request, signal_request, start_request
from polyrhythm.base.errors import ResourceExhausted, Unavailable
from polyrhythm.base.limits import Limits
from polyrhythm.engine.calls import Call
from polyrhythm.engine.host_loop import LoopHost


class Stalling:
    """Holds a commit, in whatever thread it is, until it may go on."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.release = threading.Event()
        self.release.set()

    def before_commit(self, batch: object) -> None:
        self.reached.set()
        assert self.release.wait(60)

    def after_commit(self, batch: object) -> None:
        pass


def heartbeats(rig: Rig) -> bytes:
    command = activity("a")
    attributes = command.schedule_activity_task_command_attributes
    attributes.heartbeat_timeout.seconds = 5
    rig.call(start_request())
    rig.run_commands(command)
    token: bytes = rig.call(poll_activity_request()).task_token
    return token


def test_a_heartbeat_that_waited_for_a_stalled_commit_counts() -> None:
    rig = Rig()
    token = heartbeats(rig)
    beat = rig.submit(ws.RecordActivityTaskHeartbeatRequest(namespace="default", task_token=token))
    # The commit before it took a while.
    rig.advance(20)
    assert beat.error is None
    done = ws.RespondActivityTaskCompletedRequest(namespace="default", task_token=token)
    rig.call(done)
    assert "ACTIVITY_TASK_COMPLETED" in rig.events()


def test_an_activity_that_was_silent_times_out_all_the_same() -> None:
    rig = Rig()
    token = heartbeats(rig)
    rig.advance(60)
    assert "ACTIVITY_TASK_COMPLETED" not in rig.events()
    beat = rig.submit(ws.RecordActivityTaskHeartbeatRequest(namespace="default", task_token=token))
    rig.turn()
    assert beat.error is not None


def test_the_loop_goes_on_while_a_commit_stalls() -> None:
    disk = Stalling()
    rig = Rig(Limits(inbox_max=3), faults=disk)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        host = LoopHost(rig.lane)

        def submit(request: Any) -> Call:
            call = Call(rig.lane.memory.registry.first(), request)
            host.submit(call)
            return call

        async def answered(call: Call) -> None:
            if not call.reply.done:
                arrived = loop.create_future()
                call.reply.wake = lambda: arrived.set_result(None)
                await arrived

        disk.reached.clear()
        disk.release.clear()
        first = submit(start_request("first"))
        await loop.run_in_executor(None, disk.reached.wait, 60)
        # The commit hangs in its thread: calls are taken, and refused when there are too many.
        waiting = [submit(signal_request("first")) for _ in range(3)]
        refused = submit(signal_request("first"))
        assert isinstance(refused.reply.error, ResourceExhausted)
        assert not first.reply.done
        disk.release.set()
        for call in (first, *waiting):
            await answered(call)
            assert not isinstance(call.reply.error, Unavailable)
        await host.stop()

    asyncio.run(main())
    store = rig.store.reopen()
    assert store.run_key_last() == 1
    assert [row.event_count for row in store.read_log(1, 1, 9)] == [2, 3]
