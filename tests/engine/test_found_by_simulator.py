"""Bugs that the simulator found in the engine, each as the shortest story that shows it."""

from __future__ import annotations

import pytest
import temporalio.api.workflowservice.v1 as ws

from engine.rig import (
    Rig,
    activity,
    complete,
    completed_request,
    poll_activity_request,
    poll_request,
    signal_request,
    start_request,
    timer,
)
from polyrhythm.base.errors import AlreadyStarted, NotFound, StoreError, Unavailable
from polyrhythm.base.limits import MINUTE_NS, SECOND_NS, Limits
from polyrhythm.core.snapshot import FOLD_VERSION
from polyrhythm.engine.turn import fold_run


def test_a_task_given_in_the_turn_that_outgrew_the_tail_has_its_whole_history() -> None:
    # The tail in memory dropped events that were staged and not in the log yet.
    rig = Rig(Limits(cached_history_bytes_max=1))
    rig.call(start_request())
    task = rig.poll()
    waiting = rig.submit(poll_request())
    rig.turn()
    request = completed_request(task.task_token, timer("t", 60))
    request.force_create_new_workflow_task = True
    rig.call(request)
    ids = [event.event_id for event in waiting.value.history.events]
    assert ids == list(range(1, waiting.value.started_event_id + 1))


def test_a_task_that_waits_on_a_sticky_queue_moves_when_it_is_reset() -> None:
    # It stayed on the sticky queue, whose timeout did not count any more: nobody ever got it.
    rig = Rig()
    rig.call(start_request())
    request = completed_request(rig.poll().task_token, timer("t", 60))
    request.sticky_attributes.worker_task_queue.name = "sticky"
    request.sticky_attributes.schedule_to_start_timeout.seconds = 5
    rig.call(request)
    polled = rig.submit(poll_request("sticky"))
    rig.turn()
    polled.cancel()
    rig.call(signal_request())
    reset = ws.ResetStickyTaskQueueRequest(namespace="default")
    reset.execution.workflow_id = "w"
    rig.call(reset)
    assert rig.poll().workflow_execution.workflow_id == "w"


def test_an_offer_without_room_is_found_by_a_poll_of_the_same_turn() -> None:
    # Obsolete offers filled the memory; a poll that used them up read rows that were too old.
    rig = Rig(Limits(offers_in_memory_max=1))
    rig.call(start_request("gone"))
    terminate = ws.TerminateWorkflowExecutionRequest(namespace="default")
    terminate.workflow_execution.workflow_id = "gone"
    rig.call(terminate)
    rig.submit(start_request("w"))
    poll = rig.submit(poll_request())
    rig.turn()
    assert poll.value.workflow_execution.workflow_id == "w"


@pytest.mark.parametrize("timers_max", [1, 2])
def test_a_lane_full_of_timers_sleeps_until_the_first(timers_max: int) -> None:
    # It asked for a turn at once, for as long as more deadlines were near than memory holds.
    rig = Rig(Limits(timers_in_memory_max=timers_max))
    for number in range(4):
        rig.call(start_request(f"w{number}"))
        rig.run_commands(timer("t", 20 + number))
    rig.advance(1)
    assert rig.lane.next_ns() == rig.now_ns + 19 * SECOND_NS
    rig.advance(23)
    for _ in range(4):
        rig.turn()
    assert rig.lane.next_ns() > rig.now_ns + MINUTE_NS


def test_a_delayed_start_asked_again_does_not_hand_out_a_task_that_a_worker_has() -> None:
    rig = Rig()
    request = start_request()
    request.request_eager_execution = True
    request.workflow_start_delay.seconds = 5
    rig.call(request)
    rig.advance(5)
    assert rig.poll().started_event_id == 3
    assert not rig.call(request).eager_workflow_task.task_token


class FailingOnce:
    """Fails the next commit when it is armed, before anything is written."""

    def __init__(self) -> None:
        self.armed = False

    def before_commit(self, _batch: object) -> None:
        if self.armed:
            self.armed = False
            raise StoreError("not written")

    def after_commit(self, _batch: object) -> None:
        """Let it stand."""


