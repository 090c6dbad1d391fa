"""Schedules in a lane: starts at their times, overlap policies, pauses, backfills, crashes."""

import pytest
import temporalio.api.workflowservice.v1 as ws
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType, WorkflowExecutionStatus
from temporalio.api.enums.v1 import ScheduleOverlapPolicy as Overlap
from temporalio.api.schedule.v1 import Schedule, SchedulePatch

from engine.rig import Rig, complete
from polyrhythm.base.entities import EntityKind
from polyrhythm.base.errors import AlreadyStarted, FailedPrecondition, NotFound
from polyrhythm.base.limits import SECOND_NS, Limits
from polyrhythm.stores.port import RunFilter

MINUTE_S = 60
# The rig's clock begins at a time that is no whole minute.
FIRST_S = 1_700_000_040
COMPLETED = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED
TERMINATED = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED
RUNNING = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING


def every_minute(**policies) -> Schedule:
    schedule = Schedule()
    schedule.spec.interval.add().interval.seconds = MINUTE_S
    action = schedule.action.start_workflow
    action.workflow_id = "run"
    action.workflow_type.name = "type"
    action.task_queue.name = "q"
    for name, value in policies.items():
        setattr(schedule.policies, name, value)
    return schedule


def create(rig: Rig, schedule: Schedule, patch: SchedulePatch | None = None, **fields):
    request = ws.CreateScheduleRequest(namespace="default", schedule_id="s", **fields)
    request.request_id = request.request_id or "create"
    request.schedule.CopyFrom(schedule)
    if patch is not None:
        request.initial_patch.CopyFrom(patch)
    return rig.call(request)


def describe(rig: Rig) -> ws.DescribeScheduleResponse:
    return rig.call(ws.DescribeScheduleRequest(namespace="default", schedule_id="s"))


def patch(rig: Rig, **fields) -> None:
    request = ws.PatchScheduleRequest(namespace="default", schedule_id="s")
    request.patch.MergeFrom(SchedulePatch(**fields))
    rig.call(request)


def update(rig: Rig, schedule: Schedule, token: bytes = b"") -> None:
    request = ws.UpdateScheduleRequest(namespace="default", schedule_id="s", conflict_token=token)
    request.schedule.CopyFrom(schedule)
    rig.call(request)


def runs(rig: Rig) -> list[tuple[str, int]]:
    rows = rig.store.list_runs(RunFilter(1))
    return sorted((row.workflow_id, row.status) for row in rows)


def open_runs(rig: Rig) -> int:
    return sum(status == RUNNING for _, status in runs(rig))


def minutes(rig: Rig, count: int = 1) -> None:
    for _ in range(count):
        rig.advance(MINUTE_S)


def fail(message: str = "no") -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION)
    command.fail_workflow_execution_command_attributes.failure.message = message
    return command


def result(text: bytes) -> Command:
    command = complete()
    attributes = command.complete_workflow_execution_command_attributes
    attributes.result.payloads.add(data=text)
    return command


def continue_as_new() -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION)
    attributes = command.continue_as_new_workflow_execution_command_attributes
    attributes.workflow_type.name = "type"
    attributes.task_queue.name = "q"
    return command


def test_a_schedule_starts_a_workflow_at_each_of_its_times():
    rig = Rig()
    create(rig, every_minute())
    rig.advance(39)
    assert runs(rig) == []
    rig.advance(1)
    assert runs(rig) == [("run-2023-11-14T22:14:00Z", RUNNING)]
    started = rig.poll().history.events[0].workflow_execution_started_event_attributes
    fields = started.search_attributes.indexed_fields
    assert fields["TemporalScheduledById"].data == b'"s"'
    assert fields["TemporalScheduledStartTime"].data == b'"2023-11-14T22:14:00Z"'
    assert started.identity == "temporal-scheduler-default-s"
    info = describe(rig).info
    assert (info.action_count, len(info.running_workflows), len(info.recent_actions)) == (1, 1, 1)
    assert info.future_action_times[0].seconds == FIRST_S + MINUTE_S


def test_a_firing_writes_two_notes():
    rig = Rig()
    create(rig, every_minute())
    key = rig.store.find_current(1, EntityKind.SCHEDULE, "s")
    before = len(rig.store.load_run(key, 0).log)
    minutes(rig)
    row = rig.store.load_run(key, 0).log[before]
    assert len(rig.store.load_run(key, 0).log) == before + 1
    assert len(row.notes) < 250


