"""`poly` as a process of its own, and calls to it: what tests of whole servers share.

Nothing here sleeps: a test waits for a line of output, for a call's answer, or for the end of a
process. Servers listen on free ports of 127.0.0.1.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.enums.v1 import TaskQueueKind
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    RespondWorkflowTaskCompletedRequest,
    StartWorkflowExecutionRequest,
)

from polyrhythm.service.methods import METHODS

POLY = Path(sys.executable).with_name("poly")
WORKFLOW = "/temporal.api.workflowservice.v1.WorkflowService/"
QUEUE = TaskQueue(name="tests", kind=TaskQueueKind.TASK_QUEUE_KIND_NORMAL)
CODES = grpc.StatusCode


class PolyProcess:
    """One `poly dev` on a file of a folder."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.log = folder / f"server-{os.urandom(4).hex()}.log"
        self.file = folder / "poly.db"
        command = [str(POLY), "dev", "--port", "0", "--db-filename", str(self.file), *flags]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, cwd=folder
            )
        self.said: list[str] = []
        self._channel: grpc.Channel | None = None

    def __enter__(self) -> PolyProcess:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._channel is not None:
            self._channel.close()
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def line(self) -> str:
        """The next line it says; the test's timeout ends a wait for nothing."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode().strip()
        assert line, f"the server ended: {self.log.read_text()}"
        self.said.append(line)
        return line

    def until(self, word: str) -> str:
        """The next line with a word in it."""
        while word not in (line := self.line()):
            continue
        return line

    @property
    def address(self) -> str:
        """Where it listens; known from its first line."""
        found = re.search(r"gRPC on (\S+)", self.said[0] if self.said else self.line())
        assert found
        return found[1]

    @property
    def channel(self) -> grpc.Channel:
        """One channel, kept."""
        if self._channel is None:
            options = [("grpc.max_reconnect_backoff_ms", 100)]
            self._channel = grpc.insecure_channel(self.address, options=options)
        return self._channel

    def call(self, method: str, request: Message, timeout: float = 20, wait: bool = False) -> Any:
        """Call a method of WorkflowService. `wait`: until somebody listens there."""
        stub = self.channel.unary_unary(
            WORKFLOW + method,
            METHODS[WORKFLOW + method].request_class.SerializeToString,
            METHODS[WORKFLOW + method].response_class.FromString,
        )
        return stub(request, timeout=timeout, wait_for_ready=wait)

    def start(self, workflow_id: str, **fields: Any) -> str:
        """Start a workflow and return its run id."""
        run_id: str = self.call(
            "StartWorkflowExecution", start_request(workflow_id, **fields)
        ).run_id
        return run_id

    def describe(self, workflow_id: str, namespace: str = "default") -> Any:
        """Describe a workflow's newest run."""
        request = DescribeWorkflowExecutionRequest(
            namespace=namespace, execution=WorkflowExecution(workflow_id=workflow_id)
        )
        return self.call("DescribeWorkflowExecution", request).workflow_execution_info

    def poll(self, timeout: float = 20, queue: TaskQueue = QUEUE) -> PollWorkflowTaskQueueResponse:
        """Wait for a workflow task."""
        request = PollWorkflowTaskQueueRequest(namespace="default", task_queue=queue)
        task: PollWorkflowTaskQueueResponse = self.call("PollWorkflowTaskQueue", request, timeout)
        return task

    def complete(self, token: bytes, result: bytes = b"1") -> None:
        """Complete the workflow of a task."""
        request = RespondWorkflowTaskCompletedRequest(namespace="default", task_token=token)
        command = request.commands.add(command_type="COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION")
        attributes = command.complete_workflow_execution_command_attributes
        attributes.result.payloads.append(Payload(data=result))
        self.call("RespondWorkflowTaskCompleted", request)

    def history(self, workflow_id: str) -> list[str]:
        """The types of a run's events, without their prefix."""
        request = GetWorkflowExecutionHistoryRequest(
            namespace="default", execution=WorkflowExecution(workflow_id=workflow_id)
        )
        events = self.call("GetWorkflowExecutionHistory", request).history.events
        names = type(events[0]).DESCRIPTOR.fields_by_name["event_type"].enum_type.values_by_number
        return [names[e.event_type].name.removeprefix("EVENT_TYPE_") for e in events]

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.wait()

    def end(self, number: int = signal.SIGTERM, timeout: float = 20) -> int:
        """Ask it to end; return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout)


def start_request(workflow_id: str, **fields: Any) -> StartWorkflowExecutionRequest:
    """A request to start the workflow `test`."""
    fields.setdefault("namespace", "default")
    request = StartWorkflowExecutionRequest(
        workflow_id=workflow_id, request_id=workflow_id, **fields
    )
    request.workflow_type.name = "test"
    request.task_queue.CopyFrom(QUEUE)
    return request


def code_of(error: grpc.RpcError) -> grpc.StatusCode:
    """The status code of a refusal."""
    code: grpc.StatusCode = error.code()
    return code
