"""Jobs in the lane: what was missed, windows, jitter, followers, lost commits, restarts."""

from __future__ import annotations

from typing import Any

import pytest
import temporalio.api.workflowservice.v1 as ws
from temporalio.api.enums.v1 import ScheduleOverlapPolicy
from temporalio.api.schedule.v1 import Schedule
from temporalio.api.workflowservice.v1 import DescribeScheduleResponse

from engine.rig import START_NS, Rig, complete
from polyrhythm.api import service as api
from polyrhythm.base.errors import InvalidArgument, NotFound, StoreError
from polyrhythm.base.limits import MINUTE_NS, SECOND_NS

ALLOW_ALL = ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL


def put_request(job_id: str = "j", spec: str = "@every 1m", **fields: Any) -> api.PutJobRequest:
    schedule = Schedule()
    start = schedule.action.start_workflow
    start.workflow_id, start.workflow_type.name, start.task_queue.name = job_id, "type", "q"
    schedule.policies.overlap_policy = ALLOW_ALL
    return api.PutJobRequest(
        namespace="default",
        job_id=job_id,
        job=api.Job(spec=spec, **fields),
        schedule=schedule.SerializeToString(),
        request_id=f"put-{job_id}",
    )


def jobs(rig: Rig) -> dict[str, DescribeScheduleResponse]:
    answer = rig.call(api.ListJobsRequest(namespace="default"))
    return {
        entry.job_id: DescribeScheduleResponse.FromString(entry.description)
        for entry in answer.jobs
    }


def times(rig: Rig, job_id: str = "j") -> list[float]:
    """The times that were acted for, in seconds since the start."""
    acted = jobs(rig)[job_id].info.recent_actions
    return [(one.schedule_time.ToNanoseconds() - START_NS) / SECOND_NS for one in acted]


@pytest.mark.parametrize(
    ("fields", "acted", "missed"),
    [
        ({}, [600], 9),
        ({"missed_max": 3}, [480, 540, 600], 7),
        ({"missed_max": 1000}, [60.0 * n for n in range(1, 11)], 0),
        ({"missed_max": 3, "grace_ns": 70 * SECOND_NS}, [540, 600], 8),
        ({"grace_ns": 5 * SECOND_NS}, [], 10),
    ],
)
def test_what_was_missed(fields: dict[str, int], acted: list[float], missed: int) -> None:
    rig = Rig()
    rig.call(put_request(**fields))
    rig.now_ns += 10 * MINUTE_NS + 10 * SECOND_NS
    rig.crash()
    rig.advance(0)
    assert times(rig) == acted
    assert jobs(rig)["j"].info.missed_catchup_window == missed


def test_years_of_downtime_are_looked_at_from_their_end() -> None:
    rig = Rig()
    rig.call(put_request(spec="@every 10ms"))
    rig.advance(10 * 365 * 86_400)
    assert len(times(rig)) == 1
    rig.call(put_request("c", "* * * * *"))
    rig.advance(10 * 365 * 86_400)
    assert len(times(rig, "c")) == 1


def test_a_window_and_a_number_of_runs() -> None:
    rig = Rig()
    window = {"start_ns": START_NS + 5 * MINUTE_NS, "end_ns": START_NS + 8 * MINUTE_NS}
    rig.call(put_request(missed_max=100, **window))
    rig.call(put_request("k", runs_max=2, missed_max=100))
    rig.advance(600)
    # An interval with a window is counted from its start.
    assert times(rig) == [360, 420, 480]
    assert times(rig, "k") == [60, 120]


def test_a_jitter_is_the_same_at_every_look() -> None:
    rig = Rig()
    rig.call(put_request(jitter_ns=30 * SECOND_NS))
    coming = [one.ToNanoseconds() - START_NS for one in jobs(rig)["j"].info.future_action_times]
    rig.crash()
    again = [one.ToNanoseconds() - START_NS for one in jobs(rig)["j"].info.future_action_times]
    assert coming == again
    late = [at_ns % MINUTE_NS / SECOND_NS for at_ns in coming]
    assert all(0 <= one < 30 for one in late)
    assert len(set(late)) > 3


