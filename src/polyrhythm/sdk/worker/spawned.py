"""Child processes that begin without a fork of this one.

A loop may start processes by `fork`, as uvloop does: then the fork handlers of every library run in
the child, and those of gRPC, whose threads are not there, bring it down now and then before it has
begun. `subprocess.Popen` takes `vfork`, which runs no handlers; a thread waits for the end.
"""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Sequence
from typing import IO, Any


class Spawned:
    """One process, used on the loop that started it."""

    __slots__ = ("_ended", "_process")

    def __init__(self, command: Sequence[str], **settings: Any) -> None:
        """Start it, with what `subprocess.Popen` takes. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._process: subprocess.Popen[bytes] = subprocess.Popen(command, **settings)  # noqa: S603
        self._ended: asyncio.Future[int] = loop.create_future()
        name = f"polyrhythm-child-{self._process.pid}"
        threading.Thread(target=self._watch, args=(loop,), name=name, daemon=True).start()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """How it ended, minus a signal's number when one ended it; None while it runs."""
        return self._ended.result() if self._ended.done() else None

    @property
    def stdout(self) -> IO[bytes] | None:
        """The end of its pipe, if it was started with one."""
        return self._process.stdout

    async def wait(self) -> int:
        """Wait for its end and return how it ended."""
        return await asyncio.shield(self._ended)

    def kill(self) -> None:
        """End it."""
        self._process.kill()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        code = self._process.wait()
        try:
            loop.call_soon_threadsafe(self._end, code)
        except RuntimeError:
            # The loop has ended before its child.
            return

    def _end(self, code: int) -> None:
        if not self._ended.done():
            self._ended.set_result(code)
