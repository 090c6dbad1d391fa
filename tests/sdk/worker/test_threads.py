"""Threads that are given up: whoever waits in line behind a stuck job gets a thread of its own."""

from __future__ import annotations

import asyncio
import threading

from polyrhythm.sdk.worker.threads import Threads


def test_a_job_in_line_behind_one_that_is_given_up_runs() -> None:
    let_go = threading.Event()

    async def main() -> None:
        threads = Threads("test", 1)
        begun = threading.Event()

        def block() -> None:
            begun.set()
            let_go.wait()

        stuck = threads.start(block)
        waiting = [threads.start(lambda: "ran") for _ in range(3)]
        while not begun.is_set():
            await asyncio.sleep(0)
        assert threads.abandon(stuck)
        async with asyncio.timeout(10):
            assert await asyncio.gather(*(job.future for job in waiting)) == ["ran"] * 3
        assert threads.abandoned == 1
        let_go.set()
        async with asyncio.timeout(10):
            while threads.abandoned:
                await asyncio.sleep(0)
        assert await threads.start(lambda: "again").future == "again"
        threads.close()

    asyncio.run(main())
