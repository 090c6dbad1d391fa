"""Activities without a workflow, in a lane: every end, every timeout, and what a crash leaves."""

from __future__ import annotations

import pytest
import temporalio.api.enums.v1 as enums
import temporalio.api.workflowservice.v1 as ws

from engine.rig import poll_activity_request
from engine.standalone_rig import (
    Stage,
    beat,
    cancel_request,
    canceled,
    completed,
    failed,
    poll_outcome,
    start_request,
    terminate_request,
)
from engine.test_residents import Scripted, house
from polyrhythm.api import notes
from polyrhythm.api import service as api
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import ActivityAlreadyStarted, FailedPrecondition, NotFound
from polyrhythm.base.limits import DAY_NS, SECOND_NS, Limits
from polyrhythm.core.snapshot import FOLD_VERSION
from polyrhythm.core.standalone import apply_note
from polyrhythm.engine import residents
from polyrhythm.engine.natures import NATURES
from polyrhythm.engine.turn import fold_run
from polyrhythm.stores.port import RunFilter


def test_a_start_meets_a_waiting_worker_in_one_commit():
    rig = Stage()
    waiting = rig.submit(poll_activity_request())
    rig.turn()
    rig.start()
    assert waiting.value.activity_id == "a"
    row = rig.store.list_runs(RunFilter(1, kind=EntityKind.ACTIVITY))[0]
    stored = rig.store.load_run(row.run_key, FOLD_VERSION)
    assert [len(notes.NoteList.FromString(entry.notes).notes) for entry in stored.log] == [2]


def test_an_outcome_is_waited_for_and_answered_by_the_commit_that_makes_it():
    rig = Stage()
    rig.start()
    waiting = rig.submit(poll_outcome())
    rig.turn()
    token = rig.work().task_token
    assert not waiting.done
    rig.call(completed(token))
    assert waiting.value.outcome.result.payloads[0].data == b"out"
    assert rig.status() == "completed"


def test_a_poll_that_comes_to_nothing_is_empty_before_its_deadline():
    rig = Stage()
    rig.start()
    waiting = rig.submit(poll_outcome(), deadline_s=5)
    rig.turn()
    rig.advance(3.9)
    assert not waiting.done
    rig.advance(0.2)
    assert not waiting.value.run_id


# What a worker has done, what comes then, and the status that follows ("" for a refusal).
CELLS = [
    ("scheduled", "cancel", "canceled"),
    ("scheduled", "terminate", "terminated"),
    ("started", "complete", "completed"),
    ("started", "fail", "running"),
    ("started", "fail for good", "failed"),
    ("started", "report", ""),
    ("started", "beat", "running"),
    ("started", "cancel", "running"),
    ("started", "terminate", "terminated"),
    ("backing off", "cancel", "canceled"),
    ("backing off", "terminate", "terminated"),
    ("backing off", "complete", ""),
    ("backing off", "beat", ""),
    ("cancel requested", "complete", "completed"),
    ("cancel requested", "fail", "failed"),
    ("cancel requested", "report", "canceled"),
    ("cancel requested", "beat", "running"),
    ("cancel requested", "cancel", ""),
    ("cancel requested", "terminate", "terminated"),
    *(
        ("closed", step, "")
        for step in ("complete", "fail", "fail for good", "report", "beat", "cancel", "terminate")
    ),
]


def _bring(rig: Stage, state: str) -> bytes:
    rig.start()
    token = b"" if state == "scheduled" else rig.work().task_token
    if state == "backing off":
        rig.call(failed(token))
    elif state == "cancel requested":
        rig.call(cancel_request("first"))
    elif state == "closed":
        rig.call(completed(token))
    return token


@pytest.mark.parametrize(("state", "step", "status"), CELLS)
def test_every_cell_of_the_state_table(state, step, status):
    rig = Stage()
    token = _bring(rig, state)
    requests = {
        "complete": completed(token),
        "fail": failed(token),
        "fail for good": failed(token, retryable=False),
        "report": canceled(token),
        "beat": beat(token),
        "cancel": cancel_request(),
        "terminate": terminate_request(),
    }
    before = rig.describe().state_transition_count
    if status:
        rig.call(requests[step])
        assert rig.status() == status
        assert rig.describe().state_transition_count == before + 1
        if status != "running":
            assert rig.outcome().WhichOneof("value")
    else:
        with pytest.raises((NotFound, FailedPrecondition)):
            rig.call(requests[step])
        assert rig.describe().state_transition_count == before


