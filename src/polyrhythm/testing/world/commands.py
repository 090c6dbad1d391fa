"""Draws the commands that simulated programs send, each with options of its own.

Names begin with the kind of what they name. What a command must say of the run that sends it (the
payload of a signal, the id of a child) is filled in by `items`.
"""

from __future__ import annotations

from random import Random

from google.protobuf.duration_pb2 import Duration
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import RetryPolicy
from temporalio.api.enums.v1 import CommandType, ParentClosePolicy, WorkflowIdReusePolicy

from polyrhythm.base.limits import SECOND_NS

# Intervals of cron schedules; each such chain has an execution timeout that ends it.
CRONS = ("@every 5s", "@every 20s", "* * * * *", "@every 1m")
_CLOSE_POLICIES = (
    ParentClosePolicy.PARENT_CLOSE_POLICY_UNSPECIFIED,
    ParentClosePolicy.PARENT_CLOSE_POLICY_TERMINATE,
    ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON,
    ParentClosePolicy.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
)
_REUSE = (
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_UNSPECIFIED,
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_UNSPECIFIED,
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING,
)


def span_ns(random: Random, low_ms: int, high_ms: int) -> int:
    """Return a span between two numbers of milliseconds."""
    return random.randint(low_ms, high_ms) * (SECOND_NS // 1000)


def fill_span(random: Random, span: Duration, low_ms: int, high_ms: int) -> None:
    """Fill a duration with a span between two numbers of milliseconds."""
    span.FromNanoseconds(span_ns(random, low_ms, high_ms))


def fill_policy(random: Random, policy: RetryPolicy) -> None:
    """Fill the retry policy of an activity; it may retry for ever."""
    fill_span(random, policy.initial_interval, 1, 4_000)
    policy.backoff_coefficient = random.choice((1.0, 1.5, 2.0, 3.0))
    policy.maximum_attempts = random.choice((0, 0, 1, 2, 3, 5))
    if random.random() < 0.5:
        fill_span(random, policy.maximum_interval, 4_000, 20_000)
    policy.non_retryable_error_types.append("Bad")


def fill_workflow_policy(random: Random, policy: RetryPolicy) -> None:
    """Fill the retry policy of a workflow: it ends."""
    fill_policy(random, policy)
    policy.maximum_attempts = random.choice((2, 3))


def activity(random: Random, name: str, queues: int) -> Command:
    """Return a command for an activity."""
    command = Command(command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK)
    asked = command.schedule_activity_task_command_attributes
    asked.activity_id = name
    asked.activity_type.name = "work"
    asked.task_queue.name = f"activities-{random.randrange(queues)}"
    if random.random() < 0.8:
        fill_span(random, asked.start_to_close_timeout, 500, 20_000)
    if random.random() < 0.3 or not asked.HasField("start_to_close_timeout"):
        fill_span(random, asked.schedule_to_close_timeout, 2_000, 90_000)
    if random.random() < 0.2:
        fill_span(random, asked.schedule_to_start_timeout, 1_000, 30_000)
    if random.random() < 0.3:
        fill_span(random, asked.heartbeat_timeout, 300, 5_000)
    if random.random() < 0.7:
        fill_policy(random, asked.retry_policy)
    for key in ("one", "two", "three"):
        asked.header.fields[key].data = key.encode()
    asked.request_eager_execution = random.random() < 0.15
    if random.random() < 0.2:
        asked.priority.priority_key = random.randint(1, 5)
    return command


def timer(name: str, random: Random) -> Command:
    """Return a command for a timer: of no time at all, or of up to a quarter of an hour."""
    command = Command(command_type=CommandType.COMMAND_TYPE_START_TIMER)
    asked = command.start_timer_command_attributes
    asked.timer_id = name
    fill_span(random, asked.start_to_fire_timeout, 0, random.choice((10, 3_000, 30_000, 900_000)))
    return command


def cancel_timer(name: str) -> Command:
    """Return the command that cancels a timer."""
    command = Command(command_type=CommandType.COMMAND_TYPE_CANCEL_TIMER)
    command.cancel_timer_command_attributes.timer_id = name
    return command


def signal(name: str, target: str, child_only: bool) -> Command:
    """Return a command that signals another workflow."""
    command = Command(command_type=CommandType.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION)
    asked = command.signal_external_workflow_execution_command_attributes
    asked.execution.workflow_id = target
    asked.signal_name = "from-a-workflow"
    asked.control = name
    asked.child_workflow_only = child_only
    return command


def cancel(name: str, target: str, child_only: bool) -> Command:
    """Return a command that asks another workflow to cancel itself."""
    kind = CommandType.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION
    command = Command(command_type=kind)
    asked = command.request_cancel_external_workflow_execution_command_attributes
    asked.workflow_id = target
    asked.control = name
    asked.child_workflow_only = child_only
    return command


def marker(name: str) -> Command:
    """Return a command that records a marker."""
    command = Command(command_type=CommandType.COMMAND_TYPE_RECORD_MARKER)
    asked = command.record_marker_command_attributes
    asked.marker_name = name
    asked.details["data"].payloads.add().data = b"1"
    asked.details["more"].payloads.add().data = b"2"
    return command


def memo(name: str) -> Command:
    """Return a command that adds to the memo."""
    command = Command(command_type=CommandType.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES)
    fields = command.modify_workflow_properties_command_attributes.upserted_memo.fields
    fields[name].data = b"value"
    return command


def child(random: Random, name: str, target: str, queues: int, depth: int) -> Command:
    """Return a command for a child; without a target the run that sends it names the child."""
    command = Command(command_type=CommandType.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION)
    asked = command.start_child_workflow_execution_command_attributes
    asked.workflow_id = target
    asked.workflow_type.name = "program"
    asked.task_queue.name = f"workflows-{random.randrange(queues)}"
    asked.control = name
    asked.input.payloads.add().data = f"{random.randrange(1 << 30)}.0.{depth + 1}".encode()
    asked.parent_close_policy = random.choice(_CLOSE_POLICIES)
    asked.workflow_id_reuse_policy = random.choice(_REUSE)
    if random.random() < 0.3:
        fill_span(random, asked.workflow_run_timeout, 1_000, 120_000)
    if random.random() < 0.2:
        fill_span(random, asked.workflow_execution_timeout, 1_000, 200_000)
    if random.random() < 0.2:
        fill_workflow_policy(random, asked.retry_policy)
    if random.random() < 0.1:
        asked.cron_schedule = random.choice(CRONS)
        fill_span(random, asked.workflow_execution_timeout, 1_000, 120_000)
    if random.random() < 0.2:
        asked.priority.priority_key = random.randint(1, 5)
    return command


def again(random: Random, text: str, queues: int) -> Command:
    """Return the command that continues a workflow as new, with this input."""
    kind = CommandType.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION
    command = Command(command_type=kind)
    asked = command.continue_as_new_workflow_execution_command_attributes
    asked.workflow_type.name = "program"
    asked.task_queue.name = f"workflows-{random.randrange(queues)}"
    asked.input.payloads.add().data = text.encode()
    if random.random() < 0.3:
        fill_span(random, asked.workflow_run_timeout, 1_000, 120_000)
    if random.random() < 0.3:
        fill_span(random, asked.backoff_start_interval, 0, 20_000)
    if random.random() < 0.3:
        fill_workflow_policy(random, asked.retry_policy)
    return command


def ending(kind: str) -> Command:
    """Return the command that ends a workflow: complete or fail."""
    if kind == "fail":
        command = Command(command_type=CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION)
        attributes = command.fail_workflow_execution_command_attributes
        attributes.failure.message = "as written"
        attributes.failure.application_failure_info.type = "Meant"
        return command
    command = Command(command_type=CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION)
    result = command.complete_workflow_execution_command_attributes.result
    result.payloads.add().data = b"done"
    return command


def cancel_activity(scheduled_id: int) -> Command:
    """Return the command that asks an activity to stop."""
    command = Command(command_type=CommandType.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK)
    command.request_cancel_activity_task_command_attributes.scheduled_event_id = scheduled_id
    return command


def message(message_id: str) -> Command:
    """Return the command that places a protocol message among the others."""
    command = Command(command_type=CommandType.COMMAND_TYPE_PROTOCOL_MESSAGE)
    command.protocol_message_command_attributes.message_id = message_id
    return command


def cancelled() -> Command:
    """Return the command that ends a workflow as cancelled."""
    command = Command(command_type=CommandType.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION)
    command.cancel_workflow_execution_command_attributes.SetInParent()
    return command
