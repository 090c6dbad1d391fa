"""Checks of the fields that all starting calls share, and the defaults filled into them.

Retry policies, timeouts, id policies, priority and links. Messages and the order inside each check
are the Temporal server's (retrypolicy, priorities, workflow handler); the order of the checks is
each call's own and stands in `start`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Link, Priority, RetryPolicy
from temporalio.api.enums.v1 import (
    EventType,
    TimeoutType,
    WorkflowIdConflictPolicy,
    WorkflowIdReusePolicy,
)

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.base.limits import FAIRNESS_KEY_BYTES_MAX, LINK_BYTES_MAX, LINKS_MAX, Limits
from polyrhythm.core.decide.cron import cron_problem
from polyrhythm.service.texts import check_length, flaw_of_duration, nanoseconds_of

TIMEOUT_TYPE_PREFIX = "TemporalTimeout:"
# Bound once: reading a value from its enum takes 1 us, and every start asks for five.
_TERMINATE_IF_RUNNING = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING
_ALLOW_DUPLICATE = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
_REJECT_DUPLICATE = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
_TERMINATE_EXISTING = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING


def fill_id_policies(request: Any, conflict_default: WorkflowIdConflictPolicy.ValueType) -> None:
    """Fill missing id policies; the deprecated TERMINATE_IF_RUNNING becomes its two successors."""
    if not request.workflow_id_conflict_policy:
        terminate = _TERMINATE_IF_RUNNING
        if request.workflow_id_reuse_policy == terminate:
            request.workflow_id_conflict_policy = _TERMINATE_EXISTING
            request.workflow_id_reuse_policy = _ALLOW_DUPLICATE
        else:
            request.workflow_id_conflict_policy = conflict_default
    if not request.workflow_id_reuse_policy:
        request.workflow_id_reuse_policy = _ALLOW_DUPLICATE


def check_id_policies(request: Any) -> None:
    """Refuse two id policies that contradict each other; after `fill_id_policies`."""
    reuse, conflict = request.workflow_id_reuse_policy, request.workflow_id_conflict_policy
    if reuse == _TERMINATE_IF_RUNNING:
        raise InvalidArgument(
            "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot "
            "be used together with a WorkflowIDConflictPolicy"
        )
    if conflict == _TERMINATE_EXISTING and reuse == _REJECT_DUPLICATE:
        raise InvalidArgument(
            "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE cannot be "
            "used together with WorkflowIdConflictPolicy "
            "WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING"
        )


def check_workflow_id(workflow_id: str, limits: Limits) -> None:
    """Refuse a missing or too long workflow id."""
    if not workflow_id:
        raise InvalidArgument("WorkflowId is not set on request.")
    check_length(workflow_id, limits.id_bytes_max, "WorkflowId length exceeds limit.")


def check_workflow_type(request: Any, limits: Limits) -> None:
    """Refuse a missing or too long workflow type."""
    if not request.workflow_type.name:
        raise InvalidArgument("WorkflowType is not set on request.")
    check_length(
        request.workflow_type.name, limits.id_bytes_max, "WorkflowType length exceeds limit."
    )


def check_signal_name(name: str, limits: Limits) -> None:
    """Refuse a missing or too long signal name."""
    if not name:
        raise InvalidArgument("SignalName is not set on request.")
    check_length(name, limits.id_bytes_max, "SignalName length exceeds limit.")


def check_request_id(request_id: str, limits: Limits) -> None:
    """Refuse a request id that is too long."""
    check_length(request_id, limits.id_bytes_max, "RequestId length exceeds limit.")


def check_timeouts(request: Any, limits: Limits) -> None:
    """Refuse a timeout of a workflow that is no duration."""
    for name, field in (
        ("WorkflowExecutionTimeout", request.workflow_execution_timeout),
        ("WorkflowRunTimeout", request.workflow_run_timeout),
        ("WorkflowTaskTimeout", request.workflow_task_timeout),
    ):
        _check_timeout(name, field, limits)


def check_start_delay(request: Any, limits: Limits) -> None:
    """Refuse a start delay that is no duration or stands beside a cron schedule."""
    if not request.HasField("workflow_start_delay"):
        return
    if request.cron_schedule:
        raise InvalidArgument("CronSchedule and WorkflowStartDelay may not be used together.")
    _check_timeout("WorkflowStartDelay", request.workflow_start_delay, limits)


def check_cron(schedule: str, now_ns: int) -> None:
    """Refuse a cron schedule that cannot be read, or that never comes."""
    problem = cron_problem(schedule, now_ns)
    if problem:
        raise InvalidArgument(problem)


def _check_timeout(name: str, field: Duration, limits: Limits) -> None:
    flaw = flaw_of_duration(field, limits)
    if flaw:
        raise InvalidArgument(f"An invalid {name}Seconds is set on request. cause: {flaw}")


def check_retry_policy(request: Any, limits: Limits) -> None:
    """Fill what a workflow's retry policy leaves out and refuse what cannot be.

    A workflow without a policy is not retried, so nothing is filled in then.
    """
    if not request.HasField("retry_policy"):
        return
    policy: RetryPolicy = request.retry_policy
    _fill_retry_policy(policy, limits)
    if policy.maximum_attempts == 1:
        return
    flaw = flaw_of_duration(policy.initial_interval, limits)
    if flaw:
        raise InvalidArgument(f"invalid InitialInterval set on retry policy: {flaw}")
    # Negated, so that a NaN is refused here: the Temporal server would take it.
    if not policy.backoff_coefficient >= 1:
        raise InvalidArgument("BackoffCoefficient cannot be less than 1 on retry policy.")
    flaw = flaw_of_duration(policy.maximum_interval, limits)
    if flaw:
        raise InvalidArgument(f"invalid MaximumInterval set on retry policy: {flaw}")
    interval_max = nanoseconds_of(policy.maximum_interval)
    if 0 < interval_max < nanoseconds_of(policy.initial_interval):
        raise InvalidArgument(
            "MaximumInterval cannot be less than InitialInterval on retry policy."
        )
    if policy.maximum_attempts < 0:
        raise InvalidArgument("MaximumAttempts cannot be negative on retry policy.")
    for name in policy.non_retryable_error_types:
        _check_error_type(name)


def _fill_retry_policy(policy: RetryPolicy, limits: Limits) -> None:
    if not nanoseconds_of(policy.initial_interval):
        policy.initial_interval.FromNanoseconds(limits.retry_initial_ns)
    if not nanoseconds_of(policy.maximum_interval):
        initial_ns = nanoseconds_of(policy.initial_interval)
        interval_ns = int(limits.retry_max_intervals) * initial_ns
        # A nonsensical initial interval is refused below, whatever stands here.
        bound_ns = limits.duration_ns_max
        policy.maximum_interval.FromNanoseconds(max(-bound_ns, min(interval_ns, bound_ns)))
    if not policy.backoff_coefficient:
        policy.backoff_coefficient = limits.retry_coefficient


def _check_error_type(name: str) -> None:
    if not name.startswith(TIMEOUT_TYPE_PREFIX):
        return
    kind = name.removeprefix(TIMEOUT_TYPE_PREFIX)
    if kind not in _TIMEOUT_TYPES:
        raise InvalidArgument(f"Invalid timeout type value: {kind}.")


def _timeout_types() -> frozenset[str]:
    """Both spellings that the protocol's enum text takes: StartToClose and TIMEOUT_TYPE_..."""
    full = [name for name, value in TimeoutType.items() if value]
    words = [name.removeprefix("TIMEOUT_TYPE_").split("_") for name in full]
    return frozenset([*full, *("".join(w.capitalize() for w in word) for word in words)])