# The timeout, the seconds it has, what the worker does, and the type that is told.
TIMEOUTS = [
    ("schedule_to_start", False, "TIMEOUT_TYPE_SCHEDULE_TO_START"),
    ("schedule_to_close", False, "TIMEOUT_TYPE_SCHEDULE_TO_CLOSE"),
    ("schedule_to_close", True, "TIMEOUT_TYPE_SCHEDULE_TO_CLOSE"),
    ("start_to_close", True, "TIMEOUT_TYPE_START_TO_CLOSE"),
    ("heartbeat", True, "TIMEOUT_TYPE_HEARTBEAT"),
]


@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize(("name", "taken", "told"), TIMEOUTS)
def test_every_timeout_closes_the_last_attempt_on_time(name, taken, told, crash):
    rig = Stage()
    rig.start(attempts=1, **{name: 20})
    if taken:
        rig.work()
    if crash:
        rig.crash()
    # An answer that was sent in time may come a little after its attempt's time is over.
    rig.advance(19.9)
    assert rig.status() == "running"
    rig.advance(0.25)
    assert rig.status() == "timed_out"
    info = rig.outcome().failure.timeout_failure_info
    assert enums.TimeoutType.Name(info.timeout_type) == told


@pytest.mark.parametrize("name", ["start_to_close", "heartbeat"])
def test_a_silent_worker_costs_an_attempt_and_its_progress_is_kept(name):
    rig = Stage()
    rig.start(**{name: 20})
    first = rig.work().task_token
    rig.advance(5)
    rig.call(beat(first))
    rig.advance(20.2)
    assert rig.describe().attempt == 2
    with pytest.raises(NotFound):
        rig.call(completed(first))
    rig.advance(10)
    again = rig.work()
    assert again.attempt == 2
    assert again.heartbeat_details.payloads[0].data == b"half"
    rig.call(completed(again.task_token))


def test_a_heartbeat_moves_its_timeout():
    rig = Stage()
    rig.start(heartbeat=10, attempts=1)
    token = rig.work().task_token
    for _ in range(4):
        rig.advance(9)
        rig.call(beat(token))
    assert rig.status() == "running"
    rig.advance(10.2)
    assert rig.status() == "timed_out"


@pytest.mark.parametrize("crash", [False, True])
def test_a_retry_is_offered_when_its_time_has_come(crash):
    rig = Stage()
    rig.start(attempts=3)
    rig.call(failed(rig.work().task_token))
    waiting = rig.submit(poll_activity_request())
    rig.advance(9.9)
    assert not waiting.done
    if crash:
        rig.crash()
        waiting = rig.submit(poll_activity_request())
        rig.turn()
    rig.advance(0.1)
    assert waiting.value.attempt == 2
    rig.call(failed(waiting.value.task_token))
    rig.advance(20)
    rig.call(failed(rig.work().task_token))
    assert rig.status() == "failed"
    assert rig.describe().attempt == 3


def test_a_failure_says_when_to_come_again_and_what_it_had_done():
    rig = Stage()
    rig.start()
    request = failed(rig.work().task_token)
    request.failure.application_failure_info.next_retry_delay.seconds = 3
    request.last_heartbeat_details.payloads.add(data=b"far")
    rig.call(request)
    rig.advance(3)
    assert rig.work().heartbeat_details.payloads[0].data == b"far"


def test_an_answer_by_id_is_for_whichever_attempt_runs():
    rig = Stage()
    run_id = rig.start()
    rig.call(failed(rig.work().task_token))
    by_id = ws.RespondActivityTaskCompletedByIdRequest(activity_id="a", run_id=run_id)
    with pytest.raises(NotFound):
        rig.call(by_id)
    rig.advance(10)
    rig.work()
    rig.call(by_id)
    assert rig.status() == "completed"


def test_a_start_delay_holds_the_first_attempt_back_and_leaves_its_time_whole():
    rig = Stage()
    rig.start(delay=100, schedule_to_close=30)
    waiting = rig.submit(poll_activity_request())
    rig.advance(99)
    assert not waiting.done
    rig.advance(1)
    assert waiting.value.attempt == 1
    rig.advance(29.9)
    assert rig.status() == "running"
    rig.advance(0.2)
    assert rig.status() == "timed_out"


def test_the_policies_of_an_id():
    rig = Stage()
    first = rig.start()
    assert rig.call(start_request()).run_id == first
    with pytest.raises(ActivityAlreadyStarted) as refused:
        rig.call(start_request(request_id="other"))
    assert (refused.value.run_id, refused.value.start_request_id) == (first, "start-a")
    assert rig.call(start_request(request_id="other", id_conflict_policy=2)).run_id == first
    rig.call(completed(rig.work().task_token))
    for policy in (2, 3):
        with pytest.raises(ActivityAlreadyStarted):
            rig.call(start_request(request_id="other", id_reuse_policy=policy))
    assert rig.call(start_request(request_id="other")).started
    rig.call(failed(rig.work().task_token, retryable=False))
    assert rig.call(start_request(request_id="third", id_reuse_policy=2)).started


