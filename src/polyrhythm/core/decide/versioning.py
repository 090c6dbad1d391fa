"""Decides how a run is bound to a version of its worker: transitions, overrides, inheritance.

A run that is not pinned follows the worker that takes its task: when that is of another version
than the run's, the run is *in transition* until such a worker has completed a task. Its activities
wait for that. A pinned run stays, and its worker is told when the version that it would go to has
changed, once for each.
Source: StartDeploymentTransition, AddWorkflowTaskStartedEvent and ValidateVersioningOverride of
the server; what a successor or a child inherits is of its continue-as-new, retry and child starter.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import ContinueAsNewInitiator as Initiator
from temporalio.api.enums.v1 import ContinueAsNewVersioningBehavior
from temporalio.api.history.v1 import WorkflowExecutionStartedEventAttributes
from temporalio.api.workflow.v1 import VersioningOverride

from polyrhythm.base.errors import FailedPrecondition, InvalidArgument
from polyrhythm.core.context import Context
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.activity_attempt import activity_offer
from polyrhythm.core.decision import Decision
from polyrhythm.core.state import RunState, Version, VersioningState
from polyrhythm.core.versions import (
    AUTO_UPGRADE,
    PINNED,
    effective_behavior,
    effective_version,
    fill_override,
    fill_version,
    parse_old,
    parse_override,
    spell_version,
)

_Started = WorkflowExecutionStartedEventAttributes
_UNSPECIFIED = VersioningOverride.PINNED_OVERRIDE_BEHAVIOR_UNSPECIFIED


def begin_transition(decision: Decision, target: Version | None, revision: int) -> None:
    """Move a run that is not pinned to the version of the worker that has taken one of its
    tasks. A workflow task that waits is offered there."""
    note = decision.new_note()
    change = note.version_transition
    change.SetInParent()
    if target is not None:
        change.target.deployment_name, change.target.build_id = target
    change.revision = revision
    decision.append_note(note)
    tasks.offer_task(decision)


def offer_activities(decision: Decision) -> None:
    """Offer every activity that waits for a worker, since its version may be another by now."""
    state, now_ns = decision.state, decision.context.now_ns
    for scheduled_event_id in state.activities:
        offer = activity_offer(state, scheduled_event_id, now_ns)
        if offer is not None:
            decision.effect(offer)


def moved(before: VersioningState | None, after: VersioningState | None) -> bool:
    """Whether a run's tasks belong to other workers than before."""
    if before is after:
        return False
    was = before is not None and before.in_transition
    ended = was and not (after is not None and after.in_transition)
    return (
        ended
        or effective_version(before) != effective_version(after)
        or effective_behavior(before) != effective_behavior(after)
    )


def check_override(
    override: VersioningOverride, queue: str, context: Context
) -> tuple[int, Version | None]:
    """Return the behavior and the version that an override asks for.

    Raises InvalidArgument for one that says too little, FailedPrecondition when its version has
    no workers at this task queue.
    """
    if override.auto_upgrade:
        return AUTO_UPGRADE, None
    if override.HasField("pinned"):
        if not override.pinned.HasField("version"):
            raise InvalidArgument("must provide version if override is pinned.")
        if override.pinned.behavior == _UNSPECIFIED:
            raise InvalidArgument("must specify pinned override behavior if override is pinned.")
    else:
        _check_old(override)
    behavior, version = parse_override(override)
    # The oldest spelling is never looked up; beside a newer one it is not read.
    looked_up = override.HasField("pinned") or not override.HasField("deployment")
    member = version is not None and (version, queue) in context.version_queues
    if behavior == PINNED and looked_up and not member:
        raise FailedPrecondition(
            f"Pinned version '{spell_version(version)}' is not present in task queue '{queue}'"
            " of type 'Workflow'"
        )
    return behavior, version


def encode_override(behavior: int, version: Version | None) -> VersioningOverride:
    """Return an override as events have it."""
    override = VersioningOverride()
    fill_override(override, VersioningState(override=behavior, pinned=version))
    return override


def inherit_version(
    started: _Started, state: RunState, context: Context, initial_behavior: int = 0
) -> None:
    """Fill what the successor of a run inherits: of a continue-as-new with its
    `initial_behavior`, of a retry, of a round of a cron schedule."""
    versioning = state.versioning
    if versioning is None:
        return
    behavior, version = effective_behavior(versioning), effective_version(versioning)
    joined = _is_joined(state, started.task_queue.name, version, context)
    again = started.initiator in (
        Initiator.CONTINUE_AS_NEW_INITIATOR_RETRY,
        Initiator.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE,
    )
    inherited = started.HasField("inherited_pinned_version")
    started.ClearField("inherited_pinned_version")
    started.ClearField("inherited_auto_upgrade_info")
    started.ClearField("versioning_override")
    if versioning.override == PINNED and joined:
        started.versioning_override.CopyFrom(encode_override(PINNED, versioning.pinned))
    if started.initiator == Initiator.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE:
        return
    if again:
        initial_behavior = versioning.initial_behavior
        stays = behavior == PINNED and inherited
        follows = behavior == AUTO_UPGRADE
    else:
        stays = behavior == PINNED and not initial_behavior and joined
        follows = behavior == AUTO_UPGRADE or (behavior == PINNED and bool(initial_behavior))
        _fill_declined(started, versioning)
    if stays and version is not None:
        fill_version(started.inherited_pinned_version, version)
    elif follows and joined and version is not None and versioning.revision:
        _fill_source(started, version, versioning.revision, initial_behavior)


