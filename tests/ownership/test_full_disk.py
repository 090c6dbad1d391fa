"""A whole server whose files may not grow any more, and then may again."""

import resource

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc.status_pb2 import Status
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import ResourceExhaustedCause
from temporalio.api.errordetails.v1 import ResourceExhaustedFailure
from temporalio.api.workflowservice.v1 import TerminateWorkflowExecutionRequest

from poly_process import CODES, PolyProcess, code_of, start_request

FILE_BYTES_MAX = 600_000
STARTS_MAX = 1000


def limit_files(server: PolyProcess, size: int) -> None:
    """Set the size that no file of a process may pass: to it the disk is full there."""
    _, most = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, most))


def start(server: PolyProcess, workflow_id: str) -> str:
    request = start_request(workflow_id)
    request.input.payloads.append(Payload(data=bytes(5000)))
    run_id: str = server.call("StartWorkflowExecution", request).run_id
    return run_id


def start_until_refused(server: PolyProcess) -> tuple[list[str], grpc.RpcError]:
    """Fill the disk: the workflows that were started, and how the next one was refused."""
    started: list[str] = []
    while len(started) < STARTS_MAX:
        name = f"w{len(started)}"
        try:
            start(server, name)
        except grpc.RpcError as error:
            return started, error
        started.append(name)
    raise AssertionError("there was room for everything")


def start_when_there_is_space(server: PolyProcess, workflow_id: str) -> None:
    """Start until it is not refused for lack of space any more."""
    while True:
        try:
            start(server, workflow_id)
        except grpc.RpcError as error:
            if code_of(error) is not CODES.RESOURCE_EXHAUSTED:
                raise
        else:
            return


def cause_of(error: grpc.RpcError) -> int:
    status = Status.FromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    detail: Any = status.details[0]
    failure = ResourceExhaustedFailure()
    assert detail.Unpack(failure)
    return failure.cause


def test_a_full_disk_refuses_work_and_takes_it_up_again(tmp_path):
    with PolyProcess(tmp_path) as server:
        start(server, "first")
        limit_files(server, FILE_BYTES_MAX)
        started, _ = start_until_refused(server)
        # The first refusal may be of the commit itself, where nothing that was set aside helps.
        with pytest.raises(grpc.RpcError) as caught:
            start(server, "refused")
        assert code_of(caught.value) is CODES.RESOURCE_EXHAUSTED
        assert "no space left" in str(caught.value.details())
        storage = ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_PERSISTENCE_STORAGE_LIMIT
        assert cause_of(caught.value) == storage
        # Whatever was acknowledged is there, and reads go on.
        assert len(started) > 10
        for workflow_id in started:
            assert server.describe(workflow_id).status == 1
        assert not (tmp_path / "poly.db.reserve").exists()
        unlimited = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)[1]
        limit_files(server, unlimited)
        start_when_there_is_space(server, "after")
        assert (tmp_path / "poly.db.reserve").exists()
        request = TerminateWorkflowExecutionRequest(namespace="default")
        request.workflow_execution.workflow_id = "first"
        server.call("TerminateWorkflowExecution", request)
        assert server.end() == 0
    with PolyProcess(tmp_path) as again:
        assert again.describe("after").status == 1
        assert {again.describe(name).status for name in started} == {1}


def test_a_full_disk_leaves_a_server_that_ends_in_order(tmp_path):
    with PolyProcess(tmp_path) as server:
        run_id = start(server, "first")
        limit_files(server, FILE_BYTES_MAX)
        start_until_refused(server)
        assert server.end() == 0
    with PolyProcess(tmp_path) as again:
        assert again.describe("first").execution.run_id == run_id
