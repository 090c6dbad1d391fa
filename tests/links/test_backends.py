"""One program on every backend, and beside the official SDK: `poly dev`, or a real Temporal server.

`POLYRHYTHM_TEMPORAL=host:port` runs the same tests against a Temporal service that is up.
"""

import asyncio
import os
import uuid
from dataclasses import dataclass
from datetime import timedelta

import pytest
import temporalio.activity
import temporalio.client
import temporalio.worker
import temporalio.workflow

from poly_process import PolyProcess
from polyrhythm.app.application import App
from polyrhythm.base.errors import AlreadyStarted, NotFound, Unavailable
from polyrhythm.sdk import wf
from polyrhythm.sdk.alerts.alert import Alert
from polyrhythm.sdk.errors import MisuseError, Permanent, WorkflowCancelled, WorkflowFailed
from polyrhythm.sdk.messages import Query, Signal, Update
from polyrhythm.sdk.retry import Fixed, Retry, TokenBucket
from polyrhythm.sdk.task import TASK

REAL = os.environ.get("POLYRHYTHM_TEMPORAL", "")
GO = Signal("go", int)
LEVEL = Query("level", int)
RAISE = Update("raise_level", int, int)


@dataclass
class Order:
    number: int
    lines: list[str]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    if REAL:
        yield REAL
        return
    with PolyProcess(tmp_path_factory.mktemp("service")) as server:
        yield server.address


@pytest.fixture(params=["poly", "temporal"])
def url(request, address):
    return f"{request.param}://{address}"


def make_app(url: str, **settings) -> App:
    app = App(f"queue-{uuid.uuid4()}", url=url, **settings)
    tries: dict[str, int] = {}

    @app.task(retry=Retry(initial=0.01))
    def join(order: Order, between: str) -> str:
        tries[between] = tries.get(between, 0) + 1
        if between == "!" and tries[between] < 3:
            raise RuntimeError("not yet")
        return between.join([str(order.number), *order.lines])

    @app.task(heartbeat="2s", timeout="1m")
    def beat_for_ever() -> None:
        while True:
            TASK.heartbeat("here")
            TASK.wait_cancelled(0.05)

    @app.task
    async def too_long() -> str:
        return "x" * 3_000_000

    @app.workflow(name="Native")
    async def native(order: Order) -> dict[str, str]:
        level = 0

        @LEVEL.handler
        def answer() -> int:
            return level

        @RAISE.handler
        def change(by: int) -> int:
            nonlocal level
            level += by
            return level

        plain, excited = await asyncio.gather(join(order, "-"), join(order, "!"))
        near = await join.local(order, "+")
        await wf.sleep(0.01)
        await wf.wait_for(lambda: level > 0)
        count = await GO.next()
        return {"plain": plain, "excited": excited, "near": near, "count": str(count)}

    @app.workflow(name="Beats")
    async def beats() -> None:
        await beat_for_ever()

    @app.workflow(name="TooLong")
    async def long_result() -> str:
        return await too_long()

    @app.workflow(name="Quick")
    async def quick(number: int) -> int:
        return number + 1

    app.native, app.beats, app.long_result = native, beats, long_result
    return app


TASK_FAILED = "workflow_task_failed_event_attributes"
EXPECTED = {"plain": "1-a-b", "excited": "1!a!b", "near": "1+a+b", "count": "4"}


@pytest.mark.parametrize("cached", [100, 0])
def test_a_program_of_everything(url, cached):
    app = make_app(url, cached_runs_max=cached)
    with app:
        run = app.native.start(Order(1, ["a", "b"]))
        assert run.update(RAISE, 2) == 2
        assert run.query(LEVEL) == 2
        run.send(GO, 4)
        assert run.result(timeout="30s") == EXPECTED
        with pytest.raises(NotFound):
            run.send(GO, 5)


def test_cancellation_reaches_a_task_by_its_heartbeat(url):
    app = make_app(url)
    with app:
        run = app.beats.start()
        run.cancel()
        with pytest.raises(WorkflowCancelled):
            run.result(timeout="30s")


def test_a_result_over_the_limit_names_its_size(url):
    app = make_app(url)
    with app, pytest.raises(WorkflowFailed) as caught:
        app.long_result.execute()
    assert "3,000,0" in str(caught.value.cause)
    assert "store it elsewhere" in str(caught.value.cause)


def test_an_id_that_is_taken(url):
    app = make_app(url, works=False)
    workflow_id = str(uuid.uuid4())
    with app:
        first = app.native.options(id=workflow_id).start(Order(1, []))
        with pytest.raises(AlreadyStarted) as caught:
            app.native.options(id=workflow_id).start(Order(1, []))
        assert caught.value.run_id == first.run_id
        first.terminate("enough")


def test_two_workers_with_different_code_on_one_queue(url):
    """The worker that lacks a workflow says what it has; one that has it takes the run over."""
    app = make_app(url)
    other = App(app.name, url=url)

    @other.workflow(name="Other")
    async def other_one() -> str:
        return "other"

    workflow_id = str(uuid.uuid4())
    with other:
        started = other.client.workflow("Quick", id=workflow_id, task_timeout="1s")
        run = started.start(3)
        while not (failed := [e for e in run.history() if e.HasField(TASK_FAILED)]):
            continue
        message = failed[0].workflow_task_failed_event_attributes.failure.message
        assert "no workflow 'Quick'; it has: Other" in message
    with app:
        assert app.client.run(workflow_id, result=int).result(timeout="60s") == 4


