"""The build id that a worker gives with polls and completions, in the events of its tasks.

A worker that replays a run reads from them which build did what, though none is versioned.
"""

from __future__ import annotations

from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.enums.v1 import EventType, WorkerVersioningMode

from engine.rig import Rig, completed_request, poll_request, signal_request, start_request

VERSIONED = WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED


def poll(build_id: str) -> ws.PollWorkflowTaskQueueRequest:
    request = poll_request()
    request.worker_version_capabilities.build_id = build_id
    return request


def complete_as(rig: Rig, build_id: str, token: bytes, inline: bool = False) -> Any:
    request = completed_request(token)
    request.worker_version_stamp.build_id = build_id
    request.return_new_workflow_task = request.force_create_new_workflow_task = inline
    return rig.call(request)


def stamps(rig: Rig) -> list[tuple[str, str]]:
    """The events that carry a stamp, with its build id."""
    request = ws.GetWorkflowExecutionHistoryRequest(namespace="default")
    request.execution.workflow_id = "w"
    found = []
    for event in rig.call(request).history.events:
        attributes = getattr(event, event.WhichOneof("attributes"))
        if "worker_version" in attributes.DESCRIPTOR.fields_by_name and attributes.HasField(
            "worker_version"
        ):
            name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_WORKFLOW_TASK_")
            found.append((name, attributes.worker_version.build_id))
    return found


def test_a_task_carries_the_build_that_took_it_and_the_one_that_answered() -> None:
    rig = Rig()
    rig.call(start_request())
    complete_as(rig, "1.1", rig.call(poll("1.0")).task_token)
    assert stamps(rig) == [("STARTED", "1.0"), ("COMPLETED", "1.1")]


def test_a_task_given_with_the_answer_carries_the_build_of_the_answer() -> None:
    rig = Rig()
    rig.call(start_request())
    answer = complete_as(rig, "1.0", rig.call(poll("1.0")).task_token, inline=True)
    assert answer.workflow_task.task_token
    assert stamps(rig)[1:] == [("COMPLETED", "1.0"), ("STARTED", "1.0")]


def test_a_transient_task_carries_the_build_that_answered() -> None:
    rig = Rig()
    rig.call(start_request())
    failed = ws.RespondWorkflowTaskFailedRequest(task_token=rig.call(poll("1.0")).task_token)
    failed.namespace = "default"
    rig.call(failed)
    complete_as(rig, "2.0", rig.call(poll("1.1")).task_token)
    assert stamps(rig) == [("STARTED", "1.0"), ("STARTED", "2.0"), ("COMPLETED", "2.0")]


def test_a_versioned_worker_is_not_known_by_its_stamp() -> None:
    rig = Rig()
    current = ws.SetWorkerDeploymentCurrentVersionRequest(namespace="default")
    current.deployment_name, current.version, current.allow_no_pollers = "shop", "shop.1.0", True
    rig.call(current)
    # Its poll makes the queue one of the version, to which the task goes then.
    rig.call(start_request())
    request = poll("1.0")
    request.deployment_options.deployment_name = "shop"
    request.deployment_options.build_id = "1.0"
    request.deployment_options.worker_versioning_mode = VERSIONED
    rig.call(completed_request(rig.call(request).task_token))
    assert stamps(rig) == []


def test_a_worker_that_says_nothing_leaves_no_stamp() -> None:
    rig = Rig()
    rig.call(start_request())
    rig.run_commands()
    rig.call(signal_request())
    rig.run_commands()
    assert stamps(rig) == []


def described(rig: Rig) -> Any:
    request = ws.DescribeWorkflowExecutionRequest(namespace="default")
    request.execution.workflow_id = "w"
    return rig.call(request).workflow_execution_info


def build_ids(rig: Rig) -> str:
    data: bytes = described(rig).search_attributes.indexed_fields["BuildIds"].data
    return data.decode()


def test_a_run_is_found_by_the_builds_that_it_met_and_can_be_reset_to_each() -> None:
    rig = Rig()
    rig.call(start_request())
    assert "BuildIds" not in described(rig).search_attributes.indexed_fields
    complete_as(rig, "1.0", rig.call(poll("1.0")).task_token)
    rig.call(signal_request())
    complete_as(rig, "1.1", rig.call(poll("1.1")).task_token)
    rig.call(signal_request())
    complete_as(rig, "1.0", rig.call(poll("1.0")).task_token)
    assert build_ids(rig) == '["unversioned","unversioned:1.0","unversioned:1.1"]'
    points = described(rig).auto_reset_points.points
    assert [(p.build_id, p.first_workflow_task_completed_id) for p in points] == [
        ("1.0", 4),
        ("1.1", 8),
    ]
    assert described(rig).most_recent_worker_version_stamp.build_id == "1.0"


def test_a_worker_that_names_no_build_leaves_a_run_unversioned() -> None:
    rig = Rig()
    rig.call(start_request())
    rig.call(completed_request(rig.call(poll_request()).task_token))
    assert build_ids(rig) == '["unversioned"]'
    assert [point.build_id for point in described(rig).auto_reset_points.points] == [""]
    assert not described(rig).HasField("most_recent_worker_version_stamp")