def inherit_as_child(started: _Started, queue: str, parent: RunState, context: Context) -> None:
    """Fill what a child that runs at `queue` inherits of its parent, in the same namespace."""
    versioning = parent.versioning
    if versioning is None:
        return
    behavior, version = effective_behavior(versioning), effective_version(versioning)
    if version is None or not _is_joined(parent, queue, version, context):
        return
    if versioning.override == PINNED:
        started.versioning_override.CopyFrom(encode_override(PINNED, versioning.pinned))
    if behavior == PINNED:
        fill_version(started.inherited_pinned_version, version)
    elif behavior == AUTO_UPGRADE and versioning.revision:
        _fill_source(started, version, versioning.revision, 0)


def tell_target(decision: Decision, target: Version | None) -> bool:
    """Return whether the worker that starts a task of a versioned run is told that the version
    the run would go to has changed; remember what it knows."""
    versioning = decision.state.versioning
    if versioning is None or not effective_behavior(versioning):
        return False
    if versioning.override or effective_version(versioning) == target:
        _remember(decision, versioning, None, None)
        return False
    if effective_behavior(versioning) == AUTO_UPGRADE or versioning.declined == (target,):
        return False
    _remember(decision, versioning, (target,), None)
    return True


def _remember(
    decision: Decision,
    versioning: VersioningState,
    notified: tuple[Version | None] | None,
    declined: tuple[Version | None] | None,
) -> None:
    if (notified, declined) == (versioning.notified, versioning.declined):
        return
    note = decision.new_note()
    note.silent = True
    seen = note.target_version_seen
    seen.is_notified, seen.is_declined = notified is not None, declined is not None
    if notified is not None and notified[0] is not None:
        seen.notified.deployment_name, seen.notified.build_id = notified[0]
    if declined is not None and declined[0] is not None:
        seen.declined.deployment_name, seen.declined.build_id = declined[0]
    decision.append_note(note)


def _is_joined(state: RunState, queue: str, version: Version | None, context: Context) -> bool:
    # A run at the same queue as the one before has the same workers.
    if queue == state.task_queue:
        return True
    return version is not None and (version, queue) in context.version_queues


def _fill_declined(started: _Started, versioning: VersioningState) -> None:
    declined = versioning.notified or versioning.declined
    if declined is not None:
        started.declined_target_version_upgrade.SetInParent()
        if declined[0] is not None:
            fill_version(started.declined_target_version_upgrade.deployment_version, declined[0])


def _fill_source(started: _Started, version: Version, revision: int, initial_behavior: int) -> None:
    source = started.inherited_auto_upgrade_info
    fill_version(source.source_deployment_version, version)
    source.source_deployment_revision_number = revision
    source.continue_as_new_initial_versioning_behavior = ContinueAsNewVersioningBehavior.ValueType(
        initial_behavior
    )


def _check_old(override: VersioningOverride) -> None:
    behavior = override.behavior
    if behavior == PINNED:
        if override.HasField("deployment"):
            _check_deployment(override)
        elif override.pinned_version:
            try:
                parse_old(override.pinned_version)
            except ValueError:
                raise InvalidArgument(
                    f'invalid version string "{override.pinned_version}", expected format is'
                    ' "<deployment_name>.<build_id>"'
                ) from None
        else:
            raise InvalidArgument(
                "must provide deployment (deprecated) or pinned version if behavior is 'PINNED'"
            )
    elif behavior == AUTO_UPGRADE:
        if override.HasField("deployment"):
            raise InvalidArgument("only provide deployment if behavior is 'PINNED'")
        if override.pinned_version:
            raise InvalidArgument("only provide pinned version if behavior is 'PINNED'")
    elif not behavior:
        raise InvalidArgument("override behavior is required")
    else:
        raise InvalidArgument(f"override behavior {behavior} not recognized")


def _check_deployment(override: VersioningOverride) -> None:
    name = override.deployment.series_name
    if not name:
        raise InvalidArgument("deployment name cannot be empty")
    if "." in name or ":" in name:
        raise InvalidArgument("deployment name cannot contain '.' or ':'")
    if not override.deployment.build_id:
        raise InvalidArgument("deployment build ID cannot be empty")
