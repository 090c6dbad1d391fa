"""Replays recorded histories against an application's code, without a service.

    replay(app, History.from_json(text))       # raises NondeterminismError when they part

For continuous integration: histories of production, exported once, say whether changed code can go
on with the runs that are open. Nothing is executed but workflow code: tasks have their recorded
results. A history that ends in the middle is checked as far as it goes.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from temporalio.api.history.v1 import History as HistoryMessage
from temporalio.api.history.v1 import HistoryEvent

from polyrhythm.app.application import App
from polyrhythm.dialects.canvas import walking
from polyrhythm.sdk.client.history import History
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.guards import guarded, install
from polyrhythm.sdk.loop import Instance, LoopSettings
from polyrhythm.sdk.values import Codec, decode_message

NAMES_SHOWN = 10


@dataclass(slots=True)
class Recorded:
    """One history of a file, and what to call it."""

    label: str
    history: History


def replay(app: App, history: History) -> None:
    """Check a history against the application's code.

    Raises NondeterminismError, naming file and line, what the code does now and what the history
    has; MisuseError when the application has no such workflow; and what else would fail a workflow
    task.
    """
    started = history.events[0].workflow_execution_started_event_attributes
    name = started.workflow_type.name
    definition = walking(app.registry).get(name)
    if definition is None:
        raise MisuseError(f"{app!r} has no workflow {name!r}; it has: {_names(app)}")
    events = history.events
    worker = app.plan.worker
    if worker.codec is not None:
        events = asyncio.run(_decoded(worker.codec, events))
    install()
    settings = LoopSettings(
        namespace=app.plan.namespace,
        queue=app.plan.queue,
        converter=worker.converter,
        header=app.plan.header,
        chain=worker.chain,
        guard=guarded,
    )
    instance = Instance(definition, settings)
    try:
        instance.replay(events)
    finally:
        instance.close()


def read_histories(text: str, place: str) -> Iterator[Recorded]:
    """Yield the histories of a file: one document, or one a line. Raises MisuseError.

    Reads what `poly export` and `temporal workflow show --output json` write; `place` names it.
    """
    for number, document in enumerate(_documents(text), 1):
        try:
            told = json.loads(document)
        except ValueError as error:
            raise MisuseError(f"{place}: not JSON: {error}") from error
        if not isinstance(told, dict) or "events" not in told:
            raise MisuseError(
                f"{place}, document {number}: not a history, it has no events; `poly export --form "
                "temporal` writes histories"
            )
        try:
            events = json.dumps({"events": told["events"]})
            history = History.from_json(events, told.get("workflowId", ""))
        except MisuseError as error:
            raise MisuseError(f"{place}, document {number}: {error}") from error
        history.run_id = told.get("runId", history.run_id)
        yield Recorded(f"{place}: {history.workflow_id or f'history {number}'}", history)


def _documents(text: str) -> list[str]:
    """Return the lines if each is a document, else the whole."""
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        json.loads(lines[0] if lines else "")
    except ValueError:
        return [text]
    return lines


async def _decoded(codec: Codec, events: Sequence[HistoryEvent]) -> list[HistoryEvent]:
    """Return copies whose payloads are as the code wrote them."""
    copy = HistoryMessage(events=events)
    await decode_message(codec, copy)
    return list(copy.events)


def _names(app: App) -> str:
    names = sorted(app.registry.workflows)
    return (", ".join(names[:NAMES_SHOWN]) + (" ..." if len(names) > NAMES_SHOWN else "")) or "none"
