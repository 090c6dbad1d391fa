"""Where a check works: an executor, a folder of the host, and short ways to run shell text.

A bench closes its executor at the end of the check, whose pods must then be gone. It refuses
nothing; errors of the executor reach the check as they are.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from pathlib import Path

from polyrhythm.base.errors import ExecutorError
from polyrhythm.executors.port import Ended, Executor, Pod, PodSpec, Run, Step, Stream

IMAGE = "busybox"


@dataclass(slots=True)
class Outcome:
    """A run that is over, with all of its output."""

    run: Run
    ended: Ended
    stdout: bytes
    stderr: bytes


@dataclass(slots=True)
class Bench:
    """An executor under test and a folder that is the check's own."""

    executor: Executor
    folder: str

    async def pod(self, spec: PodSpec | None = None) -> Pod:
        """A pod, a plain one unless told."""
        return await self.executor.open_pod(spec or PodSpec(name="check"))

    async def run(self, text: str, step: Step | None = None, pod: Pod | None = None) -> Outcome:
        """Run shell text to its end and collect its output."""
        pod = pod or await self.pod()
        return await collect(await pod.start(replace(step or shell(""), args=("-c", text))))


def shell(text: str) -> Step:
    """A step that runs shell text."""
    return Step(image=IMAGE, command=("sh",), args=("-c", text))


async def collect(run: Run) -> Outcome:
    """All output of a run and its end."""
    found = {stream: bytearray() for stream in Stream}
    async for line in run.lines():
        found[line.stream] += line.data + b"\n" * (not line.partial)
    ended = await run.wait()
    return Outcome(run, ended, bytes(found[Stream.STDOUT]), bytes(found[Stream.STDERR]))


async def refusal(work: Awaitable[object]) -> ExecutorError:
    """The error that awaiting this raises."""
    try:
        await work
    except ExecutorError as error:
        return error
    raise AssertionError("nothing was refused")


def is_there(path: str) -> bool:
    """Whether the host has something at a path, be it a broken link."""
    return os.path.lexists(path)


def text_of(path: str) -> str:
    """A file of the host."""
    return Path(path).read_text()


def is_alive(word: str) -> bool:
    """Whether a process of this machine has a word in its command."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if word.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                return True
        except OSError:
            continue
    return False
