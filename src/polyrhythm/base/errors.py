"""The one error tree: every refusal that a caller sees has a class here with a stable code.

A caller's fault is one of these; our own fault is an assert, and the lane drops the state it
touched. Messages are those of the Temporal server wherever it has one, since clients match on
them. Transports map classes to statuses by one table each and attach `details` as their protocol
wants; nothing here knows a protocol.
"""

from __future__ import annotations


class PolyrhythmError(Exception):
    """Base of all refusals. `code` is stable; `message` is for people and for clients' matchers."""

    code = "internal"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidArgument(PolyrhythmError):
    """The request can never succeed as it is."""

    code = "invalid_argument"


class RunTooLarge(PolyrhythmError):
    """The run has passed a limit: it was terminated, and nothing else was done to it."""

    code = "run_too_large"


class NotFound(PolyrhythmError):
    """There is no such thing, or no longer. The ids name what was looked for."""

    code = "not_found"

    def __init__(self, message: str, current_cluster: str = "", active_cluster: str = "") -> None:
        super().__init__(message)
        self.current_cluster = current_cluster
        self.active_cluster = active_cluster


class NamespaceNotFound(PolyrhythmError):
    """The namespace is not registered."""

    code = "namespace_not_found"

    def __init__(self, namespace: str) -> None:
        super().__init__(f"Namespace {namespace} is not found.")
        self.namespace = namespace


class NamespaceAlreadyExists(PolyrhythmError):
    """The namespace's name is taken."""

    code = "namespace_already_exists"


class AlreadyStarted(PolyrhythmError):
    """A run of that workflow id exists and the policies forbid another."""

    code = "already_started"

    def __init__(self, message: str, start_request_id: str, run_id: str, first_run_id: str) -> None:
        super().__init__(message)
        self.start_request_id = start_request_id
        self.run_id = run_id
        self.first_run_id = first_run_id


class ActivityAlreadyStarted(PolyrhythmError):
    """An activity without a workflow has that id and the policies forbid another."""

    code = "activity_already_started"

    def __init__(self, message: str, start_request_id: str, run_id: str) -> None:
        super().__init__(message)
        self.start_request_id = start_request_id
        self.run_id = run_id


class AlreadyExists(PolyrhythmError):
    """The name is taken."""

    code = "already_exists"


class FailedPrecondition(PolyrhythmError):
    """The thing exists but is not in a state that allows the request."""

    code = "failed_precondition"


class WorkflowNotReady(PolyrhythmError):
    """The workflow cannot answer now (no task completed yet, or tasks keep failing)."""

    code = "workflow_not_ready"


class QueryFailed(PolyrhythmError):
    """The worker refused the query; `failure` is a serialized Failure or empty."""

    code = "query_failed"

    def __init__(self, message: str, failure: bytes = b"") -> None:
        super().__init__(message)
        self.failure = failure


class ResourceExhausted(PolyrhythmError):
    """A limit is reached; `cause` and `scope` are the protocol's enum names."""

    code = "resource_exhausted"

    def __init__(self, message: str, cause: str, scope: str = "NAMESPACE") -> None:
        super().__init__(message)
        self.cause = cause
        self.scope = scope


class PermissionDenied(PolyrhythmError):
    """The caller may not do this."""

    code = "permission_denied"

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class Unimplemented(PolyrhythmError):
    """The call exists in the protocol and is not built here."""

    code = "unimplemented"


class Unavailable(PolyrhythmError):
    """Nothing was done; the same call may succeed later (store stalled, lane moved, shutdown)."""

    code = "unavailable"


class DeadlineExceeded(PolyrhythmError):
    """The caller's time ran out before there was an answer."""

    code = "deadline_exceeded"


class Aborted(PolyrhythmError):
    """Something else came in between; the same call may succeed when it is made again."""

    code = "aborted"


class OperationAborted(PolyrhythmError):
    """This operation of several was not done because another one failed."""

    code = "operation_aborted"

    def __init__(self) -> None:
        super().__init__("Operation was aborted.")


class OperationsFailed(PolyrhythmError):
    """Several operations in one call: what became of each, None for one that was done."""

    code = "operations_failed"

    def __init__(self, message: str, outcomes: list[PolyrhythmError | None]) -> None:
        super().__init__(message)
        self.outcomes = outcomes


class DataLoss(PolyrhythmError):
    """Stored bytes are damaged; the run they belong to is left alone."""

    code = "data_loss"


class StoreError(PolyrhythmError):
    """The store could not commit or read; raised by stores, turned into Unavailable by the lane."""

    code = "store"


class StoreFull(StoreError):
    """No space is left; nothing was written."""

    code = "store_full"


class LaneHeld(StoreError):
    """Another live process owns the lane; `address` is where it answers."""

    code = "lane_held"

    def __init__(self, message: str, address: str) -> None:
        super().__init__(message)
        self.address = address


class LaneLost(StoreError):
    """Another process has taken the lane over: this owner must stop writing at once."""

    code = "lane_lost"


class ExecutorError(PolyrhythmError):
    """A step of somebody's command could not be run or its files not be read."""

    code = "executor"


class ExecutorUnavailable(ExecutorError):
    """This machine cannot run steps this way; the message says what is absent."""

    code = "executor_unavailable"


class ImageUnknown(ExecutorError):
    """No row of the table of images fits; the message names the file to add one to."""

    code = "image_unknown"


class StepRefused(ExecutorError):
    """The step asks for what the executor does not do: a path, a mount, a size."""

    code = "step_refused"


class OutputMissing(ExecutorError):
    """The step has no file of that path."""

    code = "output_missing"


class OutputRefused(ExecutorError):
    """The file is there and may not be taken: too large, a device, a link that leads outside."""

    code = "output_refused"
