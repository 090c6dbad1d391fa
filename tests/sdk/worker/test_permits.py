"""Rates, concurrency and shared retries: over several workers, without using up attempts."""

import queue
import threading
import time

import pytest
from temporalio.api.common.v1 import Payload, Payloads

from polyrhythm import App, ByError, Fixed, MisuseError, Retry, TokenBucket, task, wf
from polyrhythm.api import service as api
from polyrhythm.base.errors import InvalidArgument
from polyrhythm.sdk.worker import permits

ONCE = Retry(max_attempts=1)
processes = App("permit-processes", durability="memory")


@processes.task(
    process=True,
    timeout="30s",
    retry=ByError({LookupError: TokenBucket("x", "1/h", inner=Fixed(0.01))}),
)
def sold_out() -> None:
    raise KeyError("at last")


def test_attempts_begin_no_faster_than_the_rate_and_each_is_the_first():
    app = App("rates", durability="memory")
    began = []

    @app.task(rate="20/s", timeout="10s", retry=ONCE)
    async def limited(number: int) -> int:
        began.append(time.monotonic())
        return task.info().attempt

    @app.workflow
    async def many(count: int) -> list[int]:
        return await wf.gather(*[limited(n) for n in range(count)])

    with app:
        assert many.execute(8) == [1] * 8
    assert began[-1] - began[0] > 7 * 0.05 - 0.02


def test_a_long_wait_is_no_attempt_and_takes_no_time_of_it(monkeypatch):
    monkeypatch.setattr(permits, "INSIDE_S_MAX", 0.05)
    app = App("patient", durability="memory")
    seen = []

    @app.task(rate="2/s", timeout="0.6s", heartbeat="0.6s", retry=ONCE)
    async def limited() -> int:
        seen.append(task.heartbeat_details)
        return task.info().attempt

    @app.workflow
    async def many() -> list[int]:
        return await wf.gather(*[limited() for _ in range(4)])

    with app:
        began = time.monotonic()
        run = many.start()
        assert run.result(timeout="20s") == [1, 1, 1, 1]
        # Three waits of half a second, in order: more than one timeout.
        assert time.monotonic() - began > 1.4
        assert "TIMED_OUT" not in run.history().to_json()
    # What travelled with the waiting attempts is not shown to their functions.
    assert seen == [[], [], [], []]


def test_what_the_attempt_before_reported_comes_through_a_wait(monkeypatch):
    monkeypatch.setattr(permits, "INSIDE_S_MAX", 0.05)
    app = App("details", durability="memory")

    @app.task(rate="3/s", timeout="10s", heartbeat="5s", retry=Fixed(0.01, max_attempts=2))
    async def limited() -> tuple[int, list[int]]:
        if task.info().attempt == 1:
            task.heartbeat(7, 8)
            raise RuntimeError("once more")
        return task.info().attempt, task.heartbeat_details

    @app.workflow
    async def one() -> tuple[int, list[int]]:
        return await limited()

    with app:
        assert one.execute() == (2, [7, 8])


def test_at_most_so_many_are_at_work(tmp_path):
    app = App("places", url=str(tmp_path / "places.db"), durability="normal")
    other = App("places", url=str(tmp_path / "places.db"), durability="normal")
    lock, at_work, most, ran = threading.Lock(), [0], [0], []
    both = threading.Barrier(2, timeout=20)

    def work(who: str) -> int:
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
            ran.append(who)
        if len(ran) <= 2:
            both.wait()
        with lock:
            at_work[0] -= 1
        return task.info().attempt

    @app.task(name="limited", concurrency=2, retry=ONCE, timeout="20s")
    def here() -> int:
        return work("owner")

    @other.task(name="limited", concurrency=2, retry=ONCE, timeout="20s")
    def there() -> int:
        return work("attached")

    @app.workflow
    async def many(count: int) -> list[int]:
        return await wf.gather(*[here() for _ in range(count)])

    with app, other:
        assert many.start(12).result(timeout="60s") == [1] * 12
    assert most[0] == 2


