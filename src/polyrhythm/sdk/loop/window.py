"""How many tasks or children of a run may be open at once; more of them wait for a place, in order.

A service refuses the answer to a workflow task that would leave more open than its limit, and the
same answer again each time it is made anew: the run would stand still for ever. A place comes free
with the event that ends a task, so a replay sends the same commands with the same answers.
Source: limit.numPendingActivities.error and numPendingChildExecutions.error of the server, 2000.
"""

from __future__ import annotations

from collections import deque

from polyrhythm.sdk.loop.outbox import Made, Outbox

OPEN_MAX = 2000


class Window:
    """The places of one kind."""

    __slots__ = ("_open", "_outbox", "_waiting")

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._open = 0
        self._waiting: deque[Made] = deque()

    def add(self, made: Made) -> None:
        """Send a command with the next answer, or as soon as there is a place for it."""
        if self._open < OPEN_MAX:
            self._open += 1
            self._outbox.made.append(made)
        else:
            made.waits = True
            self._waiting.append(made)

    def drop(self, made: Made) -> None:
        """Take back a command that has not left."""
        made.dropped = True
        if not made.waits:
            self.leave()

    def leave(self) -> None:
        """Give the place of what has ended to who waits."""
        self._open -= 1
        while self._waiting:
            made = self._waiting.popleft()
            made.waits = False
            if not made.dropped:
                self.add(made)
                return
