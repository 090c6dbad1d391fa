"""What every pod of this machine does alike: check a step, start its child, end it, clean up.

The checks of a step are here, before anything has run: sizes of words, names of variables, paths.
An executor adds only its own part: which words start the child, and what the step sees.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from polyrhythm.base.errors import StepRefused
from polyrhythm.base.limits import (
    STEP_BYTES_MAX,
    STEP_VARIABLES_MAX,
    STEP_WORD_BYTES_MAX,
    STEP_WORDS_BYTES_MAX,
)
from polyrhythm.executors.children import Launch, Tree, start_child
from polyrhythm.executors.logs import RunLogs
from polyrhythm.executors.port import EndReason, Step, Stream, Volume
from polyrhythm.executors.running import ChildRun, Probe, Started
from polyrhythm.executors.view import View

ENCODING = ("utf-8", "surrogateescape")


class Volumes:
    """The volumes of a pod as directories of the host; empty ones are made below `folder`."""

    def __init__(self, volumes: Sequence[Volume], folder: str) -> None:
        self._paths: dict[str, str] = {}
        for number, volume in enumerate(volumes):
            if volume.name in self._paths:
                raise StepRefused(f"two volumes are named {volume.name!r}")
            if volume.host_path:
                if not os.path.isabs(volume.host_path) or not os.path.isdir(volume.host_path):
                    raise StepRefused(f"volume {volume.name!r}: {volume.host_path} is no directory")
                self._paths[volume.name] = os.path.realpath(volume.host_path)
            else:
                self._paths[volume.name] = os.path.join(folder, f"volume-{number}")
                os.mkdir(self._paths[volume.name], 0o777)

    def path(self, name: str) -> str:
        """The host's directory of a volume; StepRefused when the pod has no such volume."""
        if name not in self._paths:
            raise StepRefused(f"the pod has no volume {name!r}")
        return self._paths[name]


def check_step(step: Step) -> None:
    """Refuse what no executor can start."""
    words = [*step.command, *step.args, *(f"{name}={text}" for name, text in step.env.items())]
    for word in words:
        if "\0" in word:
            raise StepRefused("a NUL byte in the command, the arguments or the environment")
        if len(word.encode(*ENCODING)) >= STEP_WORD_BYTES_MAX:
            raise StepRefused(f"a word of {STEP_WORD_BYTES_MAX} bytes or more: {word[:40]!r}...")
    if sum(len(word) for word in words) > STEP_WORDS_BYTES_MAX:
        raise StepRefused(f"arguments and environment of more than {STEP_WORDS_BYTES_MAX} bytes")
    if len(step.env) > STEP_VARIABLES_MAX:
        raise StepRefused(f"more than {STEP_VARIABLES_MAX} variables")
    for name in step.env:
        if not name or "=" in name:
            raise StepRefused(f"{name!r} is no name of a variable")
    if max(len(step.stdin), len(step.script or b"")) > STEP_BYTES_MAX:
        raise StepRefused(f"a script or an input of more than {STEP_BYTES_MAX} bytes")


@dataclass(slots=True)
class Plan:
    """A checked step on its way: what it sees, and the words that start its child."""

    step: Step
    view: View
    words: Sequence[str]
    env: Mapping[str, str]
    # Where on the host the child starts.
    folder: str
    tree: Callable[[int], Tree]
    probe: Probe
    remark: str = ""
    # Words that no list of processes may show: told through a descriptor whose number goes between
    # `words` and `last_words`, with more descriptors that the child inherits.
    hidden: Sequence[str] | None = None
    last_words: Sequence[str] = ()
    passed: Sequence[int] = ()


def start_run(plan: Plan) -> ChildRun:
    """Start the child of a step, with pipes for its output."""
    loop = asyncio.get_running_loop()
    logs = RunLogs(loop)
    if plan.remark:
        logs.remark(plan.remark)
    streams = [_stdin(plan.step.stdin), logs.pipe(Stream.STDOUT), logs.pipe(Stream.STDERR)]
    words, passed = list(plan.words), list(plan.passed)
    if plan.hidden is not None:
        streams.append(_memory("".join(f"{word}\0" for word in plan.hidden).encode(*ENCODING)))
        passed.append(streams[-1])
        words += [str(streams[-1]), *plan.last_words]
    try:
        child = start_child(loop, Launch(words, plan.env, plan.folder, streams[:3], passed))
    except OSError as error:
        logs.close()
        code = 126 if error.errno in (errno.EACCES, errno.ENOEXEC) else 127
        message = f'exec: "{plan.words[0]}": {(error.strerror or "").lower()}'
        return not_started(plan.step, plan.view, code, message)
    except BaseException:
        logs.close()
        raise
    finally:
        for stream in streams:
            os.close(stream)
    tree = plan.tree(child.pid)
    return ChildRun(Started(plan.step, plan.view, logs, child, tree, plan.probe))


def _stdin(data: bytes) -> int:
    if not data:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    return _memory(data)


def _memory(data: bytes) -> int:
    memory = os.memfd_create("step", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(memory), "wb") as writer:
        writer.write(data)
    os.lseek(memory, 0, os.SEEK_SET)
    return memory


def not_started(step: Step, view: View, code: int, message: str) -> ChildRun:
    """The run of a command that cannot be started."""
    logs = RunLogs(asyncio.get_running_loop())
    return ChildRun(Started(step, view, logs, None, None, _no_probe, code, message))


class Runs:
    """The runs of a pod, so that its close ends them all."""

    def __init__(self) -> None:
        self.all: list[ChildRun] = []
        self.closed = False

    def check_open(self) -> None:
        """Refuse to start in a pod that is closed."""
        if self.closed:
            raise StepRefused("the pod is closed")

    async def close(self) -> None:
        """Kill what runs and wait until it has ended."""
        self.closed = True
        for run in self.all:
            run.stop(EndReason.CANCELLED, 0)
        for run in self.all:
            await run.wait()


async def _no_probe(command: Sequence[str], timeout_ns: int) -> int:
    return 127
