"""The verbs inside a task: who am I, I am alive, should I stop.

    from polyrhythm import task

    @app.task(timeout="1h", heartbeat="30s")
    def copy(files: list[str]) -> int:
        done = task.last_heartbeat(int) or 0        # where the attempt before this one was
        for number, file in enumerate(files[done:], done):
            upload(file)
            task.heartbeat(number + 1)              # raises CancelledError when cancelled
        return len(files)

They work in coroutines, in threads and in worker processes alike, and nowhere else.
"""

from __future__ import annotations

import logging
from typing import Any, NoReturn, TypeVar

from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.worker.attempt import ATTEMPT, Attempt, CompletesLater, TaskInfo

T = TypeVar("T")
LOGGER = logging.getLogger("polyrhythm.task")
PROGRESS = "progress"
TEXT_CHARACTERS_MAX = 500


class TaskVerbs:
    """What a function that runs as a task may ask and say; use the one instance, `task`."""

    def info(self) -> TaskInfo:
        """Return ids, attempt number and times of this attempt."""
        return _attempt().info

    def heartbeat(self, *details: Any) -> None:
        """Say that this attempt is alive, with what the next one should know.

        Cheap: details are sent at most once in 0.8 of the heartbeat timeout. Raises
        `asyncio.CancelledError` when the attempt should stop; `task.info()` still works then.
        """
        _attempt().heartbeat(details)

    @property
    def heartbeat_details(self) -> list[Any]:
        """What the last attempt before this one reported; empty if it did not."""
        attempt = _attempt()
        return attempt.converter.decode_values(attempt.previous)

    def last_heartbeat(self, kind: type[T]) -> T | None:
        """Return the first of `heartbeat_details` as a type, None if there is none."""
        attempt = _attempt()
        if not attempt.previous.payloads:
            return None
        value: T = attempt.converter.decode(attempt.previous.payloads[0], kind)
        return value

    def progress(self, fraction: float, text: str = "") -> None:
        """Tell people how far this attempt is, 0.0 to 1.0; it is a heartbeat as well."""
        if not 0.0 <= fraction <= 1.0:
            raise ValueError(f"progress is a share from 0.0 to 1.0, not {fraction!r}")
        share = {"fraction": round(fraction, 4), "text": text[:TEXT_CHARACTERS_MAX]}
        attempt = _attempt()
        attempt.said = f"{share['fraction']:.0%} {share['text']}".strip()
        attempt.heartbeat(({PROGRESS: share},))

    @property
    def is_cancelled(self) -> bool:
        """Whether this attempt should end soon: it was cancelled, or the worker is stopping.

        Learned from heartbeats: a task that never heartbeats is only told when its time is over.
        """
        return _attempt().is_stopped

    def wait_cancelled(self, timeout_s: float) -> bool:
        """Wait in a thread until this attempt should end; False when the time is over first.

        For loops that would sleep: `while not task.wait_cancelled(5): ...`
        """
        return _attempt().wait_stopped(timeout_s)

    def complete_later(self) -> NoReturn:
        """End the function but not the attempt: somebody completes it by `task.info().token`."""
        _attempt()
        raise CompletesLater

    @property
    def logger(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger whose records carry the task's and the run's ids."""
        info = _attempt().info
        fields = {
            "task": info.task,
            "task_id": info.task_id,
            "attempt": info.attempt,
            "workflow": info.workflow,
            "workflow_id": info.workflow_id,
            "run_id": info.run_id,
        }
        return logging.LoggerAdapter(LOGGER, fields)


def _attempt() -> Attempt:
    attempt = ATTEMPT.get()
    if attempt is None:
        raise MisuseError(
            "there is no attempt of a task here: task.* works inside functions marked @app.task "
            "while a worker runs them, not when they are called as task.fn(...)"
        )
    return attempt


TASK = TaskVerbs()
