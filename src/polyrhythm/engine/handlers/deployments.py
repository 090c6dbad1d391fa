"""Calls about worker deployments: describe and list them, create and delete them, say who manages
them. What is current or ramping is `version_routing`'s.

Source: the server's worker deployment client and workflows, with the words of 1.31.2.
"""

from __future__ import annotations

from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.deployment.v1 import WorkerDeploymentInfo, WorkerDeploymentVersionInfo
from temporalio.api.enums.v1 import RoutingConfigUpdateState

from polyrhythm.base.errors import (
    AlreadyExists,
    FailedPrecondition,
    NotFound,
)
from polyrhythm.core.deployments import (
    DRAINING,
    Deployment,
)
from polyrhythm.core.durations import span_ns
from polyrhythm.core.state import Version
from polyrhythm.core.versions import (
    parse_old,
    spell_old,
    spell_version,
    version_of,
)
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.deployment_access import (
    check_manager,
    check_token,
    copy_deployment,
    count_waiting,
    load_deployment,
    missing_workflow,
    write_changed,
)
from polyrhythm.engine.handlers.registration import (
    AUTO_CREATED,
    has_pollers,
    make_version,
    open_deployment,
    remove_deployment,
    write_deployment,
)

_COMPLETED = RoutingConfigUpdateState.ROUTING_CONFIG_UPDATE_STATE_COMPLETED
# What a description of a version leaves out, though the list of a deployment has it.
_SUMMARY_ONLY = ("first_activation_time", "last_current_time", "last_deactivation_time")


def describe_deployment(desk: Desk, call: Call) -> None:
    """Answer with a deployment and all its versions."""
    deployment = load_deployment(desk, call, call.request.deployment_name)
    answer = ws.DescribeWorkerDeploymentResponse(conflict_token=deployment.conflict_token)
    info = answer.worker_deployment_info
    info.CopyFrom(deployment.info)
    info.routing_config_update_state = _COMPLETED
    newest = sorted(
        deployment.versions.values(), key=lambda each: span_ns(each.create_time), reverse=True
    )
    for version in newest:
        _summarize(info.version_summaries.add(), version, deployment)
    desk.turn.answer(call.reply, answer)


def list_deployments(desk: Desk, call: Call) -> None:
    """Answer with a page of deployments, the newest first."""
    request, space = call.request, desk.memory.deployments.space(call.namespace.key)
    answer = ws.ListWorkerDeploymentsResponse()
    every = sorted(
        space.deployments.values(),
        key=lambda each: (-span_ns(each.info.create_time), each.info.name),
    )
    first = int.from_bytes(request.next_page_token, "big")
    for deployment in every[first : first + request.page_size]:
        entry = answer.worker_deployments.add()
        entry.name = deployment.info.name
        entry.create_time.CopyFrom(deployment.info.create_time)
        entry.routing_config.CopyFrom(deployment.routing)
        versions = list(deployment.versions.values())
        if versions:
            latest = max(versions, key=lambda each: span_ns(each.create_time))
            _summarize(entry.latest_version_summary, latest, deployment)
        current = deployment.find(deployment.routing.current_version)
        if current is not None:
            _summarize(entry.current_version_summary, current, deployment)
        ramping = deployment.find(deployment.routing.ramping_version)
        if ramping is not None:
            _summarize(entry.ramping_version_summary, ramping, deployment)
    if first + request.page_size < len(every):
        answer.next_page_token = (first + request.page_size).to_bytes(4, "big")
    desk.turn.answer(call.reply, answer)


def describe_version(desk: Desk, call: Call) -> None:
    """Answer with one version and its queues."""
    request = call.request
    version = _asked(request)
    space = desk.memory.deployments.space(call.namespace.key)
    name, build_id = version
    if name not in space.deployments or build_id not in space.deployments[name].versions:
        raise NotFound("Worker Deployment Version not found")
    deployment = load_deployment(desk, call, name)
    answer = ws.DescribeWorkerDeploymentVersionResponse()
    info = answer.worker_deployment_version_info
    info.CopyFrom(deployment.versions[build_id])
    for field in _SUMMARY_ONLY:
        info.ClearField(field)  # type: ignore[arg-type]
    for queue in info.task_queue_infos:
        entry = answer.version_task_queues.add()
        entry.name, entry.type = queue.name, queue.type
        if request.report_task_queue_stats:
            waiting = count_waiting(desk, call, queue.name, queue.type, version)
            entry.stats.approximate_backlog_count = waiting
            entry.stats.approximate_backlog_age.SetInParent()
    desk.turn.answer(call.reply, answer)


def set_manager(desk: Desk, call: Call) -> None:
    """Say who may change a deployment."""
    request = call.request
    own = request.WhichOneof("new_manager_identity") == "self" and request.self
    manager = request.identity if own else request.manager_identity
    deployment = copy_deployment(
        load_deployment(desk, call, request.deployment_name, missing_workflow)
    )
    answer = ws.SetWorkerDeploymentManagerResponse()
    answer.previous_manager_identity = deployment.info.manager_identity
    info = deployment.info
    if (info.manager_identity, info.last_modifier_identity) != (manager, request.identity):
        check_token(deployment, request.conflict_token)
        info.manager_identity = manager
        write_changed(desk, call, deployment, request.identity)
    answer.conflict_token = deployment.conflict_token
    desk.turn.answer(call.reply, answer)


