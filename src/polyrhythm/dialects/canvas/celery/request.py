"""The call that a task is working on: `self.request`, and the state that it reports.

A state of the task's own travels as a heartbeat, so it is seen while the task runs and kept for the
next attempt.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from polyrhythm.sdk.task import TASK

STATE = "celery"


@dataclass(slots=True)
class Request:
    """What `self.request` tells. `retries`: how often it was tried before."""

    id: str = ""
    task: str = ""
    retries: int = 0
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    delivery_info: dict[str, Any] = field(default_factory=dict)
    root_id: str = ""
    parent_id: str = ""
    is_eager: bool = False
    called_directly: bool = True
    # What an eager task said of itself.
    meta: dict[str, Any] = field(default_factory=dict)


REQUEST: ContextVar[Request | None] = ContextVar("polyrhythm.celery.request", default=None)


def request_of_attempt(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Request:
    """Return the request of the attempt that runs here."""
    info = TASK.info()
    # A task of a canvas has a number there, one by itself an id.
    own_id = f"{info.workflow_id}/{info.task_id}" if info.workflow_id else info.task_id
    return Request(
        id=own_id,
        task=info.task,
        retries=info.attempt - 1,
        args=args,
        kwargs=kwargs,
        delivery_info={"routing_key": info.queue, "redelivered": info.attempt > 1},
        root_id=info.workflow_id or info.task_id,
        parent_id=info.workflow_id,
        called_directly=False,
    )


def report_state(state: str, meta: Any) -> None:
    """Report a state of the task at work and what belongs to it."""
    request = REQUEST.get()
    if request is not None and request.is_eager:
        request.meta = {"state": state, "meta": meta}
    elif request is not None:
        TASK.heartbeat({STATE: state, "meta": meta})
