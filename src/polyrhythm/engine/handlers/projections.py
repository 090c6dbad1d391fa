"""Projections: how far a reader of the log has come and what it has made of it, as one value.

Both are written together and only from the position they were read at, so a projection counts
every event once although its reader may be killed at any moment or run twice.
"""

from __future__ import annotations

from polyrhythm.api import service as api
from polyrhythm.base.errors import FailedPrecondition
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.stores.port import ObjectKind

NAMES_PER_PAGE = 200


def get_projection(desk: Desk, call: Call) -> None:
    """Answer with a projection; position 0 when there is none."""
    answer = api.GetProjectionResponse()
    answer.projection.CopyFrom(_read(desk, call))
    desk.turn.answer(call.reply, answer)


def put_projection(desk: Desk, call: Call) -> None:
    """Move a projection on. Raises FailedPrecondition when somebody else has moved it."""
    request: api.PutProjectionRequest = call.request
    projection = _read(desk, call)
    if projection.position != request.expected_position:
        raise FailedPrecondition(
            f"projection {request.name} stands at position {projection.position},"
            f" not {request.expected_position}: another process moves it"
        )
    projection.position = request.position
    projection.body = request.body
    projection.updated_ns = desk.now_ns
    body = projection.SerializeToString()
    desk.turn.write_object(call.namespace.key, ObjectKind.PROJECTION, request.name, body)
    desk.turn.answer(call.reply, api.PutProjectionResponse())


def delete_projection(desk: Desk, call: Call) -> None:
    """Forget a projection: its reader begins anew."""
    desk.turn.write_object(call.namespace.key, ObjectKind.PROJECTION, call.request.name, None)
    desk.turn.answer(call.reply, api.DeleteProjectionResponse())


def list_projections(desk: Desk, call: Call) -> None:
    """Name a page of projections, without their bodies."""
    answer = api.ListProjectionsResponse()
    store = desk.memory.world.store
    kind = ObjectKind.PROJECTION
    rows = store.list_objects(call.namespace.key, kind, call.request.after, NAMES_PER_PAGE)
    for row in rows:
        projection = api.Projection.FromString(row.body or b"")
        projection.ClearField("body")
        answer.projections.append(projection)
    desk.turn.answer(call.reply, answer)


def _read(desk: Desk, call: Call) -> api.Projection:
    name = call.request.name
    body = desk.turn.read_object(call.namespace.key, ObjectKind.PROJECTION, name)
    return api.Projection.FromString(body) if body else api.Projection(name=name)
