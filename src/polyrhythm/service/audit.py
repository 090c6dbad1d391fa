"""The past: a run at an earlier moment, and the log as a stream.

Both only read, and both are what was committed, never what is about to be.
"""

from __future__ import annotations

from polyrhythm.api import service as api
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.engine.reply import Reply
from polyrhythm.service.service import NamespaceScope, Service

ENTRIES_DEFAULT = 200
ENTRIES_MAX = 1000


def handle_run_at(
    service: Service, scope: NamespaceScope, request: api.GetRunAtRequest, deadline_ns: int
) -> Reply:
    """Rebuild a run as it was. Reply: GetRunAtResponse."""
    if not request.workflow_id:
        raise InvalidArgument("WorkflowId is not set on request.")
    if request.time_ns < 0 or request.event_id < 0:
        raise InvalidArgument("time_ns and event_id must not be negative")
    if request.time_ns and request.event_id:
        raise InvalidArgument("name a time or an event, not both")
    return service.submit(scope, request, deadline_ns)


def handle_read_log(
    service: Service, scope: NamespaceScope, request: api.ReadLogRequest, deadline_ns: int
) -> Reply:
    """Read on in the log. Reply: ReadLogResponse."""
    if request.after_position < 0:
        raise InvalidArgument("after_position must not be negative")
    if not 0 <= request.limit <= ENTRIES_MAX:
        raise InvalidArgument(f"limit must be 0 to {ENTRIES_MAX}")
    request.limit = request.limit or ENTRIES_DEFAULT
    return service.submit(scope, request, deadline_ns)
