"""Decides new options of a run, by request or with a reset: its priority, its version.

Source: updateworkflowoptions of the server. What changes nothing writes nothing; what changes
something says all options, or that there is no versioning override. A workflow task that waits for
a worker is offered again by its new priority or to its new version.
"""

from __future__ import annotations

from temporalio.api.common.v1 import Priority
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.workflow.v1 import VersioningOverride, WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    UpdateWorkflowExecutionOptionsRequest,
    UpdateWorkflowExecutionOptionsResponse,
)

from polyrhythm.base.errors import FailedPrecondition, InvalidArgument, NotFound
from polyrhythm.core.context import Context
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.versioning import (
    check_override,
    encode_override,
    moved,
    offer_activities,
)
from polyrhythm.core.decision import Decision
from polyrhythm.core.masks import masked_fields
from polyrhythm.core.state import RunState
from polyrhythm.core.versions import (
    BEHAVIOR_WORDS,
    PINNED,
    effective_behavior,
    effective_version,
    fill_override,
    fill_version,
    parse_override,
)

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

    Raises NotFound for a closed run, FailedPrecondition for an override that cannot be followed.
    """
    if not state.running:
        raise NotFound("workflow execution already completed")
    given, fields = request.workflow_execution_options, masked_fields(request.update_mask)
    if given.HasField("versioning_override"):
        _fill_pinned(given.versioning_override, state)
        check_override(given.versioning_override, state.task_queue, context)
    check_together(fields)
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
    if state.versioning is not None and state.versioning.override:
        fill_override(options.versioning_override, state.versioning)
    return options


def check_together(fields: frozenset[str]) -> None:
    """Raise InvalidArgument for a part of a versioning override."""
    if sum(path in fields for path in _TOGETHER) == 1:
        raise InvalidArgument(
            "error applying update_options: versioning_override fields must be updated together"
        )


def _fill_pinned(override: VersioningOverride, state: RunState) -> None:
    if not override.pinned.behavior or override.pinned.HasField("version"):
        return
    behavior = effective_behavior(state.versioning)
    version = effective_version(state.versioning)
    if behavior != PINNED or version is None:
        word = BEHAVIOR_WORDS.get(behavior, "Unspecified")
        raise FailedPrecondition(
            "must specify a specific pinned override version because workflow with id"
            f" {state.workflow_id} has behavior {word} and is not yet pinned to any version"
        )
    fill_version(override.pinned.version, version)


def _merge(
    options: WorkflowExecutionOptions, given: WorkflowExecutionOptions, fields: frozenset[str]
) -> None:
    if any(path in fields for path in (_OVERRIDE, *_TOGETHER)):
        options.ClearField("versioning_override")
        if given.HasField("versioning_override"):
            options.versioning_override.CopyFrom(given.versioning_override)
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
    before, versioning = (state.priority_key, state.fairness_key), state.versioning
    event = decision.new_event(event_types.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED)
    event.worker_may_ignore = True
    updated = event.workflow_execution_options_updated_event_attributes
    if options.HasField("versioning_override"):
        override = encode_override(*parse_override(options.versioning_override))
        updated.versioning_override.CopyFrom(override)
    else:
        updated.unset_versioning_override = True
    updated.identity = identity
    if options.HasField("priority"):
        updated.priority.CopyFrom(options.priority)
    decision.append(event)
    changed = moved(versioning, state.versioning)
    if changed or (state.priority_key, state.fairness_key) != before:
        # Everything that waits stands in another line now, and what is in the old one is obsolete.
        tasks.offer_task(decision)
        offer_activities(decision)
