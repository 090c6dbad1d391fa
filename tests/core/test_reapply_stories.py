"""Stories of what comes again in a run that a reset has made, and what does not."""

from __future__ import annotations

import pytest
from temporalio.api.enums.v1 import ResetReapplyType
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.workflowservice.v1 import (
    RequestCancelWorkflowExecutionRequest,
)

from core.playback import Playback, context, start_request
from core.reset_play import (
    SIGNAL,
    Ids,
    closed,
    history,
    names,
    played,
    reset,
    reset_request,
    signal,
    signal_external,
    told,
)
from polyrhythm.core.batches import parse_events
from polyrhythm.core.decide.cancel import decide_cancel
from polyrhythm.core.decide.reset import (
    ResetSource,
    decide_reset,
)
from polyrhythm.core.decide.start import decide_start
from polyrhythm.core.decision import Decision
from polyrhythm.core.effects import Delivery


@pytest.mark.parametrize(
    "fields",
    [
        {"reset_reapply_exclude_types": [SIGNAL]},
        {"reset_reapply_exclude_types": [1, 2, 3, 4]},
        {"reset_reapply_type": ResetReapplyType.RESET_REAPPLY_TYPE_NONE},
    ],
)
def test_signals_left_behind(fields):
    _, new = reset(closed(), 4, **fields)
    assert "WORKFLOW_EXECUTION_SIGNALED" not in names(new)


@pytest.mark.parametrize(
    "fields", [{"reset_reapply_type": ResetReapplyType.RESET_REAPPLY_TYPE_SIGNAL}, {}]
)
def test_signals_taken_along(fields):
    _, new = reset(closed(), 4, **fields)
    assert "WORKFLOW_EXECUTION_SIGNALED" in names(new)
    # The sender's request id stays behind: the same signal sent again counts again.
    assert new.state.signal_count == 1
    assert not new.state.signal_request_ids


def test_cancel_requests_do_not_come_again():
    run = played()
    request = RequestCancelWorkflowExecutionRequest(identity="client")
    run.take(decide_cancel(run.state, request, context()))
    _, new = reset(run, 4)
    assert not new.state.cancel_requested
    assert "WORKFLOW_EXECUTION_CANCEL_REQUESTED" not in names(new)


def test_attached_requests_come_again():
    run = closed()
    run.rows.pop()
    decision = Decision(run.state, context())
    event = decision.new_event(event_types.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED)
    event.workflow_execution_options_updated_event_attributes.attached_request_id = "attached"
    event.links.add().workflow_event.workflow_id = "from"
    decision.append(event)
    found = history(run)
    found.add(run.state.next_event_id - 1, decision.event_frames, b"")
    source = ResetSource(run.state.run_id, found)
    decided = decide_reset(reset_request(4), run.state, [source], run.state, context())
    again = parse_events(decided.created.event_frames)[5]
    assert again.links == event.links
    assert again.worker_may_ignore
    assert decided.created.state.request_events["attached"].event_id == 6


def test_what_came_to_later_runs_of_the_chain_comes_again():
    world = context()
    world.ids = Ids("second")
    run, second = closed(), Playback(decide_start(start_request(), world))
    signal(second, "later")
    decided, new = reset(run, 4, chain=(second,))
    assert decided.current is not None
    assert not second.state.running
    assert [line.split()[2] for line in told(new) if "SIGNALED" in line] == [
        "signal_name=kept",
        "signal_name=later",
    ]


def test_a_question_without_an_answer_is_asked_again():
    run = played(signal_external("other"))
    signal(run)
    run.start_task()
    run.complete()
    decided, new = reset(run, 9)
    assert list(new.state.owed) == [1]
    owed = [effect for effect in decided.created.effects if isinstance(effect, Delivery)]
    assert owed[0].message.workflow_id == "other"
    assert owed[0].message.sender_event_id == 5
    assert owed[0].message.sender_run_id == "new-run"
