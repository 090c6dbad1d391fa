"""Sees workflow code that does not come to rest, says where it is, and interrupts it.

A long replay is many steps, each with its own time. Workflow code only decides; a loop without an
await, or a call that blocks, would hold its thread for ever, and inside a service the whole engine.
One thread looks once a second at what is running (0.2 us for each activation) and raises an
exception in the thread that has taken too long. Code that blocks inside a C function sees it when
that returns; until then it can only be reported.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
import traceback
from types import TracebackType

from polyrhythm.sdk.worker.answers import LOG

LOOKS_A_PERIOD = 2
# The interpreter delivers an exception from another thread at one of its next calls or jumps.
DELIVERY_STEPS = 10_000_000


class WorkflowStuck(BaseException):
    """Raised inside workflow code that has held its thread for too long."""


class Activity:
    """Workflow code that runs now, in one thread; a context manager around it."""

    __slots__ = (
        "_ended",
        "_lock",
        "_watch",
        "began_s",
        "interrupted",
        "label",
        "rested_s",
        "stack",
        "taken_s",
        "thread",
    )

    def __init__(self, watch: Watch, label: str) -> None:
        self._watch = watch
        self._lock = threading.Lock()
        self._ended = False
        self.label = label
        self.thread = threading.get_ident()
        self.began_s = self.rested_s = time.monotonic()
        # Where the code was when it was found stuck; empty as long as it is not.
        self.stack = ""
        self.interrupted = False
        self.taken_s = 0.0

    def __enter__(self) -> Activity:
        self._watch.running[self.thread] = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        with self._lock:
            self._ended = True
        self._watch.running.pop(self.thread, None)
        self.taken_s = time.monotonic() - self.began_s
        if kind is WorkflowStuck:
            return True
        if self.interrupted and not self._was_delivered(error):
            try:
                # NOTE: nobody else can interrupt this thread now, `_ended` is set under the lock.
                # What was raised in it and not delivered yet is delivered here, not in the host.
                for _ in range(DELIVERY_STEPS):
                    self._look()
            except WorkflowStuck:
                return kind is None
        return False

    def interrupt(self) -> None:
        """Note where the code is and raise WorkflowStuck there; from the watching thread."""
        with self._lock:
            if self._ended:
                return
            frame = sys._current_frames().get(self.thread)
            self.stack = "".join(traceback.format_stack(frame)) if frame is not None else ""
            self.interrupted = True
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self.thread), ctypes.py_object(WorkflowStuck)
            )
        taken_s = time.monotonic() - self.rested_s
        LOG.error(
            "%s has held its thread for %.1f s; it is at:\n%s", self.label, taken_s, self.stack
        )

    def _was_delivered(self, error: BaseException | None) -> bool:
        while error is not None:
            if isinstance(error, WorkflowStuck):
                return True
            error = error.__context__
        return False

    def _look(self) -> None:
        return None


class Watch:
    """Watches the workflow code of one worker."""

    def __init__(self, stuck_s: float) -> None:
        self._stuck_s = stuck_s
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        # By thread: what runs in it.
        self.running: dict[int, Activity] = {}

    def around(self, label: str) -> Activity:
        """Return what to run workflow code in."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, name="polyrhythm-watch", daemon=True)
            self._thread.start()
        return Activity(self, label)

    def rest(self) -> None:
        """Note that the code of this thread has come to rest, as it does after every step of a long
        history that is replayed: its time begins anew."""
        activity = self.running.get(threading.get_ident())
        if activity is not None:
            activity.rested_s = time.monotonic()

    def is_at_work(self, thread: int, within_s: float) -> bool:
        """Whether the code of a thread has come to rest in that time, and went on."""
        activity = self.running.get(thread)
        return activity is not None and activity.rested_s > time.monotonic() - within_s

    def close(self) -> None:
        """Watch no more."""
        self._ending.set()

    def _look(self) -> None:
        while not self._ending.wait(self._stuck_s / LOOKS_A_PERIOD):
            oldest_s = time.monotonic() - self._stuck_s
            for activity in list(self.running.values()):
                if activity.rested_s < oldest_s and not activity.interrupted:
                    activity.interrupt()
