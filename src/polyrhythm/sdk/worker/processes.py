"""Child processes for tasks with `process=True`: real parallel work, and an end that is certain.

A child runs one attempt at a time and is used again; one whose attempt must end is killed. It is
started on first use with this program's import path, connected by a socket, and ends by itself when
this process does.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from dataclasses import asdict
from datetime import datetime
from typing import Any

from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.failure.v1 import Failure as FailureMessage

from polyrhythm.sdk.definitions import TaskDefinition
from polyrhythm.sdk.errors import Failure, MisuseError
from polyrhythm.sdk.retry_wire import pack
from polyrhythm.sdk.worker.attempt import Attempt
from polyrhythm.sdk.worker.frames import (
    HEAD,
    Beat,
    Begin,
    Done,
    Record,
    Stop,
    decode_body,
    encode_frame,
)
from polyrhythm.sdk.worker.spawned import Spawned

CHILD_MODULE = "polyrhythm.sdk.worker.child"
# Set in a child, where importing the user's program must not start it again.
CHILD_VARIABLE = "POLYRHYTHM_CHILD"


class Outcome:
    """How an attempt in a child ended."""

    __slots__ = ("bucket", "cancelled", "failure", "later", "result")

    def __init__(self, done: Done) -> None:
        self.result = Payload.FromString(done.result)
        self.failure = FailureMessage.FromString(done.failure) if done.failure else None
        self.bucket = done.bucket
        self.cancelled = done.cancelled
        self.later = done.later


class Child:
    """One child process and the connection to it."""

    def __init__(
        self,
        process: Spawned,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer

    def send(self, record: Begin | Stop) -> None:
        """Say something; a child that is gone is noticed when its answer is read."""
        if not self._writer.is_closing():
            self._writer.write(encode_frame(record))

    async def receive(self) -> Record:
        """Return what the child says next. Raises Failure when it is gone."""
        try:
            size, number = HEAD.unpack(await self._reader.readexactly(HEAD.size))
            return decode_body(number, await self._reader.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError):
            code = await self._process.wait()
            raise Failure(
                f"the worker process of the task ended with exit code {code}"
                + (" (killed: out of memory?)" if code == -9 else ""),
                type="ProcessDied",
            ) from None

    async def end(self) -> None:
        """Kill the process and wait for its end."""
        self._writer.close()
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


class Processes:
    """Up to `processes_max` children of one worker."""

    def __init__(self, processes_max: int) -> None:
        self._slots = asyncio.Semaphore(processes_max)
        self._idle: list[Child] = []

    async def run(self, attempt: Attempt, arguments: Payloads) -> Outcome:
        """Run an attempt in a child; cancelling this kills the child."""
        async with self._slots:
            child = self._idle.pop() if self._idle else await start_child()
            sound = False

            def tell() -> None:
                assert attempt.stop_reason is not None
                child.send(Stop(attempt.stop_reason.name))

            try:
                child.send(_begin(attempt, arguments))
                attempt.stop_listener = tell
                if attempt.stop_reason is not None:
                    tell()
                while isinstance(said := await child.receive(), Beat):
                    attempt.note(Payloads.FromString(said.details))
                assert isinstance(said, Done)
                sound = True
                return Outcome(said)
            finally:
                attempt.stop_listener = _nobody
                if sound:
                    self._idle.append(child)
                else:
                    await asyncio.shield(child.end())

    async def close(self) -> None:
        """End the children that are idle."""
        while self._idle:
            await self._idle.pop().end()


async def start_child() -> Child:
    """Start a process that waits for attempts."""
    ours, theirs = socket.socketpair()
    try:
        path = [entry or os.getcwd() for entry in sys.path]
        process = Spawned(
            [sys.executable, "-m", CHILD_MODULE, str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path), CHILD_VARIABLE: "1"},
        )
    finally:
        theirs.close()
    reader, writer = await asyncio.open_connection(sock=ours)
    return Child(process, reader, writer)


def check_importable(definition: TaskDefinition) -> None:
    """Refuse a task that a child process could not find. Raises MisuseError."""
    function = definition.function
    if "<" in function.__qualname__:
        raise MisuseError(
            f"task {definition.name!r} runs in processes, which import it by its name: define "
            "it at the top of a module, not inside a function"
        )


def _begin(attempt: Attempt, arguments: Payloads) -> Begin:
    function = attempt.definition.function
    module = sys.modules.get(function.__module__)
    fields: dict[str, Any] = asdict(attempt.info)
    token = fields.pop("token")
    for name, value in list(fields.items()):
        if value is None or isinstance(value, datetime):
            fields[name] = value.timestamp() if value is not None else 0.0
    return Begin(
        module=function.__module__,
        file=getattr(module, "__file__", None) or "",
        name=function.__qualname__,
        token=token,
        info=fields,
        input=arguments.SerializeToString(),
        previous=attempt.previous.SerializeToString(),
        retry=pack(attempt.strategy),
    )


def _nobody() -> None:
    return None
