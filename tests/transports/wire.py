"""A gRPC server on a free port that answers what a test prepared, and clients of it.

`Scripted` stands in for a service: a call's request is a StartWorkflowExecutionRequest whose
workflow id names the prepared answer; calls that wait can be looked at and answered by the test.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import uvloop
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest

from polyrhythm.engine.reply import Reply
from polyrhythm.transports.grpc import (
    Calls,
    Door,
    GrpcServer,
    GrpcSettings,
    OpenDoor,
    Routes,
    Switch,
)

WORKFLOW = "/temporal.api.workflowservice.v1.WorkflowService/"
START = WORKFLOW + "StartWorkflowExecution"


class Scripted:
    """Calls whose answers are prepared: bytes, a message, an error, or None for later."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.waiting: dict[str, Reply] = {}
        self.cancelled: list[str] = []
        self.deadlines: list[int] = []
        self.seen: list[tuple[str, Any, dict[bytes, bytes]]] = []
        self.changed = asyncio.Event()

    def begin(self, method: Any, request: bytes, headers: Any, deadline_ns: int) -> Any:
        message = StartWorkflowExecutionRequest.FromString(request)
        name = message.workflow_id
        self.deadlines.append(deadline_ns)
        self.seen.append((method.short_name, message, dict(headers.fields)))
        answer = self.answers.get(name)
        if answer is None:
            reply = self.waiting[name] = Reply()
            self.changed.set()
            return Watched(reply, self, name)
        return Reply.failed(answer) if isinstance(answer, Exception) else Reply.of(answer)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something the server did makes the condition true."""
        while not condition():
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 10)


class Watched:
    """A Reply that notes that it was cancelled."""

    def __init__(self, reply: Reply, script: Scripted, name: str) -> None:
        object.__setattr__(self, "parts", (reply, script, name))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.parts[0], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.parts[0], name, value)

    def cancel(self) -> None:
        reply, script, name = self.parts
        reply.cancel()
        script.cancelled.append(name)
        script.changed.set()


class Wire:
    """A running server and one channel to it."""

    def __init__(self, routes: Routes, server: GrpcServer, port: int) -> None:
        self.routes = routes
        self.server = server
        self.address = f"127.0.0.1:{port}"
        # Larger than the server's limits, so that it is the server who refuses.
        sizes = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        self.channel = grpc.aio.insecure_channel(self.address, options=sizes)

    async def call(self, name: str = "", method: str = START, **options: Any) -> bytes:
        request = StartWorkflowExecutionRequest(workflow_id=name).SerializeToString()
        return await self.send(request, method, **options)

    def start(self, name: str) -> Any:
        """A call under way."""
        request = StartWorkflowExecutionRequest(workflow_id=name).SerializeToString()
        return self.channel.unary_unary(START)(request)

    async def send(self, request: bytes, method: str = START, **options: Any) -> bytes:
        options.setdefault("timeout", 20)
        answer: bytes = await self.channel.unary_unary(method)(request, **options)
        return answer

    async def refusal(self, name: str = "", **options: Any) -> grpc.aio.AioRpcError:
        """The error that a call ends with."""
        try:
            answer = await self.call(name, **options)
        except grpc.aio.AioRpcError as error:
            return error
        raise AssertionError(f"the call succeeded: {answer!r}")


@asynccontextmanager
async def wire(
    calls: Calls, settings: GrpcSettings | None = None, door: Door | None = None
) -> AsyncIterator[Wire]:
    """Serve for a `with` block."""
    routes = Routes(Switch(calls))
    server = GrpcServer(routes, settings or GrpcSettings(), door or OpenDoor("everybody"))
    made = Wire(routes, server, await server.listen("127.0.0.1:0"))
    try:
        yield made
    finally:
        await made.channel.close()
        await server.stop(1)


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine on the loop that the server uses."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)
