"""Worker deployments in the lane: who gets what, before and after a crash or a failed commit."""

from __future__ import annotations

from typing import Any

import pytest
import temporalio.api.workflowservice.v1 as ws
from temporalio.api.enums.v1 import VersioningBehavior, WorkerVersioningMode

from engine.rig import (
    Rig,
    complete,
    completed_request,
    poll_activity_request,
    poll_request,
    signal_request,
    start_request,
)
from polyrhythm.base.errors import FailedPrecondition, StoreError
from polyrhythm.base.limits import Limits

PINNED = VersioningBehavior.VERSIONING_BEHAVIOR_PINNED
AUTO = VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE
VERSIONED = WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED


def of_version(request: Any, build_id: str) -> Any:
    if build_id:
        request.deployment_options.deployment_name = "shop"
        request.deployment_options.build_id = build_id
        request.deployment_options.worker_versioning_mode = VERSIONED
    return request


def poll(rig: Rig, build_id: str = "", queue: str = "q") -> Any:
    """A workflow task for a worker of this version, None when there is none now."""
    reply = rig.submit(of_version(poll_request(queue), build_id))
    rig.turn()
    if reply.done and reply.error is None:
        return reply.value
    # Its caller goes away.
    reply.fail(StoreError("gone"))
    return None


def poll_activity(rig: Rig, build_id: str = "", queue: str = "q") -> Any:
    reply = rig.submit(of_version(poll_activity_request(queue), build_id))
    rig.turn()
    if reply.done and reply.error is None:
        return reply.value
    reply.fail(StoreError("gone"))
    return None


def answer(rig: Rig, task: Any, build_id: str, behavior: int, *commands: Any) -> None:
    request = of_version(completed_request(task.task_token, *commands), build_id)
    request.versioning_behavior = behavior
    rig.call(request)


def make_current(rig: Rig, build_id: str, **fields: Any) -> Any:
    request = ws.SetWorkerDeploymentCurrentVersionRequest(namespace="default", **fields)
    request.deployment_name = "shop"
    request.version = f"shop.{build_id}" if build_id else "__unversioned__"
    request.ignore_missing_task_queues = True
    return rig.call(request)


def make_ramping(rig: Rig, build_id: str, percentage: float) -> Any:
    request = ws.SetWorkerDeploymentRampingVersionRequest(namespace="default")
    request.deployment_name = "shop"
    request.version, request.percentage = f"shop.{build_id}", percentage
    request.ignore_missing_task_queues = True
    return rig.call(request)


def deployment(rig: Rig) -> Any:
    request = ws.DescribeWorkerDeploymentRequest(namespace="default", deployment_name="shop")
    return rig.call(request).worker_deployment_info


def schedule_activity(queue: str) -> Any:
    from_request = ws.RespondWorkflowTaskCompletedRequest()
    command = from_request.commands.add()
    command.command_type = 1
    attributes = command.schedule_activity_task_command_attributes
    attributes.activity_id = attributes.activity_type.name = "a"
    attributes.task_queue.name = queue
    attributes.start_to_close_timeout.seconds = 30
    return command


def with_versions(*builds: str, current: str = "") -> Rig:
    rig = Rig()
    for build_id in builds:
        poll(rig, build_id)
    if current:
        make_current(rig, current)
    return rig


def test_a_version_that_becomes_current_gets_what_waits_though_its_worker_polled_before() -> None:
    rig = with_versions("1")
    rig.call(start_request())
    parked = rig.submit(of_version(poll_request(), "1"))
    rig.turn()
    assert not parked.done
    make_current(rig, "1")
    assert parked.done
    assert parked.value.workflow_execution.workflow_id == "w"


def test_workers_without_a_version_and_of_others_get_nothing_of_a_current_one() -> None:
    rig = with_versions("1", "2", current="1")
    rig.call(start_request())
    assert poll(rig) is None
    assert poll(rig, "2") is None
    assert poll(rig, "1") is not None