_TIMEOUT_TYPES = _timeout_types()


def check_priority(priority: Priority) -> None:
    """Refuse a priority with impossible values."""
    if priority.priority_key < 0:
        raise InvalidArgument("priority key can't be negative")
    check_length(priority.fairness_key, FAIRNESS_KEY_BYTES_MAX, "fairness key length exceeds limit")
    if priority.fairness_weight < 0:
        raise InvalidArgument("must be greater than zero")


def check_links(links: Sequence[Link]) -> None:
    """Refuse too many links, or one that does not say what it links to."""
    if len(links) > LINKS_MAX:
        raise InvalidArgument(
            f"cannot attach more than {LINKS_MAX} links per request, got {len(links)}"
        )
    for link in links:
        _check_link(link)


def _check_link(link: Link) -> None:
    size = link.ByteSize()
    if size > LINK_BYTES_MAX:
        raise InvalidArgument(f"link exceeds allowed size of {LINK_BYTES_MAX}, got {size}")
    variant = link.WhichOneof("variant")
    if variant == "workflow_event":
        event = link.workflow_event
        for name, value in (
            ("namespace field", event.namespace),
            ("workflow ID field", event.workflow_id),
            ("run ID field", event.run_id),
        ):
            if not value:
                raise InvalidArgument(f"workflow event link must not have an empty {name}")
        reference = event.event_ref
        unspecified = EventType.EVENT_TYPE_UNSPECIFIED
        if reference.event_type == unspecified and reference.event_id:
            raise InvalidArgument(
                "workflow event link ref cannot have an unspecified event type and a non-zero "
                "event ID"
            )
    elif variant == "batch_job":
        if not link.batch_job.job_id:
            raise InvalidArgument("batch job link must not have an empty job ID")
    else:
        raise InvalidArgument("unsupported link variant")
