"""From an error of grpcio's client to the error of `base.errors` that it stands for.

The status travels in a trailer; its first detail says more than the code.
"""

from __future__ import annotations

from typing import Any

import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.sdk.statuses import error_of_status

DETAILS_KEY = "grpc-status-details-bin"


def error_of(error: grpc.aio.AioRpcError) -> PolyrhythmError:
    """Return the error of `base.errors` that a refused call stands for."""
    trailers: Any = error.trailing_metadata()
    status = Status()
    for key, value in trailers or ():
        if key == DETAILS_KEY:
            try:
                status = Status.FromString(value)
            except DecodeError:
                break
    detail = status.details[0] if status.details else AnyMessage()
    return error_of_status(error.code().value[0], error.details() or "", detail)
