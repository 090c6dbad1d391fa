"""Makes the loop of a run the running one of this thread, whatever runs there before and after.

Workflow code may run inside a turn of the engine, on the user's own loop: that loop, and its hooks
for asynchronous generators, are set aside meanwhile. Those hooks would finalize this run's
generators over there, at any time.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from polyrhythm.sdk.loop.eventloop import DurableLoop

NO_HOOKS = (None, None)


class Entered:
    """A block in which a run's loop is the running one."""

    __slots__ = ("_before", "_guard", "_hooks", "_loop")

    def __init__(
        self, loop: DurableLoop, guard: Callable[[], AbstractContextManager[Any]] | None
    ) -> None:
        self._loop: Any = loop
        self._guard = None if guard is None else guard()

    def __enter__(self) -> None:
        """Set the outer loop aside."""
        self._before = asyncio._get_running_loop()
        self._hooks = sys.get_asyncgen_hooks()
        asyncio._set_running_loop(self._loop)
        if self._hooks != NO_HOOKS:
            sys.set_asyncgen_hooks(None, None)
        if self._guard is not None:
            self._guard.__enter__()

    def __exit__(self, *error: object) -> None:
        """Put the outer loop back."""
        try:
            if self._guard is not None:
                self._guard.__exit__(None, None, None)
        finally:
            # Code may have set hooks of its own: they end with it.
            if self._hooks != NO_HOOKS or sys.get_asyncgen_hooks() != NO_HOOKS:
                sys.set_asyncgen_hooks(*self._hooks)
            asyncio._set_running_loop(self._before)