def test_a_deletion_that_was_not_committed_loses_no_timer() -> None:
    faults = FailingOnce()
    rig = Rig(faults=faults)
    run_id = rig.call(start_request()).run_id
    rig.run_commands(timer("t", 10))
    delete = ws.DeleteWorkflowExecutionRequest(namespace="default")
    delete.workflow_execution.workflow_id = "w"
    delete.workflow_execution.run_id = run_id
    faults.armed = True
    rig.submit(delete)
    rig.advance(10)
    # The deletion came first and was not committed: the deadline is armed again, and has passed.
    assert rig.lane.next_ns() == rig.now_ns
    rig.turn()
    assert rig.events().count("TIMER_FIRED") == 1


def test_a_clock_set_back_loses_no_activity() -> None:
    rig = Rig()
    rig.call(start_request())
    rig.run_commands(activity("a"))
    rig.now_ns -= SECOND_NS
    rig.crash()
    task = rig.call(poll_activity_request())
    assert task.activity_id == "a"
    rig.call(ws.RespondActivityTaskFailedRequest(namespace="default", task_token=task.task_token))
    rig.advance(1)
    rig.now_ns -= SECOND_NS // 2
    assert rig.call(poll_activity_request()).attempt == 2


def test_a_clock_set_back_before_a_crash_loses_no_retry() -> None:
    rig = Rig()
    rig.call(start_request())
    rig.run_commands(activity("a"))
    token = rig.call(poll_activity_request()).task_token
    rig.call(ws.RespondActivityTaskFailedRequest(namespace="default", task_token=token))
    rig.advance(1)
    rig.now_ns -= SECOND_NS // 2
    rig.call(signal_request())
    rig.crash()
    rig.advance(1)
    assert rig.call(poll_activity_request()).attempt == 2


def test_a_state_with_headers_is_byte_for_byte_the_fold_of_its_log() -> None:
    # The order of a map in an event's bytes depended on how the event had been put together.
    rig = Rig()
    rig.call(start_request())
    command = activity("a")
    fields = command.schedule_activity_task_command_attributes.header.fields
    for key in ("one", "two", "three", "four"):
        fields[key].data = key.encode()
    rig.run_commands(command)
    run = rig.lane.memory.world.cache.get(1)
    stored = rig.store.load_run(1, FOLD_VERSION)
    assert run is not None
    assert stored is not None
    assert run.state.activities == fold_run(stored).state.activities


def update_request(update_id: str) -> ws.UpdateWorkflowExecutionRequest:
    request = ws.UpdateWorkflowExecutionRequest(namespace="default")
    request.workflow_execution.workflow_id = "w"
    request.request.meta.update_id = update_id
    request.request.input.name = "change"
    return request


def test_an_activity_that_ends_before_a_speculative_task_names_its_own_start() -> None:
    # The task's event was written between the two and took the id that the end had named.
    rig = Rig()
    rig.call(start_request())
    rig.run_commands(activity("a"))
    task = rig.call(poll_activity_request())
    rig.submit(update_request("u"))
    rig.turn()
    rig.call(
        ws.RespondActivityTaskCompletedRequest(namespace="default", task_token=task.task_token)
    )
    request = ws.GetWorkflowExecutionHistoryRequest(namespace="default")
    request.execution.workflow_id = "w"
    *_, started, completed = rig.call(request).history.events
    assert started.HasField("activity_task_started_event_attributes")
    attributes = completed.activity_task_completed_event_attributes
    assert attributes.started_event_id == started.event_id


def test_options_of_a_closed_run_are_not_restored() -> None:
    # What was pending when it closed is still there to be described, and was written to.
    rig = Rig()
    run_id = rig.call(start_request()).run_id
    rig.run_commands(activity("a"))
    rig.call(poll_activity_request())
    terminate = ws.TerminateWorkflowExecutionRequest(namespace="default")
    terminate.workflow_execution.workflow_id = "w"
    rig.call(terminate)
    restore = ws.UpdateActivityOptionsRequest(namespace="default", id="a", restore_original=True)
    restore.execution.workflow_id = "w"
    restore.execution.run_id = run_id
    with pytest.raises(NotFound):
        rig.call(restore)


def test_a_paused_activity_that_would_wait_is_not_due() -> None:
    # A turn was taken for a retry that a pause had put off.
    rig = Rig()
    rig.call(start_request())
    rig.run_commands(activity("a"))
    token = rig.call(poll_activity_request()).task_token
    rig.call(ws.RespondActivityTaskFailedRequest(namespace="default", task_token=token))
    pause = ws.PauseActivityRequest(namespace="default", id="a")
    pause.execution.workflow_id = "w"
    rig.call(pause)
    row = rig.store.load_row(1)
    assert row is not None
    assert row.due_ns == 0