def test_a_change_keeps_the_phase_and_what_is_left_of_the_runs() -> None:
    rig = Rig()
    rig.call(put_request(runs_max=5, missed_max=9))
    rig.advance(150)
    changed = rig.call(put_request(runs_max=5, missed_max=9, summary="as before"))
    assert (changed.created, changed.changed) == (False, True)
    assert not rig.call(put_request(runs_max=5, missed_max=9, summary="as before")).changed
    rig.advance(35)
    assert times(rig) == [60, 120, 180]
    assert jobs(rig)["j"].schedule.state.remaining_actions == 2


def test_one_that_was_not_committed_is_not_there() -> None:
    rig = Rig()
    commit = rig.store.commit

    def refuse(_batch: Any) -> None:
        raise StoreError("no")

    rig.store.commit = refuse
    refused = rig.submit(put_request())
    rig.turn()
    assert refused.error is not None
    rig.store.commit = commit
    rig.turn()
    assert jobs(rig) == {}
    assert rig.call(put_request()).created


def test_followers_are_known_over_a_crash_and_forgotten_with_the_job() -> None:
    rig = Rig()
    rig.call(put_request())
    rig.call(put_request("after", "@triggered", after=["j"]))
    rig.crash()
    rig.advance(61)
    rig.run_commands(complete())
    assert times(rig, "after") == [61]
    remove = api.PatchJobsRequest(namespace="default", verb=api.PatchJobsRequest.Verb.VERB_REMOVE)
    remove.job_ids.append("after")
    rig.call(remove)
    assert list(jobs(rig)) == ["j"]
    with pytest.raises(NotFound, match="after"):
        rig.call(remove)


def test_jobs_do_not_act_after_what_is_not_there_or_in_a_circle() -> None:
    rig = Rig()
    with pytest.raises(InvalidArgument, match='"gone", which is no job'):
        rig.call(put_request(after=["gone"]))
    with pytest.raises(InvalidArgument, match="after itself"):
        rig.call(put_request(after=["j"]))
    rig.call(put_request())
    rig.call(put_request("k", after=["j"]))
    with pytest.raises(InvalidArgument, match="through others"):
        rig.call(put_request(after=["k"]))


@pytest.mark.parametrize(
    ("spec", "fields", "said"),
    [
        ("0 0 30 2 *", {}, "never act"),
        ("@at 2001-01-01T00:00", {}, "never act"),
        ("@every 1m", {"end_ns": START_NS - 1}, "within its span"),
        ("@every 1m", {"jitter_ns": MINUTE_NS}, "not shorter than the 60 s"),
        ("0 9 * * *", {"time_zone": "Mars"}, "Mars"),
        ("0 9 * * *", {"dialect": "quartz"}, "no dialect"),
    ],
)
def test_a_job_that_cannot_act_is_refused(spec: str, fields: dict[str, Any], said: str) -> None:
    rig = Rig()
    with pytest.raises(InvalidArgument, match=said):
        rig.call(put_request(spec=spec, **fields))
    assert jobs(rig) == {}


def test_a_tag_and_an_owner_mean_many() -> None:
    rig = Rig()
    for number, tag in enumerate(("red", "red", "blue")):
        rig.call(put_request(f"j{number}", tags=[tag], owner="shop"))
    verb = api.PatchJobsRequest.Verb
    pause = api.PatchJobsRequest(namespace="default", verb=verb.VERB_PAUSE, tags=["red"])
    assert list(rig.call(pause).job_ids) == ["j0", "j1"]
    remove = api.PatchJobsRequest(namespace="default", verb=verb.VERB_REMOVE, owner="shop")
    remove.kept_ids.append("j2")
    assert sorted(rig.call(remove).job_ids) == ["j0", "j1"]
    assert list(jobs(rig)) == ["j2"]


def test_a_client_that_knows_schedules_alone_finds_it_and_keeps_its_times() -> None:
    rig = Rig()
    rig.call(put_request())
    pause = ws.PatchScheduleRequest(namespace="default", schedule_id="j")
    pause.patch.pause = "by hand"
    rig.call(pause)
    described = rig.call(ws.DescribeScheduleRequest(namespace="default", schedule_id="j"))
    assert described.schedule.state.notes == "by hand"
    update = ws.UpdateScheduleRequest(namespace="default", schedule_id="j", request_id="u")
    update.schedule.CopyFrom(described.schedule)
    update.schedule.ClearField("spec")
    update.schedule.state.paused = False
    rig.call(update)
    rig.advance(61)
    assert times(rig) == [60]