def test_a_place_is_free_again_when_the_function_fails():
    app = App("failing-places", durability="memory")

    @app.task(concurrency=1, retry=Fixed(0.01, max_attempts=3), timeout="20s")
    async def limited() -> int:
        if task.info().attempt < 3:
            raise RuntimeError("not yet")
        return task.info().attempt

    @app.workflow
    async def one() -> int:
        return await limited()

    with app:
        assert one.start().result(timeout="10s") == 3


def test_an_attempt_that_waits_for_its_place_can_be_cancelled(monkeypatch):
    monkeypatch.setattr(permits, "INSIDE_S_MAX", 0.01)
    app = App("cancelled-places", durability="memory")
    entered, released = threading.Event(), threading.Event()

    @app.task(concurrency=1, retry=ONCE, timeout="20s")
    def limited() -> int:
        entered.set()
        released.wait(20)
        return 1

    @app.workflow
    async def one() -> int:
        return await limited()

    with app:
        first = one.start()
        assert entered.wait(20)
        second = one.start()
        second.cancel()
        with pytest.raises(Exception, match="cancelled"):
            second.result(timeout="20s")
        released.set()
        assert first.result(timeout="20s") == 1


def test_retries_of_all_workers_share_a_bucket():
    app = App("buckets", durability="memory")
    tries = []

    @app.task(retry=TokenBucket("bank", "10/s", burst=1, inner=Fixed(0.001, max_attempts=2)))
    async def pay(number: int) -> int:
        tries.append((task.info().attempt, time.monotonic()))
        if task.info().attempt == 1:
            raise RuntimeError("the bank is away")
        return number

    @app.workflow
    async def many(count: int) -> list[int]:
        return await wf.gather(*[pay(n) for n in range(count)])

    with app:
        assert many.execute(5) == [0, 1, 2, 3, 4]
    again = sorted(at for attempt, at in tries if attempt == 2)
    assert again[-1] - again[0] > 4 * 0.1 - 0.05


def test_a_task_in_a_process_takes_its_retry_from_the_bucket_as_well():
    @processes.workflow
    async def one() -> None:
        await sold_out()

    with processes:
        runs = [one.start() for _ in range(2)]
        waits = []
        while len(waits) < 2:
            waits = [
                pending.next_attempt
                for run in runs
                for pending in run.describe().pending_tasks
                if pending.next_attempt is not None and pending.attempt >= 2
            ]
        # One token an hour: of two first retries one waits for the next token.
        assert abs(waits[0] - waits[1]).total_seconds() > 1800
        for run in runs:
            run.terminate()


def test_a_local_task_cannot_wait_for_permits():
    app = App("local-permits", durability="memory")

    @app.task(rate="1/s")
    async def limited() -> None: ...

    @app.workflow
    async def one() -> str:
        try:
            await limited.local()
        except MisuseError as error:
            return str(error)
        return ""

    with app:
        assert "shares permits with other workers" in one.execute()


def test_marks_that_are_not_ours_are_left_alone():
    details = Payloads(payloads=[Payload(data=b"1")])
    assert permits.take_mark(details) is None
    assert len(details.payloads) == 1
    marked = permits.put_mark(permits.Mark(3, 2), details)
    assert permits.take_mark(marked) == permits.Mark(3, 2)
    assert marked == details


def test_postponing_wants_a_delay_and_payloads():
    app = App("postponing", durability="memory")
    tokens = queue.Queue()

    @app.task(timeout="1m", retry=ONCE)
    async def later() -> None:
        tokens.put(task.info().token)
        task.complete_later()

    @app.workflow
    async def one() -> None:
        await later()

    with app:
        run = one.start()
        token = tokens.get(timeout=20)

        def postpone(delay_ns: int, details: bytes) -> None:
            request = api.PostponeActivityTaskRequest(namespace="default", task_token=token)
            request.delay_ns, request.details = delay_ns, details
            kind = api.PostponeActivityTaskResponse
            app.portal.run(app.session.call_own("PostponeActivityTask", request, kind, "a test"))

        with pytest.raises(InvalidArgument, match="delay_ns"):
            postpone(0, b"")
        with pytest.raises(InvalidArgument, match="not Payloads"):
            postpone(1, b"\xff")
        app.client.attempt(token).complete()
        assert run.result() is None
