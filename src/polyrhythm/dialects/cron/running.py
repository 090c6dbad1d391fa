"""Runs the commands and calls of jobs: a shell's, and HTTP's.

A command is a process group of its own, which ends as a whole: at its time limit, when its run is
cancelled, when the worker stops. Of what it writes the last part is kept. Success is an expected
exit code or status without the word that means failure; everything else is raised, with the end of
the output, and retried as any task is.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

from polyrhythm.base.limits import JOB_OUTPUT_BYTES_MAX
from polyrhythm.sdk.task import TASK
from polyrhythm.sdk.worker.spawned import Spawned

SHELL = "/bin/sh"
# How often a command's run says that it is alive, and learns that it should end.
BEAT_S = 2.0
# Between the request to end and the end.
END_S = 5.0
# What of the output an error shows.
SHOWN_CHARACTERS = 2000
_CHUNK = 65_536


class CommandFailed(Exception):
    """A command ended with another code than was expected, or not in time."""


class CallFailed(Exception):
    """A call was answered with another status than was expected, or not at all."""


class WordFound(Exception):
    """The output has the word that means failure."""


@dataclass(slots=True)
class ShellCall:
    """One command. `variables` are added to the worker's own; no `codes` is 0 alone."""

    command: str
    timeout_s: float
    folder: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    codes: list[int] = field(default_factory=list)
    fails_on: str = ""


@dataclass(slots=True)
class CommandResult:
    """How a command ended. `cut`: the output was longer, this is its end."""

    code: int
    output: str
    cut: bool
    seconds: float


@dataclass(slots=True)
class HttpCall:
    """One call; no `expected` is any status from 200 to 299."""

    url: str
    timeout_s: float
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    expected: list[int] = field(default_factory=list)
    fails_on: str = ""


@dataclass(slots=True)
class CallResult:
    """How a call was answered. `cut`: the body was longer, this is its beginning."""

    status: int
    body: str
    cut: bool
    seconds: float


@dataclass(slots=True)
class _Output:
    """The end of what a command writes."""

    data: bytearray = field(default_factory=bytearray)
    cut: bool = False

    async def read(self, pipe: IO[bytes] | None) -> None:
        stream = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), pipe
        )
        try:
            while chunk := await stream.read(_CHUNK):
                self.data += chunk
                if len(self.data) > JOB_OUTPUT_BYTES_MAX:
                    del self.data[:-JOB_OUTPUT_BYTES_MAX]
                    self.cut = True
        finally:
            transport.close()

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")


async def run_command(call: ShellCall) -> CommandResult:
    """Run a command. Raises CommandFailed, WordFound."""
    begun_s, output = time.monotonic(), _Output()
    process = Spawned(
        [SHELL, "-c", call.command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=call.folder or None,
        env={**os.environ, **call.variables},
        start_new_session=True,
    )
    reading = asyncio.ensure_future(output.read(process.stdout))
    try:
        async with asyncio.timeout(call.timeout_s):
            await _wait(process)
            # Who it left behind may hold the output open; that is no longer of interest.
            await asyncio.wait([reading], timeout=END_S)
    except TimeoutError:
        raise CommandFailed(_told(f"not done in {call.timeout_s:g} s", output.text)) from None
    finally:
        await _end(process)
        reading.cancel()
    code = process.returncode
    assert code is not None
    if code not in (call.codes or [0]):
        raise CommandFailed(_told(f"exit code {code}", output.text))
    _look_for(call.fails_on, output.text)
    return CommandResult(code, output.text, output.cut, round(time.monotonic() - begun_s, 3))


async def make_call(call: HttpCall) -> CallResult:
    """Make a call. Raises CallFailed, WordFound."""
    result = await asyncio.to_thread(_ask, call)
    expected = result.status in call.expected if call.expected else 200 <= result.status < 300
    if not expected:
        raise CallFailed(_told(f"status {result.status}", result.body))
    _look_for(call.fails_on, result.body)
    return result


async def _wait(process: Spawned) -> None:
    ended = asyncio.ensure_future(process.wait())
    try:
        while not (await asyncio.wait([ended], timeout=BEAT_S))[0]:
            TASK.heartbeat()
    finally:
        ended.cancel()


async def _end(process: Spawned) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        # The group may outlive its first process.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        if process.returncode is not None:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), END_S)


def _ask(call: HttpCall) -> CallResult:
    begun_s = time.monotonic()
    request = urllib.request.Request(  # noqa: S310 - the scheme is looked at where it is declared
        call.url,
        data=call.body.encode() if call.body else None,
        headers=call.headers,
        method=call.method,
    )
    try:
        with urllib.request.urlopen(request, timeout=call.timeout_s) as answer:  # noqa: S310
            status, body = answer.status, answer.read(JOB_OUTPUT_BYTES_MAX + 1)
    except urllib.error.HTTPError as error:
        with error:
            status, body = error.code, error.read(JOB_OUTPUT_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        raise CallFailed(f"{call.url} did not answer: {error}") from error
    text = body[:JOB_OUTPUT_BYTES_MAX].decode("utf-8", "replace")
    cut = len(body) > JOB_OUTPUT_BYTES_MAX
    return CallResult(status, text, cut, round(time.monotonic() - begun_s, 3))


def _look_for(word: str, text: str) -> None:
    if word and word in text:
        line = next((one for one in text.splitlines() if word in one), word)
        raise WordFound(f"the output has {word!r}: {line[:SHOWN_CHARACTERS]}")


def _told(what: str, output: str) -> str:
    shown = output.strip()[-SHOWN_CHARACTERS:]
    return f"{what}: {shown}" if shown else what
