"""Sagas undo in reverse, shielded; scopes cancel their block only; gather leaves nothing behind."""

import asyncio

import pytest

from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.wf.errors import CompensationFailed
from polyrhythm.sdk.wf.gather import each, gather
from polyrhythm.sdk.wf.saga import saga
from polyrhythm.sdk.wf.scope import scope, shielded


def test_a_saga_undoes_newest_first_and_the_error_goes_on() -> None:
    done: list[str] = []

    async def undo_of(name: str) -> None:
        done.append(name)

    async def work() -> None:
        async with saga() as undo:
            undo(undo_of, "a")
            undo(undo_of, "b")
            raise ValueError("step failed")

    with pytest.raises(ValueError, match="step failed"):
        asyncio.run(work())
    assert done == ["b", "a"]


def test_a_saga_that_succeeds_undoes_nothing() -> None:
    done: list[str] = []

    async def undo_of(name: str) -> None:
        done.append(name)

    async def work() -> None:
        async with saga() as undo:
            undo(undo_of, "a")

    asyncio.run(work())
    assert done == []


@pytest.mark.parametrize("parallel", [False, True])
def test_an_undo_that_fails_does_not_keep_the_others_from_running(parallel: bool) -> None:
    done: list[str] = []

    async def undo_of(name: str) -> None:
        done.append(name)
        if name == "b":
            raise RuntimeError("cannot undo b")

    async def work() -> None:
        async with saga(parallel=parallel) as undo:
            for name in "abc":
                undo(undo_of, name)
            raise ValueError("step failed")

    with pytest.raises(CompensationFailed) as caught:
        asyncio.run(work())
    assert sorted(done) == ["a", "b", "c"]
    assert isinstance(caught.value.__cause__, ValueError)
    assert [str(one) for one in caught.value.failures] == ["cannot undo b"]


def test_a_cancelled_saga_undoes_to_the_end() -> None:
    done: list[str] = []

    async def undo_of(name: str) -> None:
        await asyncio.sleep(0)
        done.append(name)

    async def main() -> None:
        begun = asyncio.Event()

        async def work() -> None:
            async with saga() as undo:
                undo(undo_of, "a")
                undo(undo_of, "b")
                begun.set()
                await asyncio.Event().wait()

        task = asyncio.ensure_future(work())
        await begun.wait()
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert done == ["b", "a"]


def test_an_undo_outside_its_block_is_refused() -> None:
    async def work() -> None:
        async with saga() as undo:
            pass
        undo(asyncio.sleep, 0)

    with pytest.raises(MisuseError, match="inside its saga"):
        asyncio.run(work())


def test_a_scope_ends_its_block_only() -> None:
    async def work() -> list[str]:
        seen = []
        async with scope() as inner:
            asyncio.get_running_loop().call_soon(inner.cancel)
            await asyncio.Event().wait()
            seen.append("never")
        seen.append("after")
        assert inner.cancelled
        return seen

    assert asyncio.run(work()) == ["after"]


def test_a_scope_with_a_timeout_ends_quietly() -> None:
    async def work() -> bool:
        async with scope(timeout=0.001) as inner:
            await asyncio.Event().wait()
        return inner.cancelled

    assert asyncio.run(work())


def test_cancellation_from_outside_goes_through_a_scope() -> None:
    async def main() -> None:
        begun = asyncio.Event()

        async def work() -> None:
            async with scope():
                begun.set()
                await asyncio.Event().wait()

        task = asyncio.ensure_future(work())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_shielded_work_ends_before_the_cancellation_goes_on() -> None:
    async def main() -> list[str]:
        seen: list[str] = []
        gate = asyncio.Event()

        async def inner() -> None:
            await gate.wait()
            seen.append("done")

        task = asyncio.ensure_future(shielded(inner()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        gate.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return seen

    assert asyncio.run(main()) == ["done"]


def test_gather_cancels_the_others_when_one_fails() -> None:
    async def main() -> None:
        ended = asyncio.Event()

        async def fail() -> None:
            raise ValueError("one failed")

        async def wait() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        with pytest.raises(ValueError, match="one failed"):
            await gather(wait(), fail())
        assert ended.is_set()

    asyncio.run(main())


def test_each_keeps_the_order_and_the_limit() -> None:
    async def main() -> None:
        running = most = 0

        async def square(number: int) -> int:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1
            return number * number

        assert await each(square, range(10), limit=3) == [one * one for one in range(10)]
        assert most == 3

    asyncio.run(main())
