"""What versions of workers must obey: whose task goes to whom, and what a deployment says of it.

Read from the stored deployments, from what polls say their workers are, and from the logs: a task
of a pinned run is taken by its version alone, any other by what is current or ramping at its queue
as the step began or ended, and a workflow is on the same side of a ramp while that stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.deployment.v1 import WorkerDeploymentInfo, WorkerDeploymentVersionInfo
from temporalio.api.enums.v1 import (
    EventType,
    TaskQueueType,
    VersionDrainageStatus,
    WorkerDeploymentVersionStatus,
    WorkerVersioningMode,
)
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflow.v1 import VersioningOverride

from polyrhythm.api import notes
from polyrhythm.stores.port import ObjectKind
from polyrhythm.testing.auditor.finding import require
from polyrhythm.testing.auditor.view import RunView, VersionView

Version = tuple[str, str] | None
_PINNED, _AUTO_UPGRADE = 1, 2
_WORKFLOW = int(TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
_ACTIVITY = int(TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
_VERSIONED = WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
_DRAINED = VersionDrainageStatus.VERSION_DRAINAGE_STATUS_DRAINED
_Status = WorkerDeploymentVersionStatus
_CURRENT = _Status.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT
_RAMPING = _Status.WORKER_DEPLOYMENT_VERSION_STATUS_RAMPING


@dataclass(slots=True)
class Stored:
    """The one deployment of a world as it is stored."""

    body: bytes = b""
    token: bytes = b""
    revision: int = 0
    current: Version = None
    ramping: Version = None
    share: float = 0.0
    routing: bytes = b""
    members: set[tuple[Version, str, int]] = field(default_factory=set)
    drained: set[Version] = field(default_factory=set)

    def targets(self, queue: str, kind: int) -> set[Version]:
        """Return the versions for tasks of a queue that are nobody's own."""
        known = (self.current, queue, kind) in self.members
        current = self.current if known else None
        if not self.share or (self.ramping, queue, kind) not in self.members:
            return {current}
        return {self.ramping} if self.share == 100 else {self.ramping, current}


class Fleet:
    """Workers by version, and the runs that are theirs."""

    def __init__(self) -> None:
        self._workers: dict[str, Version] = {}
        self._before = Stored()
        self._now = Stored()
        self._sides: dict[tuple[Any, ...], Version] = {}
        self._held: dict[int, tuple[RunView, Version]] = {}
        self._known_events = 0

    def asked(self, request: Any) -> None:
        """Take in what a worker says that it is."""
        if isinstance(request, (ws.PollWorkflowTaskQueueRequest, ws.PollActivityTaskQueueRequest)):
            options = request.deployment_options
            versioned = options.worker_versioning_mode == _VERSIONED
            version = (options.deployment_name, options.build_id) if versioned else None
            self._workers[request.identity] = version

    def look(self, objects: dict[tuple[int, int, str], bytes]) -> None:
        """Read the deployment as this step has left it."""
        self._before = self._now
        for (_, kind, _), body in objects.items():
            if kind == ObjectKind.DEPLOYMENT and body != self._now.body:
                self._now = _read(body)
                before, now = self._before, self._now
                moved = before.routing != now.routing
                require(not moved or before.token != now.token, "token", f"kept by {now}")

    def begin_row(self, view: RunView) -> None:
        """Begin with a row of a run."""
        self._known_events = len(view.events)

    def end_row(self, view: RunView) -> None:
        """Check that a run is of the version of who took its task."""
        for version in view.versions.taken:
            same = view.versions.now == version
            require(same, "version", f"{view.name}: {version} has a task, {view.versions}")
        view.versions.taken.clear()
        view.versions.answered = ""

    def event(self, view: RunView, event: HistoryEvent) -> None:
        """Take in an event that counts."""
        read = _EVENTS.get(event.event_type)
        if read is not None:
            read(view, getattr(event, event.WhichOneof("attributes") or ""))
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED and not view.copying:
            started = event.workflow_task_started_event_attributes
            unwritten = view.unwritten
            if unwritten is None or unwritten.started_id != event.event_id:
                self._take_task(view, started.identity)
                if started.identity in self._workers:
                    view.versions.taken.append(self._workers[started.identity])

    def note(self, view: RunView, note: notes.Note) -> None:
        """Take in a note, before it counts."""
        if note.HasField("version_transition"):
            _moved(view, note.version_transition)
        elif note.HasField("workflow_task"):
            task, before = note.workflow_task, view.task
            known = before.started_id if before is not None else 0
            if task.pending and task.started_event_id and task.started_event_id != known:
                self._take_task(view, task.identity)
        elif note.HasField("activity"):
            change = note.activity
            activity = view.activities.get(change.scheduled_event_id)
            if activity is not None and change.started_ns > 0 and not activity.started_ns:
                self._take_activity(view, activity.queue, change)

    def check(self, changed: Iterable[RunView]) -> None:
        """Check at the end of a step that what has drained has no run left."""
        emptied = self._now.drained - self._before.drained
        if emptied:
            # Runs that this step has pinned may have come when it was over.
            kept = [view for view, held in self._held.values() if view.versions.held == held]
            left = [view.name for view in kept if view.open and view.versions.held in emptied]
            require(not left, "drainage", f"{left} are of {emptied}, which have drained")
        for view in changed:
            held = view.versions.held
            if held is None or not view.open:
                self._held.pop(view.key, None)
            else:
                self._held[view.key] = (view, held)

    def _take_task(self, view: RunView, identity: str) -> None:
        if identity not in self._workers:
            return
        version, own = self._workers[identity], view.versions
        what = f"{view.name}: {version} has taken a task, {own}"
        if own.held is not None:
            require(own.held == version, "version", what)
        elif view.sticky_queue or own.answered == identity:
            require(not own.kind or own.now == version, "version", what)
        else:
            self._check_route(view, view.task_queue, _WORKFLOW, version)

    def _take_activity(self, view: RunView, queue: str, change: notes.Activity) -> None:
        # One that came with the answer to a workflow task goes to who gave that.
        eager = change.scheduled_event_id > self._known_events
        if change.identity not in self._workers or eager:
            return
        version, own = self._workers[change.identity], view.versions
        what = f"{view.name}: {version} has taken an activity, {own}"
        require(not own.moving, "version", what)
        held = own.held
        served = all((held, queue, _ACTIVITY) in s.members for s in (self._before, self._now))
        if held is not None and served:
            require(held == version, "version", what)
        elif held is None:
            self._check_route(view, queue, _ACTIVITY, version)

    def _check_route(self, view: RunView, queue: str, kind: int, version: Version) -> None:
        before, now = self._before, self._now
        if before.body == now.body:
            targets = now.targets(queue, kind)
            place = (view.workflow_id, queue, kind, now.revision, frozenset(targets))
            side = self._sides.setdefault(place, version)
            require(side == version, "ramp", f"{view.name}: to {side} and to {version}")
        elif now.revision > before.revision + 1:
            # What was current within the step is not known.
            return
        else:
            targets = {None, before.current, before.ramping, now.current, now.ramping}
        fits = version in targets
        require(fits, "version", f"{view.name}: {version} at {queue}, not {targets}")


