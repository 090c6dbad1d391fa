"""Decides which run follows a close, and its first event: continue-as-new, retry and cron.

Every close that may have a successor asks here before its event is written, since the event names
the run that follows. That run is decided at once, from the closing run alone, and leaves as a
NewRun: it is created in the same turn and by the same commit, so a chain never loses its end.
A retried run and a run of a cron schedule start as the run before them did; what was upserted
since is not carried. Between two starts lies a second at least.
Source: SetupNewWorkflowForRetryOrCron and ContinueAsNewMinBackoff of the server.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import ContinueAsNewInitiator as Initiator
from temporalio.api.enums.v1 import RetryState, TimeoutType
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionStartedEventAttributes

from polyrhythm.api import notes
from polyrhythm.core.context import Context
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.cron import cron_wait_ns
from polyrhythm.core.decide.failures import timeout_failure
from polyrhythm.core.decide.retry_policy import decide_retry
from polyrhythm.core.decide.start import STARTED, open_run
from polyrhythm.core.decide.versioning import inherit_version
from polyrhythm.core.decision import Decision, NewRun
from polyrhythm.core.durations import set_span, span_ns
from polyrhythm.core.state import RunState
from polyrhythm.core.versions import describe_point

_CRON = Initiator.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE
_RETRY = Initiator.CONTINUE_AS_NEW_INITIATOR_RETRY
_AGAIN = RetryState.RETRY_STATE_IN_PROGRESS
# What a start event says of its own run alone.
_OWN_FIELDS = (
    "identity",
    "continued_failure",
    "last_completion_result",
    "first_workflow_task_backoff",
    "eager_execution_accepted",
    "prev_auto_reset_points",
    "source_version_stamp",
)


@dataclass(slots=True)
class Successor:
    """A run that follows because of a policy: when, why, and what it is told of the past."""

    initiator: Initiator.ValueType
    wait_ns: int
    failure: Failure | None = None
    result: Payloads | None = None


def started_of(decision: Decision) -> WorkflowExecutionStartedEventAttributes:
    """Return how the decision's run started."""
    event = HistoryEvent.FromString(decision.state.start_event)
    return event.workflow_execution_started_event_attributes


def after_completion(decision: Decision, result: Payloads | None) -> Successor | None:
    """Return what follows a run that completed: the next one of its cron schedule."""
    wait_ns = _cron_wait_ns(decision, started_of(decision))
    return Successor(_CRON, wait_ns, result=result) if wait_ns is not None else None


def after_failure(
    decision: Decision, failure: Failure
) -> tuple[RetryState.ValueType, Successor | None]:
    """Return what the retry policy says of a failed run, and what follows it."""
    retry, successor = _after(decision, failure)
    if successor is not None and successor.initiator == _RETRY:
        # As on the server: only a timeout hands an older result on to a retry.
        successor.result = None
    return retry, successor


def after_timeout(decision: Decision) -> tuple[RetryState.ValueType, Successor | None]:
    """Return the same for a run that timed out; nothing follows past the execution's deadline."""
    deadline_ns = decision.state.execution_deadline_ns
    if deadline_ns and deadline_ns <= decision.context.now_ns:
        return RetryState.RETRY_STATE_TIMEOUT, None
    start_to_close = TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE
    return _after(decision, timeout_failure("workflow timeout", start_to_close))


def request_again(decision: Decision, successor: Successor | None) -> str:
    """Ask for a run that starts as the decision's run did; return its id, empty for none."""
    if successor is None:
        return ""
    started = started_of(decision)
    attempt = started.attempt + 1 if successor.initiator == _RETRY else 1
    for field in _OWN_FIELDS:
        started.ClearField(field)  # type: ignore[arg-type]
    started.initiator = successor.initiator
    started.attempt = attempt
    if successor.failure is not None:
        started.continued_failure.CopyFrom(successor.failure)
    if successor.result is not None:
        started.last_completion_result.CopyFrom(successor.result)
    inherit_version(started, decision.state, decision.context)
    return request_run(decision, started, successor.wait_ns)


def request_run(
    decision: Decision, started: WorkflowExecutionStartedEventAttributes, wait_ns: int | None
) -> str:
    """Ask for the run that `started` describes, once its place in the chain is written; return
    its id. `wait_ns` None: nobody asked for a wait, and none is written unless it is imposed."""
    state, context = decision.state, decision.context
    before = HistoryEvent.FromString(state.start_event)
    wait_ns = _spaced_ns(decision, before.workflow_execution_started_event_attributes, wait_ns)
    watcher = notes.Watcher.FromString(state.watcher) if state.watcher else None
    begun = open_run(context, state.workflow_id, context.ids.run_id(), wait_ns or 0, watcher)
    started.workflow_id = state.workflow_id
    started.continued_execution_run_id = state.run_id
    started.first_execution_run_id = state.first_run_id
    started.original_execution_run_id = begun.state.run_id
    if wait_ns is not None:
        set_span(started.first_workflow_task_backoff, wait_ns)
    _hand_points(started, state, context)
    event = begun.new_event(STARTED)
    event.links.extend(before.links)
    event.workflow_execution_started_event_attributes.CopyFrom(started)
    begun.append(event)
    if not wait_ns:
        tasks.schedule_task(begun)
    decision.effect(NewRun(begun))
    return begun.state.run_id


def _hand_points(
    started: WorkflowExecutionStartedEventAttributes, state: RunState, context: Context
) -> None:
    # A run that is over can be reset to until it is deleted.
    expire_ns = context.now_ns + context.namespace.retention_ns
    for point in state.reset_points:
        if not point.expire_ns or point.expire_ns >= context.now_ns:
            info = started.prev_auto_reset_points.points.add()
            own = point.run_id == state.run_id
            describe_point(info, replace(point, expire_ns=expire_ns) if own else point)


def _after(decision: Decision, failure: Failure) -> tuple[RetryState.ValueType, Successor | None]:
    started = started_of(decision)
    result = None
    if started.HasField("last_completion_result"):
        result = started.last_completion_result
    retry, retry_ns = RetryState.RETRY_STATE_RETRY_POLICY_NOT_SET, 0
    if started.HasField("retry_policy"):
        retry, retry_ns = decide_retry(
            started.retry_policy,
            failure,
            started.attempt,
            decision.context.now_ns,
            decision.state.execution_deadline_ns,
            delay_capped=True,
        )
    if retry == _AGAIN:
        return retry, Successor(_RETRY, retry_ns, failure, result)
    cron_ns = _cron_wait_ns(decision, started)
    if cron_ns is not None:
        return retry, Successor(_CRON, cron_ns, failure, result)
    return retry, None


def _cron_wait_ns(
    decision: Decision, started: WorkflowExecutionStartedEventAttributes
) -> int | None:
    # The run's own turn was when it was due to begin, whether or not something woke it before.
    turn_ns = decision.state.start_ns + span_ns(started.first_workflow_task_backoff)
    return cron_wait_ns(started.cron_schedule, turn_ns, decision.context.now_ns)


def _spaced_ns(
    decision: Decision, before: WorkflowExecutionStartedEventAttributes, wait_ns: int | None
) -> int | None:
    due_ns = decision.state.start_ns + span_ns(before.first_workflow_task_backoff)
    lifetime_ns = decision.context.now_ns - due_ns
    least_ns = decision.context.limits.run_interval_ns_min
    return least_ns - lifetime_ns if lifetime_ns + (wait_ns or 0) < least_ns else wait_ns
