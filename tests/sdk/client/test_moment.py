"""`run.at()`: a run as it was at a time, or after the commit of an event."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from polyrhythm import App, MisuseError, RunStatus, Signal, wf
from polyrhythm.base.errors import InvalidArgument, NotFound
from polyrhythm.sdk.client.moment import fetch_moment
from polyrhythm.sdk.client.session import Session
from polyrhythm.sdk.link import Traits

GO = Signal("go", int)


class Reversed:
    """A codec that every payload has to come through."""

    async def encode(self, payloads):
        for payload in payloads:
            payload.data = payload.data[::-1]
        return payloads

    async def decode(self, payloads):
        return await self.encode(payloads)


def make_app(**settings) -> App:
    app = App("moments", durability="memory", **settings)

    @app.task(retry=1)
    def double(number: int) -> int:
        return 2 * number

    @app.workflow
    async def waits(number: int) -> int:
        wf.upsert_memo({"stage": "waiting"})
        return await double(number) + await GO.next()

    app.waits = waits
    return app


def test_a_run_is_seen_as_it_was():
    with make_app() as app:
        run = app.waits.start(4)
        run.send(GO, 1)
        assert run.result() == 9
        now, begun = run.at(), run.at(event_id=1)
        assert now.status is RunStatus.COMPLETED
        assert now.last_event_id == len(now.history) == len(run.history())
        assert [event.event_id for event in now.history] == list(range(1, now.last_event_id + 1))
        assert begun.status is RunStatus.RUNNING
        assert begun.history.workflow_id == run.workflow_id
        assert begun.committed_at <= now.committed_at <= datetime.now(UTC)
        assert begun.last_event_id < now.last_event_id
        assert run.at(begun.committed_at) == begun
        assert run.at(now.committed_at + timedelta(days=1)) == now


def test_tasks_that_were_at_work_are_part_of_the_moment():
    app = App("pending-moments", durability="memory")

    @app.task(retry=1)
    async def slow() -> None:
        await asyncio.sleep(0)

    @app.workflow
    async def one() -> None:
        await slow()

    with app:
        run = one.start()
        run.result()
        scheduled = next(
            event.event_id
            for event in run.history()
            if event.HasField("activity_task_scheduled_event_attributes")
        )
        (pending,) = run.at(event_id=scheduled).description.pending_tasks
        assert (pending.task, pending.attempt) == ("slow", 1)
        assert run.at().description.pending_tasks == []


def test_payloads_of_the_past_come_through_the_codec():
    with make_app(codec=Reversed()) as app:
        run = app.waits.start(123)
        run.send(GO, 1)
        run.result()
        moment = run.at()
        started = moment.history.events[0].workflow_execution_started_event_attributes
        assert started.input.payloads[0].data == b"123"
        assert moment.description.summary.memo == {"stage": "waiting"}


def test_moments_that_there_are_not():
    with make_app() as app:
        run = app.waits.start(1)
        with pytest.raises(NotFound, match="did not exist"):
            run.at(datetime(2000, 1, 1, tzinfo=UTC))
        with pytest.raises(InvalidArgument, match="no event 99"):
            run.at(event_id=99)
        with pytest.raises(MisuseError, match="a time or an event_id"):
            run.at(datetime.now(UTC), event_id=1)
        with pytest.raises(MisuseError, match="give it a zone"):
            run.at(datetime(2026, 1, 1))  # noqa: DTZ001 - what is refused
        run.terminate()


def test_on_a_loop_it_is_awaited():
    async def look():
        async with make_app() as app:
            run = await app.waits.aio.start(1)
            assert (await run.at()).status is RunStatus.RUNNING
            await run.terminate()

    asyncio.run(look())


class Cluster:
    """A link to a service without notes."""

    traits = Traits("the Temporal service at example:7233")


def test_a_cluster_without_notes_refuses():
    with pytest.raises(MisuseError, match=r"run.at\(\) needs the log .* Temporal service at"):
        asyncio.run(fetch_moment(Session(Cluster()), ("w", ""), None, 0))