def test_a_pinned_run_is_found_by_its_version_alone_after_a_crash() -> None:
    rig = with_versions("1", "2", current="1")
    rig.call(start_request())
    answer(rig, poll(rig, "1"), "1", PINNED)
    make_current(rig, "2")
    rig.call(signal_request())
    rig.crash()
    assert poll(rig, "2") is None
    assert poll(rig) is None
    assert poll(rig, "1").workflow_execution.workflow_id == "w"


def test_a_run_that_follows_moves_after_a_crash() -> None:
    rig = with_versions("1", "2", current="1")
    rig.call(start_request())
    answer(rig, poll(rig, "1"), "1", AUTO)
    rig.call(signal_request())
    rig.crash()
    make_current(rig, "2")
    assert poll(rig, "1") is None
    answer(rig, poll(rig, "2"), "2", AUTO, complete())
    assert rig.events()[-1] == "WORKFLOW_EXECUTION_COMPLETED"


def test_an_activity_whose_queue_its_pinned_version_does_not_serve_goes_to_who_does() -> None:
    rig = with_versions("1", current="1")
    poll_activity(rig, "2", "elsewhere")
    make_current(rig, "2")
    poll(rig, "1")
    rig.call(start_request())
    # The workflow's queue has no worker of 2: no version is current there.
    answer(rig, poll(rig), "1", PINNED, schedule_activity("elsewhere"))
    assert poll_activity(rig, "", "elsewhere") is None
    rig.crash()
    assert poll_activity(rig, "2", "elsewhere").activity_id == "a"


def test_activities_wait_for_the_end_of_a_transition() -> None:
    rig = with_versions("1", "2", current="1")
    poll_activity(rig, "1")
    poll_activity(rig, "2")
    rig.call(start_request())
    answer(rig, poll(rig, "1"), "1", AUTO, schedule_activity("q"))
    make_current(rig, "2")
    assert poll_activity(rig, "1") is None
    # Its worker would be of the next version: the run moves first.
    assert poll_activity(rig, "2") is None
    rig.crash()
    assert poll_activity(rig, "2") is None
    answer(rig, poll(rig, "2"), "2", AUTO)
    assert poll_activity(rig, "2").activity_id == "a"


def test_a_ramp_takes_its_share_of_the_runs_and_always_the_same() -> None:
    rig = with_versions("1", "2", current="1")
    make_ramping(rig, "2", 30)
    for number in range(200):
        rig.call(start_request(f"w{number}"))
    ramped = set()
    while (task := poll(rig, "2")) is not None:
        ramped.add(task.workflow_execution.workflow_id)
    assert 30 <= len(ramped) <= 90
    rest = 0
    while poll(rig, "1") is not None:
        rest += 1
    assert rest == 200 - len(ramped)


def test_a_registration_whose_commit_failed_is_made_by_the_next_poll() -> None:
    rig = Rig()
    commits = rig.store.commit

    def refuse(batch: Any) -> None:
        raise StoreError("no")

    rig.store.commit = refuse
    refused = rig.submit(of_version(poll_request(), "1"))
    rig.turn()
    assert refused.done
    rig.store.commit = commits
    rig.turn()
    with pytest.raises(Exception, match="no Worker Deployment found"):
        deployment(rig)
    poll(rig, "1")
    assert [v.version for v in deployment(rig).version_summaries] == ["shop.1"]


def test_a_draining_version_has_drained_when_no_open_run_is_pinned_to_it() -> None:
    rig = with_versions("1", "2", current="1")
    rig.call(start_request())
    answer(rig, poll(rig, "1"), "1", PINNED)
    make_current(rig, "2")
    statuses = {v.version: v.drainage_status for v in deployment(rig).version_summaries}
    assert statuses["shop.1"] == 1
    rig.advance(181)
    assert {v.drainage_status for v in deployment(rig).version_summaries} == {0, 1}
    rig.call(signal_request())
    answer(rig, poll(rig, "1"), "1", PINNED, complete())
    rig.advance(181)
    assert {v.drainage_status for v in deployment(rig).version_summaries} == {0, 2}


