"""Sagas: what was done is undone in reverse order when a later step fails.

An undo is registered before its step, since a step that failed may have happened all the same: so
undo tasks have to be idempotent. Undoing is shielded from cancellation, and one undo that fails
does not keep the others from running.

    async with wf.saga() as undo:
        undo(release, order)
        await reserve(order)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, ParamSpec

from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.wf.errors import CompensationFailed
from polyrhythm.sdk.wf.scope import shielded

P = ParamSpec("P")


class Saga:
    """The steps to undo. Calling it registers one; leaving the block with an error runs them."""

    __slots__ = ("_open", "_parallel", "_undos")

    def __init__(self, parallel: bool) -> None:
        self._parallel = parallel
        self._undos: list[Callable[[], Awaitable[Any]]] = []
        self._open = False

    def __call__(
        self, function: Callable[P, Awaitable[Any]], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Have `function(*args)` called when the block fails from here on."""
        if not self._open:
            raise MisuseError("an undo is registered inside its saga's block")
        self._undos.append(lambda: function(*args, **kwargs))

    async def undo(self) -> None:
        """Undo what is registered so far, newest first; once. Raises CompensationFailed."""
        undos, self._undos = self._undos[::-1], []
        if self._parallel:
            works = [asyncio.ensure_future(undo()) for undo in undos]
            outcomes = await asyncio.gather(*works, return_exceptions=True)
        else:
            outcomes = []
            for undo in undos:
                outcomes += await asyncio.gather(undo(), return_exceptions=True)
        failures = [one for one in outcomes if isinstance(one, BaseException)]
        if failures:
            raise CompensationFailed(failures, len(undos))

    async def __aenter__(self) -> Saga:
        """Begin the saga."""
        self._open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Undo when the block failed or was cancelled; its error goes on afterwards."""
        self._open = False
        # Closing the coroutine of an evicted run is no failure of its steps.
        if error is None or isinstance(error, GeneratorExit):
            return
        try:
            await shielded(self.undo())
        except CompensationFailed as failed:
            raise failed from error


def saga(parallel: bool = False) -> Saga:
    """Return a saga; `parallel` undoes everything at once instead of newest first."""
    return Saga(parallel)