def test_a_service_without_permits_refuses_shared_buckets(url):
    app = App(f"buckets-{uuid.uuid4()}", url=url)

    @app.task(retry=TokenBucket("key", "10/s", 5, Fixed("1s")))
    async def limited() -> int:
        return 1

    @app.workflow
    async def one() -> int:
        return await limited()

    if url.startswith("poly://") and not REAL:
        with app:
            assert one.execute() == 1
            assert app.session.link.traits.permits
            assert one.start().at().last_event_id >= 2
        return
    with pytest.raises(MisuseError, match="token bucket"), app:
        pass


def test_a_service_without_a_log_refuses_projections(url):
    app = App(f"models-{uuid.uuid4()}", url=url)
    model = app.projection(app.name, initial=dict)
    if url.startswith("poly://") and not REAL:
        with app:
            assert model.read(fresh=True) == {}
        return
    with pytest.raises(MisuseError, match=r"projections \(models-.*read the log"), app:
        pass


def test_dead_letters_and_alerts_of_any_backend(url, caplog):
    app = App(f"letters-{uuid.uuid4()}", url=url)
    closed = [True]

    @app.task(retry=2, alert=Alert(log=True))
    def charge(number: int) -> int:
        if closed:
            raise Permanent("the bank is closed", type="Closed")
        return number

    @app.workflow
    async def checkout(number: int) -> int:
        return await charge(number)

    with app:
        with pytest.raises(WorkflowFailed):
            checkout.options(id=app.name).execute(7)
        dead = f"WorkflowId = '{app.name}'"
        while not (letters := list(app.client.dead_letters(dead))):
            pass
        assert [one.task for one in letters] == ["charge"]
        closed.clear()
        assert app.client.requeue(app.name).result(timeout="30s") == 7
        while "Closed: the bank is closed" not in caplog.text:
            pass


def test_a_namespace_that_is_not_there(url):
    app = App("nowhere", url=url, namespace="no-such")
    with pytest.raises(NotFound, match="--namespace no-such"), app:
        pass


def test_nobody_at_the_address(monkeypatch):
    monkeypatch.setattr("polyrhythm.app.remote.PATIENCE_S", 0.1)
    for scheme in ("poly", "temporal"):
        with (
            pytest.raises(Unavailable, match="is it running"),
            App("x", url=f"{scheme}://127.0.0.1:1"),
        ):
            pass


@temporalio.activity.defn(name="official_join")
async def official_join(order: Order, between: str) -> str:
    return between.join([str(order.number), *order.lines])


def test_the_official_client_calls_a_native_workflow(url, address):
    app = make_app(url)

    async def main():
        client = await temporalio.client.Client.connect(address)
        async with app:
            handle = await client.start_workflow(
                "Native",
                Order(1, ["a", "b"]),
                id=str(uuid.uuid4()),
                task_queue=app.name,
                result_type=dict,
            )
            assert await handle.execute_update("raise_level", 3, result_type=int) == 3
            assert await handle.query("level", result_type=int) == 3
            await handle.signal("go", 4)
            assert await handle.result() == EXPECTED

    asyncio.run(main())


def test_a_native_client_calls_an_official_workflow_that_calls_a_native_task(url, address):
    app = make_app(url)
    queue = f"official-{uuid.uuid4()}"

    async def main():
        client = await temporalio.client.Client.connect(address)
        # Its workflow runs on a queue of its own; the task it calls is on the native one.
        worker = temporalio.worker.Worker(
            client,
            task_queue=queue,
            workflows=[OfficialAt],
            activities=[official_join],
            workflow_runner=temporalio.worker.UnsandboxedWorkflowRunner(),
        )
        async with worker, app:
            started = app.aio.workflow("OfficialAt", result=Order, queue=queue)
            run = await started.start(Order(1, ["a", "b"]), app.name)
            await run.send("go", 6)
            assert await run.result(timeout="30s") == Order(6, ["1-a-b"])

    asyncio.run(main())


@temporalio.workflow.defn(name="OfficialAt")
class OfficialAt:
    """The official SDK calls a native task on another queue."""

    def __init__(self) -> None:
        self.count = 0

    @temporalio.workflow.run
    async def run(self, order: Order, queue: str) -> Order:
        text = await temporalio.workflow.execute_activity(
            "join",
            args=[order, "-"],
            result_type=str,
            task_queue=queue,
            start_to_close_timeout=timedelta(seconds=20),
        )
        await temporalio.workflow.wait_condition(lambda: self.count > 0)
        return Order(self.count, [text])

    @temporalio.workflow.signal
    def go(self, count: int) -> None:
        self.count = count


def test_a_native_workflow_calls_an_official_activity(url, address):
    queue = f"official-{uuid.uuid4()}"
    app = App(f"queue-{uuid.uuid4()}", url=url)

    @app.task(name="official_join", remote=True, queue=queue, timeout="20s")
    async def join_there(order: Order, between: str) -> str: ...

    @app.workflow
    async def calls(order: Order) -> str:
        return await join_there(order, "/")

    async def main():
        client = await temporalio.client.Client.connect(address)
        async with (
            temporalio.worker.Worker(client, task_queue=queue, activities=[official_join]),
            app,
        ):
            assert await calls.aio.execute(Order(2, ["c"])) == "2/c"

    asyncio.run(main())
