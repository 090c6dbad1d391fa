"""Polyrhythm: durable workflows in Python, and a server that Temporal's SDKs can be pointed at.

    from polyrhythm import App, Retry, Signal, wf

Importing this package imports nothing else of ours: a name is looked up when it is first used. The
rooms are described in docs/ARCHITECTURE.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from polyrhythm.app.application import App
    from polyrhythm.app.machinery import Machinery
    from polyrhythm.base.errors import (
        ActivityAlreadyStarted,
        AlreadyStarted,
        NotFound,
        PolyrhythmError,
    )
    from polyrhythm.dialects import machinery
    from polyrhythm.sdk import events, intercept, otel, wf
    from polyrhythm.sdk.alerts.alert import Alert
    from polyrhythm.sdk.client.blocking import Client, Run, UpdateHandle
    from polyrhythm.sdk.client.blocking_tasks import TaskRun
    from polyrhythm.sdk.client.history import History
    from polyrhythm.sdk.client.letters import DeadLetter
    from polyrhythm.sdk.client.moment import RunMoment
    from polyrhythm.sdk.client.task_views import TaskDescription, TaskStatus, TaskSummary
    from polyrhythm.sdk.client.views import Description, RunStatus, RunSummary
    from polyrhythm.sdk.declare.task import Task
    from polyrhythm.sdk.declare.workflow import Workflow
    from polyrhythm.sdk.definitions import Cancellation, IdReuse, ParentClose
    from polyrhythm.sdk.errors import (
        ApplicationError,
        Cancelled,
        ChildCancelled,
        ChildError,
        ChildFailed,
        ChildTerminated,
        ChildTimedOut,
        Failure,
        FailureError,
        MisuseError,
        NondeterminismError,
        PayloadError,
        Permanent,
        QueryFailed,
        RetryAfter,
        TaskCancelled,
        TaskError,
        TaskFailed,
        TasksRefused,
        TaskTimedOut,
        Terminated,
        TimedOut,
        TimeoutKind,
        UpdateFailed,
        WorkflowCancelled,
        WorkflowError,
        WorkflowFailed,
        WorkflowTerminated,
        WorkflowTimedOut,
    )
    from polyrhythm.sdk.messages import Query, Signal, Update
    from polyrhythm.sdk.projections.projection import Projection
    from polyrhythm.sdk.retry import ByError, Exponential, Fibonacci, Fixed, Retry, TokenBucket
    from polyrhythm.sdk.settings import IdConflict
    from polyrhythm.sdk.task import TASK as task  # noqa: N811 - users see an object
    from polyrhythm.sdk.values import Codec, Converter, Custom

__version__ = "0.1.0"
__all__ = [
    "ActivityAlreadyStarted",
    "Alert",
    "AlreadyStarted",
    "App",
    "ApplicationError",
    "ByError",
    "Cancellation",
    "Cancelled",
    "ChildCancelled",
    "ChildError",
    "ChildFailed",
    "ChildTerminated",
    "ChildTimedOut",
    "Client",
    "Codec",
    "Converter",
    "Custom",
    "DeadLetter",
    "Description",
    "Exponential",
    "Failure",
    "FailureError",
    "Fibonacci",
    "Fixed",
    "History",
    "IdConflict",
    "IdReuse",
    "Machinery",
    "MisuseError",
    "NondeterminismError",
    "NotFound",
    "ParentClose",
    "PayloadError",
    "Permanent",
    "PolyrhythmError",
    "Projection",
    "Query",
    "QueryFailed",
    "Retry",
    "RetryAfter",
    "Run",
    "RunMoment",
    "RunStatus",
    "RunSummary",
    "Signal",
    "Task",
    "TaskCancelled",
    "TaskDescription",
    "TaskError",
    "TaskFailed",
    "TaskRun",
    "TaskStatus",
    "TaskSummary",
    "TaskTimedOut",
    "TasksRefused",
    "Terminated",
    "TimedOut",
    "TimeoutKind",
    "TokenBucket",
    "Update",
    "UpdateFailed",
    "UpdateHandle",
    "Workflow",
    "WorkflowCancelled",
    "WorkflowError",
    "WorkflowFailed",
    "WorkflowTerminated",
    "WorkflowTimedOut",
    "events",
    "intercept",
    "machinery",
    "otel",
    "task",
    "wf",
]
# Where the names are that stand under their own name.
MODULES = {
    "polyrhythm.app.application": "App",
    "polyrhythm.app.machinery": "Machinery",
    "polyrhythm.base.errors": "ActivityAlreadyStarted AlreadyStarted NotFound PolyrhythmError",
    "polyrhythm.sdk.alerts.alert": "Alert",
    "polyrhythm.sdk.client.blocking": "Client Run UpdateHandle",
    "polyrhythm.sdk.client.blocking_tasks": "TaskRun",
    "polyrhythm.sdk.client.history": "History",
    "polyrhythm.sdk.client.letters": "DeadLetter",
    "polyrhythm.sdk.client.moment": "RunMoment",
    "polyrhythm.sdk.client.task_views": "TaskDescription TaskStatus TaskSummary",
    "polyrhythm.sdk.client.views": "Description RunStatus RunSummary",
    "polyrhythm.sdk.declare.task": "Task",
    "polyrhythm.sdk.declare.workflow": "Workflow",
    "polyrhythm.sdk.definitions": "Cancellation IdReuse ParentClose",
    "polyrhythm.sdk.errors": (
        "ApplicationError Cancelled ChildCancelled ChildError ChildFailed ChildTerminated "
        "ChildTimedOut Failure FailureError MisuseError NondeterminismError PayloadError "
        "Permanent QueryFailed RetryAfter TaskCancelled TaskError TaskFailed TaskTimedOut "
        "TasksRefused Terminated TimedOut TimeoutKind UpdateFailed WorkflowCancelled WorkflowError "
        "WorkflowFailed WorkflowTerminated WorkflowTimedOut"
    ),
    "polyrhythm.sdk.messages": "Query Signal Update",
    "polyrhythm.sdk.projections.projection": "Projection",
    "polyrhythm.sdk.retry": "ByError Exponential Fibonacci Fixed Retry TokenBucket",
    "polyrhythm.sdk.settings": "IdConflict",
    "polyrhythm.sdk.values": "Codec Converter Custom",
}
PLACES = {name: (module, name) for module, names in MODULES.items() for name in names.split()}


if not TYPE_CHECKING:  # else every misspelt name would be accepted

    def __getattr__(name: str) -> Any:
        """Import what a name stands for, once."""
        if name in ("events", "intercept", "otel", "wf"):
            value: Any = import_module(f"polyrhythm.sdk.{name}")
        elif name == "machinery":
            value = import_module("polyrhythm.dialects.machinery")
        elif name == "task":
            value = import_module("polyrhythm.sdk.task").TASK
        elif name in PLACES:
            module, attribute = PLACES[name]
            value = getattr(import_module(module), attribute)
        else:
            raise AttributeError(f"module 'polyrhythm' has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """All names, imported yet or not."""
    return sorted({*globals(), *__all__})
