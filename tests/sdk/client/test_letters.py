"""Dead letters: failed runs that nothing follows, listed with what failed, and begun again."""

import asyncio

import pytest

from polyrhythm import App, Fixed, MisuseError, Permanent, RunStatus, Signal, WorkflowFailed

GO = Signal("go")


class Reversed:
    """A codec that every payload has to come through."""

    async def encode(self, payloads):
        for payload in payloads:
            payload.data = payload.data[::-1]
        return payloads

    async def decode(self, payloads):
        return await self.encode(payloads)


class Shop:
    """An application whose bank can be closed."""

    def __init__(self, **settings) -> None:
        self.app = app = App("letters", durability="memory", **settings)
        self.closed = True

        @app.task(retry=1)
        def charge(number: int, word: str) -> str:
            if self.closed:
                raise Permanent("the bank is closed", type="Closed")
            return f"{word} {number}"

        @app.workflow
        async def checkout(number: int, word: str) -> str:
            return await charge(number, word)

        @app.workflow
        async def plain() -> None:
            raise ValueError("no task of mine")

        @app.workflow
        async def waits() -> None:
            await GO.next()

        self.checkout, self.plain, self.waits = checkout, plain, waits

    def fail(self, name: str) -> None:
        start = self.checkout.options(id=name, memo={"team": "red"}, run_timeout="1h")
        with pytest.raises(WorkflowFailed):
            start.execute(7, "paid")


@pytest.mark.parametrize("settings", [{}, {"codec": Reversed()}])
def test_a_failed_run_is_listed_and_begun_again_with_the_same_input(settings):
    shop = Shop(**settings)
    with shop.app:
        client = shop.app.client
        shop.fail("a")
        (letter,) = client.dead_letters()
        assert (letter.workflow_id, letter.task, letter.times) == ("a", "charge", 0)
        assert letter.summary.status is RunStatus.FAILED
        assert letter.error.__cause__.__cause__.type == "Closed"
        shop.closed = False
        run = client.requeue("a")
        assert run.result() == "paid 7"
        assert list(client.dead_letters()) == []
        description = run.describe()
        assert description.summary.memo == {
            "team": "red",
            "requeued_from": letter.run_id,
            "requeued_times": 1,
        }
        started = run.history().events[0].workflow_execution_started_event_attributes
        assert started.workflow_run_timeout.seconds == 3600


def test_one_that_fails_again_is_one_letter_that_counts():
    shop = Shop()
    with shop.app:
        client = shop.app.client
        shop.fail("a")
        for _ in range(2):
            with pytest.raises(WorkflowFailed):
                client.requeue("a").result()
        (letter,) = client.dead_letters()
        assert letter.times == 2


def test_asking_twice_is_one_new_run():
    shop = Shop()
    with shop.app:
        client = shop.app.client
        shop.fail("a")
        (letter,) = client.dead_letters()
        shop.closed = False
        first = client.requeue("a", letter.run_id)
        assert first.result() == "paid 7"
        assert client.requeue("a", letter.run_id).run_id == first.run_id


def test_lists_are_bounded_and_filtered():
    shop = Shop()
    with shop.app:
        client = shop.app.client
        for number in range(3):
            shop.fail(f"a-{number}")
        with pytest.raises(WorkflowFailed):
            shop.plain.options(id="p").execute()
        assert len(list(client.dead_letters(limit=2))) == 2
        assert [one.workflow_id for one in client.dead_letters("WorkflowType = 'plain'")] == ["p"]
        assert next(client.dead_letters("WorkflowType = 'plain'")).task == ""
        assert len(list(client.dead_letters())) == 4


def test_a_run_that_is_tried_again_is_no_dead_letter():
    shop = Shop()
    with shop.app:
        start = shop.plain.options(id="r", retry=Fixed(0.01, max_attempts=3))
        with pytest.raises(WorkflowFailed):
            start.execute()
        assert len(list(shop.app.client.dead_letters())) == 1


def test_what_has_not_failed_is_not_begun_again():
    shop = Shop()
    with shop.app:
        run = shop.waits.options(id="w").start()
        with pytest.raises(MisuseError, match="is running: only runs that failed"):
            shop.app.client.requeue("w")
        run.send(GO)
        run.result()
        with pytest.raises(MisuseError, match="is completed"):
            shop.app.client.requeue("w")


def test_on_a_loop_letters_are_awaited():
    async def look():
        shop = Shop()
        async with shop.app as app:
            run = await shop.plain.aio.start()
            with pytest.raises(WorkflowFailed):
                await run.result()
            return [letter.workflow_id async for letter in app.aio.dead_letters()], run

    found, run = asyncio.run(look())
    assert found == [run.workflow_id]
