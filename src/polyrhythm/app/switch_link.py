"""A Link whose service changes: this process's own, the owner's of its file, or nobody's.

A program holds one link for its whole life, however often the file changes hands. A call that meets
a change ends as Unavailable, which callers try again; it is never sent twice from here.
"""

from __future__ import annotations

import asyncio

from google.protobuf.message import Message

from polyrhythm.base.errors import Unavailable
from polyrhythm.sdk.link import Link, Traits


class SwitchLink:
    """Leads to the link it was last told of."""

    def __init__(self, reason: str) -> None:
        self._target: Link | None = None
        self._reason = reason
        self._closing: set[asyncio.Task[None]] = set()
        # Set and replaced with each change of the target.
        self.changed = asyncio.Event()

    @property
    def target(self) -> Link | None:
        """Who is called now; None while nobody answers."""
        return self._target

    @property
    def traits(self) -> Traits:
        """What the service can that answers now. Raises Unavailable while none does."""
        return self._found().traits

    async def call(self, method_name: str, request: Message, timeout_s: float) -> Message:
        """Call whoever answers now. Raises an error of `base.errors`."""
        return await self._found().call(method_name, request, timeout_s)

    def lead_to(self, target: Link) -> None:
        """Call `target` from now on; calls in flight at the one before end."""
        self._replace(target)

    def leave(self, reason: str) -> None:
        """Refuse calls with a reason."""
        self._reason = reason
        self._replace(None)

    async def close(self) -> None:
        """End the connection that is open."""
        self.leave("the application has ended")
        if self._closing:
            await asyncio.gather(*self._closing)

    def _found(self) -> Link:
        if self._target is None:
            raise Unavailable(self._reason)
        return self._target

    def _replace(self, target: Link | None) -> None:
        before, self._target = self._target, target
        if before is not None:
            task = asyncio.ensure_future(before.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        self.changed.set()
        self.changed = asyncio.Event()
