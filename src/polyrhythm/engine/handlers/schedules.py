"""Calls of clients about schedules. What they mean is core's; here they meet the entity.

The server that this follows keeps schedules as workflows of its own, and its refusals still name
those; ids of schedules and of workflows are apart here.
"""

from __future__ import annotations

from typing import Any

from temporalio.api.workflowservice.v1 import (
    CreateScheduleResponse,
    DeleteScheduleResponse,
    ListSchedulesResponse,
    PatchScheduleResponse,
    UpdateScheduleResponse,
)

from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import AlreadyStarted, DataLoss, NotFound
from polyrhythm.core.schedule.decide import (
    conflict_token,
    decide_create,
    decide_delete,
    decide_patch,
    decide_update,
)
from polyrhythm.core.schedule.describe import describe_schedule, list_entry, matching_times
from polyrhythm.core.schedule.state import ScheduleState
from polyrhythm.engine.cache import Loaded
from polyrhythm.engine.calls import Call, ListSchedules, SchedulePage
from polyrhythm.engine.desk import Desk

_SERVER_PREFIX = "temporal-sys-scheduler:"


def create_schedule(desk: Desk, call: Call) -> None:
    """Create a schedule, unless there is one of this id; the same request is answered again."""
    request, turn = call.request, desk.turn
    found = turn.find_entity(call.namespace.key, EntityKind.SCHEDULE, request.schedule_id)
    if found is not None and found.state.running:
        if found.state.request_id != request.request_id:
            raise AlreadyStarted(
                f'schedule "{request.schedule_id}" is already registered', "", "", ""
            )
        turn.answer(call.reply, CreateScheduleResponse(conflict_token=conflict_token(1)))
        return
    decision = decide_create(request, desk.context(call.namespace))
    turn.create_entity(EntityKind.SCHEDULE, decision)
    turn.answer(call.reply, decision.reply)


def update_schedule(desk: Desk, call: Call) -> None:
    """Replace what a schedule says."""
    entity = _find_open(desk, call)
    decision = decide_update(entity.state, call.request, desk.context(call.namespace))
    desk.turn.stage_entity(entity, decision)
    desk.turn.answer(call.reply, UpdateScheduleResponse())


def patch_schedule(desk: Desk, call: Call) -> None:
    """Trigger, backfill, pause or unpause a schedule."""
    entity = _find_open(desk, call)
    decision = decide_patch(entity.state, call.request.patch, desk.context(call.namespace))
    desk.turn.stage_entity(entity, decision)
    desk.turn.answer(call.reply, PatchScheduleResponse())


def delete_schedule(desk: Desk, call: Call) -> None:
    """End a schedule; it is kept, closed, as long as its namespace keeps runs."""
    entity = _find_open(desk, call)
    decision = decide_delete(entity.state, desk.context(call.namespace))
    desk.turn.stage_entity(entity, decision)
    desk.turn.answer(call.reply, DeleteScheduleResponse())


def describe_one(desk: Desk, call: Call) -> None:
    """Answer with what there is to know of a schedule."""
    entity = _find(desk, call)
    if not entity.state.running:
        raise NotFound("schedule not found")
    context = desk.context(call.namespace)
    desk.turn.answer(call.reply, describe_schedule(entity.state, context))


def list_matching_times(desk: Desk, call: Call) -> None:
    """Answer with the times of a schedule in a span."""
    entity = _find(desk, call)
    context = desk.context(call.namespace)
    desk.turn.answer(call.reply, matching_times(entity.state, call.request, context))


def list_schedules(desk: Desk, call: Call) -> None:
    """Answer with a page of schedules."""
    wanted: ListSchedules = call.request
    context = desk.context(call.namespace)
    rows = desk.memory.world.store.list_runs(wanted.filter)
    page = ListSchedulesResponse()
    for row in rows:
        try:
            entity: Loaded[ScheduleState] = desk.turn.load_any(row.run_key)
        except (NotFound, DataLoss):
            # Deleted by this turn, or damaged: the others are shown.
            continue
        page.schedules.append(list_entry(entity.state, context))
    after = None
    if len(rows) == wanted.filter.limit:
        last = rows[-1]
        after = (last.close_ns, last.start_ns, last.run_key)
    desk.turn.answer(call.reply, SchedulePage(page, after))


def _find(desk: Desk, call: Call) -> Loaded[Any]:
    schedule_id = call.request.schedule_id
    entity = desk.turn.find_entity(call.namespace.key, EntityKind.SCHEDULE, schedule_id)
    if entity is None:
        raise NotFound(f"workflow not found for ID: {_SERVER_PREFIX}{schedule_id}")
    return entity


def _find_open(desk: Desk, call: Call) -> Loaded[Any]:
    entity = _find(desk, call)
    if not entity.state.running:
        raise NotFound("workflow execution already completed")
    return entity
