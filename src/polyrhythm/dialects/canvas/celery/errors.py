"""The exceptions that a Celery module names, and how one travels.

A task's exception is written as its type, its arguments and its module. It is made again where the
module is imported already; nothing is imported or unpickled because a message says so.
"""

from __future__ import annotations

import sys
from typing import Any

from polyrhythm.sdk.errors import ApplicationError, Permanent


class CeleryError(Exception):
    """Base of what the front raises."""


class Retry(CeleryError):
    """The task is tried again later: raised by `self.retry(...)`, to be raised by the task."""

    def __init__(self, message: str, delay_s: float, cause: BaseException | None = None) -> None:
        super().__init__(message)
        self.delay_s = delay_s
        self.exc = cause


class MaxRetriesExceededError(CeleryError):
    """The task was tried again as often as it may."""


class Ignore(CeleryError):
    """The task has no result worth keeping; here it has the result None."""


class TaskRevokedError(CeleryError):
    """The task was revoked."""


class TimeLimitExceeded(CeleryError):
    """The task took longer than its hard limit, or waited past its expiry."""


class TimeoutError(CeleryError):  # noqa: A001 - the name that Celery modules import
    """A result was not there in time."""


def travelling(error: Exception) -> Permanent:
    """Return a task's exception as the failure that is sent."""
    kind = type(error)
    args = [one if isinstance(one, str | int | float | bool) else str(one) for one in error.args]
    failure = Permanent(str(error), {"module": kind.__module__, "args": args}, type=kind.__name__)
    failure.__cause__ = error.__cause__
    return failure


def arrived(error: BaseException) -> BaseException:
    """Return the exception that a failure was made of; the failure where its class is not here."""
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, ApplicationError) and below.details:
            made = _make(below.type, below.details[0])
            if made is not None:
                return made
        below = below.__cause__
    return error


def _make(name: str, parts: Any) -> BaseException | None:
    if not isinstance(parts, dict) or not isinstance(parts.get("module"), str):
        return None
    kind = getattr(sys.modules.get(parts["module"]), name, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return None
    try:
        return kind(*parts.get("args", ()))
    except TypeError:
        return None
