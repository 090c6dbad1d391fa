"""`poly export` and `poly import`: a file's runs go on in another; histories become closed runs."""

import json
import subprocess

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
    ListWorkflowExecutionsRequest,
    PollActivityTaskQueueRequest,
    RegisterNamespaceRequest,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedRequest,
    RespondWorkflowTaskCompletedRequest,
    SignalWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)
from temporalio.client import WorkflowHistory

from poly_process import POLY, PolyProcess


def poly(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(POLY), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def done(*arguments: object) -> str:
    ended = poly(*arguments)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def refused(*arguments: object) -> str:
    ended = poly(*arguments)
    assert ended.returncode == 1, ended.stdout
    return ended.stderr


def describe(server, workflow_id, run_id="", namespace="default"):
    request = DescribeWorkflowExecutionRequest(
        namespace=namespace, execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id)
    )
    return server.call("DescribeWorkflowExecution", request)


def history(server, workflow_id, run_id=""):
    request = GetWorkflowExecutionHistoryRequest(
        namespace="default",
        execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
    )
    return server.call("GetWorkflowExecutionHistory", request)


def busy_run(server):
    """An open run with a timer, a failed activity in its back-off, one that runs, and a signal."""
    server.start("busy")
    task = server.poll()
    request = RespondWorkflowTaskCompletedRequest(namespace="default", task_token=task.task_token)
    command = request.commands.add(command_type="COMMAND_TYPE_START_TIMER")
    command.start_timer_command_attributes.timer_id = "t"
    command.start_timer_command_attributes.start_to_fire_timeout.seconds = 3600
    for name in ("fails", "runs"):
        command = request.commands.add(command_type="COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK")
        attributes = command.schedule_activity_task_command_attributes
        attributes.activity_id = attributes.activity_type.name = name
        attributes.task_queue.name = name
        attributes.start_to_close_timeout.seconds = 600
        attributes.retry_policy.initial_interval.seconds = 500
    server.call("RespondWorkflowTaskCompleted", request)
    for name in ("fails", "runs"):
        poll = PollActivityTaskQueueRequest(namespace="default")
        poll.task_queue.name = name
        activity = server.call("PollActivityTaskQueue", poll)
        if name == "fails":
            failure = RespondActivityTaskFailedRequest(
                namespace="default", task_token=activity.task_token
            )
            failure.failure.message = "not yet"
            failure.failure.application_failure_info.type = "Soft"
            server.call("RespondActivityTaskFailed", failure)
    signal = SignalWorkflowExecutionRequest(namespace="default", signal_name="wake")
    signal.workflow_execution.workflow_id = "busy"
    server.call("SignalWorkflowExecution", signal)


@pytest.fixture
def source(tmp_path):
    """A server with a closed run and two open ones, one of them in another namespace."""
    folder = tmp_path / "source"
    folder.mkdir()
    with PolyProcess(folder) as server:
        register = RegisterNamespaceRequest(namespace="other")
        register.workflow_execution_retention_period.seconds = 86400 * 3
        server.call("RegisterNamespace", register)
        server.start("closed")
        server.complete(server.poll().task_token)
        server.start("elsewhere", namespace="other")
        busy_run(server)
        yield server


def shown(server):
    """All that clients see of the runs."""
    found = server.call(
        "ListWorkflowExecutions", ListWorkflowExecutionsRequest(namespace="default")
    ).executions
    others = ListWorkflowExecutionsRequest(namespace="other")
    return (
        list(found),
        list(server.call("ListWorkflowExecutions", others).executions),
        [describe(server, w) for w in ("closed", "busy")],
        [history(server, w).history for w in ("closed", "busy")],
    )


def test_runs_go_on_in_another_file(source, tmp_path):
    before = shown(source)
    export = tmp_path / "runs.ndjson"
    # Its owner runs on: the export reads the file as of one instant.
    done("export", "--db", source.file, "--form", "full", "--output", export)
    folder = tmp_path / "target"
    folder.mkdir()
    assert "3 runs taken, 2 of them open" in done("import", export, "-f", folder / "poly.db")
    assert "is sound" in done("db", "check", folder / "poly.db")
    with PolyProcess(folder) as server:
        assert shown(server) == before
        task = server.poll()
        assert [event.event_id for event in task.history.events] == list(range(1, 11))
        server.complete(task.task_token)
        assert server.history("busy")[-1] == "WORKFLOW_EXECUTION_COMPLETED"
        count = CountWorkflowExecutionsRequest(namespace="default")
        assert server.call("CountWorkflowExecutions", count).count == 2


