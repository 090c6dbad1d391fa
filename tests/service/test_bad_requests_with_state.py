"""The recorded malformed calls whose refusal depends on what exists, over the real engine.

One workflow runs and one is completed, as in the corpus; the lane is driven by hand over a store
in memory, so nothing waits.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from temporalio.api.enums.v1 import CommandType
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueRequest,
    RespondWorkflowTaskCompletedRequest,
    StartWorkflowExecutionRequest,
)

from polyrhythm.access.identity import anonymous
from polyrhythm.base.ids import UuidSource
from polyrhythm.base.limits import Limits
from polyrhythm.engine.calls import Call
from polyrhythm.engine.engine import Engine
from polyrhythm.engine.lane import Lane
from polyrhythm.engine.reply import Reply
from polyrhythm.service.methods import METHODS
from polyrhythm.service.service import Service
from polyrhythm.stores.memory.store import MemoryStore
from service.fakes import MINUTE_NS, NOW_NS, WORKFLOW
from service.test_bad_requests import NAMES, NEEDS_STATE, ROWS, answer, fill, method_of


@dataclass
class HandHost:
    """Runs a whole turn for every call, in the caller's thread."""

    lane: Lane

    def submit(self, call: Call) -> None:
        self.lane.submit(call)
        progress = self.lane.begin(NOW_NS)
        while self.lane.decide(progress):
            pass
        self.lane.commit(progress)
        self.lane.perform(progress)

    def nudge(self) -> None:
        """Every call takes its turn at once."""

    def now_ns(self) -> int:
        return NOW_NS


@dataclass
class World:
    """A server with the corpus's two workflows: one running, one completed."""

    service: Service = field(init=False)
    names: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        store = MemoryStore()
        ids = UuidSource()
        lane = Lane(store, store.claim_lane(1, "test", ""), ids, Limits())
        lane.recover(NOW_NS)
        self.service = Service(Engine(lane, HandHost(lane)), ids, METHODS)
        running = self.start("~running", "wf-request").value.run_id
        closed = self.start("~closed", "closed-request").value.run_id
        self.complete("~closed-queue")
        self.names = {"{wf_run}": running, "{closed_run}": closed, "{wf_request}": "wf-request"}

    def call(self, request: Message) -> Reply:
        name = WORKFLOW + request.DESCRIPTOR.name.removesuffix("Request")
        return self.service.call(name, request, anonymous(), NOW_NS + MINUTE_NS)

    def start(self, workflow_id: str, request_id: str) -> Reply:
        request = StartWorkflowExecutionRequest(
            namespace="default", workflow_id=workflow_id, request_id=request_id
        )
        request.workflow_type.name, request.task_queue.name = "wf", f"{workflow_id}-queue"
        return self.call(request)

    def complete(self, queue: str) -> None:
        poll = PollWorkflowTaskQueueRequest(namespace="default")
        poll.task_queue.name = queue
        task = self.call(poll).value
        done = RespondWorkflowTaskCompletedRequest(task_token=task.task_token)
        command = done.commands.add()
        command.command_type = CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION
        command.complete_workflow_execution_command_attributes.SetInParent()
        assert self.call(done).error is None


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row["name"] in NEEDS_STATE], ids=lambda row: row["name"]
)
def test_row(row: dict[str, Any]) -> None:
    world = World()
    text = json.dumps(fill(row["request"])).replace(
        NAMES["closed_run"], world.names["{closed_run}"]
    )
    method = METHODS[method_of(row)]
    request = json_format.ParseDict(json.loads(text), method.request_class())
    reply = world.service.call(method.name, request, anonymous(), NOW_NS + MINUTE_NS)
    assert reply.done
    if row["code"] == "OK":
        assert reply.error is None
        if "started" in row:
            assert reply.value.started == row["started"]
        return
    found = json.dumps(answer(reply.error))
    for placeholder, value in {
        **world.names,
        "<id1>": "11111111-2222-4333-8444-555555555555",
    }.items():
        found = found.replace(value, placeholder)
    # The closed run's request id is an unnamed one in the corpus.
    found = found.replace("closed-request", "<id1>")
    assert json.loads(found) == {
        key: row[key] for key in ("code", "message", "details") if key in row
    }
