"""The verbs inside workflows: `from polyrhythm import wf`.

Time and waits, children and other workflows, channels and select, scopes and sagas, versions, and
the marks on methods of workflow classes. All of them are the same in a replay.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from polyrhythm.sdk.wf.channel import Channel
from polyrhythm.sdk.wf.errors import ChannelClosed, CompensationFailed
from polyrhythm.sdk.wf.gather import each, gather
from polyrhythm.sdk.wf.others import Child, External, child, external
from polyrhythm.sdk.wf.run import (
    LOGGER,
    all_handlers_finished,
    continue_as_new,
    deprecate_patch,
    info,
    is_replaying,
    memo,
    now,
    patched,
    random,
    record,
    set_details,
    update_info,
    upsert_memo,
    upsert_search_attributes,
    uuid,
)
from polyrhythm.sdk.wf.saga import saga
from polyrhythm.sdk.wf.scope import scope, shielded
from polyrhythm.sdk.wf.select import after, select, sending
from polyrhythm.sdk.wf.time import sleep, wait_for

if TYPE_CHECKING:
    import logging

    from polyrhythm.sdk.declare.methods import QueryMark, SignalMark, UpdateMark

    logger: logging.Logger
    query: QueryMark
    signal: SignalMark
    update: UpdateMark

__all__ = [
    "Channel",
    "ChannelClosed",
    "Child",
    "CompensationFailed",
    "External",
    "after",
    "all_handlers_finished",
    "child",
    "continue_as_new",
    "deprecate_patch",
    "each",
    "external",
    "gather",
    "info",
    "is_replaying",
    "logger",
    "memo",
    "now",
    "patched",
    "query",
    "random",
    "record",
    "saga",
    "scope",
    "select",
    "sending",
    "set_details",
    "shielded",
    "signal",
    "sleep",
    "update",
    "update_info",
    "upsert_memo",
    "upsert_search_attributes",
    "uuid",
    "wait_for",
]
# Marks of methods are made of the messages, which need the channels of this package: imported late.
MARKS = {"query": "QueryMark", "signal": "SignalMark", "update": "UpdateMark"}


if not TYPE_CHECKING:  # else every misspelt verb would be accepted

    def __getattr__(name: str) -> Any:
        """Return the logger, or make a mark when it is first used."""
        if name == "logger":
            value: Any = LOGGER
        elif name in MARKS:
            value = getattr(import_module("polyrhythm.sdk.declare.methods"), MARKS[name])()
        else:
            raise AttributeError(f"polyrhythm.wf has no {name!r}")
        globals()[name] = value
        return value
