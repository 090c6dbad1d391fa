"""The gRPC link: TLS, keys and headers as a server sees them, and what refusals become."""

import asyncio
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.status_pb2 import Status
from temporalio.api.errordetails.v1 import (
    NamespaceNotFoundFailure,
    ResourceExhaustedFailure,
    WorkflowExecutionAlreadyStartedFailure,
)
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest, GetSystemInfoResponse
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest as Start

from polyrhythm.base import errors
from polyrhythm.links.grpc import GrpcLink
from polyrhythm.sdk.connection import ConnectionSettings, Tls
from polyrhythm.sdk.link import WORKFLOW_SERVICE
from polyrhythm.sdk.statuses import BY_CODE, error_of_status

SYSTEM = WORKFLOW_SERVICE + "GetSystemInfo"


class Recorder:
    """Answers every call and keeps what came with it; or refuses with a status."""

    def __init__(self) -> None:
        self.metadata: list[dict[str, str]] = []
        self.refusal: Status | None = None

    def service(self, details):
        self.metadata.append(dict(details.invocation_metadata))

        def answer(request, context):
            if self.refusal is not None:
                trailers = (("grpc-status-details-bin", self.refusal.SerializeToString()),)
                context.set_trailing_metadata(trailers)
                code = {c.value[0]: c for c in grpc.StatusCode}[self.refusal.code]
                context.abort(code, self.refusal.message)
            return GetSystemInfoResponse(server_version="1").SerializeToString()

        return grpc.unary_unary_rpc_method_handler(answer)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for `service.test` that signs itself, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=service.test"
    command += " -addext subjectAltName=DNS:service.test -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return (folder / "cert.pem").read_bytes(), (folder / "key.pem").read_bytes()


def serve(recorder, credentials=None):
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((recorder,))
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    return server, f"127.0.0.1:{port}"


def test_mutual_tls_and_an_api_key(certificate):
    cert, key = certificate

    async def main():
        recorder = Recorder()
        credentials = grpc.ssl_server_credentials([(key, cert)], cert, require_client_auth=True)
        server, address = serve(recorder, credentials)
        tls = Tls(server_ca=cert, certificate=cert, private_key=key, domain="service.test")
        link = GrpcLink(address, ConnectionSettings(tls, "the-key", {"tenant": "seven"}))
        await link.call(SYSTEM, GetSystemInfoRequest(), 10)
        [seen] = recorder.metadata
        assert seen["authorization"] == "Bearer the-key"
        assert seen["tenant"] == "seven"
        stranger = GrpcLink(address, ConnectionSettings(Tls(server_ca=cert, domain="service.test")))
        with pytest.raises(errors.Unavailable):
            await stranger.call(SYSTEM, GetSystemInfoRequest(), 10)
        for one in (link, stranger):
            await one.close()
        server.stop(0).wait()

    asyncio.run(main())


def test_the_namespace_travels_as_a_header():
    async def main():
        recorder = Recorder()
        server, address = serve(recorder)
        link = GrpcLink(address)
        await link.call(WORKFLOW_SERVICE + "StartWorkflowExecution", Start(namespace="shop"), 10)
        assert recorder.metadata[0]["temporal-namespace"] == "shop"
        packed = AnyMessage()
        packed.Pack(WorkflowExecutionAlreadyStartedFailure(start_request_id="r", run_id="run"))
        recorder.refusal = Status(code=6, message="taken", details=[packed])
        with pytest.raises(errors.AlreadyStarted, match="taken") as caught:
            await link.call(SYSTEM, GetSystemInfoRequest(), 10)
        assert (caught.value.start_request_id, caught.value.run_id) == ("r", "run")
        await link.close()
        server.stop(0).wait()

    asyncio.run(main())


def test_a_key_without_tls_is_refused():
    with pytest.raises(ValueError, match="TLS only"):
        ConnectionSettings(api_key="the-key")


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_every_code_is_an_error_of_ours(code):
    assert type(error_of_status(code, "no", AnyMessage())) is BY_CODE[code]


def test_details_say_more_than_codes():
    packed = AnyMessage()
    packed.Pack(NamespaceNotFoundFailure(namespace="shop"))
    found = error_of_status(5, "no", packed)
    assert isinstance(found, errors.NamespaceNotFound)
    assert found.namespace == "shop"
    packed.Pack(ResourceExhaustedFailure(cause=1, scope=1))
    limited = error_of_status(8, "slow down", packed)
    assert isinstance(limited, errors.ResourceExhausted)
    assert (limited.cause, limited.scope) == ("RPS_LIMIT", "NAMESPACE")
    assert type(error_of_status(2, "odd", AnyMessage())) is errors.PolyrhythmError
