"""The output of one run: two pipes, a bounded buffer, one reader.

Chunks are kept as they were read and are cut into lines only when somebody reads, so that a flood
that nobody wants costs no more than its reading. With a reader the pipes are left alone while the
buffer is full, which makes the step wait; without one the oldest chunks are dropped and counted:
a step never hangs because its output is not wanted. The end of stdout is kept in any case.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator

from polyrhythm.base.errors import StepRefused
from polyrhythm.base.limits import LOG_BUFFER_BYTES_MAX, LOG_LINE_BYTES_MAX, LOG_TAIL_BYTES_MAX
from polyrhythm.executors.port import Line, Stream

READ_BYTES = 64 * 1024


class RunLogs:
    """Reads the pipes of a step on the loop and hands its lines to one reader."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._pipes: dict[int, Stream] = {}
        self._paused = False
        self._reading = False
        self._chunks: deque[tuple[Stream, int, bytes]] = deque()
        self._buffered = 0
        self._tail = bytearray()
        self._news = asyncio.Event()
        self._closed = False
        self.bytes_dropped = 0

    def pipe(self, stream: Stream) -> int:
        """A new pipe's end for the step to write to; the caller closes it after the start."""
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        self._pipes[ours] = stream
        self._loop.add_reader(ours, self._readable, ours)
        return theirs

    def remark(self, text: str) -> None:
        """A line of the executor's own."""
        self._keep(Stream.SYSTEM, text.encode() + b"\n")

    def tail(self) -> bytes:
        """The last bytes of stdout."""
        return bytes(self._tail[-LOG_TAIL_BYTES_MAX:])

    def close(self) -> None:
        """The step is over: what the pipes still hold is taken, then nothing comes any more."""
        for ours in list(self._pipes):
            while ours in self._pipes and self._take(ours):
                pass
            self._forget(ours)
        self._closed = True
        self._news.set()

    async def lines(self) -> AsyncIterator[Line]:
        """Lines until the end; StepRefused for a second reader at a time."""
        if self._reading:
            raise StepRefused("the lines of this run are being read already")
        self._reading = True
        parts: dict[Stream, bytearray] = {}
        try:
            while True:
                while self._chunks:
                    stream, time_ns, data = self._chunks.popleft()
                    self._buffered -= len(data)
                    self._resume()
                    for line in _cut(parts.setdefault(stream, bytearray()), stream, time_ns, data):
                        yield line
                if self._closed:
                    break
                self._news.clear()
                await self._news.wait()
            for stream, part in parts.items():
                if part:
                    yield Line(stream, time.time_ns(), bytes(part), partial=True)
        finally:
            self._reading = False
            self._resume()

    def _readable(self, ours: int) -> None:
        if not self._take(ours):
            self._forget(ours)
        elif self._reading and self._buffered >= LOG_BUFFER_BYTES_MAX:
            self._paused = True
            for each in self._pipes:
                self._loop.remove_reader(each)

    def _take(self, ours: int) -> bool:
        """Read once; False at the pipe's end, and when nothing is there after the step's end."""
        try:
            data = os.read(ours, READ_BYTES)
        except BlockingIOError:
            return False
        if data:
            self._keep(self._pipes[ours], data)
        return bool(data)

    def _keep(self, stream: Stream, data: bytes) -> None:
        self._chunks.append((stream, time.time_ns(), data))
        self._buffered += len(data)
        if stream is Stream.STDOUT:
            self._tail += data
            if len(self._tail) > 2 * LOG_TAIL_BYTES_MAX:
                del self._tail[:-LOG_TAIL_BYTES_MAX]
        while not self._reading and self._buffered > LOG_BUFFER_BYTES_MAX:
            dropped = len(self._chunks.popleft()[2])
            self._buffered -= dropped
            self.bytes_dropped += dropped
        self._news.set()

    def _resume(self) -> None:
        if self._paused and (not self._reading or self._buffered < LOG_BUFFER_BYTES_MAX // 2):
            self._paused = False
            for ours in self._pipes:
                self._loop.add_reader(ours, self._readable, ours)

    def _forget(self, ours: int) -> None:
        if self._pipes.pop(ours, None) is not None:
            self._loop.remove_reader(ours)
            os.close(ours)


def _cut(part: bytearray, stream: Stream, time_ns: int, data: bytes) -> Iterator[Line]:
    """Lines of what was kept of the stream and `data`; the rest is kept in `part`."""
    whole = bytes(part) + data if part else data
    pieces = whole.split(b"\n")
    part[:] = pieces.pop()
    for piece in pieces:
        yield from _bounded(stream, time_ns, piece)
    while len(part) >= LOG_LINE_BYTES_MAX:
        yield Line(stream, time_ns, bytes(part[:LOG_LINE_BYTES_MAX]), partial=True)
        del part[:LOG_LINE_BYTES_MAX]


def _bounded(stream: Stream, time_ns: int, piece: bytes) -> Iterator[Line]:
    while len(piece) > LOG_LINE_BYTES_MAX:
        yield Line(stream, time_ns, piece[:LOG_LINE_BYTES_MAX], partial=True)
        piece = piece[LOG_LINE_BYTES_MAX:]
    yield Line(stream, time_ns, piece)
