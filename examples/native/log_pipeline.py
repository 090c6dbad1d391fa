"""A pipeline inside one workflow: typed channels between coroutines, and a select at its end.

    python examples/native/log_pipeline.py [ACCESS.log]

One coroutine reads chunks, three count what they hold, one waits for whatever comes first: a count,
the word to stop, or an hour of silence. Reading and counting are tasks, so all of it is durable;
the channels are plain values of the workflow and are rebuilt when it replays.
"""

import asyncio
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from polyrhythm import App, Signal, wf

INPUT = Path(__file__).parent / "input" / "access.log"
CHUNK_LINES = 20
COUNTERS = 3
LINE = re.compile(r'"\w+ (?P<path>\S+) [^"]*" (?P<status>\d{3}) (?P<bytes>\d+)')

app = App("log-pipeline")


@dataclass
class Chunk:
    lines: list[str]
    next_offset: int


@dataclass
class Counts:
    lines: int = 0
    unreadable: int = 0
    sent_bytes: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    paths: dict[str, int] = field(default_factory=dict)

    def add(self, other: "Counts") -> None:
        self.lines += other.lines
        self.unreadable += other.unreadable
        self.sent_bytes += other.sent_bytes
        self.statuses = dict(Counter(self.statuses) + Counter(other.statuses))
        self.paths = dict(Counter(self.paths) + Counter(other.paths))


STOP = Signal("stop")


@app.task
def read_chunk(file: str, offset: int) -> Chunk:
    with open(file, encoding="utf-8") as log:
        log.seek(offset)
        lines = [line for _ in range(CHUNK_LINES) if (line := log.readline())]
        return Chunk(lines, log.tell())


@app.task
def count_lines(lines: list[str]) -> Counts:
    counts = Counts(lines=len(lines))
    found = [match for line in lines if (match := LINE.search(line))]
    counts.unreadable = len(lines) - len(found)
    counts.sent_bytes = sum(int(match["bytes"]) for match in found)
    counts.statuses = dict(Counter(match["status"] for match in found))
    counts.paths = dict(Counter(match["path"] for match in found))
    return counts


@app.workflow
async def analyse(file: str) -> Counts:
    chunks: wf.Channel[list[str]] = wf.Channel(capacity=COUNTERS)
    counted: wf.Channel[Counts] = wf.Channel()

    async def read() -> None:
        chunk = await read_chunk(file, 0)
        while chunk.lines:
            await chunks.send(chunk.lines)
            chunk = await read_chunk(file, chunk.next_offset)
        chunks.close()

    async def count(_: int) -> None:
        async for lines in chunks:
            await counted.send(await count_lines(lines))

    async def work() -> None:
        await wf.gather(read(), wf.each(count, range(COUNTERS)))
        counted.close()

    total = Counts()
    async with asyncio.TaskGroup() as group:
        working = group.create_task(work())
        while True:
            come = await wf.select(stop=STOP, counts=counted, silence=wf.after("1h"))
            if come.name != "counts" or come.closed:
                break
            total.add(come.value)
        working.cancel()  # told to stop: what was counted so far is the answer
    return total


def main(file: Path = INPUT) -> None:
    with app:
        counts = analyse.execute(str(file.resolve()))
    print(f"{counts.lines} lines, {counts.unreadable} unreadable, {counts.sent_bytes} bytes sent")
    for status, times in sorted(counts.statuses.items()):
        print(f"{times:>6} with status {status}")
    for path, times in Counter(counts.paths).most_common(3):
        print(f"{times:>6} of {path}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
