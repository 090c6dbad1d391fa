"""What a step prints: lines as they happen, floods, long lines, the end of stdout.

Nothing is lost with a reader, however slow; without one a step never waits and the loss is counted.
"""

from __future__ import annotations

import asyncio

from polyrhythm.base.limits import LOG_BUFFER_BYTES_MAX, LOG_LINE_BYTES_MAX, LOG_TAIL_BYTES_MAX
from polyrhythm.executors.port import Stream
from polyrhythm.testing.executor_suite.bench import Bench, collect, refusal, shell

FLOOD = "yes 0123456789abcdef | head -n 300000"
FLOOD_BYTES = 300_000 * 17


async def lines_come_as_they_happen(bench: Bench) -> None:
    """A line is there while the step waits for something else."""
    pod = await bench.pod()
    run = await pod.start(shell("echo out; echo err >&2; sleep 60"))
    seen = {}
    async for line in run.lines():
        if line.stream is not Stream.SYSTEM:
            seen[line.stream] = line
        if len(seen) == 2:
            break
    assert seen[Stream.STDOUT].text == "out"
    assert seen[Stream.STDERR].text == "err"
    ended = await run.cancel(0)
    assert ended.started_ns <= seen[Stream.STDOUT].time_ns <= ended.ended_ns


async def what_is_no_text_is_kept(bench: Bench) -> None:
    """Bytes stay bytes; the text replaces; an end without a newline is partial."""
    run = await (await bench.pod()).start(shell(r"printf 'a\377\n\nend'"))
    lines = [line async for line in run.lines() if line.stream is Stream.STDOUT]
    assert [(line.data, line.partial) for line in lines] == [
        (b"a\xff", False),
        (b"", False),
        (b"end", True),
    ]
    assert lines[0].text == "a\ufffd"


async def long_lines_come_in_parts(bench: Bench) -> None:
    """Five megabytes without a newline arrive whole, in bounded parts."""
    run = await (await bench.pod()).start(shell("head -c 5000000 /dev/zero; echo; echo next"))
    parts = [line async for line in run.lines() if line.stream is Stream.STDOUT]
    assert max(len(part.data) for part in parts) <= LOG_LINE_BYTES_MAX
    assert sum(len(part.data) for part in parts[:-1]) == 5_000_000
    assert all(part.partial for part in parts[:-2])
    assert [part.partial for part in parts[-2:]] == [False, False]
    assert parts[-1].text == "next"


async def a_slow_reader_loses_nothing(bench: Bench) -> None:
    """The step waits for its reader; what is buffered stays bounded."""
    run = await (await bench.pod()).start(shell(FLOOD))
    total = count = 0
    async for line in run.lines():
        if line.stream is Stream.STDOUT:
            total += len(line.data) + 1
            count += 1
            if count % 10_000 == 0:
                await asyncio.wait_for(asyncio.shield(_turns(20)), 5)
    assert total == FLOOD_BYTES
    assert (await run.wait()).log_bytes_dropped == 0


async def _turns(count: int) -> None:
    """Let the loop go round, so that pipes are read while the reader is busy."""
    loop = asyncio.get_running_loop()
    for _ in range(count):
        turn = loop.create_future()
        loop.call_soon(turn.set_result, None)
        await turn


async def a_flood_without_a_reader_is_dropped(bench: Bench) -> None:
    """The step ends by itself, the newest output is kept, the rest is counted."""
    run = await (await bench.pod()).start(shell(f"{FLOOD}; echo last"))
    ended = await run.wait()
    outcome = await collect(run)
    kept = len(outcome.stdout)
    assert ended.exit_code == 0
    assert kept <= LOG_BUFFER_BYTES_MAX + LOG_LINE_BYTES_MAX
    assert outcome.stdout.endswith(b"last\n")
    # The executor's own remarks are dropped as well when they are the oldest.
    assert 0 <= kept + ended.log_bytes_dropped - FLOOD_BYTES - 5 < 4096


async def the_end_of_stdout_is_kept(bench: Bench) -> None:
    """`tail` needs no reader and holds no stderr."""
    outcome = await bench.run("echo one; echo no >&2; printf two")
    assert outcome.run.tail() == b"one\ntwo"
    outcome = await bench.run(f"{FLOOD}; echo last")
    assert len(outcome.run.tail()) == LOG_TAIL_BYTES_MAX
    assert outcome.run.tail().endswith(b"last\n")


async def lines_have_one_reader(bench: Bench) -> None:
    """A second reader at a time is refused; after the first one gave up, another may go on."""
    run = await (await bench.pod()).start(shell("echo a; echo b; sleep 60"))
    first = run.lines()
    while (await anext(first)).stream is not Stream.STDOUT:
        pass
    assert "read already" in (await refusal(anext(run.lines()))).message
    await run.cancel(0)


CHECKS = (
    lines_come_as_they_happen,
    what_is_no_text_is_kept,
    long_lines_come_in_parts,
    a_slow_reader_loses_nothing,
    a_flood_without_a_reader_is_dropped,
    the_end_of_stdout_is_kept,
    lines_have_one_reader,
)