@pytest.mark.parametrize(
    ("policy", "started", "buffered", "skipped"),
    [
        (Overlap.SCHEDULE_OVERLAP_POLICY_UNSPECIFIED, 1, 0, 3),
        (Overlap.SCHEDULE_OVERLAP_POLICY_SKIP, 1, 0, 3),
        (Overlap.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE, 1, 1, 2),
        (Overlap.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL, 1, 3, 0),
        (Overlap.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER, 1, 3, 0),
        (Overlap.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER, 4, 0, 0),
        (Overlap.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL, 4, 0, 0),
    ],
)
def test_what_is_due_while_a_run_is_open(policy, started, buffered, skipped):
    rig = Rig()
    create(rig, every_minute(overlap_policy=policy))
    minutes(rig, 4)
    info = describe(rig).info
    assert (info.action_count, info.buffer_size) == (started, buffered)
    assert info.overlap_skipped == skipped
    cancelled = "WORKFLOW_EXECUTION_CANCEL_REQUESTED"
    if policy == Overlap.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER:
        assert rig.events("run-2023-11-14T22:14:00Z").count(cancelled) == 1
    if policy == Overlap.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER:
        assert open_runs(rig) == 1


def test_buffered_starts_follow_as_soon_as_the_run_has_ended():
    rig = Rig()
    create(rig, every_minute(overlap_policy=Overlap.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL))
    minutes(rig, 3)
    rig.run_commands(complete())
    assert runs(rig) == [
        ("run-2023-11-14T22:14:00Z", COMPLETED),
        ("run-2023-11-14T22:15:00Z", RUNNING),
    ]
    assert describe(rig).info.buffer_size == 1


def test_a_chain_counts_as_one_run_until_its_end():
    rig = Rig()
    create(rig, every_minute(overlap_policy=Overlap.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE))
    minutes(rig, 2)
    rig.run_commands(continue_as_new())
    rig.advance(2)
    assert describe(rig).info.action_count == 1
    rig.run_commands(complete())
    assert describe(rig).info.action_count == 2


def test_a_run_gets_the_result_and_the_failure_of_those_before_it():
    rig = Rig()
    create(rig, every_minute())
    for command in (result(b"one"), fail("two")):
        minutes(rig)
        rig.run_commands(command)
    minutes(rig)
    started = rig.poll().history.events[0].workflow_execution_started_event_attributes
    assert started.last_completion_result.payloads[0].data == b"one"
    assert started.continued_failure.message == "two"


def test_a_failure_pauses_a_schedule_that_asks_for_it():
    rig = Rig()
    create(rig, every_minute(pause_on_failure=True))
    minutes(rig)
    rig.run_commands(fail("boom"))
    shown = describe(rig)
    assert shown.schedule.state.paused
    assert shown.schedule.state.notes == (
        "paused due to workflow failure: run-2023-11-14T22:14:00Z: boom"
    )
    minutes(rig, 3)
    assert len(runs(rig)) == 1
    patch(rig, unpause="on")
    minutes(rig)
    assert len(runs(rig)) == 2


def test_a_pause_loses_its_times_and_counts_none_as_missed():
    rig = Rig()
    create(rig, every_minute())
    patch(rig, pause="wait")
    minutes(rig, 5)
    patch(rig, unpause="go")
    assert runs(rig) == []
    minutes(rig)
    info = describe(rig).info
    assert (info.action_count, info.missed_catchup_window) == (1, 0)


def test_a_standstill_is_caught_up_with_within_the_window():
    rig = Rig()
    schedule = every_minute(overlap_policy=Overlap.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL)
    schedule.policies.catchup_window.seconds = 150
    create(rig, schedule)
    rig.advance(10 * MINUTE_S)
    info = describe(rig).info
    assert (info.action_count, info.missed_catchup_window) == (3, 7)
    rig.turn()
    assert describe(rig).info.missed_catchup_window == 7


def test_a_long_standstill_is_taken_in_by_bounded_looks():
    rig = Rig(Limits(schedule_times_max=10, schedule_missed_max=50))
    schedule = every_minute()
    schedule.policies.catchup_window.seconds = 30 * MINUTE_S
    create(rig, schedule)
    rig.advance(86_400)
    for _ in range(10):
        rig.turn()
    info = describe(rig).info
    assert (info.action_count, info.overlap_skipped) == (1, 29)
    assert 50 <= info.missed_catchup_window <= 52


def test_limited_actions_end_a_schedule_after_a_while():
    rig = Rig()
    schedule = every_minute(overlap_policy=Overlap.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL)
    schedule.state.limited_actions, schedule.state.remaining_actions = True, 2
    create(rig, schedule)
    minutes(rig, 4)
    shown = describe(rig)
    assert (shown.info.action_count, shown.schedule.state.remaining_actions) == (2, 0)
    assert not shown.info.future_action_times
    rig.advance(8 * 86_400)
    with pytest.raises(NotFound, match="schedule not found"):
        describe(rig)


def test_triggers_start_at_once_even_while_paused():
    rig = Rig()
    schedule = every_minute()
    schedule.state.paused = True
    create(rig, schedule, SchedulePatch(trigger_immediately={}))
    assert open_runs(rig) == 1
    patch(rig, trigger_immediately={"overlap_policy": Overlap.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL})
    # In the same second it is the same id, which is taken.
    assert describe(rig).info.action_count == 1
    rig.advance(1)
    patch(rig, trigger_immediately={"overlap_policy": Overlap.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL})
    assert describe(rig).info.action_count == 2