def _read(body: bytes) -> Stored:
    stored = notes.Deployment.FromString(body)
    info = WorkerDeploymentInfo.FromString(stored.info)
    routing = info.routing_config
    found = Stored(body, stored.conflict_token, routing.revision_number)
    found.routing = routing.SerializeToString(deterministic=True)
    if routing.HasField("current_deployment_version"):
        found.current = _version(routing.current_deployment_version)
    if routing.HasField("ramping_deployment_version"):
        found.ramping = _version(routing.ramping_deployment_version)
        found.share = routing.ramping_version_percentage
    for entry in stored.versions:
        version = WorkerDeploymentVersionInfo.FromString(entry.info)
        _take_version(found, version)
    return found


def _take_version(found: Stored, info: WorkerDeploymentVersionInfo) -> None:
    version = _version(info.deployment_version)
    for queue in info.task_queue_infos:
        found.members.add((version, queue.name, int(queue.type)))
    if info.drainage_info.status == _DRAINED:
        found.drained.add(version)
    is_current, is_ramping = version == found.current, version == found.ramping
    fits = (info.status == _CURRENT) == is_current
    # What is current and ramping is called current.
    fits = fits and (is_current or (info.status == _RAMPING) == is_ramping)
    fits = fits and not (version in found.drained and (is_current or is_ramping))
    require(fits, "routing", f"{version} has status {info.status}, {found}")


def _version(message: Any) -> Version:
    return message.deployment_name, message.build_id


def _moved(view: RunView, transition: notes.VersionTransition) -> None:
    own = view.versions
    target = _version(transition.target) if transition.HasField("target") else None
    if own.taken and own.taken != [target]:
        # Not because of who took the task, but of an activity.
        require(own.taken == [own.now], "version", f"{view.name}: to {target}, {own}")
        own.taken.clear()
    own.moving, own.target = True, target
    view.sticky_queue = ""


def _started(view: RunView, started: Any) -> None:
    own = view.versions
    if started.HasField("versioning_override"):
        _override(own, started.versioning_override)
    if started.HasField("inherited_pinned_version"):
        own.behavior = _PINNED
        own.version = _version(started.inherited_pinned_version)
    if started.HasField("inherited_auto_upgrade_info"):
        own.behavior = _AUTO_UPGRADE
        own.version = _version(started.inherited_auto_upgrade_info.source_deployment_version)


def _completed(view: RunView, completed: Any) -> None:
    own = view.versions
    named = completed.HasField("deployment_version")
    version = _version(completed.deployment_version) if named else None
    if own.moving and own.target == version:
        own.moving, own.target = False, None
    own.behavior = completed.versioning_behavior
    own.version = version if own.behavior else None
    own.answered = completed.identity
    own.taken.clear()


def _options_updated(view: RunView, updated: Any) -> None:
    own = view.versions
    before = (own.kind, own.now)
    if updated.unset_versioning_override:
        own.override, own.pinned = 0, None
    elif updated.HasField("versioning_override"):
        _override(own, updated.versioning_override)
    else:
        return
    if before != (own.kind, own.now):
        own.moving, own.target = False, None
        # Its worker may be of another version now.
        view.sticky_queue = ""
    own.taken.clear()


def _override(own: VersionView, override: VersioningOverride) -> None:
    own.override = _AUTO_UPGRADE if override.auto_upgrade else _PINNED
    pinned = override.pinned
    own.pinned = None if override.auto_upgrade else _version(pinned.version)


def _ended(view: RunView, _attributes: Any) -> None:
    view.versions.taken.clear()


_EVENTS: dict[int, Callable[[RunView, Any], None]] = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: _started,
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED: _completed,
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED: _ended,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED: _options_updated,
}
