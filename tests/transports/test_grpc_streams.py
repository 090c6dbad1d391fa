"""Health and reflection, as their own clients use them."""

import asyncio

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from transports.wire import Scripted, run, wire

SERVING = HealthCheckResponse.SERVING
NOT_SERVING = HealthCheckResponse.NOT_SERVING
UNKNOWN = HealthCheckResponse.SERVICE_UNKNOWN
WORKFLOW_SERVICE = "temporal.api.workflowservice.v1.WorkflowService"


@pytest.mark.parametrize("service", ["", WORKFLOW_SERVICE])
def test_health_is_asked(service):
    async def main():
        async with wire(Scripted()) as there:
            stub = HealthStub(there.channel)
            request = HealthCheckRequest(service=service)
            assert (await stub.Check(request)).status == NOT_SERVING
            there.routes.health.announce(serving=True)
            assert (await stub.Check(request)).status == SERVING
            there.routes.health.announce(serving=False)
            assert (await stub.Check(request)).status == NOT_SERVING

    run(main())


def test_health_of_a_service_nobody_knows():
    async def main():
        async with wire(Scripted()) as there:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await HealthStub(there.channel).Check(HealthCheckRequest(service="x"))
            assert caught.value.code() is grpc.StatusCode.NOT_FOUND

    run(main())


def test_health_is_watched():
    async def main():
        async with wire(Scripted()) as there:
            stub = HealthStub(there.channel)
            watch = stub.Watch(HealthCheckRequest())
            other = stub.Watch(HealthCheckRequest(service="x"))
            assert (await watch.read()).status == NOT_SERVING
            assert (await other.read()).status == UNKNOWN
            there.routes.health.announce(serving=True)
            assert (await watch.read()).status == SERVING
            other.cancel()
            there.routes.health.announce(serving=False)
            assert (await watch.read()).status == NOT_SERVING
            there.routes.health.end_watches()
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await watch.read()
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE

    run(main())


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_lists_and_describes(version):
    async def main():
        async with wire(Scripted()) as there:
            ask = there.channel.stream_stream(
                f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
                ServerReflectionRequest.SerializeToString,
                ServerReflectionResponse.FromString,
            )()
            await ask.write(ServerReflectionRequest(list_services=""))
            names = {s.name for s in (await ask.read()).list_services_response.service}
            assert names >= {
                WORKFLOW_SERVICE,
                "temporal.api.operatorservice.v1.OperatorService",
                "grpc.health.v1.Health",
                "grpc.reflection.v1.ServerReflection",
            }
            await ask.write(ServerReflectionRequest(file_containing_symbol=WORKFLOW_SERVICE))
            files = (await ask.read()).file_descriptor_response.file_descriptor_proto
            assert any(b"StartWorkflowExecutionRequest" in file for file in files)
            await ask.write(ServerReflectionRequest(file_containing_symbol="no.such.Thing"))
            answer = await ask.read()
            assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
            await ask.done_writing()
            assert await ask.read() is grpc.aio.EOF

    run(main())


def test_a_stream_of_garbage_ends():
    async def main():
        async with wire(Scripted()) as there:
            name = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
            ask = there.channel.stream_stream(name)()
            await ask.write(b"\xff\xff")
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await ask.read()
            assert caught.value.code() is grpc.StatusCode.INTERNAL
            assert await asyncio.wait_for(HealthStub(there.channel).Check(HealthCheckRequest()), 5)

    run(main())
