"""Which version of its worker a run belongs to, and how that is spelled to clients.

Owns the two questions everything else asks: what a run's behavior and version are *in effect* (a
transition comes before an override, an override before what the last worker said), and which
queue of its own a pinned run waits in. Source: GetEffectiveVersioningBehavior and
GetEffectiveDeployment of the server, whose old spellings of a version are filled for readers.
"""

from __future__ import annotations

from temporalio.api.common.v1 import WorkerVersionStamp
from temporalio.api.deployment.v1 import WorkerDeploymentVersion
from temporalio.api.enums.v1 import ContinueAsNewVersioningBehavior, VersioningBehavior
from temporalio.api.workflow.v1 import (
    ResetPointInfo,
    VersioningOverride,
    WorkflowExecutionInfo,
    WorkflowExecutionVersioningInfo,
)

from polyrhythm.core.durations import set_span
from polyrhythm.core.state import ResetPoint, RunState, Version, VersioningState

# Bound once: an enum's member takes as long as a call.
PINNED = VersioningBehavior.VERSIONING_BEHAVIOR_PINNED
AUTO_UPGRADE = VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE
_PINNED_OVERRIDE = VersioningOverride.PINNED_OVERRIDE_BEHAVIOR_PINNED
# How attributes spell behaviors.
BEHAVIOR_WORDS: dict[int, str] = {PINNED: "Pinned", AUTO_UPGRADE: "AutoUpgrade"}
# Stands between a queue's name and a version in the name of a version's own queue: names of
# queues are text that a user gave, and no user can poll this one.
_QUEUE_MARK = "\x00"


def effective_behavior(versioning: VersioningState | None) -> int:
    """Return the behavior that holds now; 0: the run is unversioned."""
    if versioning is None:
        return 0
    if versioning.in_transition:
        return AUTO_UPGRADE
    return versioning.override or versioning.behavior


def effective_version(versioning: VersioningState | None) -> Version | None:
    """Return the version that holds now; None: workers without one."""
    if versioning is None:
        return None
    if versioning.in_transition:
        return versioning.target
    if versioning.override == PINNED:
        return versioning.pinned
    return versioning.version if effective_behavior(versioning) else None


def own_queue(state: RunState, queue: str) -> str:
    """Return the queue in which tasks for `queue` wait: a pinned run's version has its own."""
    versioning = state.versioning
    if versioning is None or effective_behavior(versioning) != PINNED:
        return queue
    version = effective_version(versioning)
    return version_queue(queue, version) if version is not None else queue


def version_queue(queue: str, version: Version) -> str:
    """Return the name of a version's own queue beside `queue`."""
    return _QUEUE_MARK.join((queue, *version))


def split_queue(name: str) -> tuple[str, Version | None]:
    """Return the queue and the version that a name of a queue stands for."""
    if _QUEUE_MARK not in name:
        return name, None
    queue, deployment, build_id = name.split(_QUEUE_MARK)
    return queue, (deployment, build_id)


def spell_version(version: Version | None) -> str:
    """Return a version as attributes have it."""
    return f"{version[0]}:{version[1]}" if version is not None else ""


def spell_old(version: Version | None) -> str:
    """Return a version as fields of the protocol's older releases have it."""
    return f"{version[0]}.{version[1]}" if version is not None else "__unversioned__"


def version_of(message: WorkerDeploymentVersion) -> Version:
    """Return the version that a message names."""
    return message.deployment_name, message.build_id


def fill_version(message: WorkerDeploymentVersion, version: Version) -> None:
    """Name a version in a message."""
    message.deployment_name, message.build_id = version


def fill_override(
    message: VersioningOverride, versioning: VersioningState, old: bool = False
) -> None:
    """Fill an override; `old`: in the words of older releases too."""
    if versioning.override == PINNED:
        message.pinned.behavior = _PINNED_OVERRIDE
        if versioning.pinned is not None:
            fill_version(message.pinned.version, versioning.pinned)
    else:
        message.auto_upgrade = True
    if old:
        message.behavior = VersioningBehavior.ValueType(versioning.override)
        if versioning.override == PINNED:
            message.pinned_version = spell_old(versioning.pinned)


def parse_override(message: VersioningOverride) -> tuple[int, Version | None]:
    """Return the behavior and the pinned version of an override, in whichever words it is said;
    (0, None) when it says nothing."""
    if message.auto_upgrade or message.behavior == AUTO_UPGRADE:
        return AUTO_UPGRADE, None
    if message.HasField("pinned"):
        pinned = message.pinned
        return PINNED, version_of(pinned.version) if pinned.HasField("version") else None
    if message.behavior != PINNED:
        return 0, None
    if message.pinned_version:
        return PINNED, parse_old(message.pinned_version)
    return PINNED, (message.deployment.series_name, message.deployment.build_id)


def parse_old(text: str) -> Version | None:
    """Return the version that an older spelling names, None for workers without one. Raises
    ValueError with the server's words when it is none."""
    if text == "__unversioned__":
        return None
    cuts = [text.partition(mark) for mark in ".:" if mark in text]
    if not cuts:
        raise ValueError(f"expected delimiter ':' or '.' not found in version string {text}")
    name, _, build_id = min(cuts, key=lambda cut: len(cut[0]))
    if not name:
        raise ValueError(f"deployment name is empty in version string {text}")
    if not build_id:
        raise ValueError(f"build id is empty in version string {text}")
    return name, build_id


def describe_versions(info: WorkflowExecutionInfo, state: RunState) -> None:
    """Fill what a description says of the workers of a run."""
    info.auto_reset_points.SetInParent()
    for point in state.reset_points:
        describe_point(info.auto_reset_points.points.add(), point)
    if state.worker_stamp:
        stamp = WorkerVersionStamp.FromString(state.worker_stamp)
        info.most_recent_worker_version_stamp.CopyFrom(stamp)
    info.worker_deployment_name = state.deployment_name
    if state.versioning is not None:
        _describe_versioning(info.versioning_info, state.versioning)


def describe_point(info: ResetPointInfo, point: ResetPoint) -> None:
    """Fill one reset point."""
    info.binary_checksum = point.checksum
    info.build_id = point.build_id
    info.run_id = point.run_id
    info.first_workflow_task_completed_id = point.completed_event_id
    set_span(info.create_time, point.created_ns)
    if point.expire_ns:
        set_span(info.expire_time, point.expire_ns)
    info.resettable = point.resettable


def _describe_versioning(
    info: WorkflowExecutionVersioningInfo, versioning: VersioningState
) -> None:
    info.SetInParent()
    info.behavior = VersioningBehavior.ValueType(versioning.behavior)
    if versioning.version is not None:
        fill_version(info.deployment_version, versioning.version)
        info.version = spell_old(versioning.version)
    if versioning.override:
        fill_override(info.versioning_override, versioning, old=True)
    if versioning.in_transition:
        transition = info.version_transition
        transition.SetInParent()
        transition.version = spell_old(versioning.target)
        if versioning.target is not None:
            fill_version(transition.deployment_version, versioning.target)
    info.revision_number = versioning.revision
    info.continue_as_new_initial_versioning_behavior = ContinueAsNewVersioningBehavior.ValueType(
        versioning.initial_behavior
    )
