"""What users catch: every error of the SDK, each with a stable code.

Inside a workflow a task's end arrives as a TaskError, a child's as a ChildError; outside, a run's
end arrives as a WorkflowError. What user code raised lies below as `cause`: an ApplicationError
with the type's name, the message and the details that were sent, since the class itself may not
exist in this process. Cancellation inside a workflow is `asyncio.CancelledError`. An error that
came over the wire keeps its message of the protocol in `failure` and is passed on unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

from temporalio.api.failure.v1 import Failure as FailureMessage

from polyrhythm.base.durations import Span, parse_span
from polyrhythm.base.errors import PolyrhythmError


class TimeoutKind(Enum):
    """Which of the timeouts ran out, with the number of the protocol."""

    UNKNOWN = 0
    START_TO_CLOSE = 1
    SCHEDULE_TO_START = 2
    SCHEDULE_TO_CLOSE = 3
    HEARTBEAT = 4


class RetryState(Enum):
    """Why there was no further attempt, with the number of the protocol."""

    UNKNOWN = 0
    IN_PROGRESS = 1
    NON_RETRYABLE = 2
    TIMEOUT = 3
    ATTEMPTS_USED_UP = 4
    NO_POLICY = 5
    SERVER_ERROR = 6
    CANCEL_REQUESTED = 7


class MisuseError(PolyrhythmError):
    """The program uses the SDK wrongly: the message says what to write instead."""

    code = "misuse"


class PayloadError(PolyrhythmError):
    """A value could not be written, or not be read as the type that was asked for."""

    code = "payload"


class TasksRefused(PolyrhythmError):
    """Some of many tasks were not started: `errors` says why, by their places in what was given;
    `task_ids` names all others, which run, and is empty in those places."""

    code = "tasks_refused"

    def __init__(self, task_ids: list[str], errors: dict[int, PolyrhythmError]) -> None:
        place, first = next(iter(errors.items()))
        super().__init__(
            f"{len(errors)} of {len(task_ids)} tasks were not started; number {place + 1}: {first}"
        )
        self.task_ids = task_ids
        self.errors = errors


class NondeterminismError(PolyrhythmError):
    """The code of a workflow does something else than its history says it did."""

    code = "nondeterminism"


class FailureError(PolyrhythmError):
    """Base of all errors that travel: `failure` is the message it came in, None if made here."""

    code = "failure"
    failure: FailureMessage | None = None

    @property
    def cause(self) -> BaseException | None:
        """What lies below, the same as `__cause__`."""
        return self.__cause__


class Details:
    """Values sent with a failure: read as what JSON gives, or as types by `decode`."""

    __slots__ = ("_decode", "_values")

    def __init__(
        self,
        values: Sequence[Any] | None,
        decode: Callable[[Sequence[Any]], Sequence[Any]] | None = None,
    ) -> None:
        self._values = None if values is None else tuple(values)
        self._decode = decode

    @property
    def values(self) -> tuple[Any, ...]:
        """All values."""
        if self._values is None:
            self._values = tuple(self._decode(())) if self._decode is not None else ()
        return self._values

    def decode(self, *types: Any) -> tuple[Any, ...]:
        """The first values as these types."""
        if self._decode is None:
            return self.values[: len(types)]
        return tuple(self._decode(types))


class ApplicationError(FailureError):
    """Base of what user code raises on purpose, and what any exception is on the other side.

    `type` is the name that retry policies and other SDKs know it by.
    """

    code = "application"
    retryable = True
    delay_s: float | None = None
    category = 0

    def __init__(self, message: str = "", *details: Any, type: str = "") -> None:  # noqa: A002
        super().__init__(message)
        self.type = type or self.__class__.__name__
        self.sent = Details(details)

    @property
    def details(self) -> tuple[Any, ...]:
        """The values that were sent along."""
        return self.sent.values

    def __str__(self) -> str:
        """The message, behind the type where that says more than the class."""
        plain = self.type in ("", self.__class__.__name__)
        return self.message if plain else f"{self.type}: {self.message}"


class Failure(ApplicationError):
    """A failure with a type and details; a task that raises it is tried again.

    `raise Failure("no seats left", {"flight": "LH1"}, type="SoldOut")`
    """

    code = "application_failure"


class Permanent(ApplicationError):
    """A failure that no further attempt can mend: the task ends at once.

    `raise Permanent("card declined", type="CardDeclined") from error`
    """

    code = "permanent"
    retryable = False


class RetryAfter(ApplicationError):
    """A transient failure that says when to try again; it overrides the retry strategy's delay.

    `raise RetryAfter("30s", "rate limited")`
    """

    code = "retry_after"

    def __init__(
        self,
        delay: Span,
        message: str = "",
        *details: Any,
        type: str = "",  # noqa: A002
    ) -> None:
        super().__init__(message, *details, type=type)
        self.delay_s = parse_span(delay)


class Cancelled(FailureError):
    """Something was cancelled: the cause below a task, a child or a run that was."""

    code = "cancelled"

    def __init__(self, message: str = "cancelled", *details: Any) -> None:
        super().__init__(message)
        self.sent = Details(details)

    @property
    def details(self) -> tuple[Any, ...]:
        """The values that were sent along."""
        return self.sent.values


class TimedOut(FailureError):
    """A time ran out: the cause below a task, a child or a run that took too long."""

    code = "timed_out"

    def __init__(self, message: str, kind: TimeoutKind) -> None:
        super().__init__(message)
        self.kind = kind
        self.heartbeat = Details(())


class Terminated(FailureError):
    """A run was terminated: the cause below a child that was."""

    code = "terminated"


class ServerFailure(FailureError):
    """The service itself recorded the failure, for instance of a result over its limit."""

    code = "server_failure"
    retryable = True


class NexusFailed(FailureError):
    """A Nexus operation, or its handler, failed; `failure` has the parts."""

    code = "nexus_failed"


class TaskError(FailureError):
    """Base of the ends of a task that gave no result."""

    code = "task"

    def __init__(self, message: str, task: str = "", task_id: str = "") -> None:
        super().__init__(message)
        self.task = task
        self.task_id = task_id
        self.retry_state = RetryState.UNKNOWN

    def __str__(self) -> str:
        """The task and what lies below, so that one line of a log is enough."""
        return f"task {self.task}: {_below(self)}"


class TaskFailed(TaskError):
    """The last attempt of a task raised; `cause` says what."""

    code = "task_failed"

    @property
    def type(self) -> str:
        """The type's name of what the task raised, empty if it is not known."""
        return getattr(self.__cause__, "type", "")


