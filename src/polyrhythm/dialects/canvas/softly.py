"""A soft time limit: an exception inside the function that takes too long, while it can clean up.

    with soft_limit("50s"):
        convert(file)            # raises SoftTimeLimitExceeded in here

For functions that run in threads; a coroutine has `asyncio.timeout`. The hard limit is the task's
`timeout`. Code that blocks inside a C function sees the exception when that returns.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from polyrhythm.base.durations import Span, parse_span

# The interpreter delivers an exception from another thread at one of its next calls or jumps.
DELIVERY_STEPS = 10_000_000


class SoftTimeLimitExceeded(Exception):
    """The function has taken longer than its soft limit."""


@contextmanager
def soft_limit(limit: Span) -> Iterator[None]:
    """Raise SoftTimeLimitExceeded in the block, in this thread, past the limit; 0 is none."""
    limit_s = parse_span(limit)
    if not limit_s:
        yield
        return
    lock, thread = threading.Lock(), threading.get_ident()
    ended = raised = False

    def interrupt() -> None:
        nonlocal raised
        with lock:
            if not ended:
                raised = True
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(thread), ctypes.py_object(SoftTimeLimitExceeded)
                )

    timer = threading.Timer(limit_s, interrupt)
    timer.daemon = True
    timer.start()
    delivered = False
    try:
        yield
    except SoftTimeLimitExceeded:
        delivered = True
        raise
    finally:
        with lock:
            ended = True
        timer.cancel()
        if raised and not delivered:
            _take_late()


def _take_late() -> None:
    """Take an exception that was raised in this thread and may not be delivered yet.

    NOTE: nobody raises another one, `ended` is set under the lock. A function that caught it itself
    has had it: then nothing comes, and the steps end.
    """
    try:
        for _ in range(DELIVERY_STEPS):
            _look()
    except SoftTimeLimitExceeded:
        return


def _look() -> None:
    return None
