"""Waiting for results that workers, theirs and ours, write down.

There is nobody who tells: states are asked for, first often, then twice a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from polyrhythm.base.durations import Span, parse_span
from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.brokers.machinery.kinds import decode_values
from polyrhythm.brokers.machinery.states import State, TaskState
from polyrhythm.brokers.port import Results
from polyrhythm.dialects.machinery.patience import patiently

POLL_S_MIN = 0.02
POLL_S_MAX = 0.5


class CallFailed(PolyrhythmError):
    """A task failed for the last time; the message is what its worker wrote."""

    code = "call_failed"


class Reply:
    """The result of one task, which somebody may be working at."""

    __slots__ = ("_before", "_known", "_results", "uuid")

    def __init__(self, results: Results, uuid: str, before: Sequence[str]) -> None:
        self._results = results
        # Tasks that have to succeed before this one is sent at all.
        self._before = list(before)
        self._known: dict[str, TaskState] = {}
        self.uuid = uuid

    def __repr__(self) -> str:
        """The id."""
        return f"<reply of {self.uuid}>"

    async def state(self) -> TaskState | None:
        """Return where the task stands; None if nobody has written it down, or its time is over."""
        return await self._look(self.uuid)

    async def result(self, *, timeout: Span | None = None) -> Any:  # noqa: ASYNC109
        """Wait for the result: one value, None for none, a tuple of several.

        Raises CallFailed, also when a task before it failed, and TimeoutError; results that cannot
        be reached are waited for.
        """
        async with asyncio.timeout(None if timeout is None else parse_span(timeout)):
            state = await self._end()
        values = decode_values(state.results)
        return values[0] if len(values) == 1 else tuple(values) or None

    async def _end(self) -> TaskState:
        pause_s = POLL_S_MIN
        while True:
            state = await patiently(self.state, "to wait for a result")
            if state is not None and state.state is State.SUCCESS:
                return state
            for uuid in () if state is not None and state.ended else self._before:
                before = await patiently(partial(self._look, uuid), "to wait for a result")
                if before is not None and before.state is State.FAILURE:
                    raise CallFailed(before.error)
            if state is not None and state.ended:
                raise CallFailed(state.error)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, POLL_S_MAX)

    async def _look(self, uuid: str) -> TaskState | None:
        """Read a state. An ended one is kept, and so is the last one where reading takes it."""
        known = self._known.get(uuid)
        if known is not None and known.ended:
            return known
        state = await self._results.get(uuid)
        if state is None and not self._results.keeps:
            return known
        if state is not None:
            self._known[uuid] = state
        return state


class GroupReply:
    """The results of a group, in the order of its members."""

    __slots__ = ("members",)

    def __init__(self, members: Sequence[Reply]) -> None:
        self.members = list(members)

    async def results(self, *, timeout: Span | None = None) -> list[Any]:  # noqa: ASYNC109
        """Wait for all. Raises CallFailed for the first that failed, and TimeoutError."""
        async with asyncio.timeout(None if timeout is None else parse_span(timeout)):
            return [await member.result() for member in self.members]
