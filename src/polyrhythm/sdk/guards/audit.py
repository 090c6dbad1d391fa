"""Refuses, while workflow code runs, what only a task may do: files, sockets, processes, sleep.

One audit hook of the interpreter (PEP 578) for the whole process, and a flag per thread that the
loop sets around workflow code. A hook cannot be removed, so it is installed once, on the first
worker. Imports read files and are let through; so is what a logger or a traceback reads.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from polyrhythm.sdk.errors import MisuseError

# Audit events by exact name, and what the call is in a user's words.
REFUSED: dict[str, str] = {
    "open": "opening a file",
    "os.listdir": "reading a directory",
    "os.scandir": "reading a directory",
    "os.remove": "removing a file",
    "os.rename": "renaming a file",
    "os.mkdir": "making a directory",
    "os.rmdir": "removing a directory",
    "os.system": "running a command",
    "os.exec": "running a command",
    "os.fork": "starting a process",
    "os.posix_spawn": "starting a process",
    "subprocess.Popen": "starting a process",
    "socket.__new__": "opening a socket",
    "socket.connect": "connecting",
    "socket.getaddrinfo": "looking up a host",
    "time.sleep": "time.sleep",
    "shutil.copyfile": "copying a file",
    "shutil.rmtree": "removing a directory",
    "sqlite3.connect": "opening a database",
    "urllib.Request": "a request over the network",
}
ADVICE = {"time.sleep": "use `await wf.sleep(...)`"}
# Files that a user did not write: Python's library and the SDK.
PASSED_OVER = ("<frozen ", os.path.dirname(os.__file__) + "/", str(Path(__file__).parents[1]) + "/")
# Who may read files in the middle of workflow code: the import system and readers of source lines.
READERS = frozenset(("linecache", "tokenize", "inspect", "importlib._bootstrap_external"))


class NotInWorkflows(MisuseError):
    """Workflow code did what only a task may do; the run waits for code that does not."""

    code = "not_in_workflows"


# `on` of a thread: it runs workflow code.
_FLAG = threading.local()
_ONCE = threading.Lock()
_INSTALLED = threading.Event()


def install() -> None:
    """Install the hook; any number of times."""
    with _ONCE:
        if not _INSTALLED.is_set():
            sys.addaudithook(_refuse)
            if sys.version_info < (3, 13):
                # Python raises an audit event for it since 3.13 only.
                time.sleep = _audited(time.sleep)  # type: ignore[assignment]
            _INSTALLED.set()


def _audited(sleep: Callable[[float], None]) -> Callable[[float], None]:
    def audited_sleep(seconds: float) -> None:
        sys.audit("time.sleep", seconds)
        sleep(seconds)

    return audited_sleep


def is_guarded() -> bool:
    """Return whether this thread runs workflow code."""
    return getattr(_FLAG, "on", False)


class Block:
    """What this thread may do until a `with` block ends. A class, since one is entered around
    every stretch of workflow code and contextlib's generators take 1 us more.
    """

    __slots__ = ("_before", "_on")

    def __init__(self, on: bool) -> None:
        self._on = on

    def __enter__(self) -> None:
        """Begin."""
        self._before = is_guarded()
        _FLAG.on = self._on

    def __exit__(self, *error: object) -> None:
        """Go back to what was before."""
        _FLAG.on = self._before


def guarded() -> Block:
    """Refuse in this thread until the block ends."""
    return Block(True)


def allowed() -> Block:
    """Let everything through until the block ends: for our own work in between."""
    return Block(False)


def _refuse(event: str, args: tuple[Any, ...]) -> None:
    if event not in REFUSED or not is_guarded():
        return
    if event == "open" and _reads_source():
        return
    what = REFUSED[event]
    with allowed():
        advice = ADVICE.get(event, "do it in a task and await its result")
        raise NotInWorkflows(f"{_place()}: {what} is refused inside a workflow: {advice}")


def _place() -> str:
    """The line of the workflow, or of what it called that is neither ours nor Python's own."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(PASSED_OVER):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "workflow code"


def _reads_source() -> bool:
    frame = sys._getframe(2)
    for _ in range(6):
        if frame.f_globals.get("__name__") in READERS:
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False
