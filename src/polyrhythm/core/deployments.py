"""Worker deployments: their versions, which of them is current or ramping, and since when.

A deployment is a value beside the runs: Temporal's own messages, changed as a whole by one call
and stored as one object. Versions that take new runs no more are *draining* until no open run is
pinned to them. Nothing here knows a queue's workers or a run.
Source: the server's worker deployment and version workflows, with the words of 1.31.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.deployment.v1 import (
    RoutingConfig,
    WorkerDeploymentInfo,
    WorkerDeploymentVersionInfo,
)
from temporalio.api.enums.v1 import VersionDrainageStatus, WorkerDeploymentVersionStatus

from polyrhythm.api import notes
from polyrhythm.base.errors import ResourceExhausted
from polyrhythm.base.limits import (
    DRAINAGE_CHECK_NS,
    VERSION_QUEUES_MAX,
    VERSIONS_PER_DEPLOYMENT_MAX,
)
from polyrhythm.core.durations import set_span, span_ns
from polyrhythm.core.state import Version
from polyrhythm.core.versions import fill_version, parse_old, spell_old

UNVERSIONED = "__unversioned__"
DRAINING = VersionDrainageStatus.VERSION_DRAINAGE_STATUS_DRAINING
DRAINED = VersionDrainageStatus.VERSION_DRAINAGE_STATUS_DRAINED
_LIMIT = "WORKER_DEPLOYMENT_LIMITS"
_Status = WorkerDeploymentVersionStatus
_CREATED = _Status.WORKER_DEPLOYMENT_VERSION_STATUS_CREATED
_INACTIVE = _Status.WORKER_DEPLOYMENT_VERSION_STATUS_INACTIVE
_CURRENT = _Status.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT
_RAMPING = _Status.WORKER_DEPLOYMENT_VERSION_STATUS_RAMPING
_DRAINING = _Status.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING
_DRAINED = _Status.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED


@dataclass(slots=True)
class Deployment:
    """One deployment. `versions` by build id; `requests`: who created one of them by hand."""

    info: WorkerDeploymentInfo
    versions: dict[str, WorkerDeploymentVersionInfo] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)
    create_request_id: str = ""
    conflict_token: bytes = b""

    @property
    def routing(self) -> RoutingConfig:
        """Where runs that are not pinned go."""
        return self.info.routing_config

    def find(self, old: str) -> WorkerDeploymentVersionInfo | None:
        """Return the version of an old spelling, if there is one."""
        version = parse_old(old) if old else None
        if version is None or version[0] != self.info.name:
            return None
        return self.versions.get(version[1])


def encode_deployment(deployment: Deployment) -> bytes:
    """Return what is stored of a deployment."""
    stored = notes.Deployment()
    stored.info = deployment.info.SerializeToString()
    stored.create_request_id = deployment.create_request_id
    stored.conflict_token = deployment.conflict_token
    for build_id, info in deployment.versions.items():
        version = stored.versions.add()
        version.info = info.SerializeToString(deterministic=True)
        version.create_request_id = deployment.requests.get(build_id, "")
    return stored.SerializeToString()


def decode_deployment(data: bytes) -> Deployment:
    """Return the deployment of `encode_deployment`."""
    stored = notes.Deployment.FromString(data)
    deployment = Deployment(WorkerDeploymentInfo.FromString(stored.info))
    deployment.create_request_id = stored.create_request_id
    deployment.conflict_token = stored.conflict_token
    for version in stored.versions:
        info = WorkerDeploymentVersionInfo.FromString(version.info)
        build_id = info.deployment_version.build_id
        deployment.versions[build_id] = info
        if version.create_request_id:
            deployment.requests[build_id] = version.create_request_id
    return deployment


def new_deployment(name: str, request_id: str, now_ns: int) -> Deployment:
    """Return a deployment without versions."""
    info = WorkerDeploymentInfo(name=name)
    set_span(info.create_time, now_ns)
    info.routing_config.current_version = UNVERSIONED
    deployment = Deployment(info, create_request_id=request_id)
    renew_token(deployment, now_ns)
    return deployment


def renew_token(deployment: Deployment, now_ns: int) -> None:
    """Make callers who know an earlier state of the deployment ask again."""
    count = int.from_bytes(deployment.conflict_token[8:], "big") + 1
    deployment.conflict_token = now_ns.to_bytes(8, "big") + count.to_bytes(4, "big")


def add_version(
    deployment: Deployment, version: Version, now_ns: int, created: bool = False
) -> WorkerDeploymentVersionInfo:
    """Add a version that has had no worker (`created`), or has one now.

    Raises ResourceExhausted when there are too many; the caller makes room first.
    """
    if len(deployment.versions) >= VERSIONS_PER_DEPLOYMENT_MAX:
        raise ResourceExhausted(
            f"cannot add version {spell_old(version)} since maximum number of versions"
            f" ({VERSIONS_PER_DEPLOYMENT_MAX}) have been registered in the deployment",
            _LIMIT,
        )
    info = WorkerDeploymentVersionInfo(version=spell_old(version))
    info.status = _CREATED if created else _INACTIVE
    fill_version(info.deployment_version, version)
    set_span(info.create_time, now_ns)
    deployment.versions[version[1]] = info
    return info


def add_queue(info: WorkerDeploymentVersionInfo, queue: str, kind: int) -> None:
    """Note that a version has a worker at a queue; the caller knows that this is news."""
    names = {known.name for known in info.task_queue_infos}
    if queue not in names and len(names) >= VERSION_QUEUES_MAX:
        raise ResourceExhausted(
            f"cannot add task queue {queue} since maximum number of task queues"
            f" ({VERSION_QUEUES_MAX}) have been registered in deployment",
            _LIMIT,
        )
    entry = info.task_queue_infos.add()
    entry.name = queue
    entry.type = kind  # type: ignore[assignment]
    if info.status == _CREATED:
        info.status = _INACTIVE


def set_current(deployment: Deployment, new: str, now_ns: int) -> None:
    """Make a version current, or workers without one."""
    routing = deployment.routing
    before = routing.current_version
    if before == new:
        return
    routing.revision_number += 1
    routing.current_version = new
    _name(routing, "current_deployment_version", new)
    set_span(routing.current_version_changed_time, now_ns)
    if new == routing.ramping_version:
        _set_ramp(routing, "", 0.0, now_ns, now_ns)
    _sync(deployment, new, now_ns)
    _sync(deployment, before, now_ns)


def set_ramping(deployment: Deployment, new: str, percentage: float, now_ns: int) -> None:
    """Let a share of the runs go to a version, or to workers without one; empty: no share."""
    routing = deployment.routing
    before = routing.ramping_version
    if before == new and routing.ramping_version_percentage == percentage:
        return
    routing.revision_number += 1
    since_ns = now_ns
    if new and before == new:
        since_ns = span_ns(routing.ramping_version_changed_time)
    _set_ramp(routing, new, percentage, since_ns, now_ns)
    _sync(deployment, new, now_ns)
    if before != new:
        _sync(deployment, before, now_ns)


def missing_queues(deployment: Deployment, new: str) -> list[tuple[str, int]]:
    """Return the queues of the current version at which another has no workers."""
    current, other = deployment.find(deployment.routing.current_version), deployment.find(new)
    if current is None or other is None:
        return []
    there = {(queue.name, queue.type) for queue in other.task_queue_infos}
    return [
        (queue.name, queue.type)
        for queue in current.task_queue_infos
        if (queue.name, queue.type) not in there
    ]


def drainage_due(info: WorkerDeploymentVersionInfo, now_ns: int) -> bool:
    """Whether it is time to look whether a draining version has drained."""
    if info.drainage_info.status != DRAINING:
        return False
    return now_ns - span_ns(info.drainage_info.last_checked_time) >= DRAINAGE_CHECK_NS


def note_drainage(info: WorkerDeploymentVersionInfo, open_runs: int, now_ns: int) -> None:
    """Note how many open runs are pinned to a draining version."""
    set_span(info.drainage_info.last_checked_time, now_ns)
    if not open_runs:
        info.drainage_info.status = DRAINED
        set_span(info.drainage_info.last_changed_time, now_ns)
        info.status = _DRAINED


def _set_ramp(
    routing: RoutingConfig, new: str, percentage: float, since_ns: int, now_ns: int
) -> None:
    routing.ramping_version = new
    _name(routing, "ramping_deployment_version", new)
    routing.ramping_version_percentage = percentage
    set_span(routing.ramping_version_changed_time, since_ns)
    set_span(routing.ramping_version_percentage_changed_time, now_ns)


def _name(routing: RoutingConfig, field_name: str, old: str) -> None:
    version = parse_old(old) if old else None
    routing.ClearField(field_name)  # type: ignore[arg-type]
    if version is not None:
        fill_version(getattr(routing, field_name), version)


def _sync(deployment: Deployment, old: str, now_ns: int) -> None:
    info = deployment.find(old)
    if info is None:
        return
    routing = deployment.routing
    was_active = info.HasField("current_since_time") or info.HasField("ramping_since_time")
    is_current, is_ramping = old == routing.current_version, old == routing.ramping_version
    if not (was_active or is_current or is_ramping):
        return
    info.ClearField("current_since_time")
    info.ClearField("ramping_since_time")
    info.ramp_percentage = 0.0
    if is_current:
        info.status = _CURRENT
        changed = routing.current_version_changed_time
        for target in (info.current_since_time, info.last_current_time, info.routing_changed_time):
            target.CopyFrom(changed)
    elif is_ramping:
        info.status = _RAMPING
        info.ramping_since_time.CopyFrom(routing.ramping_version_changed_time)
        info.ramp_percentage = routing.ramping_version_percentage
        info.routing_changed_time.CopyFrom(routing.ramping_version_percentage_changed_time)
    else:
        info.status = _DRAINING
        info.routing_changed_time.CopyFrom(_newest(routing))
        set_span(info.last_deactivation_time, now_ns)
        if not info.drainage_info.status:
            info.drainage_info.status = DRAINING
            set_span(info.drainage_info.last_changed_time, now_ns)
            set_span(info.drainage_info.last_checked_time, now_ns)
        return
    if not info.HasField("first_activation_time"):
        set_span(info.first_activation_time, now_ns)
    info.ClearField("drainage_info")
    info.ClearField("last_deactivation_time")


def _newest(routing: RoutingConfig) -> Timestamp:
    times = (
        routing.current_version_changed_time,
        routing.ramping_version_changed_time,
        routing.ramping_version_percentage_changed_time,
    )
    return max(times, key=span_ns)
