"""What every kind of entity gets of the engine, shown by one of the test's own: it starts a
workflow each time it is due, and is told when it has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
import temporalio.api.workflowservice.v1 as ws

from engine.rig import Rig
from polyrhythm.api import notes
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import NotFound
from polyrhythm.base.limits import SECOND_NS, Limits
from polyrhythm.core.entity import EntityDecision, apply_message, fold_notes
from polyrhythm.engine import handlers
from polyrhythm.engine.natures import NATURES, Nature
from polyrhythm.stores.port import RunFilter, RunRow

EVERY_NS = 60 * SECOND_NS
RUNNING = 1


@dataclass(slots=True)
class Metronome:
    namespace_key: int = 0
    workflow_id: str = ""
    run_id: str = ""
    transitions: int = 0
    owed: dict[int, bytes] = field(default_factory=dict)
    owed_next: int = 1
    due_ns: int = 0
    started: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    @property
    def running(self) -> bool:
        return True


@dataclass
class Wind:
    """Request: start a metronome of this id."""

    entity_id: str


@dataclass
class Look:
    """Request: what a metronome has started."""

    entity_id: str


def apply(state: Metronome, note: notes.Note) -> None:
    apply_message(state, note)
    if note.HasField("run_created"):
        created = note.run_created
        state.namespace_key = created.namespace_key
        state.workflow_id, state.run_id = created.workflow_id, created.run_id
        state.due_ns = note.time_ns + EVERY_NS
    elif note.HasField("owed"):
        state.due_ns = note.time_ns + EVERY_NS
    elif note.HasField("settled"):
        taken = state.refused if note.settled.failed_cause else state.started
        taken.append(note.settled.error or note.settled.run_id)


def wind(desk: Any, call: Any) -> None:
    decision = EntityDecision(Metronome(), desk.context(call.namespace), apply)
    note = decision.new_note()
    note.run_created.namespace_key = call.namespace.key
    note.run_created.workflow_id = call.request.entity_id
    note.run_created.run_id = decision.context.ids.run_id()
    decision.append_note(note)
    desk.turn.create_entity(EntityKind.SCHEDULE, decision)
    desk.turn.answer(call.reply, note.run_created.run_id)


def look(desk: Any, call: Any) -> None:
    kind = EntityKind.SCHEDULE
    found = desk.turn.find_entity(call.namespace.key, kind, call.request.entity_id)
    if found is None:
        raise NotFound("no metronome")
    desk.turn.answer(call.reply, (list(found.state.started), list(found.state.refused)))


def fire(state: Metronome, context: Any) -> EntityDecision:
    decision = EntityDecision(state, context, apply)
    if state.due_ns <= context.now_ns:
        request = ws.StartWorkflowExecutionRequest(
            workflow_id="tick", request_id=str(state.owed_next)
        )
        request.workflow_type.name = "Tick"
        request.task_queue.name = "q"
        decision.owe(notes.Message(start_workflow=request.SerializeToString()))
    return decision


def settle(state: Metronome, sequence: int, outcome: notes.Settled, context: Any) -> EntityDecision:
    decision = EntityDecision(state, context, apply)
    decision.settle(sequence, outcome)
    return decision


def project(run: Any, now_ns: int) -> RunRow:
    state = run.state
    row = RunRow(
        run.key,
        state.namespace_key,
        EntityKind.SCHEDULE,
        state.workflow_id,
        state.run_id,
        state.run_id,
        "",
        "",
        0,
        0,
        RUNNING,
    )
    row.due_ns, row.owes, row.transitions = state.due_ns, len(state.owed), state.transitions
    return row


@pytest.fixture(autouse=True)
def metronomes(monkeypatch):
    nature = Nature(
        new=Metronome,
        fold=lambda state, _events, data: fold_notes(state, data, apply),
        encode=msgspec.msgpack.encode,
        decode=lambda data: msgspec.msgpack.decode(data, type=Metronome),
        project=project,
        offers=lambda _state, _now_ns: [],
        fire=fire,
        settle=settle,
    )
    monkeypatch.setitem(NATURES, EntityKind.SCHEDULE, nature)
    monkeypatch.setitem(handlers.HANDLERS, Wind, wind)
    monkeypatch.setitem(handlers.HANDLERS, Look, look)


def test_an_entity_starts_workflows_by_messages_and_hears_what_became_of_them():
    rig = Rig()
    rig.call(Wind("m"))
    rig.now_ns += EVERY_NS
    rig.turn()
    started, refused = rig.call(Look("m"))
    assert len(started) == 1
    assert not refused
    runs = rig.store.list_runs(RunFilter(1))
    assert [(row.workflow_id, row.run_id) for row in runs] == [("tick", started[0])]
    rig.now_ns += EVERY_NS
    rig.turn()
    # The first one still runs.
    _, refused = rig.call(Look("m"))
    assert len(refused) == 1
    assert "already" in refused[0].lower()


@pytest.mark.parametrize("snapshot_rows", [1, 100])
def test_an_entity_is_what_its_log_says_after_a_crash(snapshot_rows):
    rig = Rig(Limits(snapshot_rows=snapshot_rows))
    rig.call(Wind("m"))
    rig.now_ns += EVERY_NS
    rig.turn()
    before = rig.call(Look("m"))
    rig.crash()
    assert rig.call(Look("m")) == before
    rig.now_ns += EVERY_NS
    rig.turn()
    assert len(rig.call(Look("m"))[1]) == 1


def test_an_entity_is_nobody_s_workflow():
    rig = Rig()
    run_id = rig.call(Wind("m"))
    assert rig.store.list_runs(RunFilter(1)) == []
    request = ws.SignalWorkflowExecutionRequest(signal_name="s")
    request.workflow_execution.workflow_id = "m"
    with pytest.raises(NotFound):
        rig.call(request)
    request.workflow_execution.run_id = run_id
    with pytest.raises(NotFound):
        rig.call(request)
    token = notes.TaskToken(namespace_key=1, run_key=1, workflow_id="m", run_id=run_id)
    answer = ws.RespondActivityTaskCompletedRequest(task_token=token.SerializeToString())
    with pytest.raises(NotFound):
        rig.call(answer)
