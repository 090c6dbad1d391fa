"""How a step ends: codes, signals, timeouts, cancels, memory, and that nothing outlives it.

A check knows that a process is gone by the list of processes, at once and never by waiting.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress

from polyrhythm.executors.port import EndReason, Resources, Run, Step, Stream
from polyrhythm.testing.executor_suite.bench import IMAGE, Bench, is_alive, shell

MEBIBYTE = 1024 * 1024
# A program that takes more and more memory and says nothing.
GREEDY = "x=0123456789abcdef; while true; do x=$x$x; done"


async def _line(run: Run, text: str) -> None:
    """Wait until the step prints a line."""
    async for line in run.lines():
        if line.stream is Stream.STDOUT and line.text == text:
            return
    raise AssertionError(f"the step never printed {text!r}")


async def exit_codes_are_the_steps(bench: Bench) -> None:
    """0, 1, 255."""
    for code in (0, 1, 255):
        ended = (await bench.run(f"exit {code}")).ended
        assert (ended.exit_code, ended.reason, ended.signal) == (code, EndReason.EXITED, 0)
        assert ended.started_ns < ended.ended_ns


async def a_death_by_signal_is_128_more(bench: Bench) -> None:
    """A step that is killed from inside."""
    ended = (await bench.run("kill -KILL $$")).ended
    assert (ended.exit_code, ended.signal) == (137, signal.SIGKILL)
    assert ended.reason is EndReason.EXITED


async def a_timeout_ends_it(bench: Bench) -> None:
    """TERM first, as a step that listens can tell."""
    step = shell("trap 'echo asked; exit 7' TERM; sleep 60 & wait")
    step.timeout_ns = 300_000_000
    run = await (await bench.pod()).start(step)
    ended = await run.wait()
    assert (ended.exit_code, ended.reason) == (7, EndReason.DEADLINE)
    assert ended.message == "the step ran longer than 0.3s"
    assert run.tail() == b"asked\n"


async def a_cancel_that_is_not_heard_kills(bench: Bench) -> None:
    """KILL after the grace, and 137."""
    run = await (await bench.pod()).start(shell("trap '' TERM; echo up; while :; do :; done"))
    await _line(run, "up")
    ended = await run.cancel(100_000_000)
    assert (ended.exit_code, ended.reason) == (137, EndReason.CANCELLED)
    assert await run.cancel() == ended


async def a_cancel_may_come_at_once(bench: Bench) -> None:
    """A step that has not begun yet ends as well, long before the grace is over."""
    for _ in range(10):
        run = await (await bench.pod()).start(Step(image=IMAGE, command=("sleep", "60")))
        ended = await asyncio.wait_for(run.cancel(60_000_000_000), 20)
        assert ended.reason is EndReason.CANCELLED
        assert ended.exit_code in (137, 143)


async def a_second_cancel_may_be_shorter(bench: Bench) -> None:
    """The earliest KILL counts."""
    run = await (await bench.pod()).start(shell("trap '' TERM; echo up; while :; do :; done"))
    await _line(run, "up")
    patient = asyncio.ensure_future(run.cancel(60_000_000_000))
    ended = await asyncio.wait_for(run.cancel(0), 20)
    assert ended.exit_code == 137
    assert await patient == ended


async def a_cancelled_wait_ends_only_itself(bench: Bench) -> None:
    """The step goes on when one who waits gives up."""
    pod = await bench.pod()
    run = await pod.start(shell("echo up; read x < /dev/null; sleep 0.2; exit 5"))
    with suppress(TimeoutError):
        await asyncio.wait_for(run.wait(), 0.01)
    assert (await run.wait()).exit_code == 5


async def nothing_outlives_its_command(bench: Bench) -> None:
    """Background processes end with the command, also those in sessions of their own."""
    text = "(sleep 60; echo late) & setsid sleep 60.25 & sleep 0.1; echo done"
    outcome = await asyncio.wait_for(bench.run(text), 20)
    assert outcome.ended.exit_code == 0
    assert outcome.stdout == b"done\n"
    assert not is_alive("60.25")


async def a_cancel_reaches_grandchildren(bench: Bench) -> None:
    """Those that do not listen and left their session are gone when `cancel` returns."""
    text = "setsid sh -c 'trap \"\" TERM; echo up; while :; do sleep 60.75; done' & wait"
    run = await (await bench.pod()).start(shell(text))
    await _line(run, "up")
    ended = await asyncio.wait_for(run.cancel(100_000_000), 20)
    assert ended.reason is EndReason.CANCELLED
    assert not is_alive("60.75")


async def closing_a_pod_kills(bench: Bench) -> None:
    """Without grace, and twice does no harm."""
    pod = await bench.pod()
    run = await pod.start(shell("trap '' TERM; echo up; while :; do :; done"))
    await _line(run, "up")
    await asyncio.wait_for(pod.close(), 20)
    assert (await run.wait()).exit_code == 137


async def too_much_memory_is_137(bench: Bench) -> None:
    """The tree is killed, and it is said why."""
    step = shell(GREEDY)
    step.resources = Resources(memory_bytes_max=64 * MEBIBYTE)
    ended = await asyncio.wait_for((await (await bench.pod()).start(step)).wait(), 60)
    assert (ended.exit_code, ended.reason) == (137, EndReason.OUT_OF_MEMORY)
    assert ended.message == "OOMKilled"


async def usage_is_counted(bench: Bench) -> None:
    """Processor time and memory of the whole tree, children included."""
    text = "x=$(head -c 3000000 /dev/zero | tr '\\0' x)"
    ended = (await bench.run(f"{text}; (i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done)")).ended
    assert ended.usage.user_ns + ended.usage.system_ns > 20_000_000
    assert 3_000_000 < ended.usage.memory_bytes_peak < 30_000_000


CHECKS = (
    exit_codes_are_the_steps,
    a_death_by_signal_is_128_more,
    a_timeout_ends_it,
    a_cancel_that_is_not_heard_kills,
    a_cancel_may_come_at_once,
    a_second_cancel_may_be_shorter,
    a_cancelled_wait_ends_only_itself,
    nothing_outlives_its_command,
    a_cancel_reaches_grandchildren,
    closing_a_pod_kills,
    too_much_memory_is_137,
    usage_is_counted,
)