def test_a_worker_hears_of_a_cancellation():
    rig = Stage()
    rig.start()
    token = rig.work().task_token
    assert not rig.call(beat(token)).cancel_requested
    rig.call(cancel_request())
    rig.call(cancel_request())
    assert rig.call(beat(token)).cancel_requested
    # Nothing of it is tried again then.
    rig.advance(60.2)
    assert rig.status() == "timed_out"


def test_a_description_waits_for_the_next_change():
    rig = Stage()
    run_id = rig.start()
    request = ws.DescribeActivityExecutionRequest(activity_id="a", run_id=run_id)
    seen = rig.call(request)
    request.long_poll_token = seen.long_poll_token
    waiting = rig.submit(request)
    rig.turn()
    assert not waiting.done
    rig.work()
    assert waiting.value.info.state_transition_count > seen.info.state_transition_count
    # The state has moved on since the first token: that one is answered at once.
    assert rig.call(request).run_id == run_id


def test_who_waits_for_a_deleted_activity_is_told():
    rig = Stage()
    run_id = rig.start()
    waiting = rig.submit(poll_outcome())
    rig.turn()
    rig.call(ws.DeleteActivityExecutionRequest(activity_id="a", run_id=run_id))
    assert isinstance(waiting.error, NotFound)
    with pytest.raises(NotFound):
        rig.describe()
    assert rig.call(start_request(request_id="new")).run_id != run_id


def test_closed_activities_are_kept_for_the_namespace_s_retention():
    rig = Stage()
    rig.start()
    rig.call(terminate_request())
    rig.advance(DAY_NS / SECOND_NS - 400)
    rig.describe()
    rig.advance(1000)
    with pytest.raises(NotFound):
        rig.describe()


def test_more_than_memory_holds_is_handed_out_in_order_after_a_crash():
    rig = Stage(Limits(offers_in_memory_max=2))
    for number in range(6):
        rig.start(f"a{number}")
    rig.crash()
    got = [rig.work().activity_id for _ in range(6)]
    assert got == [f"a{number}" for number in range(6)]


def test_an_attempt_that_was_not_begun_is_given_back_as_the_same_one():
    rig = Stage()
    rig.start(attempts=1)
    token = rig.work().task_token
    request = api.PostponeActivityTaskRequest(task_token=token, delay_ns=5 * SECOND_NS)
    rig.call(request)
    with pytest.raises(NotFound):
        rig.call(request)
    rig.advance(5)
    again = rig.work()
    assert again.attempt == 1
    rig.call(completed(again.task_token))
    assert rig.status() == "completed"


def test_a_token_is_no_other_run_s():
    rig = Stage()
    rig.start()
    token = notes.TaskToken.FromString(rig.work().task_token)
    token.run_id = "00000000-0000-7000-8000-999999999999"
    with pytest.raises(NotFound):
        rig.call(completed(token.SerializeToString()))


def test_a_closed_activity_wants_nothing_any_more():
    rig = Stage()
    rig.start()
    rig.call(cancel_request())
    row = rig.store.list_runs(RunFilter(1, kind=EntityKind.ACTIVITY))[0]
    assert (row.due_ns, row.work, row.owes) == (0, "", 0)
    assert row.close_ns == rig.now_ns


def test_a_log_folds_to_the_row_that_is_stored():
    rig = Stage()
    rig.start()
    rig.call(failed(rig.work().task_token))
    key = rig.store.list_runs(RunFilter(1, kind=EntityKind.ACTIVITY))[0].run_key
    stored = rig.store.load_run(key, 0)
    state = NATURES[EntityKind.ACTIVITY].new()
    for entry in stored.log:
        for note in notes.NoteList.FromString(entry.notes).notes:
            apply_note(state, note)
    rebuilt = fold_run(stored)
    rebuilt.state.transitions = state.transitions = 0
    assert rebuilt.state == state
    assert NATURES[EntityKind.ACTIVITY].project(rebuilt, rig.now_ns) == stored.row


def test_a_worker_inside_gets_it_after_the_commit_and_the_next_process_gets_it_again(monkeypatch):
    rig = Stage()
    worker = Scripted()
    house(rig, worker)
    rig.call(start_request())
    assert [task.activity_id for task in worker.attempts] == ["a"]
    monkeypatch.setattr(residents, "_SEED", "another")
    rig.crash()
    worker = Scripted()
    house(rig, worker)
    rig.turn()
    assert not worker.attempts, "the retry policy has a wait between attempts"
    rig.advance(10)
    assert [task.attempt for task in worker.attempts] == [2]
    rig.call(completed(worker.attempts[0].task_token))
    assert rig.status() == "completed"
