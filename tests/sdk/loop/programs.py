"""Random programs of verbs, as values that a workflow interprets, and their workflow.

A program is a list of steps, a step a list whose head is its kind; nested programs run as tasks of
asyncio, as children or under a timeout. What a program sees goes into its trace, the result.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

from polyrhythm.sdk.definitions import Cancellation, ChildOptions, HandlerKind
from polyrhythm.sdk.errors import FailureError
from polyrhythm.sdk.loop import Handler
from sdk.loop.coding import SLEEP, answer_updates, anything, call, call_local, ctx, task_of
from sdk.loop.coding import workflow_of as define

Program = list[list[Any]]
DEPTH_MAX = 3
PLAIN = ("task fail timer sleep local patch uuid random now memo next condition scoped").split()
NESTED = "gather group first timeout child shield background".split()
WAYS = ("ask", "wait", "abandon")


def double(number: int) -> int:
    return 2 * number


def fail(number: int) -> int:
    raise ValueError(f"fail {number}")


DOUBLE = task_of(double)
FAIL = task_of(fail, deadline_s=0.5)
TASKS = {"double": DOUBLE, "fail": FAIL}


def make_program(chance: random.Random, depth: int = 0) -> Program:
    """A random program; deeper ones are shorter."""
    return [make_step(chance, depth) for _ in range(chance.randint(1, 5 - depth))]


def make_step(chance: random.Random, depth: int) -> list[Any]:
    kinds = PLAIN if depth >= DEPTH_MAX else PLAIN + NESTED
    kind = chance.choice(kinds)
    if kind in ("gather", "group", "first"):
        return [kind, [make_program(chance, depth + 1) for _ in range(chance.randint(1, 4))]]
    if kind in NESTED:
        return [kind, make_program(chance, depth + 1), chance.choice([0.5, 2, 10])]
    return [kind, chance.randint(0, 9), chance.choice([0.3, 1, 5])]


class Player:
    """Interprets a program in a run."""

    def __init__(self) -> None:
        self.trace: list[Any] = []
        self.ticks = 0
        self.tasks: list[asyncio.Task[None]] = []

    async def play(self, program: Program) -> None:
        for step in program:
            await getattr(self, f"do_{step[0]}")(*step[1:])

    async def do_task(self, number: int, _: float) -> None:
        self.trace.append(await call(DOUBLE, number))

    async def do_fail(self, number: int, _: float) -> None:
        try:
            await call(FAIL, number, deadline_s=0.5)
        except FailureError as error:
            self.trace.append(type(error).__name__)

    async def do_scoped(self, number: int, span_s: float) -> None:
        way = Cancellation(WAYS[number % 3])
        waiting = asyncio.ensure_future(call(DOUBLE, number, cancellation=way, timeout_s=60))
        if number % 2:
            await ctx().start_timer(span_s / 1000)
        waiting.cancel()
        try:
            self.trace.append(await waiting)
        except asyncio.CancelledError:
            self.trace.append(way.value)

    async def do_timer(self, _: int, span_s: float) -> None:
        await ctx().start_timer(span_s)

    async def do_sleep(self, _: int, span_s: float) -> None:
        await SLEEP(span_s)

    async def do_local(self, number: int, _: float) -> None:
        self.trace.append(await call_local(DOUBLE, number))

    async def do_patch(self, number: int, _: float) -> None:
        self.trace.append(ctx().patched(f"p{number}"))

    async def do_uuid(self, _: int, __: float) -> None:
        self.trace.append(str(ctx().uuid()))

    async def do_random(self, _: int, __: float) -> None:
        self.trace.append(ctx().random().random())

    async def do_now(self, _: int, __: float) -> None:
        self.trace.append(ctx().now().isoformat())

    async def do_memo(self, number: int, _: float) -> None:
        ctx().upsert_memo({f"m{number}": number})

    async def do_next(self, _: int, span_s: float) -> None:
        try:
            self.trace += await ctx().next_signal("word", anything(1), span_s)
        except TimeoutError:
            self.trace.append("no word")

    async def do_condition(self, number: int, span_s: float) -> None:
        try:
            await ctx().wait_condition(lambda: self.ticks >= number, span_s)
        except TimeoutError:
            self.trace.append("no tick")

    async def do_gather(self, programs: list[Program]) -> None:
        await asyncio.gather(*(self.play(one) for one in programs))

    async def do_group(self, programs: list[Program]) -> None:
        async def last() -> None:
            await SLEEP(0.4)
            raise ValueError("end of the group")

        try:
            async with asyncio.TaskGroup() as group:
                for one in programs:
                    group.create_task(self.play(one))
                group.create_task(last())
        except ExceptionGroup as errors:
            self.trace.append(f"{len(errors.exceptions)} failed")

    async def do_first(self, programs: list[Program]) -> None:
        works = {asyncio.ensure_future(self.play(one)) for one in programs}
        done, pending = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        for one in pending:
            one.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        self.trace.append([len(done), len(pending)])

    async def do_timeout(self, program: Program, span_s: float) -> None:
        try:
            async with asyncio.timeout(span_s):
                await self.play(program)
        except TimeoutError:
            self.trace.append("timeout")

    async def do_shield(self, program: Program, span_s: float) -> None:
        work = asyncio.ensure_future(self.play(program))
        try:
            await asyncio.wait_for(asyncio.shield(work), span_s)
        except TimeoutError:
            self.trace.append("shielded")
        await work

    async def do_background(self, program: Program, _: float) -> None:
        self.tasks.append(asyncio.ensure_future(self.play(program)))

    async def do_child(self, program: Program, _: float) -> None:
        child = ctx().start_child(PROGRAM, ChildOptions(), (program,))
        self.trace.append(await child.result)

    async def tick(self, number: int) -> int:
        self.ticks += await call_local(DOUBLE, number) if number % 2 else number
        return self.ticks

    def check(self, number: int) -> None:
        if number > 5:
            raise ValueError("too many")


async def program_run(program: Program) -> list[Any]:
    """Play a program, then wait for what it left in the background."""
    player = Player()
    ctx().set_handler("tick", Handler(HandlerKind.SIGNAL, player.tick, anything(1)))
    ctx().set_handler("trace", Handler(HandlerKind.QUERY, lambda: len(player.trace), anything()))
    answer_updates("tick", player.tick, validator=player.check)
    try:
        await player.play(program)
        await asyncio.gather(*player.tasks)
    except asyncio.CancelledError:
        player.trace.append("cancelled")
        await call(DOUBLE, 1)
        raise
    return player.trace


PROGRAM = define(program_run, 1)
