"""From a status's code to HTTP's: the table of google.api.http, which Temporal's gateway follows.

A refusal's body is the google.rpc.Status itself as JSON, in every case, also what the wire refuses
before anybody was asked.
"""

from __future__ import annotations

from google.rpc.code_pb2 import Code

CLIENT_CLOSED = 499
HTTP_CODES: dict[int, int] = {
    Code.OK: 200,
    Code.CANCELLED: CLIENT_CLOSED,
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.UNAUTHENTICATED: 401,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.DATA_LOSS: 500,
}


def http_code(code: int) -> int:
    """Return the HTTP status of a code; of an unknown one that it is our fault."""
    return HTTP_CODES.get(code, 500)
