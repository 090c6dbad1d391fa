"""The signals that end a program: the first one in order, the second one at once.

Only in the main thread, where the interpreter delivers them; elsewhere whoever runs the loop ends
the application himself.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from typing import Any


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
