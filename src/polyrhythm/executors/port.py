"""The Executor protocol: run somebody's commands, one step at a time, apart from everything else.

An executor opens a *pod*: volumes and a network that several steps may share, as the containers of
a Kubernetes pod do. `pod.start(step)` starts one command in a root view of its own and returns a
*run*: lines as they happen, how it ended, its files, and the way to stop it.

What a step does is a value (`Ended`), what a step asks wrongly is an error: ImageUnknown,
StepRefused, OutputMissing, OutputRefused; ExecutorUnavailable when this machine cannot run steps.
A command that cannot be started ends as container runtimes end it: 127 when there is no such
program, 126 when it may not be run, with their message. 128 + n is a death by signal n.

    async with asyncio.timeout(60):
        pod = await executor.open_pod(PodSpec(name="hello"))
        run = await pod.start(Step(image="busybox", command=("echo", "hello")))
        async for line in run.lines():
            print(line.text)
        ended = await run.wait()
        answer = await run.read("/tmp/answer")
        await pod.close()
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

SECOND_NS = 1_000_000_000


class Network(StrEnum):
    """What the steps of a pod reach. Loopback is shared by all steps of one pod in either case."""

    HOST = "host"  # this machine's network: daemons of other pods are at their pod's address
    NONE = "none"  # nothing but the pod's own loopback


class Stream(StrEnum):
    """Where a line comes from."""

    STDOUT = "stdout"
    STDERR = "stderr"
    SYSTEM = "system"  # the executor's own remark, such as that there is no isolation


class EndReason(StrEnum):
    """Why a run is over; the exit code says how."""

    EXITED = "exited"
    NOT_STARTED = "not_started"  # 126 or 127: `message` says what a container runtime would say
    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    OUT_OF_MEMORY = "out_of_memory"  # 137, past `Resources.memory_bytes_max`
    DISK_FULL = "disk_full"  # 137, the machine's disk was about to run full


@dataclass(slots=True)
class Traits:
    """What an executor can do; asked by name of the trait, never by name of the executor."""

    # Steps see a root view of their own: absolute paths of mounts, inputs and outputs are private.
    private_root: bool
    # Image names decide which programs a step finds.
    images: bool
    # Steps end when this process dies in any way, so that two attempts never overlap.
    ends_with_engine: bool
    # Network.NONE is kept; without it such a pod is refused.
    private_network: bool


@dataclass(slots=True)
class Volume:
    """A directory that steps mount. Without `host_path`: empty at first, deleted with the pod."""

    name: str
    host_path: str = ""


@dataclass(slots=True)
class PodSpec:
    """What the steps of one pod share. `name` is their hostname where they have one."""

    name: str
    network: Network = Network.HOST
    volumes: Sequence[Volume] = ()


@dataclass(slots=True)
class Mount:
    """A volume of the pod, or a directory or file inside it, at an absolute path of the step."""

    volume: str
    path: str
    sub_path: str = ""
    read_only: bool = False


@dataclass(slots=True)
class Input:
    """A file put in place before the step starts: `data`, or a copy of `source` of the host.

    `source` may be a directory. `mode` is that of the file; 0 keeps the mode of `source` and is
    0644 for `data`.
    """

    path: str
    data: bytes = b""
    source: str = ""
    mode: int = 0


@dataclass(slots=True)
class Resources:
    """What a step may use; 0 is no limit. Past the memory of its whole tree it is killed (137)."""

    memory_bytes_max: int = 0


@dataclass(slots=True)
class Step:
    """One command. Empty `command` is the image's entrypoint; empty `args` too: its default too.

    `script` is written to a file of mode 0755 whose path becomes the last argument. An empty
    `working_dir` is the image's, `/` as a rule. `timeout_ns` counts from the start, 0 is none;
    at its end, or at a cancel, the tree gets TERM, `grace_ns` later KILL.
    """

    image: str
    command: Sequence[str] = ()
    args: Sequence[str] = ()
    name: str = "main"
    env: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = ""
    script: bytes | None = None
    stdin: bytes = b""
    mounts: Sequence[Mount] = ()
    inputs: Sequence[Input] = ()
    resources: Resources = field(default_factory=Resources)
    timeout_ns: int = 0
    grace_ns: int = 30 * SECOND_NS


@dataclass(slots=True)
class Line:
    """A line of output, without its newline. `partial`: the next one of its stream goes on with it.

    Partial lines come of lines longer than `LOG_LINE_BYTES_MAX`, or of an end without a newline.
    """

    stream: Stream
    time_ns: int
    data: bytes
    partial: bool = False

    @property
    def text(self) -> str:
        """The line as text; what is not UTF-8 is replaced."""
        return self.data.decode("utf-8", "replace")


@dataclass(slots=True)
class Usage:
    """What the step's whole tree used.

    `memory_bytes_peak` is measured now and then, so that it is 0 for steps of a few milliseconds.
    """

    user_ns: int = 0
    system_ns: int = 0
    memory_bytes_peak: int = 0


@dataclass(slots=True)
class Ended:
    """How a run ended. `signal` is 0 unless one killed the command; times are Unix nanoseconds.

    `log_bytes_dropped` counts output that nobody read while it happened and that did not fit into
    the buffer of the run (`LOG_BUFFER_BYTES_MAX`); with a reader nothing is dropped.
    """

    exit_code: int
    reason: EndReason
    started_ns: int
    ended_ns: int
    message: str = ""
    signal: int = 0
    usage: Usage = field(default_factory=Usage)
    log_bytes_dropped: int = 0


@dataclass(slots=True)
class Copied:
    """What `copy_out` wrote."""

    is_directory: bool
    files: int
    bytes: int


class Run(Protocol):
    """A step that was started. Reading files is possible while it runs, too, and until its pod
    closes.
    """

    def lines(self) -> AsyncIterator[Line]:
        """Lines until the end, for one reader. A reader that is slow slows the step down."""
        ...

    def tail(self) -> bytes:
        """The last bytes of stdout so far, at most `LOG_TAIL_BYTES_MAX`."""
        ...

    async def wait(self) -> Ended:
        """How it ended. May be asked again, and by several; a cancelled wait ends only itself."""
        ...

    async def cancel(self, grace_ns: int | None = None) -> Ended:
        """End the whole tree: TERM, after `grace_ns` (the step's own for None) KILL. Idempotent."""
        ...

    async def probe(self, command: Sequence[str], timeout_ns: int) -> int:
        """Exit code of a command run beside the step, with its files and network; 137 when late."""
        ...

    async def read(self, path: str, bytes_max: int) -> bytes:
        """A regular file of the step. OutputMissing, or OutputRefused when larger or no file."""
        ...

    async def copy_out(self, path: str, target: str) -> Copied:
        """Copy a file or directory of the step to `target`, which must not exist.

        Nothing outside of the step's view is followed or copied: a symbolic link in a directory is
        kept if it is relative and stays inside of it, else OutputRefused; so are devices, sockets
        and pipes, and more than the limits of `base/limits.py`.
        """
        ...


class Pod(Protocol):
    """Volumes and network of steps that belong together."""

    @property
    def address(self) -> str:
        """Where others of this network reach ports of its steps, such as 127.0.0.1."""
        ...

    async def start(self, step: Step) -> Run:
        """Start a step; ImageUnknown and StepRefused before anything has run."""
        ...

    async def close(self) -> None:
        """Kill what still runs, without grace, and delete the files of the pod. Idempotent."""
        ...


class Executor(Protocol):
    """One way to run steps. Used from one event loop."""

    @property
    def traits(self) -> Traits:
        """What it can do."""
        ...

    async def open_pod(self, spec: PodSpec) -> Pod:
        """A pod without steps; ExecutorUnavailable when this machine cannot run them."""
        ...

    async def close(self) -> None:
        """Close every pod. Idempotent."""
        ...
