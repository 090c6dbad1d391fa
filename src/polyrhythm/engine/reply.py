"""A Reply: the answer to a call, there later. The one place where waiting is resolved.

A transport waits on it in its own way: it sets `wake` and is called once, in the thread that
performs the turn, after the commit that the answer depends on. The engine never waits on a Reply.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Reply:
    """Resolved once: with a value, or with an error of `base.errors`."""

    __slots__ = ("done", "error", "value", "wake")

    def __init__(self) -> None:
        self.done = False
        self.value: Any = None
        self.error: Exception | None = None
        self.wake: Callable[[], None] | None = None

    @classmethod
    def of(cls, value: Any) -> Reply:
        """Return a reply that is there already."""
        reply = cls()
        reply.resolve(value)
        return reply

    @classmethod
    def failed(cls, error: Exception) -> Reply:
        """Return a refusal that is there already."""
        reply = cls()
        reply.fail(error)
        return reply

    def resolve(self, value: Any) -> None:
        """Answer with a value; ignored when the caller has gone or is answered already."""
        if not self.done:
            self.value = value
            self._finish()

    def fail(self, error: Exception) -> None:
        """Answer with an error; ignored when the caller has gone or is answered already."""
        if not self.done:
            self.error = error
            self._finish()

    def cancel(self) -> None:
        """The caller has gone: nobody waits for the answer any more."""
        self.done = True
        self.wake = None

    def _finish(self) -> None:
        self.done = True
        if self.wake is not None:
            self.wake()
            self.wake = None
