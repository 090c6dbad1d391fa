"""Decides new options of a run, by request or with a reset: its priority.

Source: updateworkflowoptions of the server. What changes nothing writes nothing; what changes
something also says that there is no versioning override, as the server does. A workflow task that
waits for a worker is offered again by its new priority.
"""

from __future__ import annotations

from temporalio.api.common.v1 import Priority
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    UpdateWorkflowExecutionOptionsRequest,
    UpdateWorkflowExecutionOptionsResponse,
)

from polyrhythm.base.errors import InvalidArgument, NotFound, Unimplemented
from polyrhythm.core.context import Context
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.activity_attempt import activity_offer
from polyrhythm.core.decision import Decision
from polyrhythm.core.masks import masked_fields
from polyrhythm.core.state import RunState

_PARTS = {
    "priority.priorityKey": "priority_key",
    "priority.fairnessKey": "fairness_key",
    "priority.fairnessWeight": "fairness_weight",
}
_OVERRIDE = "versioningOverride"
_TOGETHER = ("versioningOverride.deployment", "versioningOverride.behavior")


def decide_update_options(
    state: RunState, request: UpdateWorkflowExecutionOptionsRequest, context: Context
) -> Decision:
    """Decide new options of an open run; the reply shows all of them.

    Raises NotFound for a closed run, Unimplemented for a versioning override.
    """
    if not state.running:
        raise NotFound("workflow execution already completed")
    given, fields = request.workflow_execution_options, masked_fields(request.update_mask)
    check_versioning(given, fields)
    decision = Decision(state, context)
    options = write_options(decision, request.identity, given, fields)
    decision.reply = UpdateWorkflowExecutionOptionsResponse(workflow_execution_options=options)
    return decision


def write_options(
    decision: Decision, identity: str, given: WorkflowExecutionOptions, fields: frozenset[str]
) -> WorkflowExecutionOptions:
    """Write the named fields if that changes anything; return all options as they are then."""
    before = _current(decision.state)
    after = WorkflowExecutionOptions()
    after.CopyFrom(before)
    _merge(after, given, fields)
    if after != before:
        _write(decision, identity, after)
    return after


def _current(state: RunState) -> WorkflowExecutionOptions:
    options = WorkflowExecutionOptions()
    if state.priority is not None:
        options.priority.CopyFrom(Priority.FromString(state.priority))
    return options


def check_versioning(given: WorkflowExecutionOptions, fields: frozenset[str]) -> None:
    """Raise Unimplemented for a versioning override, InvalidArgument for a part of one."""
    if sum(path in fields for path in _TOGETHER) == 1:
        raise InvalidArgument(
            "error applying update_options: versioning_override fields must be updated together"
        )
    named = any(path == _OVERRIDE or path in _TOGETHER for path in fields)
    if named and given.HasField("versioning_override"):
        raise Unimplemented("versioning_override: worker versioning is not implemented")


def _merge(
    options: WorkflowExecutionOptions, given: WorkflowExecutionOptions, fields: frozenset[str]
) -> None:
    if "priority" in fields:
        options.ClearField("priority")
        if given.HasField("priority"):
            options.priority.CopyFrom(given.priority)
    for path, name in _PARTS.items():
        if path in fields:
            options.priority.SetInParent()
            setattr(options.priority, name, getattr(given.priority, name))


def _write(decision: Decision, identity: str, options: WorkflowExecutionOptions) -> None:
    state = decision.state
    before = (state.priority_key, state.fairness_key)
    event = decision.new_event(event_types.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED)
    event.worker_may_ignore = True
    updated = event.workflow_execution_options_updated_event_attributes
    updated.unset_versioning_override = True
    updated.identity = identity
    if options.HasField("priority"):
        updated.priority.CopyFrom(options.priority)
    decision.append(event)
    if (state.priority_key, state.fairness_key) != before:
        # Everything that waits stands in another line now, and what is in the old one is obsolete.
        tasks.offer_task(decision)
        for scheduled_event_id in state.activities:
            offer = activity_offer(state, scheduled_event_id, decision.context.now_ns)
            if offer is not None:
                decision.effect(offer)
