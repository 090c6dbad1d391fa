"""How a call ends: a google.rpc.Status, whoever made it.

`service.status` owns the table from errors to statuses; a wire that refuses a call itself, or
passes on what another process has answered, has the status already.
"""

from __future__ import annotations

from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status

from polyrhythm.service.status import status_of


class StatusError(Exception):
    """An answer that is a status already: of another process, or of the wire itself."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.status = status


def status_for(error: BaseException) -> Status:
    """Return the status of any error."""
    if isinstance(error, StatusError):
        return error.status
    return status_of(error)


def refused(code: str, message: str) -> StatusError:
    """Return a refusal of the wire itself."""
    return StatusError(Status(code=Code.Value(code), message=message))