def test_a_version_with_work_at_a_queue_of_its_own_is_not_replaced_unasked() -> None:
    rig = with_versions("1", "2", current="1")
    poll(rig, "1", "own")
    rig.call(start_request("x", "own"))
    request = ws.SetWorkerDeploymentCurrentVersionRequest(namespace="default")
    request.deployment_name, request.version = "shop", "shop.2"
    with pytest.raises(FailedPrecondition, match="missing active task queues"):
        rig.call(request)
    request.ignore_missing_task_queues = True
    rig.call(request)
    assert deployment(rig).routing_config.current_version == "shop.2"


def test_an_override_moves_a_task_that_waits() -> None:
    rig = with_versions("1", "2", current="1")
    rig.call(start_request())
    request = ws.UpdateWorkflowExecutionOptionsRequest(namespace="default")
    request.workflow_execution.workflow_id = "w"
    request.update_mask.paths.append("versioning_override")
    pinned = request.workflow_execution_options.versioning_override.pinned
    pinned.behavior = 1
    pinned.version.deployment_name, pinned.version.build_id = "shop", "2"
    rig.call(request)
    assert poll(rig, "1") is None
    assert poll(rig, "2") is not None


def test_versions_share_a_queue_that_memory_does_not_hold() -> None:
    rig = Rig(Limits(offers_in_memory_max=4))
    for build_id in ("1", "2"):
        poll(rig, build_id)
    make_current(rig, "1")
    make_ramping(rig, "2", 50)
    for number in range(40):
        rig.call(start_request(f"w{number}"))
    rig.crash()
    given: dict[str, set[str]] = {"1": set(), "2": set()}
    for _ in range(40):
        for build_id, ids in given.items():
            task = poll(rig, build_id)
            if task is not None:
                ids.add(task.workflow_execution.workflow_id)
    assert len(given["1"] | given["2"]) == 40
    assert not given["1"] & given["2"]
    assert min(map(len, given.values())) > 5


def pin(rig: Rig, build_id: str) -> None:
    request = ws.UpdateWorkflowExecutionOptionsRequest(namespace="default")
    request.workflow_execution.workflow_id = "w"
    request.update_mask.paths.append("versioning_override")
    pinned = request.workflow_execution_options.versioning_override.pinned
    pinned.behavior = 1
    pinned.version.deployment_name, pinned.version.build_id = "shop", build_id
    rig.call(request)


def test_a_worker_is_not_given_the_next_task_of_a_run_that_was_pinned_elsewhere_meanwhile() -> None:
    rig = with_versions("1", "2", current="1")
    rig.call(start_request())
    task = poll(rig, "1")
    pin(rig, "2")
    request = of_version(completed_request(task.task_token), "1")
    request.versioning_behavior = AUTO
    request.force_create_new_workflow_task = request.return_new_workflow_task = True
    request.sticky_attributes.worker_task_queue.name = "sticky"
    request.sticky_attributes.schedule_to_start_timeout.seconds = 5
    answer = rig.call(request)
    assert not answer.HasField("workflow_task")
    assert poll(rig, "1") is None
    # It does not wait in the queue of the worker that has left, either.
    assert poll(rig, "2").workflow_execution.workflow_id == "w"


def test_an_activity_of_a_run_that_was_pinned_meanwhile_goes_to_its_version_alone() -> None:
    rig = with_versions("1", "2", current="1")
    poll_activity(rig, "1")
    poll_activity(rig, "2")
    rig.call(start_request())
    answer(rig, poll(rig, "1"), "1", AUTO, schedule_activity("q"))
    pin(rig, "2")
    assert poll_activity(rig, "1") is None
    assert poll_activity(rig, "2").activity_id == "a"


def test_a_pin_to_a_version_without_workers_is_refused_in_every_spelling_but_the_oldest() -> None:
    rig = Rig()
    request = start_request()
    override = request.versioning_override
    override.behavior = PINNED
    override.deployment.series_name, override.deployment.build_id = "shop", "1"
    override.pinned.behavior = 1
    override.pinned.version.deployment_name, override.pinned.version.build_id = "shop", "1"
    with pytest.raises(FailedPrecondition, match="Pinned version 'shop:1' is not present"):
        rig.call(request)
    override.ClearField("pinned")
    rig.call(request)
