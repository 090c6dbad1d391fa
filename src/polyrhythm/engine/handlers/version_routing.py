"""Says which version of a deployment is current, and which is ramping.

A change moves nothing that waits: polls are given what is theirs now.
Source: handleSetCurrent and handleSetRampingVersion of the server's deployment workflow.
"""

from __future__ import annotations

from typing import Any

import temporalio.api.workflowservice.v1 as ws

from polyrhythm.base.errors import (
    FailedPrecondition,
    NotFound,
)
from polyrhythm.core.deployments import (
    UNVERSIONED,
    Deployment,
    missing_queues,
    set_current,
    set_ramping,
)
from polyrhythm.core.versions import (
    fill_version,
    parse_old,
    spell_version,
)
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.deployment_access import (
    check_manager,
    check_token,
    copy_deployment,
    count_waiting,
    load_deployment,
    write_changed,
)
from polyrhythm.engine.handlers.registration import (
    make_version,
    open_deployment,
)
from polyrhythm.engine.handlers.routes import feed
from polyrhythm.engine.matching import QueueKind


def set_current_version(desk: Desk, call: Call) -> None:
    """Make a version current."""
    request, new = call.request, call.request.version
    deployment = _open(desk, call, request.allow_no_pollers)
    before = deployment.routing.current_version
    answer = ws.SetWorkerDeploymentCurrentVersionResponse()
    same = deployment.info.last_modifier_identity == request.identity
    if before == new and same:
        answer.previous_version = new
    else:
        check_token(deployment, request.conflict_token)
        _check_known(deployment, new, request.allow_no_pollers)
        check_manager(deployment, request.identity)
        _make_known(desk, call, deployment, new)
        if not request.ignore_missing_task_queues:
            _check_queues(desk, call, deployment, new, "current")
        set_current(deployment, new, desk.now_ns)
        write_changed(desk, call, deployment, request.identity)
        answer.previous_version = before
        _feed(desk, call, deployment)
    answer.conflict_token = deployment.conflict_token
    _fill_previous(answer)
    desk.turn.answer(call.reply, answer)


def set_ramping_version(desk: Desk, call: Call) -> None:
    """Let a share of the runs go to a version."""
    request, new = call.request, call.request.version
    deployment = _open(desk, call, request.allow_no_pollers)
    routing = deployment.routing
    before = (routing.ramping_version, routing.ramping_version_percentage)
    answer = ws.SetWorkerDeploymentRampingVersionResponse()
    same = deployment.info.last_modifier_identity == request.identity
    answer.previous_version, answer.previous_percentage = before
    if before != (new, request.percentage) or not same:
        check_token(deployment, request.conflict_token)
        if new == routing.current_version and (new != UNVERSIONED or request.percentage):
            raise FailedPrecondition(f"requested ramping version {new} is already current")
        if new:
            _check_known(deployment, new, request.allow_no_pollers)
        check_manager(deployment, request.identity)
        if new:
            _make_known(desk, call, deployment, new)
        if new and new != before[0] and not request.ignore_missing_task_queues:
            _check_queues(desk, call, deployment, new, "ramping")
        set_ramping(deployment, new, request.percentage, desk.now_ns)
        write_changed(desk, call, deployment, request.identity)
        _feed(desk, call, deployment)
    answer.conflict_token = deployment.conflict_token
    _fill_previous(answer)
    desk.turn.answer(call.reply, answer)


def _open(desk: Desk, call: Call, create: bool) -> Deployment:
    name = call.request.deployment_name
    if create:
        return open_deployment(desk, call, name, desk.memory.world.ids.run_id())
    return copy_deployment(load_deployment(desk, call, name))


def _check_known(deployment: Deployment, new: str, unknown_too: bool) -> None:
    if new == UNVERSIONED or unknown_too or deployment.find(new) is not None:
        return
    version = parse_old(new)
    assert version is not None
    raise NotFound(
        f"build ID '{version[1]}' not found in Worker Deployment '{deployment.info.name}'"
    )


def _make_known(desk: Desk, call: Call, deployment: Deployment, new: str) -> None:
    if new != UNVERSIONED and deployment.find(new) is None:
        version = parse_old(new)
        assert version is not None
        make_version(desk, call, deployment, version)


def _check_queues(desk: Desk, call: Call, deployment: Deployment, new: str, word: str) -> None:
    current = parse_old(deployment.routing.current_version)
    if current is None or new == UNVERSIONED:
        return
    space = desk.memory.deployments.space(call.namespace.key)
    for name, kind in missing_queues(deployment, new):
        moved_away = space.route(name, kind).current != current
        if not moved_away and count_waiting(desk, call, name, kind, current):
            raise FailedPrecondition(
                f"proposed {word} version '{spell_version(parse_old(new))}' is missing active task"
                " queues from the current version; these would become unversioned if it is set as"
                f" the {word} version"
            )


def _feed(desk: Desk, call: Call, deployment: Deployment) -> None:
    queues = {
        (queue.name, queue.type)
        for info in deployment.versions.values()
        for queue in info.task_queue_infos
    }
    for name, kind in queues:
        feed(desk, call.namespace.key, name, QueueKind(kind))


def _fill_previous(answer: Any) -> None:
    before = parse_old(answer.previous_version) if answer.previous_version else None
    if before is not None:
        fill_version(answer.previous_deployment_version, before)
