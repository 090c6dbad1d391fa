"""Calls a service over gRPC, with grpcio's client; must be used on one running loop.

Kept to the Link port as it is: one call that waits. A status becomes the error of `base.errors` it
was made from as far as that can be told: by its detail, then by its code.
"""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio
from google.protobuf import descriptor_pool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc.status_pb2 import Status

from polyrhythm.base import errors

DETAILS_KEY = "grpc-status-details-bin"
BY_DETAIL: dict[str, type[errors.PolyrhythmError]] = {
    "NamespaceAlreadyExistsFailure": errors.NamespaceAlreadyExists,
    "WorkflowNotReadyFailure": errors.WorkflowNotReady,
    "QueryFailedFailure": errors.QueryFailed,
}
BY_CODE: dict[grpc.StatusCode, type[errors.PolyrhythmError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidArgument,
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.ALREADY_EXISTS: errors.AlreadyExists,
    grpc.StatusCode.FAILED_PRECONDITION: errors.FailedPrecondition,
    grpc.StatusCode.PERMISSION_DENIED: errors.PermissionDenied,
    grpc.StatusCode.UNIMPLEMENTED: errors.Unimplemented,
    grpc.StatusCode.UNAVAILABLE: errors.Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.DeadlineExceeded,
    grpc.StatusCode.DATA_LOSS: errors.DataLoss,
}


class GrpcLink:
    """A Link to `host:port` or `unix:path`."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.aio.insecure_channel(address)

    async def call(self, method_name: str, request: Message, timeout_s: float) -> Message:
        """Call a method and wait for its answer. Raises an error of `base.errors`."""
        full_name = method_name.lstrip("/").replace("/", ".")
        method: Any = descriptor_pool.Default().FindMethodByName(full_name)
        response_class = GetMessageClass(method.output_type)
        stub: Any = self._channel.unary_unary(method_name, None, response_class.FromString)
        try:
            response: Message = await stub(request.SerializeToString(), timeout=timeout_s)
        except grpc.aio.AioRpcError as error:
            raise _error_of(error) from error
        return response

    async def close(self) -> None:
        """End the connection."""
        await self._channel.close(None)


def _error_of(error: grpc.aio.AioRpcError) -> errors.PolyrhythmError:
    message = error.details() or ""
    kind = BY_DETAIL.get(_detail_name(error))
    if kind is None:
        kind = BY_CODE.get(error.code(), errors.PolyrhythmError)
    return kind(message)


def _detail_name(error: grpc.aio.AioRpcError) -> str:
    trailers: Any = error.trailing_metadata()
    for key, value in trailers or ():
        if key == DETAILS_KEY:
            try:
                details = Status.FromString(value).details
            except DecodeError:
                return ""
            return details[0].type_url.rpartition(".")[2] if details else ""
    return ""