def test_a_start_behind_a_deletion_of_its_turn_sees_the_run_before() -> None:
    # With the newest run deleted by the same turn, the id seemed to have no run at all: a request
    # sent again started its workflow again.
    rig = Rig()
    first = start_request()
    first.request_id = "first"
    run_ids = []
    for request in (first, start_request()):
        run_ids.append(rig.call(request).run_id)
        rig.run_commands(complete())
    delete = ws.DeleteWorkflowExecutionRequest(namespace="default")
    delete.workflow_execution.workflow_id = "w"
    delete.workflow_execution.run_id = run_ids[1]
    rig.submit(delete)
    assert rig.call(first).run_id == run_ids[0]


def test_a_deletion_that_was_not_committed_leaves_the_newest_run_the_newest() -> None:
    """Seed 1032: the older run looked up behind it stayed the id's newest after the abort."""

    class Failing:
        armed = False

        def before_commit(self, _batch: object) -> None:
            if self.armed:
                self.armed = False
                raise StoreError("planned")

        def after_commit(self, _batch: object) -> None:
            """Written."""

    faults = Failing()
    rig = Rig(faults=faults)
    rig.call(start_request())
    rig.run_commands(complete())
    again = start_request()
    again.request_id = "second"
    newest = rig.call(again).run_id
    delete = ws.DeleteWorkflowExecutionRequest(namespace="default")
    delete.workflow_execution.workflow_id = "w"
    delete.workflow_execution.run_id = newest
    describe = ws.DescribeWorkflowExecutionRequest(namespace="default")
    describe.execution.workflow_id = "w"
    faults.armed = True
    rig.submit(delete)
    rig.submit(describe)
    rig.turn()
    third = start_request()
    third.request_id = "third"
    with pytest.raises(AlreadyStarted):
        rig.call(third)


def override_request(build_id: str = "") -> ws.UpdateWorkflowExecutionOptionsRequest:
    """Bind the run to a version, or with none let it follow the current one."""
    request = ws.UpdateWorkflowExecutionOptionsRequest(namespace="default")
    request.workflow_execution.workflow_id = "w"
    request.update_mask.paths.append("versioning_override")
    override = request.workflow_execution_options.versioning_override
    if not build_id:
        override.auto_upgrade = True
        return request
    override.pinned.behavior = 1
    override.pinned.version.deployment_name, override.pinned.version.build_id = "shop", build_id
    return request


def test_an_override_that_was_not_written_leaves_no_task_at_its_version() -> None:
    # The offer stayed at the version's queue: its worker got a task of a run that was not its.
    faults = FailingOnce()
    rig = Rig(faults=faults)
    versioned = poll_request()
    versioned.deployment_options.deployment_name = "shop"
    versioned.deployment_options.build_id = "1"
    versioned.deployment_options.worker_versioning_mode = 2
    first = rig.submit(versioned)
    rig.turn()
    first.cancel()
    rig.call(start_request())
    faults.armed = True
    with pytest.raises(Unavailable):
        rig.call(override_request("1"))
    rig.turn()
    waiting = rig.submit(versioned)
    rig.turn()
    assert not waiting.done
    assert rig.poll().workflow_execution.workflow_id == "w"


def test_options_that_changed_twice_while_a_worker_had_the_task_keep_it_sticky() -> None:
    # Written out behind the completed task they were applied once more, the first undoing the
    # second on the way, and with it that the worker caches the run.
    rig = Rig()
    rig.call(start_request())
    task = rig.poll()
    unset = ws.UpdateWorkflowExecutionOptionsRequest(namespace="default")
    unset.workflow_execution.workflow_id = "w"
    unset.update_mask.paths.append("versioning_override")
    rig.call(override_request())
    rig.call(unset)
    rig.call(override_request())
    rig.call(signal_request())
    request = completed_request(task.task_token)
    request.sticky_attributes.worker_task_queue.name = "sticky"
    request.sticky_attributes.schedule_to_start_timeout.seconds = 5
    polled = rig.submit(poll_request("sticky"))
    rig.turn()
    rig.call(request)
    assert polled.done


def test_a_history_call_that_waits_leaves_its_request_as_it_is() -> None:
    rig = Rig()
    rig.call(start_request())
    request = ws.GetWorkflowExecutionHistoryRequest(namespace="default", wait_new_event=True)
    request.execution.workflow_id = "w"
    request.history_event_filter_type = 2
    rig.submit(request, 60)
    rig.turn()
    assert not request.execution.run_id
