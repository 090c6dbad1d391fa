"""Jobs of a program: when they run, how they are changed while it runs, and what is refused."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest

from polyrhythm import App, wf
from polyrhythm.base.errors import AlreadyStarted, InvalidArgument, NotFound
from polyrhythm.canvas import Problem
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.testing import Stage

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_every_so_often_from_when_it_was_declared():
    app, ticks = App("ticking"), []

    @app.every("5s")
    def tick():
        ticks.append(stage.now())

    with Stage(app, at=NOON) as stage:
        stage.advance("21s")
    assert [(one - NOON).seconds for one in ticks] == [5, 10, 15, 20]


def test_at_the_times_of_a_spec_in_a_zone():
    app, seen = App("mornings"), []

    @app.cron("0 9 * * mon-fri", tz="Asia/Kathmandu", args=["tea"])
    def brew(what):
        seen.append((what, stage.now()))

    with Stage(app, at=NOON) as stage:
        stage.advance("2d")
    nine = datetime(2026, 3, 3, 3, 15, tzinfo=UTC)
    assert seen == [("tea", nine), ("tea", nine + timedelta(days=1))]


def test_once_at_a_time():
    app, seen = App("once"), []

    @app.at(NOON + timedelta(hours=1))
    def launch():
        seen.append(stage.now())

    with Stage(app, at=NOON) as stage:
        stage.advance("3d")
        assert app.jobs.get("launch").next == []
    assert seen == [NOON + timedelta(hours=1)]


def test_a_workflow_is_run_with_its_history():
    app = App("reports")

    @app.every("1h", id="hourly", summary="what happened", args=[2])
    @app.workflow
    async def report(count: int) -> int:
        await wf.sleep("1m")
        return 2 * count

    with Stage(app, at=NOON) as stage:
        stage.advance("65m")
        job = app.jobs.get("hourly")
        (run,) = job.recent
        assert app.client.run(run.workflow_id).result() == 4
    assert (job.runs, run.scheduled, job.summary) == (1, NOON + timedelta(hours=1), "what happened")


def test_a_job_after_others():
    app, seen = App("nights"), []

    @app.every("1h")
    @app.task(retry=1)
    def load():
        seen.append("load")
        if len(seen) == 1:
            raise ValueError("not there yet")

    @app.after(load)
    def sum_up():
        seen.append("sum up")

    @app.after(load, after_always=True)
    def clean():
        seen.append("clean")

    with Stage(app, at=NOON) as stage:
        stage.advance("61m")
        assert seen == ["load", "clean"]
        stage.advance("60m")
    assert seen[:3] == ["load", "clean", "load"]
    assert sorted(seen[3:]) == ["clean", "sum up"]


def test_what_follows_a_success_and_a_failure():
    app, told = App("watched"), []

    @app.task
    def cheer(result):
        told.append(("well", result))

    @app.task
    def alarm(problem: Problem) -> None:
        told.append((problem.type, problem.message))

    @app.every("1h", on_success=cheer.s(), on_error=alarm.s())
    @app.task(retry=1)
    def probe():
        if told:
            raise ValueError("down")
        return 7

    with Stage(app, at=NOON) as stage:
        stage.advance("125m")
    assert told == [("well", 7), ("ValueError", "down")]


def test_jobs_change_while_the_program_runs():
    app, ticks = App("changing"), []

    @app.task
    def note(word: str) -> None:
        ticks.append(word)

    with Stage(app, at=NOON) as stage:
        jobs = app.jobs
        assert jobs.put("a", note, "@every 1m", args=["a"], tags=["quick"])
        assert not jobs.put("a", note, "@every 1m", args=["a"], tags=["quick"])
        jobs.add("b", note, "@every 1m", args=["b"], tags=["quick", "spare"])
        with pytest.raises(AlreadyStarted, match='job "b"'):
            jobs.add("b", note, "@every 2m", args=["b"])
        stage.advance("61s")
        assert sorted(ticks) == ["a", "b"]
        assert jobs.pause(tag="spare", reason="too loud") == ["b"]
        assert (jobs.get("b").paused, jobs.get("b").note) == (True, "too loud")
        stage.advance("60s")
        assert sorted(ticks) == ["a", "a", "b"]
        assert jobs.run("b") == ["b"]
        stage.advance("1s")
        assert sorted(ticks) == ["a", "a", "b", "b"]
        jobs.resume("b")
        assert sorted(jobs.remove("a")) == ["a"]
        stage.advance("60s")
        assert sorted(ticks) == ["a", "a", "b", "b", "b"]
        assert [one.id for one in jobs.list()] == ["b"]
        assert jobs.list(tag="nobody") == []
        with pytest.raises(NotFound, match='"a"'):
            jobs.pause("a")


def test_jobs_change_on_an_event_loop():
    asyncio.run(change_on_a_loop())


async def change_on_a_loop():
    app = App("loop")

    @app.task
    async def note() -> None:
        """Do nothing."""

    async with Stage(app, at=NOON) as stage:
        await app.jobs.aio.put("n", note, "*/10 * * * *")
        await stage.advance("21m")
        job = await app.jobs.aio.get("n")
    assert (job.runs, job.next[0]) == (2, NOON + timedelta(minutes=30))


@pytest.mark.parametrize(
    ("overlap", "begun", "skipped"),
    [("skip", [60, 180], 1), ("allow", [60, 120, 180], 0), ("queue", [60, 150, 240], 0)],
)
def test_a_time_that_comes_while_the_run_before_is_open(overlap, begun, skipped):
    app, seen = App("slow"), []

    @app.every("1m", overlap=overlap, end=NOON + timedelta(seconds=185))
    @app.workflow
    async def slow() -> None:
        seen.append((wf.now() - NOON).seconds)
        await wf.sleep("90s")

    with Stage(app, at=NOON) as stage:
        stage.advance("10m")
        assert app.jobs.get("slow").skipped == skipped
    assert seen == begun


def test_it_runs_so_often_and_no_more():
    app, seen = App("thrice"), []

    @app.every("1m", runs=3)
    def three():
        seen.append(1)

    with Stage(app, at=NOON) as stage:
        stage.advance("1h")
        assert app.jobs.get("three").remaining == 0
    assert len(seen) == 3


def test_a_program_that_declares_other_jobs_removes_those_it_had(tmp_path, caplog):
    file = tmp_path / "jobs.db"
    for names in (["one", "two"], ["two", "three"], []):
        app = App("changed", url=str(file))

        @app.task
        def work() -> None:
            """Do nothing."""

        for name in names:
            app.every("1h", id=name)(work)
        with caplog.at_level(logging.WARNING), app:
            left = [job.id for job in app.jobs.list()]
        assert left == (sorted(names) or ["three", "two"])
    assert "declares no jobs; these go on: three, two" in caplog.text


def test_a_restart_does_not_move_an_interval(tmp_path):
    file, coming = tmp_path / "phase.db", []
    for _ in range(2):
        app = App("phase", url=str(file))

        @app.every("10h")
        def work() -> None:
            """Do nothing."""

        with app:
            coming.append(app.jobs.get("work").next[0])
    assert coming[0] == coming[1]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"overlap": "perhaps"}, "overlap is one of skip"),
        ({"missed": "some"}, "missed is skip, latest, all or a count"),
        ({"missed": 0}, "missed is skip, latest, all or a count"),
        ({"runs": 0}, "runs is how often"),
        ({"runs": True}, "runs is how often"),
        ({"tz": "Mars/Olympus"}, "Mars/Olympus"),
        ({"dialect": "crontab"}, "dialect is gocron or polyrhythm"),
        ({"jitter": "-1s"}, "-1s"),
        ({"start": datetime(2027, 1, 1)}, "with a zone"),  # noqa: DTZ001 - the wrong one is meant
        ({"colour": "red"}, "no setting colour"),
        ({"args": ["too", "many"]}, "job .work.: work.. takes 0 arguments, 2 were given"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings, said):
    app = App("wrong", durability="memory")

    def declare():
        @app.cron("0 9 * * *", **settings)
        def work() -> None:
            """Do nothing."""

        with app:
            """Open it."""

    with pytest.raises(MisuseError, match=said):
        declare()


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("0 0 30 2 *", "no time to come"),
        ("61 * * * *", "61"),
        ("@every 1ms", "1ms"),
        ("@every fast", "fast"),
        ("", "empty"),
        ("@at yesterday", "yesterday"),
    ],
)
def test_specs_that_are_none(spec, said):
    app = App("wrong")

    def work() -> None:
        """Do nothing."""

    with pytest.raises(MisuseError, match=said):
        app.cron(spec)(work)


def test_a_time_that_is_over_is_said_and_the_others_run(caplog):
    app, seen = App("late"), []

    @app.at(NOON - timedelta(days=1))
    def launch():
        """Do nothing."""

    @app.every("1m")
    def tick():
        seen.append(1)

    with caplog.at_level(logging.WARNING), Stage(app, at=NOON) as stage:
        stage.advance("61s")
        assert [job.id for job in app.jobs.list()] == ["tick"]
    assert seen == [1]
    assert "the time of job launch is over" in caplog.text


def test_jobs_that_cannot_stand_beside_each_other():
    app = App("wrong", durability="memory")

    @app.every("1h")
    def work() -> None:
        """Do nothing."""

    with pytest.raises(MisuseError, match="declared twice"):
        app.every("2h")(work)
    app.after("round", id="turn")(work)
    app.after("turn", id="round")(work)
    with pytest.raises(MisuseError, match="in a circle: round, turn"), app:
        """Open it."""


def test_a_jitter_is_shorter_than_the_way_between_two_times():
    app = App("wrong", durability="memory")

    @app.every("1m", jitter="1h")
    def work() -> None:
        """Do nothing."""

    with pytest.raises(InvalidArgument, match="not shorter than the 60 s"), app:
        """Open it."""
