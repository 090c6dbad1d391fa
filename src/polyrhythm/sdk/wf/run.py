"""Verbs about the run itself: who am I, what time is it, chance, versions, going on as a new run.

All answers are the same in every replay. Outside of a workflow each verb raises MisuseError.

    if wf.patched("fee-2026"):
        fee = await new_fee(order)
"""

from __future__ import annotations

import logging
import random as chance
import uuid as uuids
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from polyrhythm.base.durations import Span, parse_span
from polyrhythm.sdk.declare.signature import bind
from polyrhythm.sdk.events.catalogue import type_of
from polyrhythm.sdk.loop.closing import Continuation
from polyrhythm.sdk.loop.context import current
from polyrhythm.sdk.loop.info import WorkflowInfo
from polyrhythm.sdk.loop.recording import record_event
from polyrhythm.sdk.loop.updates import UpdateInfo
from polyrhythm.sdk.wf.inside import inside

if TYPE_CHECKING:
    from polyrhythm.sdk.declare.workflow import Workflow

LOG_NAME = "polyrhythm.workflow"


def info() -> WorkflowInfo:
    """Return ids, times, parent, memo and the length of the history of this run."""
    return inside("wf.info()").info()


def now() -> datetime:
    """Return the time, in UTC; it stands still while code runs between two waits."""
    return inside("wf.now()").now()


def random() -> chance.Random:
    """Return the run's own random numbers: `wf.random().choice(items)`."""
    return inside("wf.random()").random()


def uuid() -> uuids.UUID:
    """Return a random UUID."""
    return inside("wf.uuid()").uuid()


def patched(patch_id: str) -> bool:
    """Whether this run goes the new way: True for runs that come here for the first time.

    Runs that came past this place with older code keep to the old way, to their end.
    """
    return inside("wf.patched()").patched(patch_id)


def deprecate_patch(patch_id: str) -> None:
    """Keep the mark of a patch whose old way is gone, until no run is open that began with it."""
    inside("wf.deprecate_patch()").patched(patch_id, deprecated=True)


def continue_as_new(
    *args: Any,
    workflow: Workflow[..., Any] | None = None,
    run_timeout: Span = 0,
    memo: Mapping[str, Any] | None = None,
    search_attributes: Mapping[str, Any] | None = None,
    **named: Any,
) -> NoReturn:
    """End this run and begin the next one of the same id, with these arguments and no history.

    Memo and search attributes go along unless given. Raises: nothing behind it is run.
    """
    context = inside("wf.continue_as_new()")
    definition = workflow.definition if workflow is not None else context.definition
    values = bind(definition.signature, definition.name, args, named)
    options = Continuation(
        definition=None if workflow is None else definition,
        run_timeout_s=parse_span(run_timeout),
        memo=memo or {},
        search_attributes=search_attributes or {},
    )
    raise context.continue_as_new(values, options)


def memo(key: str, kind: Any = Any, default: Any = None) -> Any:
    """Return a field of the memo as a type."""
    context = inside("wf.memo()")
    payload = context.memo.get(key)
    return default if payload is None else context.settings.converter.decode(payload, kind)


def upsert_memo(values: Mapping[str, Any]) -> None:
    """Set fields of the memo, which lists and the UI show; None removes one."""
    inside("wf.upsert_memo()").upsert_memo(values)


def upsert_search_attributes(values: Mapping[str, Any]) -> None:
    """Set what runs are found by: bool, int, float, str, datetime or list of str; None removes."""
    inside("wf.upsert_search_attributes()").upsert_search_attributes(values)


def record(event: Any) -> None:
    """Write a domain event into the history: an instance of a class marked @events.event.

        wf.record(Deposited(amount=5))

    It is part of the run's decision: kept with the commit that completes this workflow task, never
    without it. In a replay the code has to record the same names in the same order; versions and
    values may have moved on. Projections read it; other SDKs see a marker `polyrhythm.event`.
    """
    context = inside("wf.record()")
    known = type_of(type(event))
    record_event(context, known.name, known.version, event)


def set_details(text: str) -> None:
    """Say in a few lines where the run stands; the UI asks for it."""
    inside("wf.set_details()").details = text


def is_replaying() -> bool:
    """Whether this code has run before; for metrics and the like, never for decisions."""
    return inside("wf.is_replaying()").replaying


def update_info() -> UpdateInfo | None:
    """Return which update this code answers, None outside of a handler."""
    return inside("wf.update_info()").update_info()


async def all_handlers_finished() -> None:
    """Wait until no handler of a signal or an update is at work; the last line of many runs."""
    context = inside("wf.all_handlers_finished()")
    await context.wait_condition(lambda: not context.handlers.running)


def only_live(record: logging.LogRecord) -> bool:
    """Let a record through once, not again in a replay; it gets the ids of its run."""
    context = current()
    if context is None:
        return True
    record.workflow = context.type_name
    record.workflow_id = context.workflow_id
    record.run_id = context.run_id
    return not context.replaying


def workflow_logger() -> logging.Logger:
    """Return the logger for workflow code: silent in a replay, every record with its run."""
    logger = logging.getLogger(LOG_NAME)
    logger.addFilter(only_live)
    return logger


LOGGER = workflow_logger()
