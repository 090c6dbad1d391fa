"""The signals that end a program: the first one in order, the second one at once.

A program with a loop of its own is told by an event, one that blocks by SystemExit where it is.
Only in the main thread, where the interpreter delivers them; elsewhere whoever runs the loop ends
the application himself.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from types import FrameType
from typing import Any, NoReturn


class Signals:
    """Sets an event at SIGTERM and SIGINT; the second one ends the process."""

    def __init__(self, ending: asyncio.Event) -> None:
        self._ending = ending
        self._taken: list[int] = []

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                loop.add_signal_handler(number, self._end, number)
            except NotImplementedError:
                continue
            self._taken.append(number)

    def __exit__(self, *exception: Any) -> None:
        loop = asyncio.get_running_loop()
        for number in self._taken:
            loop.remove_signal_handler(number)

    def _end(self, number: int) -> None:
        if self._ending.is_set():
            os._exit(128 + number)
        self._ending.set()


class Leaving:
    """Has SIGTERM leave a block of a program that waits, as Ctrl-C does; the second one ends the
    process. A handler of the program's own stays."""

    def __init__(self) -> None:
        self._taken = False

    def take(self) -> None:
        """From now on SIGTERM is SystemExit."""
        if threading.current_thread() is not threading.main_thread():
            return
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._leave)
            self._taken = True

    def give_back(self) -> None:
        """SIGTERM is what it was."""
        if self._taken and threading.current_thread() is threading.main_thread():
            self._taken = False
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _leave(self, number: int, frame: FrameType | None) -> NoReturn:
        self.give_back()
        raise SystemExit(128 + number)
