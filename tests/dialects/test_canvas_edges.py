"""Times, revocations, crashes and input that cannot be meant, on a clock that jumps."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from canvas_shop import Shop
from polyrhythm import (
    App,
    MisuseError,
    PayloadError,
    TaskCancelled,
    TaskFailed,
    TaskTimedOut,
    WorkflowCancelled,
    WorkflowFailed,
)
from polyrhythm.base.limits import CANVAS_DEPTH_MAX
from polyrhythm.canvas import Problem, chain, chord, each, group
from polyrhythm.testing import Stage

START = datetime(2030, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def shop():
    return Shop()


def played(shop, work, **settings):
    """Run an async test on a stage."""

    async def play():
        async with Stage(shop.app, **settings) as stage:
            return await work(stage)

    return asyncio.run(play())


async def ended(shop):
    """Let runs of callbacks end."""
    async for run in shop.app.aio.list("ExecutionStatus = 'Running'"):
        await shop.app.aio.run(run.workflow_id).result()


def test_a_step_waits_for_its_time(shop):
    async def work(stage):
        late = shop.add.s(1).options(delay="3h")
        at = shop.add.s(1).options(eta=START + timedelta(days=2))
        run = await (shop.add.s(1) | late | at | at).aio.start()
        assert await run.result() == 5
        assert stage.now() == START + timedelta(days=2)

    played(shop, work, at=START)


def test_a_plain_task_waits_for_its_time(shop):
    async def work(stage):
        assert await shop.add.s(1).options(delay="2h").aio.execute() == 2
        assert stage.now() == START + timedelta(hours=2)

    played(shop, work, at=START)


def test_what_has_expired_is_not_begun_and_says_so(shop):
    async def work(stage):
        for expires in ("1m", START + timedelta(minutes=1)):
            late = shop.add.s(1).options(delay="1h", expires=expires).on_error(shop.tell.s())
            with pytest.raises(WorkflowFailed) as caught:
                await (shop.add.s(1) | late).aio.execute()
            assert caught.value.cause.type == "Expired"
        await ended(shop)
        assert [problem.type for problem in shop.told] == ["Expired", "Expired"]
        assert shop.ran["add"] == 2

    played(shop, work, at=START)


def test_a_plain_task_that_nobody_takes_expires(shop):
    async def work(stage):
        lost = shop.add.s(1).options(queue="nobody", expires="5m")
        run = await lost.aio.start()
        await stage.advance("6m")
        with pytest.raises(TaskTimedOut):
            await run.result()
        canvas = await chord([lost], shop.total.s()).on_error(shop.tell.s()).aio.start()
        await stage.advance("6m")
        with pytest.raises(WorkflowFailed):
            await canvas.result()
        await ended(shop)
        assert [problem.type for problem in shop.told] == ["Expired"]

    played(shop, work)


def test_a_canvas_is_revoked_while_it_runs(shop):
    async def work(stage):
        whole = chord([shop.wait.s("a"), shop.wait.s("b")], shop.note.s()).on_error(shop.tell.s())
        run = await (shop.numbers.s(1) | whole.as_immutable()).aio.start()
        await shop.entered.wait()
        await run.cancel()
        with pytest.raises(WorkflowCancelled):
            await run.result()
        await ended(shop)
        (problem,) = shop.told
        assert problem == Problem("Revoked", "it was revoked", canvas=run.workflow_id)
        await stage.advance("1s")
        assert sorted(shop.noted) == ["a ended", "b ended"]

    played(shop, work)


def test_a_plain_task_is_revoked_before_and_while_it_runs(shop):
    async def work(stage):
        early = await shop.wait.s("early").options(delay="1h").aio.start()
        await early.cancel()
        with pytest.raises(TaskCancelled):
            await early.result()
        run = await shop.wait.s("a").aio.start()
        await shop.entered.wait()
        await run.cancel()
        with pytest.raises(TaskCancelled):
            await run.result()
        assert shop.noted == ["a ended"]

    played(shop, work)


def test_of_unique_signatures_one_is_open(shop):
    async def work(stage):
        later = shop.add.si(1).options(delay="1h")

        def two():
            return shop.add.s(1) | later

        first = await two().options(unique=True).aio.start()
        again = await two().options(unique=True).aio.start()
        other = await (shop.add.s(2) | later).options(unique=True).aio.start()
        assert (again.workflow_id, again.run_id) == (first.workflow_id, first.run_id)
        assert other.workflow_id != first.workflow_id
        plain = [await shop.add.s(n).options(unique="key", delay="1h").aio.start() for n in (1, 9)]
        assert plain[0].run_id == plain[1].run_id
        assert await plain[1].result() == 2
        fresh = await shop.add.s(5).options(unique="key").aio.start()
        assert await fresh.result() == 6

    played(shop, work)


@pytest.mark.parametrize("number", range(1, 12))
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_chord_outlives_a_crash_at_any_commit(shop, number, when):
    async def work(stage):
        whole = chord([shop.flaky.s(n) for n in range(4)], shop.total.s()) | shop.add.s(1)
        run = await whole.on_success(shop.note.s()).aio.start()
        getattr(stage, f"crash_{when}_commit")(number)
        assert await run.result() == 61
        await ended(shop)
        assert shop.noted == [61]

    played(shop, work, replays=True)


def test_attempts_that_vanish_are_made_again(shop):
    async def work(stage):
        stage.lose(shop.flaky, times=2)
        whole = chord([shop.flaky.s(n) for n in range(4)], shop.total.s())
        assert await whole.aio.execute() == 60

    played(shop, work)


def refused(shop, canvas, *args):
    """Why a canvas is not started."""

    async def work(stage):
        with pytest.raises((MisuseError, PayloadError)) as caught:
            await canvas.aio.start(*args)
        return str(caught.value)

    return played(shop, work)


def test_counts_and_types_are_checked_before_anything_runs(shop):
    add, total = shop.add, shop.total
    assert refused(shop, chain(add.s(1), add.s(1, 2, 3))).startswith("chain > add: ")
    assert "add" in refused(shop, add.s())
    assert "'three'" in refused(shop, chain(add.s(1), add.s(three=1)))
    assert "not a int" in refused(shop, chain(add.s(1), group(add.s(1), add.s("two"))))
    assert refused(shop, add.s("two")).startswith("add: argument 1 (one: int)")
    assert "argument" in refused(shop, chain(add.s(1), total.si({"a": object()})))
    assert "4 were given" in refused(shop, chord([add.s(1, 2)], total.s()), 1, 2)
    assert not shop.ran


def test_what_is_no_canvas_is_refused(shop):
    with pytest.raises(MisuseError, match="one step or more"):
        chain()
    with pytest.raises(MisuseError, match=r"add\.s\("):
        chain(shop.add)
    with pytest.raises(MisuseError, match="a signature is wanted"):
        group(7)
    with pytest.raises(MisuseError, match="a signature is wanted"):
        group([shop.add.s(1), "add"])
    with pytest.raises(TypeError):
        shop.add.s(1) | 7
    with pytest.raises(MisuseError, match="different applications"):
        group(shop.add.s(1), Shop().add.s(1))
    with pytest.raises(MisuseError, match="queue"):
        group(shop.add.s(1)).options(queue="other")
    with pytest.raises(MisuseError, match="no setting 'colour'"):
        shop.add.s(1).options(colour="red")
    with pytest.raises(MisuseError, match="zone"):
        shop.add.s(1).options(eta=datetime(2030, 1, 1))  # noqa: DTZ001
    with pytest.raises(MisuseError, match="1 item or more"):
        shop.add.chunks([], 0)
    assert "no application" in refused_group()
    assert "behind what gives it a list" in refused(shop, chain(each(shop.add.s(1)), shop.note.s()))
    assert "expires before" in refused(shop, shop.add.s(1).options(delay="2h", expires="1h"))


def refused_group():
    """Why an empty group is not started."""
    with pytest.raises(MisuseError) as caught:
        group().start()
    return str(caught.value)


def test_a_batch_is_refused_where_each_call_counts():
    app = App("limits")

    @app.task(rate="1/s")
    def slow(number: int) -> int:
        return number

    with pytest.raises(MisuseError, match="each"):
        slow.map([1])


def test_cycles_and_depth(shop):
    ring = group(shop.add.s(1), shop.add.s(2))
    ring.parts = (*ring.parts, chain(shop.add.s(1), ring))
    assert refused(shop, ring) == "group > chain > group: the canvas contains itself"
    echo = shop.add.s(1)
    echo.errors = (echo,)
    assert "contains itself" in refused(shop, chain(shop.add.s(1), echo))
    deep = shop.add.s(1)
    for _ in range(CANVAS_DEPTH_MAX + 1):
        deep = group(deep)
    assert "levels deep" in refused(shop, deep)


def test_results_that_cannot_be_kept_fail_the_canvas_and_tell(shop):
    @shop.app.task(retry=1)
    def strange() -> object:
        return object()

    @shop.app.task(retry=1)
    def large() -> str:
        return "x" * 1_200_000

    async def work(stage):
        whole = chord([strange.s()], shop.note.s()).on_error(shop.tell.s())
        with pytest.raises(WorkflowFailed):
            await whole.aio.execute()
        whole = chord([large.s(), large.s()], shop.note.s()).on_error(shop.tell.s())
        with pytest.raises(WorkflowFailed) as caught:
            await whole.aio.execute()
        assert caught.value.cause.type == "ResultTooLarge"
        await ended(shop)
        assert [problem.type for problem in shop.told] == ["PayloadError", "ResultTooLarge"]
        assert not shop.noted

    played(shop, work)


def test_each_wants_a_list(shop):
    async def work(stage):
        with pytest.raises(WorkflowFailed) as caught:
            await (shop.add.s(1) | each(shop.add.s(1))).aio.execute()
        assert caught.value.cause.type == "NotAList"

    played(shop, work)


@pytest.mark.parametrize(
    "root",
    [
        {"kind": "task"},
        {"kind": "chain"},
        {"kind": "chord", "steps": []},
        {"call": 5},
        {"call": 0, "on_error": [{"kind": "each"}]},
    ],
)
def test_a_tree_written_by_hand_that_is_not_complete_fails_its_run(shop, root):
    async def work(stage):
        start = shop.app.aio.workflow("polyrhythm.canvas")
        with pytest.raises(WorkflowFailed) as caught:
            await start.execute({"root": root, "calls": [{"task": "add"}]})
        assert caught.value.cause.type == "BadCanvas"

    played(shop, work)


def test_a_tree_written_by_hand(shop):
    async def work(stage):
        tree = {"kind": "chain", "steps": [{"call": 0, "args": [1]}, {"call": 0, "takes": True}]}
        start = shop.app.aio.workflow("polyrhythm.canvas")
        assert await start.execute({"root": tree, "calls": [{"task": "add"}]}) == 3

    played(shop, work)


def test_dead_letters_are_begun_again(shop):
    async def work(stage):
        stage.fail(shop.add, times=1, error=ValueError("not today"))
        canvas = shop.add.s(1).options(retry=1) | shop.add.s(1)
        run = await canvas.aio.start()
        with pytest.raises(WorkflowFailed):
            await run.result()
        (letter,) = [letter async for letter in shop.app.aio.dead_letters()]
        assert (letter.workflow_id, letter.task) == (run.workflow_id, "add")
        again = await shop.app.aio.requeue(run.workflow_id)
        assert await again.result() == 3

    played(shop, work)


@pytest.mark.parametrize("plain", [True, False])
def test_tenants_take_turns_whatever_waits(plain):
    app = App("tenants", durability="memory", tasks_max=1)
    ran: list[str] = []
    held = asyncio.Event()

    @app.task
    async def hold() -> None:
        await held.wait()

    @app.task
    async def note(word: str) -> None:
        ran.append(word)

    async def play():
        async with app:
            await hold.aio.start()
            busy = [note.s(f"a{n}").options(fairness_key="a") for n in range(6)]
            quiet = [note.s(f"b{n}").options(fairness_key="b", fairness_weight=2) for n in range(4)]
            runs = []
            if plain:
                runs = [await one.aio.start() for one in [*busy, *quiet]]
            else:
                runs = [await group(*busy, *quiet).aio.start()]
            held.set()
            for run in runs:
                await run.result()

    asyncio.run(play())
    assert sorted(ran[:6]) == ["a0", "a1", "b0", "b1", "b2", "b3"]
    assert ran[6:] == ["a2", "a3", "a4", "a5"]


def test_a_plain_task_that_failed_is_begun_again(shop):
    async def work(stage):
        stage.fail(shop.add, times=1, error=ValueError("not today"))
        run = await shop.add.s(4, two=2).options(retry=1, summary="sum", id="one").aio.start()
        with pytest.raises(TaskFailed):
            await run.result()
        query = "ExecutionStatus IN ('Failed', 'TimedOut')"
        (dead,) = [one async for one in shop.app.aio.list_tasks(query)]
        found = shop.app.aio.task_run(dead.task_id, dead.run_id, result=int)
        again = await found.requeue()
        twice = await found.requeue()
        assert (again.task_id, again.run_id) == ("one", twice.run_id)
        assert await again.result() == 6
        assert (await again.describe()).text == "sum"
        with pytest.raises(MisuseError, match="COMPLETED"):
            await again.requeue()

    played(shop, work)
