"""Registers workers with their deployments: a poll that names a version makes it known.

Written once for each version and queue; every later poll finds it in memory. A deployment that
has too many versions loses the oldest that is of no use any more.
"""

from __future__ import annotations

from temporalio.api.deployment.v1 import WorkerDeploymentVersionInfo

from polyrhythm.base.errors import ResourceExhausted
from polyrhythm.base.limits import DEPLOYMENTS_MAX, VERSIONS_PER_DEPLOYMENT_MAX
from polyrhythm.core.deployments import (
    DRAINING,
    Deployment,
    add_queue,
    add_version,
    decode_deployment,
    encode_deployment,
    new_deployment,
)
from polyrhythm.core.durations import span_ns
from polyrhythm.core.state import Version
from polyrhythm.core.versions import version_queue
from polyrhythm.engine.calls import Call
from polyrhythm.engine.deployments import Space
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.give import version_of_poll
from polyrhythm.engine.matching import POLLER_SHOWN_NS, QueueKind
from polyrhythm.stores.port import ObjectKind

AUTO_CREATED = "_auto_create_"


def register_worker(desk: Desk, call: Call, kind: QueueKind) -> None:
    """Note the version, if any, and the queue of a worker that polls."""
    request = call.request
    version = version_of_poll(request)
    queue = request.task_queue.normal_name or request.task_queue.name
    if version is None:
        return
    space = desk.memory.deployments.space(call.namespace.key)
    if space.has(version, queue, int(kind)):
        return
    deployment = open_deployment(desk, call, version[0], AUTO_CREATED)
    info = deployment.versions.get(version[1])
    if info is None:
        info = make_version(desk, call, deployment, version)
    add_queue(info, queue, int(kind))
    write_deployment(desk, call, deployment)


def open_deployment(desk: Desk, call: Call, name: str, request_id: str) -> Deployment:
    """Return a deployment to be changed, a new one when there is none of the name.

    Raises ResourceExhausted when there are too many.
    """
    space = desk.memory.deployments.space(call.namespace.key)
    found = space.deployments.get(name)
    if found is not None:
        # What is in memory is as of the last write: a change that is refused is forgotten.
        return decode_deployment(encode_deployment(found))
    if len(space.deployments) >= DEPLOYMENTS_MAX:
        raise ResourceExhausted(
            f"reached maximum deployments in namespace ({DEPLOYMENTS_MAX})",
            "WORKER_DEPLOYMENT_LIMITS",
        )
    return new_deployment(name, request_id, desk.now_ns)


def make_version(
    desk: Desk, call: Call, deployment: Deployment, version: Version, created: bool = False
) -> WorkerDeploymentVersionInfo:
    """Add a version to a deployment that is being changed, in place of one nobody needs when
    there are too many. Raises ResourceExhausted when all are needed."""
    if len(deployment.versions) >= VERSIONS_PER_DEPLOYMENT_MAX:
        oldest = sorted(deployment.versions.values(), key=lambda info: span_ns(info.create_time))
        for info in oldest:
            unused = info.drainage_info.status != DRAINING and info.version not in (
                deployment.routing.current_version,
                deployment.routing.ramping_version,
            )
            if unused and not has_pollers(desk, call.namespace.key, info):
                del deployment.versions[info.deployment_version.build_id]
                break
    return add_version(deployment, version, desk.now_ns, created)


def has_pollers(desk: Desk, namespace_key: int, info: WorkerDeploymentVersionInfo) -> bool:
    """Whether a worker of a version has polled within the time that pollers are shown."""
    version = (info.deployment_version.deployment_name, info.deployment_version.build_id)
    matching = desk.memory.matching
    return any(
        matching.queue(
            namespace_key, version_queue(queue.name, version), QueueKind(queue.type)
        ).polled_within(desk.now_ns, POLLER_SHOWN_NS)
        for queue in info.task_queue_infos
    )


def write_deployment(desk: Desk, call: Call, deployment: Deployment) -> None:
    """Stage a changed deployment; from now on it holds."""
    key = call.namespace.key
    body = encode_deployment(deployment)
    desk.turn.write_object(key, ObjectKind.DEPLOYMENT, deployment.info.name, body)
    space: Space = desk.memory.deployments.space(key)
    space.put(deployment)


def remove_deployment(desk: Desk, call: Call, name: str) -> None:
    """Stage the end of a deployment."""
    desk.turn.write_object(call.namespace.key, ObjectKind.DEPLOYMENT, name, None)
    desk.memory.deployments.space(call.namespace.key).drop(name)
