"""Stands in for the functions of tasks while a test runs: replaced, failing, or lost.

A definition is changed in place, so that attempts and local tasks alike meet the double, and is
what it was when the stage is over. What fails or is lost stands before a stub, whichever was said
first. A double of a task with `process=True` runs in a thread of this process.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from polyrhythm.sdk.definitions import TaskDefinition, TaskKind
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.worker.attempt import ATTEMPT, CompletesLater

# What an attempt raises, or None to go on.
Fate = Callable[[int], BaseException | None]


@dataclass(slots=True)
class _Double:
    """One task's: what it was, what runs now, and what befalls its attempts, first said first."""

    function: Callable[..., Any]
    kind: TaskKind
    runs: Callable[..., Any]
    fates: list[Fate] = field(default_factory=list)

    async def run(self, *values: Any) -> Any:
        """Meet the attempt's fate, or do the work where it belongs."""
        attempt = ATTEMPT.get()
        number = attempt.info.attempt if attempt is not None else 1
        for fate in self.fates:
            error = fate(number)
            if error is not None:
                raise error
        if self.runs is self.function and self.kind is not TaskKind.LOOP:
            return await asyncio.to_thread(self.runs, *values)
        result = self.runs(*values)
        return await result if inspect.isawaitable(result) else result


class Doubles:
    """The doubles of one stage."""

    def __init__(self) -> None:
        self._known: list[tuple[TaskDefinition, _Double]] = []

    def stub(self, definition: TaskDefinition, function: Callable[..., Any]) -> None:
        """Run another function in a task's place."""
        self._double(definition).runs = function

    def fail(self, definition: TaskDefinition, times: int, error: BaseException | None) -> None:
        """Have the next attempts raise an error."""
        check_number(times, "times")
        self._double(definition).fates.append(_next(times, lambda: error or _default(definition)))

    def fail_at(
        self, definition: TaskDefinition, attempt: int, error: BaseException | None
    ) -> None:
        """Have the attempts of that number raise an error."""
        check_number(attempt, "attempt")

        def fate(number: int) -> BaseException | None:
            return (error or _default(definition)) if number == attempt else None

        self._double(definition).fates.append(fate)

    def lose(self, definition: TaskDefinition, times: int) -> None:
        """Have the next attempts end without an answer."""
        check_number(times, "times")
        self._double(definition).fates.append(_next(times, CompletesLater))

    def restore(self) -> None:
        """Have every task be what it was."""
        for definition, double in self._known:
            definition.function, definition.kind = double.function, double.kind
        self._known.clear()

    def _double(self, definition: TaskDefinition) -> _Double:
        for known, double in self._known:
            if known is definition:
                return double
        double = _Double(definition.function, definition.kind, definition.function)
        self._known.append((definition, double))
        definition.function, definition.kind = double.run, TaskKind.LOOP
        return double


def _next(times: int, make: Callable[[], BaseException]) -> Fate:
    left = times

    def fate(_: int) -> BaseException | None:
        nonlocal left
        if not left:
            return None
        left -= 1
        return make()

    return fate


def _default(definition: TaskDefinition) -> BaseException:
    return RuntimeError(f"the test had task {definition.name} fail")


def check_number(number: int, what: str) -> None:
    """Raise MisuseError for a number that counts nothing."""
    if number < 1:
        raise MisuseError(f"{what} is at least 1, not {number}")