class TaskTimedOut(TaskError):
    """A task took too long; `kind` says by which timeout, `heartbeat` what it last reported."""

    code = "task_timed_out"

    @property
    def kind(self) -> TimeoutKind:
        """Which timeout it was."""
        return getattr(self.__cause__, "kind", TimeoutKind.UNKNOWN)

    @property
    def heartbeat(self) -> Details:
        """The details of the last heartbeat."""
        below = self.__cause__
        return below.heartbeat if isinstance(below, TimedOut) else Details(())


class TaskCancelled(TaskError):
    """A task was cancelled while the workflow that waited for it was not."""

    code = "task_cancelled"


class ChildError(FailureError):
    """Base of the ends of a child workflow that gave no result; `cause` says why."""

    code = "child"

    def __init__(self, message: str, workflow: str, workflow_id: str, run_id: str = "") -> None:
        super().__init__(message)
        self.workflow = workflow
        self.workflow_id = workflow_id
        self.run_id = run_id
        self.retry_state = RetryState.UNKNOWN

    def __str__(self) -> str:
        """The child and what lies below."""
        return f"child {self.workflow} {self.workflow_id!r}: {_below(self)}"


class ChildFailed(ChildError):
    """A child workflow failed."""

    code = "child_failed"


class ChildTimedOut(ChildError):
    """A child workflow took too long."""

    code = "child_timed_out"


class ChildCancelled(ChildError):
    """A child workflow was cancelled while its parent was not."""

    code = "child_cancelled"


class ChildTerminated(ChildError):
    """A child workflow was terminated."""

    code = "child_terminated"


class WorkflowError(FailureError):
    """Base of the ends of a run that gave no result, as its starter sees them."""

    code = "workflow"

    def __init__(self, message: str, workflow_id: str, run_id: str) -> None:
        super().__init__(message)
        self.workflow_id = workflow_id
        self.run_id = run_id


class WorkflowFailed(WorkflowError):
    """The run failed; `cause` says with what."""

    code = "workflow_failed"


class WorkflowCancelled(WorkflowError):
    """The run was cancelled."""

    code = "workflow_cancelled"


class WorkflowTerminated(WorkflowError):
    """The run was terminated; the message has the reason."""

    code = "workflow_terminated"


class WorkflowTimedOut(WorkflowError):
    """The run took longer than it was given."""

    code = "workflow_timed_out"


class UpdateFailed(FailureError):
    """An update was refused by its validator, or failed; `cause` says with what."""

    code = "update_failed"


class QueryFailed(FailureError):
    """The handler of a query raised, or there is none; `cause` says what."""

    code = "query_refused"


def _below(error: BaseException) -> str:
    below = error.__cause__
    if below is None:
        return error.args[0] if error.args else ""
    name = "" if isinstance(below, FailureError) else f"{type(below).__name__}: "
    return f"{name}{below}"
