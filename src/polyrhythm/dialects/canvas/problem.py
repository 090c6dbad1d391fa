"""What an error callback is told, and the failures that a canvas has of its own.

A callback gets one value that every language can read; the whole failure is in the history of the
run that failed. Whatever ends a piece without a result counts: its task's failure, its own time,
a revocation.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from polyrhythm.sdk.errors import (
    ApplicationError,
    ChildError,
    Failure,
    TaskCancelled,
    TaskError,
    TaskTimedOut,
    TimeoutKind,
)

EXPIRED = "Expired"
GROUP_FAILED = "GroupFailed"
NOT_A_LIST = "NotAList"
REVOKED = "Revoked"
TIMED_OUT = "TimedOut"
TOO_LARGE = "ResultTooLarge"


@dataclass(slots=True)
class Problem:
    """Why a piece of a canvas has no result: `type` and `message` are those of what was raised,
    `task` and `task_id` name the task, empty if it was none, `canvas` is the id of the run.
    """

    type: str
    message: str
    task: str = ""
    task_id: str = ""
    canvas: str = ""


def problem_of(error: BaseException, canvas: str) -> Problem:
    """Return what an error callback is told of an error."""
    problem = Problem(type(error).__name__, str(error), canvas=canvas)
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, asyncio.CancelledError | TaskCancelled):
            problem.type, problem.message = REVOKED, "it was revoked"
        elif isinstance(below, TaskTimedOut):
            late = below.kind is TimeoutKind.SCHEDULE_TO_START
            problem.type = EXPIRED if late else TIMED_OUT
        elif isinstance(below, ApplicationError):
            problem.type, problem.message = below.type, below.message
        if isinstance(below, TaskError):
            problem.task, problem.task_id = below.task, below.task_id
        elif not isinstance(below, ChildError) and problem.type != GROUP_FAILED:
            break
        below = below.__cause__
    return problem


def group_failed(errors: dict[int, BaseException], members: int) -> Failure:
    """Return the failure of a group, around that of its first member that failed."""
    first = min(errors)
    text = f"{len(errors)} of {members} members failed, member {first} with {errors[first]}"
    failure = Failure(text, {"failed": sorted(errors)}, type=GROUP_FAILED)
    failure.__cause__ = errors[first]
    return failure