def test_an_activity_that_was_out_can_be_answered_by_id_afterwards(source, tmp_path):
    export = tmp_path / "runs.ndjson"
    done("export", "--db", source.file, "--form", "full", "-w", "busy", "-o", export)
    folder = tmp_path / "target"
    folder.mkdir()
    done("import", export, "-f", folder / "poly.db")
    with PolyProcess(folder) as server:
        pending = describe(server, "busy").pending_activities
        assert [(p.activity_id, p.attempt) for p in pending] == [("fails", 2), ("runs", 1)]
        with pytest.raises(Exception, match=r"INVALID_ARGUMENT"):
            server.call(
                "RespondActivityTaskCompleted", RespondActivityTaskCompletedRequest(task_token=b"x")
            )
        terminate = TerminateWorkflowExecutionRequest(namespace="default")
        terminate.workflow_execution.workflow_id = "busy"
        server.call("TerminateWorkflowExecution", terminate)
        assert server.history("busy")[-1] == "WORKFLOW_EXECUTION_TERMINATED"


def test_histories_are_what_replayers_read_and_come_back_as_closed_runs(source, tmp_path):
    lines = done("export", "--db", source.file, "-w", "closed").splitlines()
    assert lines == done("export", "--address", source.address, "-w", "closed").splitlines()
    line = json.loads(lines[0])
    told = WorkflowHistory.from_json(line["workflowId"], line)
    assert list(told.events) == list(history(source, "closed").history.events)
    file = tmp_path / "closed.json"
    # As people save one: a document over many lines, without its ids.
    file.write_text(json.dumps({"events": line["events"]}, indent=2))
    folder = tmp_path / "target"
    folder.mkdir()
    done("import", file, "-f", folder / "poly.db", "-n", "read", "-w", "named")
    with PolyProcess(folder) as server:
        info = describe(server, "named", namespace="read").workflow_execution_info
        original = source.describe("closed")
        assert (info.status, info.history_length) == (original.status, original.history_length)
        assert info.execution.run_id == original.execution.run_id
        assert (info.start_time, info.close_time) == (original.start_time, original.close_time)


def test_what_cannot_be_taken(source, tmp_path):
    histories, full = tmp_path / "all.ndjson", tmp_path / "full.ndjson"
    done("export", "--db", source.file, "-o", histories)
    done("export", "--db", source.file, "--form", "full", "-o", full)
    target = tmp_path / "x.db"
    assert "the run is open (its last event is" in refused("import", histories, "-f", target)
    assert "end it first" in refused("import", full, "-f", source.file)
    taken = done("import", histories, "-f", target, "--skip-open")
    assert "1 runs taken, 0 of them open, 2 histories of open runs left out" in taken
    assert "is in the file already" in refused("import", full, "-f", target)
    assert "2 runs taken, 2 of them open, 1 were there" in done(
        "import", full, "-f", target, "--skip-existing"
    )
    bad = tmp_path / "bad.ndjson"
    rows = full.read_text().splitlines()
    run = json.loads(rows[1])
    run["historyEvents"] += 1
    bad.write_text("\n".join([rows[0], json.dumps(run)]))
    assert "is not what the export says" in refused("import", bad, "-f", tmp_path / "y.db")
    bad.write_text("\n".join(rows[1:]))
    assert "which begins a full export, is missing" in refused(
        "import", bad, "-f", tmp_path / "z.db"
    )
    bad.write_text("nonsense")
    assert "is no run" in refused("import", bad, "-f", tmp_path / "z.db")


def test_an_old_history_in_a_namespace_with_retention_is_warned_of(source, tmp_path):
    line = json.loads(done("export", "--db", source.file, "-w", "closed"))
    for event in line["events"]:
        event["eventTime"] = "2020-01-01T00:00:00Z"
    file, target = tmp_path / "old.json", tmp_path / "old.db"
    file.write_text(json.dumps(line))
    ended = poly("import", file, "-f", target)
    assert (ended.returncode, "1 closed longer ago" in ended.stderr) == (0, True)
    ended = poly("import", file, "-f", target, "-n", "archive")
    assert (ended.returncode, ended.stderr) == (0, "")


def test_one_source_is_named(tmp_path):
    assert poly("export").returncode == 2
    assert poly("export", "--db", "x", "--address", "y").returncode == 2
    assert poly("export", "--address", "y", "--form", "full").returncode == 2
    assert "there is no file" in refused("export", "--db", tmp_path / "none.db")