def test_backfills_go_by_tens_and_both_ends_belong_to_them():
    rig = Rig()
    schedule = every_minute()
    schedule.state.paused = True
    create(rig, schedule)
    policy = Overlap.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL
    begin = FIRST_S - 86_400
    span = {"start_time": {"seconds": begin}, "end_time": {"seconds": begin + 24 * MINUTE_S}}
    patch(rig, backfill_request=[{**span, "overlap_policy": policy}])
    assert describe(rig).info.action_count == 10
    rig.advance(1)
    assert describe(rig).info.action_count == 20
    rig.advance(1)
    assert describe(rig).info.action_count == 25
    rig.advance(10)
    assert describe(rig).info.action_count == 25


def test_the_buffer_has_an_end():
    rig = Rig(Limits(schedule_buffer_max=3))
    create(rig, every_minute(overlap_policy=Overlap.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL))
    minutes(rig, 6)
    info = describe(rig).info
    assert (info.buffer_size, info.buffer_dropped) == (3, 2)


def test_updates_replace_the_spec_and_name_what_they_have_seen():
    rig = Rig()
    created = create(rig, every_minute())
    hourly = every_minute()
    hourly.spec.interval[0].interval.seconds = 3600
    update(rig, hourly, created.conflict_token)
    minutes(rig, 5)
    assert runs(rig) == []
    with pytest.raises(FailedPrecondition, match="mismatched conflict token"):
        update(rig, every_minute(), created.conflict_token)
    update(rig, every_minute(), describe(rig).conflict_token)
    minutes(rig)
    assert open_runs(rig) == 1
    assert describe(rig).info.HasField("update_time")


def test_ids_of_schedules_are_free_again_after_their_deletion():
    rig = Rig()
    create(rig, every_minute())
    create(rig, every_minute())
    with pytest.raises(AlreadyStarted, match='schedule "s" is already registered'):
        create(rig, every_minute(), request_id="other")
    minutes(rig)
    rig.call(ws.DeleteScheduleRequest(namespace="default", schedule_id="s"))
    with pytest.raises(NotFound, match="schedule not found"):
        describe(rig)
    assert open_runs(rig) == 1
    minutes(rig, 3)
    rig.run_commands(complete())
    assert runs(rig) == [("run-2023-11-14T22:14:00Z", COMPLETED)]
    create(rig, every_minute())
    assert describe(rig).info.action_count == 0


@pytest.mark.parametrize("snapshot_rows", [1, 3, 1000])
def test_a_schedule_is_what_its_log_says_after_a_crash(snapshot_rows):
    rig = Rig(Limits(snapshot_rows=snapshot_rows))
    create(rig, every_minute(overlap_policy=Overlap.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL))
    minutes(rig, 3)
    rig.run_commands(result(b"r"))
    before = describe(rig)
    rig.crash()
    assert describe(rig) == before
    minutes(rig)
    assert describe(rig).info.buffer_size == before.info.buffer_size + 1
    rig.run_commands(complete())
    assert describe(rig).info.action_count == before.info.action_count + 1


def test_a_kept_workflow_id_is_used_again_and_again():
    rig = Rig()
    create(rig, every_minute(keep_original_workflow_id=True))
    for _ in range(2):
        minutes(rig)
        rig.run_commands(complete())
    assert runs(rig) == [("run", COMPLETED)] * 2


def test_a_reset_run_goes_on_being_waited_for():
    rig = Rig()
    create(rig, every_minute(overlap_policy=Overlap.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE))
    minutes(rig, 2)
    rig.run_commands()
    request = ws.ResetWorkflowExecutionRequest(namespace="default", request_id="reset")
    request.workflow_execution.workflow_id = "run-2023-11-14T22:14:00Z"
    request.workflow_task_finish_event_id = 4
    rig.call(request)
    assert describe(rig).info.action_count == 1
    rig.run_commands(complete())
    assert describe(rig).info.action_count == 2


def test_a_time_is_not_taken_twice_when_the_clock_is_set_back():
    rig = Rig()
    create(rig, every_minute(overlap_policy=Overlap.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL))
    minutes(rig, 2)
    rig.now_ns -= 90 * SECOND_NS
    rig.crash()
    minutes(rig, 2)
    assert describe(rig).info.action_count == 2
    minutes(rig)
    assert describe(rig).info.action_count == 3


def test_times_to_come_are_listed_within_a_span():
    rig = Rig()
    create(rig, every_minute())
    request = ws.ListScheduleMatchingTimesRequest(namespace="default", schedule_id="s")
    request.start_time.seconds, request.end_time.seconds = FIRST_S, FIRST_S + 180
    found = [each.seconds for each in rig.call(request).start_time]
    assert found == [FIRST_S + 60, FIRST_S + 120, FIRST_S + 180]
