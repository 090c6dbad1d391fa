"""Threads for code that may block, with a way out when it never ends.

Unlike the pool of the standard library: threads are daemons, so code that is stuck cannot keep the
program alive, and a job can be given up, after which its thread ends by itself and another one may
take its place. Owned by one event loop: jobs are started and finish there.
"""

from __future__ import annotations

import asyncio
import ctypes
import queue
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any


class Job:
    """One call in a thread; `future` is its result on the loop."""

    def __init__(self, function: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.future: asyncio.Future[Any] = loop.create_future()
        self.function = function
        self.loop = loop
        self.thread_id = 0
        self._lock = threading.Lock()
        self._finished = False
        self._abandoned = False

    def finish(self) -> bool:
        """Say, in the thread, that the function has returned; False when nobody waits any more."""
        with self._lock:
            self._finished = True
            return not self._abandoned

    def abandon(self) -> bool:
        """Give the job up; False when it has just ended."""
        with self._lock:
            self._abandoned = not self._finished
            return self._abandoned

    def stack(self) -> str:
        """Return where the thread is now, innermost call last; empty when it has not begun."""
        frame = sys._current_frames().get(self.thread_id)
        return "".join(traceback.format_stack(frame)) if frame is not None else ""

    def interrupt(self, kind: type[BaseException]) -> None:
        """Raise an exception in the thread at its next step of Python code.

        Code that waits inside a C function does not see it before that returns.
        """
        with self._lock:
            if not self._finished and self.thread_id:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(self.thread_id), ctypes.py_object(kind)
                )


class Threads:
    """Up to `threads_max` threads, started when they are needed."""

    def __init__(self, name: str, threads_max: int) -> None:
        self._name = name
        self._threads_max = threads_max
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._busy = 0
        self._alive = 0
        self.abandoned = 0

    def start(self, function: Callable[[], Any]) -> Job:
        """Call a function in a thread; waits for one in line when all are busy."""
        job = Job(function, asyncio.get_running_loop())
        self._busy += 1
        self._jobs.put(job)
        job.future.add_done_callback(self._settle)
        self._grow()
        return job

    def abandon(self, job: Job) -> bool:
        """Leave a job to itself and its place to another thread; False when it has just ended."""
        if not job.abandon():
            return False
        self._alive -= 1
        self.abandoned += 1
        # NOTE: the job leaves the count here and not in a callback of its future, so that jobs in
        # line behind it are seen to want a thread now: nobody may come later to start one.
        self._busy -= job.future.remove_done_callback(self._settle)
        job.future.cancel()
        self._grow()
        return True

    def close(self) -> None:
        """Let idle threads end; busy ones end after their job."""
        for _ in range(self._alive):
            self._jobs.put(None)
        self._alive = 0

    def _grow(self) -> None:
        if self._busy > self._alive and self._alive < self._threads_max:
            self._alive += 1
            threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def _settle(self, _: asyncio.Future[Any]) -> None:
        self._busy -= 1

    def _returned(self) -> None:
        self.abandoned -= 1

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.thread_id = threading.get_ident()
            value, error = None, None
            try:
                value = job.function()
            except BaseException as raised:  # noqa: BLE001 - whatever it is belongs to the caller
                error = raised
            wanted = job.finish()
            try:
                job.loop.call_soon_threadsafe(
                    _deliver if wanted else self._returned,
                    *((job.future, value, error) if wanted else ()),
                )
            except RuntimeError:
                # The loop has ended meanwhile: so has everybody who waited.
                return
            if not wanted:
                return


def _deliver(future: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(value)
    elif isinstance(error, StopIteration):
        # A future refuses it: it would end the generator that awaits.
        future.set_exception(RuntimeError("the function raised StopIteration"))
    else:
        future.set_exception(error)
