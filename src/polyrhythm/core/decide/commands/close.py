"""CompleteWorkflowExecution, FailWorkflowExecution and CancelWorkflowExecution.

A close command is refused while news is buffered that the workflow has not seen. The cause of an
oversize result is the server's own odd choice and is kept.
"""

from __future__ import annotations

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.enums.v1 import event_type_pb2 as event_types

from polyrhythm.core.decide.chain import after_completion, after_failure, request_again
from polyrhythm.core.decide.commands.record import CommandRefused, Completion, check_attributes

_OVERSIZE_RESULT = (
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_ACTIVITY_ATTRIBUTES
)
_BAD_COMPLETE = (
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_COMPLETE_WORKFLOW_EXECUTION_ATTRIBUTES
)
_BAD_CANCEL = (
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_CANCEL_WORKFLOW_EXECUTION_ATTRIBUTES
)
_BAD_FAIL = (
    WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES
)


def decide_complete(completion: Completion, command: Command) -> None:
    """Close the run as completed; a cron schedule goes on."""
    completion.check_unhandled()
    attributes = command.complete_workflow_execution_command_attributes
    field = "complete_workflow_execution_command_attributes"
    check_attributes(command, field, _BAD_COMPLETE, "CompleteWorkflowExecutionCommand")
    decision = completion.decision
    if attributes.result.ByteSize() > decision.context.limits.blob_bytes_max:
        raise CommandRefused(
            _OVERSIZE_RESULT,
            "CompleteWorkflowExecutionCommandAttributes.Result exceeds size limit.",
            terminates=True,
        )
    event = completion.new_event(event_types.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, command)
    completed = event.workflow_execution_completed_event_attributes
    if attributes.HasField("result"):
        completed.result.CopyFrom(attributes.result)
    completed.workflow_task_completed_event_id = completion.completed_event_id
    result = attributes.result if attributes.HasField("result") else None
    completed.new_execution_run_id = request_again(decision, after_completion(decision, result))
    decision.append(event)


def decide_fail(completion: Completion, command: Command) -> None:
    """Close the run as failed; its retry policy, else its cron schedule, may start another."""
    completion.check_unhandled()
    attributes = command.fail_workflow_execution_command_attributes
    field = "fail_workflow_execution_command_attributes"
    check_attributes(command, field, _BAD_FAIL, "FailWorkflowExecutionCommand")
    decision = completion.decision
    if not attributes.HasField("failure"):
        raise CommandRefused(_BAD_FAIL, "Failure is not set on FailWorkflowExecutionCommand.")
    if attributes.failure.ByteSize() > decision.context.limits.blob_bytes_max:
        raise CommandRefused(
            _BAD_FAIL,
            "FailWorkflowExecutionCommandAttributes.Failure exceeds size limit.",
            terminates=True,
        )
    event = completion.new_event(event_types.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, command)
    failed = event.workflow_execution_failed_event_attributes
    failed.failure.CopyFrom(attributes.failure)
    failed.retry_state, successor = after_failure(decision, attributes.failure)
    failed.workflow_task_completed_event_id = completion.completed_event_id
    failed.new_execution_run_id = request_again(decision, successor)
    decision.append(event)


def decide_cancel(completion: Completion, command: Command) -> None:
    """Close the run as cancelled: nothing follows."""
    completion.check_unhandled()
    attributes = command.cancel_workflow_execution_command_attributes
    field = "cancel_workflow_execution_command_attributes"
    check_attributes(command, field, _BAD_CANCEL, "CancelWorkflowExecutionCommand")
    event = completion.new_event(event_types.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, command)
    cancelled = event.workflow_execution_canceled_event_attributes
    if attributes.HasField("details"):
        cancelled.details.CopyFrom(attributes.details)
    cancelled.workflow_task_completed_event_id = completion.completed_event_id
    completion.decision.append(event)
