"""How a refusal leaves: a gRPC status, its message and its details.

`service.status` owns the table from errors to statuses; this file only puts one on the wire. The
details travel as a serialized google.rpc.Status in `grpc-status-details-bin`, and only when there
are any, as grpc-go does it.
"""

from __future__ import annotations

from typing import Any, NoReturn

import grpc
from google.rpc.status_pb2 import Status

DETAILS_KEY = "grpc-status-details-bin"
CODES = {code.value[0]: code for code in grpc.StatusCode}


async def abort_with(context: Any, status: Status) -> NoReturn:
    """End a call with a status."""
    trailing = ((DETAILS_KEY, status.SerializeToString()),) if status.details else ()
    await context.abort(CODES[status.code], status.message, trailing)
    raise AssertionError("abort always raises")
