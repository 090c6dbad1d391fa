"""Child processes of this one: started, waited for by their descriptor, counted, killed as a tree.

A child is waited for with its pidfd on the loop, so that no thread waits and the resource usage of
its whole tree can be taken with `wait4`. It must be started on the loop's thread: the kernel ends
a child that dies with its parent when the *thread* that started it ends.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from polyrhythm.executors.port import Usage

# Of /proc/PID/status: what the kernel's own accounting of a container's memory charges.
MEMORY_FIELDS = (b"RssAnon:", b"RssShmem:")


class Tree(Protocol):
    """The processes of one step, seen from the host."""

    def pids(self) -> list[int]:
        """Those that run the step's own programs."""
        ...

    def kill(self) -> None:
        """End all of them, at once, while the child runs."""
        ...

    def sweep(self) -> None:
        """The child has ended: end what it left behind."""
        ...


@dataclass(slots=True)
class Launch:
    """What is started: words, environment, its three streams, more descriptors that it inherits."""

    words: Sequence[str]
    env: Mapping[str, str]
    working_dir: str
    streams: Sequence[int]
    passed: Sequence[int]


@dataclass(slots=True)
class Child:
    """A process that was started; `exited` resolves to its wait status and usage."""

    pid: int
    exited: asyncio.Future[tuple[int, Usage]]


def start_child(loop: asyncio.AbstractEventLoop, launch: Launch) -> Child:
    """Start a process in a session of its own; OSError as `execve` has it."""
    stdin, stdout, stderr = launch.streams
    process = subprocess.Popen(  # noqa: S603  (running commands is what an executor is for)
        launch.words,
        env=dict(launch.env),
        cwd=launch.working_dir,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=tuple(launch.passed),
        start_new_session=True,
    )
    exited: asyncio.Future[tuple[int, Usage]] = loop.create_future()
    pidfd = os.pidfd_open(process.pid)
    loop.add_reader(pidfd, _reap, loop, pidfd, process, exited)
    return Child(process.pid, exited)


def _reap(
    loop: asyncio.AbstractEventLoop,
    pidfd: int,
    process: subprocess.Popen[bytes],
    exited: asyncio.Future[tuple[int, Usage]],
) -> None:
    loop.remove_reader(pidfd)
    os.close(pidfd)
    _, status, rusage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    # Not ru_maxrss: it remembers the memory of this process, from which the child was forked.
    usage = Usage(int(rusage.ru_utime * 1e9), int(rusage.ru_stime * 1e9))
    if not exited.done():
        exited.set_result((status, usage))


def send(pids: Sequence[int], signal_number: int) -> None:
    """Signal processes; those that are gone already do not matter."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal_number)


def kill_group(pid: int) -> None:
    """Kill the process group that `pid` leads."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def descendants(pid: int) -> Iterator[int]:
    """Children of a process, their children and so on, by the kernel's lists."""
    todo = [pid]
    while todo:
        each = todo.pop()
        for child in _children(each):
            yield child
            todo.append(child)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += [int(word) for word in file.read().split()]
    return found


def marked(marker: bytes) -> list[int]:
    """Processes whose first environment has an entry; it outlives `setsid` and lost parents."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError), open(f"/proc/{name}/environ", "rb") as file:
                if marker in file.read().split(b"\0"):
                    found.append(int(name))
    return found


def memory_bytes(pids: Sequence[int]) -> int:
    """Memory that processes hold for themselves, without what they map from files."""
    total = 0
    for pid in pids:
        with suppress(OSError), open(f"/proc/{pid}/status", "rb") as file:
            for line in file:
                if line.startswith(MEMORY_FIELDS):
                    total += int(line.split()[1]) * 1024
    return total