def update_metadata(desk: Desk, call: Call) -> None:
    """Change what users note of a version."""
    request = call.request
    version = _asked(request)
    deployment = desk.memory.deployments.space(call.namespace.key).deployments.get(version[0])
    if deployment is None or version[1] not in deployment.versions:
        raise missing_workflow(f"-version:{spell_version(version)}")
    deployment = copy_deployment(deployment)
    info = deployment.versions[version[1]]
    for key, payload in request.upsert_entries.items():
        info.metadata.entries[key].CopyFrom(payload)
    for key in request.remove_entries:
        info.metadata.entries.pop(key, None)
    info.last_modifier_identity = request.identity
    write_deployment(desk, call, deployment)
    answer = ws.UpdateWorkerDeploymentVersionMetadataResponse()
    answer.metadata.CopyFrom(info.metadata)
    desk.turn.answer(call.reply, answer)


def delete_version(desk: Desk, call: Call) -> None:
    """Delete a version that nobody needs."""
    request = call.request
    name, build_id = version = _asked(request)
    deployment = copy_deployment(load_deployment(desk, call, name, missing_workflow))
    info = deployment.versions.get(build_id)
    if info is not None:
        shown = spell_version(version)
        routing = deployment.routing
        if info.version in (routing.current_version, routing.ramping_version):
            raise FailedPrecondition(
                f"version '{shown}' cannot be deleted since it is current or ramping"
            )
        check_manager(deployment, request.identity)
        if not request.skip_drainage and info.drainage_info.status == DRAINING:
            raise FailedPrecondition(f"version '{shown}' cannot be deleted since it is draining")
        if has_pollers(desk, call.namespace.key, info):
            raise FailedPrecondition(
                f"version '{shown}' cannot be deleted since it has active pollers"
            )
        del deployment.versions[build_id]
        deployment.requests.pop(build_id, None)
        deployment.info.last_modifier_identity = request.identity
        write_deployment(desk, call, deployment)
    desk.turn.answer(call.reply, ws.DeleteWorkerDeploymentVersionResponse())


def delete_deployment(desk: Desk, call: Call) -> None:
    """Delete a deployment without versions; one that is not there is deleted already."""
    name = call.request.deployment_name
    found = desk.memory.deployments.space(call.namespace.key).deployments.get(name)
    if found is not None:
        if found.versions:
            raise FailedPrecondition("deployment has versions, can't be deleted")
        remove_deployment(desk, call, name)
    desk.turn.answer(call.reply, ws.DeleteWorkerDeploymentResponse())


def create_deployment(desk: Desk, call: Call) -> None:
    """Create a deployment before it has workers."""
    request = call.request
    space = desk.memory.deployments.space(call.namespace.key)
    deployment = space.deployments.get(request.deployment_name)
    if deployment is None:
        deployment = open_deployment(desk, call, request.deployment_name, request.request_id)
        deployment.info.last_modifier_identity = request.identity
        write_deployment(desk, call, deployment)
    elif deployment.create_request_id != request.request_id:
        tail = ""
        if deployment.create_request_id.startswith(AUTO_CREATED):
            tail = " (auto-created from worker polls)"
        raise AlreadyExists(
            f'Worker Deployment with name "{request.deployment_name}" already exists{tail}'
        )
    answer = ws.CreateWorkerDeploymentResponse(conflict_token=deployment.conflict_token)
    desk.turn.answer(call.reply, answer)


def create_version(desk: Desk, call: Call) -> None:
    """Create a version before it has workers."""
    request = call.request
    version = version_of(request.deployment_version)
    deployment = copy_deployment(load_deployment(desk, call, version[0]))
    if version[1] not in deployment.versions:
        info = make_version(desk, call, deployment, version, created=True)
        info.last_modifier_identity = request.identity
        deployment.requests[version[1]] = request.request_id
        write_deployment(desk, call, deployment)
    elif deployment.requests.get(version[1]) != request.request_id:
        raise AlreadyExists(f'Worker Deployment Version "{spell_old(version)}" already exists')
    desk.turn.answer(call.reply, ws.CreateWorkerDeploymentVersionResponse())


def _asked(request: Any) -> Version:
    if request.HasField("deployment_version"):
        return version_of(request.deployment_version)
    version = parse_old(request.version)
    return version if version is not None else ("", "")


def _summarize(
    summary: WorkerDeploymentInfo.WorkerDeploymentVersionSummary,
    info: WorkerDeploymentVersionInfo,
    deployment: Deployment,
) -> None:
    summary.version, summary.status = info.version, info.status
    summary.deployment_version.CopyFrom(info.deployment_version)
    summary.drainage_status = info.drainage_info.status
    for field in (
        "create_time",
        "drainage_info",
        "current_since_time",
        "ramping_since_time",
        "first_activation_time",
        "last_current_time",
        "last_deactivation_time",
    ):
        if info.HasField(field):
            getattr(summary, field).CopyFrom(getattr(info, field))
    if not info.HasField("drainage_info") and info.HasField("current_since_time"):
        # The server erases what it knew of the drainage of a version that becomes current.
        summary.drainage_info.last_changed_time.CopyFrom(info.current_since_time)
        summary.drainage_info.last_checked_time.CopyFrom(info.current_since_time)
    if info.HasField("routing_changed_time"):
        summary.routing_update_time.CopyFrom(info.routing_changed_time)
