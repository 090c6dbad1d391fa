"""Finds and keeps deployments for the calls about them.

A deployment is changed as a copy and written whole; finding one also looks whether its draining
versions have drained, when it is time to.
"""

from __future__ import annotations

from collections.abc import Callable

from polyrhythm.base.errors import (
    FailedPrecondition,
    NotFound,
)
from polyrhythm.core.deployments import (
    Deployment,
    decode_deployment,
    drainage_due,
    encode_deployment,
    note_drainage,
    renew_token,
)
from polyrhythm.core.state import Version
from polyrhythm.core.versions import (
    version_queue,
)
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.drainage import count_pinned
from polyrhythm.engine.handlers.registration import (
    write_deployment,
)


def missing_deployment(name: str) -> NotFound:
    """Return the error of a deployment that is not there."""
    return NotFound(
        f"no Worker Deployment found with name '{name}'; does your Worker Deployment have pollers?"
    )


def missing_workflow(name: str) -> NotFound:
    """Return the same where the server names the workflow that would be the deployment."""
    # The server keeps a deployment as a workflow, and says so.
    mark = "" if name.startswith("-") else ":"
    return NotFound(f"workflow not found for ID: temporal-sys-worker-deployment{mark}{name}")


def load_deployment(
    desk: Desk, call: Call, name: str, missing: Callable[[str], NotFound] = missing_deployment
) -> Deployment:
    """Return a deployment as it is now; raise what `missing` makes of its name when there is
    none."""
    deployment = desk.memory.deployments.space(call.namespace.key).deployments.get(name)
    if deployment is None:
        raise missing(name)
    due = [each for each in deployment.versions.values() if drainage_due(each, desk.now_ns)]
    if due:
        deployment = copy_deployment(deployment)
        for build_id in [each.deployment_version.build_id for each in due]:
            version = (name, build_id)
            open_runs = count_pinned(desk, call.namespace.key, version)
            note_drainage(deployment.versions[build_id], open_runs, desk.now_ns)
        write_deployment(desk, call, deployment)
    return deployment


def copy_deployment(deployment: Deployment) -> Deployment:
    """Return a deployment to be changed: what is refused half way is forgotten."""
    return decode_deployment(encode_deployment(deployment))


def write_changed(desk: Desk, call: Call, deployment: Deployment, identity: str) -> None:
    """Stage a change that somebody of this identity has made."""
    deployment.info.last_modifier_identity = identity
    renew_token(deployment, desk.now_ns)
    write_deployment(desk, call, deployment)


def check_token(deployment: Deployment, token: bytes) -> None:
    """Refuse a caller who knows an earlier state."""
    if token and token != deployment.conflict_token:
        raise FailedPrecondition("conflict token mismatch")


def check_manager(deployment: Deployment, identity: str) -> None:
    """Refuse everybody but the manager, if there is one."""
    manager = deployment.info.manager_identity
    if manager and manager != identity:
        raise FailedPrecondition(
            f"ManagerIdentity '{manager}' is set and does not match user identity '{identity}'; to"
            " proceed, set your own identity as the ManagerIdentity, remove the ManagerIdentity, or"
            " wait for the other client to do so"
        )


def count_waiting(desk: Desk, call: Call, name: str, kind: int, version: Version) -> int:
    """Return how many tasks for a version wait at a queue, as of the last commit."""
    store, key = desk.memory.world.store, call.namespace.key
    names = [version_queue(name, version)]
    if desk.memory.deployments.space(key).route(name, kind).current == version:
        names.append(name)
    return sum(line.count for queue in names for line in store.count_work(key, kind, queue))
