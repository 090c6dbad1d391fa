"""Many plain tasks at once, and tasks with a time: in process, through a codec, one by one."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from polyrhythm import ActivityAlreadyStarted, App, IdReuse, MisuseError, TasksRefused


class Reversed:
    """A codec that every payload has to come through."""

    async def encode(self, payloads):
        for payload in payloads:
            payload.data = payload.data[::-1]
        return payloads

    async def decode(self, payloads):
        return await self.encode(payloads)


def make(**settings):
    app = App("many", durability="memory", **settings)

    @app.task
    async def add(one: int, two: int) -> int:
        return one + two

    return app, add


@pytest.mark.parametrize("settings", [{}, {"codec": Reversed()}])
def test_each_list_of_arguments_is_a_task(settings):
    app, add = make(**settings)
    with app:
        runs = add.start_many((n, 1) for n in range(250))
        assert [run.result() for run in runs] == [n + 1 for n in range(250)]
        assert add.start_many([]) == []


def test_on_a_loop():
    app, add = make()

    async def play():
        async with app:
            runs = await add.aio.start_many([(1, 1), [2, 2]])
            return [await run.result() for run in runs]

    assert asyncio.run(play()) == [2, 4]


def test_interceptors_see_each_of_them():
    seen = []

    class Watcher:
        async def around_send(self, call, go):
            seen.append(list(call.args))
            return await go()

    app, add = make(interceptors=[Watcher()])
    with app:
        runs = add.start_many([(1, 1), (2, 2)])
        assert [run.result() for run in runs] == [2, 4]
        add.options(id="one").start(1, 1)
        with pytest.raises(TasksRefused) as refused:
            add.options(id="one", id_reuse=IdReuse.REJECT).start_many([(3, 3)])
        assert list(refused.value.errors) == [0]
    assert seen == [[1, 1], [2, 2], [1, 1], [3, 3]]


def test_wrong_arguments_start_nothing():
    app, add = make()
    with app:
        with pytest.raises(TypeError, match="takes 2 arguments"):
            add.start_many([(1, 2), (1,)])
        with pytest.raises(MisuseError, match="cannot all have the id"):
            add.options(id="one").start_many([(1, 2), (2, 3)])
        assert app.client.count_tasks("") == 0


def test_what_was_refused_is_said_and_the_rest_runs():
    app, add = make()
    with app:
        add.options(id="one").execute(1, 1)
        once = add.options(id="one", id_reuse=IdReuse.REJECT)
        with pytest.raises(TasksRefused, match="1 of 1 tasks") as refused:
            once.start_many([(1, 1)])
        assert isinstance(refused.value.errors[0], ActivityAlreadyStarted)
        assert refused.value.task_ids == [""]


def test_a_task_begins_at_its_time_and_not_before():
    app, add = make()
    eta = datetime.now(UTC) + timedelta(milliseconds=150)
    with app:
        run = add.options(eta=eta).start(1, 2)
        assert run.result() == 3
        assert datetime.now(UTC) >= eta
        with pytest.raises(MisuseError, match="with a zone"):
            add.options(eta=datetime(2030, 1, 1))  # noqa: DTZ001
        with pytest.raises(MisuseError, match="not both"):
            add.options(eta=eta, delay="1s")
