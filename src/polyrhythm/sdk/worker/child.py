"""The program of a child process: takes attempts from its worker and runs them, one at a time.

The function runs in the main thread, so that it may use signals; a second thread listens for the
worker, tells the attempt to stop, and ends the process when the worker is gone. What the function
prints goes where the worker's own output goes.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import os
import queue
import socket
import sys
import threading
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from temporalio.api.common.v1 import Payloads

from polyrhythm.sdk.definitions import TaskDefinition
from polyrhythm.sdk.failures import to_failure
from polyrhythm.sdk.retry import bucket_for
from polyrhythm.sdk.retry_wire import unpack
from polyrhythm.sdk.values import Converter
from polyrhythm.sdk.worker.attempt import ATTEMPT, Attempt, CompletesLater, StopReason, TaskInfo
from polyrhythm.sdk.worker.frames import (
    HEAD,
    Beat,
    Begin,
    Done,
    Stop,
    decode_body,
    encode_frame,
)
from polyrhythm.sdk.worker.verdicts import failure_of

# A program that was started as a script is imported under this name: its guard
# `if __name__ == "__main__"` keeps it from starting again.
MAIN = "__main__"
MAIN_AGAIN = "__polyrhythm_main__"


class Service:
    """The child's side of its connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self._begun: queue.SimpleQueue[Begin] = queue.SimpleQueue()
        self._current: Attempt | None = None
        # Asked of the attempt that was begun last, which may not have got that far yet.
        self._asked: StopReason | None = None

    def run(self) -> None:
        """Take attempts until the worker is gone."""
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            self._send(self._perform(self._begun.get()))

    def _listen(self) -> None:
        with self._connection.makefile("rb") as stream:
            while len(head := stream.read(HEAD.size)) == HEAD.size:
                size, number = HEAD.unpack(head)
                said = decode_body(number, stream.read(size))
                if isinstance(said, Begin):
                    self._asked = None
                    self._begun.put(said)
                elif isinstance(said, Stop):
                    self._asked = StopReason[said.reason]
                    self._tell(self._current)
        os._exit(0)

    def _tell(self, attempt: Attempt | None) -> None:
        if attempt is not None and self._asked is not None:
            attempt.stop(self._asked)

    def _send(self, record: Beat | Done) -> None:
        with self._sending:
            self._connection.sendall(encode_frame(record))

    def _perform(self, begin: Begin) -> Done:
        converter = Converter()
        try:
            definition, converter = find_task(begin)
        except BaseException as error:  # noqa: BLE001 - a user's module may raise anything
            return Done(failure=to_failure(error, converter).SerializeToString())
        attempt = Attempt(_info(begin), definition, converter)
        attempt.previous = Payloads.FromString(begin.previous)
        attempt.strategy = unpack(begin.retry)
        attempt.notify = lambda: self._beat(attempt)
        self._current = attempt
        self._tell(attempt)
        ATTEMPT.set(attempt)
        try:
            arguments = converter.decode_all(Payloads.FromString(begin.input), definition.signature)
            value = definition.function(*arguments)
            if inspect.iscoroutine(value):
                value = asyncio.run(value)
            return Done(result=converter.encode(value).SerializeToString())
        except CompletesLater:
            return Done(later=True)
        except BaseException as error:  # noqa: BLE001 - how a user's function ended is an answer
            cancelled = isinstance(error, asyncio.CancelledError)
            failure = failure_of(attempt, error).SerializeToString()
            bucket = bucket_for(attempt.strategy, error)
            return Done(failure=failure, bucket=bucket, cancelled=cancelled)
        finally:
            self._current = None
            ATTEMPT.set(None)

    def _beat(self, attempt: Attempt) -> None:
        details, attempt.unsent = attempt.unsent, None
        if details is not None:
            self._send(Beat(details.SerializeToString()))


def find_task(begin: Begin) -> tuple[TaskDefinition, Converter]:
    """Import the task that is meant; its application's converter comes along."""
    value: Any = _load(begin.module, begin.file)
    for part in begin.name.split("."):
        value = getattr(value, part)
    definition = getattr(value, "definition", None)
    if not isinstance(definition, TaskDefinition):
        raise TypeError(f"{begin.module}.{begin.name} is not a task in a process of its own")
    return definition, getattr(value, "converter", None) or Converter()


def _load(name: str, file: str) -> ModuleType:
    known = MAIN_AGAIN if name == MAIN else name
    if known in sys.modules:
        return sys.modules[known]
    spec = importlib.util.find_spec(name) if name != MAIN else None
    if spec is not None and spec.origin == file:
        return importlib.import_module(name)
    loaded = importlib.util.spec_from_file_location(known, file)
    if loaded is None or loaded.loader is None:
        raise ImportError(f"cannot import {name} from {file or 'nowhere'}")
    module = importlib.util.module_from_spec(loaded)
    sys.modules[known] = module
    loaded.loader.exec_module(module)
    return module


def _info(begin: Begin) -> TaskInfo:
    fields: dict[str, Any] = dict(begin.info)
    for name in ("scheduled", "started"):
        moment = fields[name]
        fields[name] = datetime.fromtimestamp(moment, UTC) if moment else None
    return TaskInfo(token=begin.token, **fields)


if __name__ == "__main__":
    Service(socket.socket(fileno=int(sys.argv[1]))).run()
