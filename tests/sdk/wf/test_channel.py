"""Channels and select hand every value to exactly one receiver, in order, whatever is cancelled."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from polyrhythm.sdk.errors import MisuseError
from polyrhythm.sdk.wf.channel import Channel
from polyrhythm.sdk.wf.errors import ChannelClosed
from polyrhythm.sdk.wf.select import after, select, sending


def on_a_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    def run() -> None:
        asyncio.run(test())

    run.__name__ = test.__name__
    run.__doc__ = test.__doc__
    return run


async def settle() -> None:
    """Let everything that is ready run."""
    for _ in range(10):
        await asyncio.sleep(0)


@on_a_loop
async def test_a_sender_waits_for_a_receiver() -> None:
    channel: Channel[int] = Channel()
    sender = asyncio.ensure_future(channel.send(1))
    await settle()
    assert not sender.done()
    assert await channel.receive() == 1
    await sender


@on_a_loop
async def test_a_buffer_holds_its_capacity_and_keeps_the_order() -> None:
    channel: Channel[int] = Channel(capacity=2)
    assert [channel.try_send(one) for one in (1, 2, 3)] == [True, True, False]
    late = asyncio.ensure_future(channel.send(3))
    await settle()
    assert [await channel.receive() for _ in range(3)] == [1, 2, 3]
    await late
    assert len(channel) == 0


@on_a_loop
async def test_a_closed_channel_hands_out_what_it_holds() -> None:
    channel: Channel[int] = Channel(capacity=5)
    for one in range(3):
        await channel.send(one)
    channel.close()
    assert [value async for value in channel] == [0, 1, 2]
    with pytest.raises(ChannelClosed):
        await channel.receive()
    with pytest.raises(ChannelClosed):
        channel.try_send(9)


@on_a_loop
async def test_closing_wakes_whoever_waits() -> None:
    full: Channel[int] = Channel()
    sender = asyncio.ensure_future(full.send(1))
    empty: Channel[int] = Channel()
    receiver = asyncio.ensure_future(empty.receive())
    await settle()
    full.close()
    empty.close()
    for waiting in (sender, receiver):
        with pytest.raises(ChannelClosed):
            await waiting


@on_a_loop
async def test_a_cancelled_receiver_loses_nothing() -> None:
    channel: Channel[int] = Channel()
    first = asyncio.ensure_future(channel.receive())
    second = asyncio.ensure_future(channel.receive())
    await settle()
    first.cancel()
    await settle()
    assert channel.try_send(7)
    assert await second == 7


@on_a_loop
async def test_a_cancelled_sender_sends_nothing() -> None:
    channel: Channel[int] = Channel()
    first = asyncio.ensure_future(channel.send(1))
    second = asyncio.ensure_future(channel.send(2))
    await settle()
    first.cancel()
    await settle()
    assert await channel.receive() == 2
    await second


@on_a_loop
async def test_select_takes_the_first_that_is_ready_in_order_of_writing() -> None:
    left: Channel[str] = Channel(capacity=1)
    right: Channel[str] = Channel(capacity=1)
    await left.send("l")
    await right.send("r")
    name, value = await select(b=right, a=left)
    assert (name, value) == ("b", "r")
    assert len(left) == 1


@on_a_loop
async def test_select_takes_exactly_one_value() -> None:
    left: Channel[int] = Channel()
    right: Channel[int] = Channel()
    chosen = asyncio.ensure_future(select(left=left, right=right))
    await settle()
    assert right.try_send(1)
    assert not left.try_send(2)
    assert list(await chosen) == ["right", 1]
    assert not right.try_send(3)


@on_a_loop
async def test_select_sends() -> None:
    channel: Channel[int] = Channel()
    chosen = asyncio.ensure_future(select(out=sending(channel, 5), late=after("1h")))
    await settle()
    assert await channel.receive() == 5
    assert (await chosen).name == "out"


@on_a_loop
async def test_select_with_otherwise_never_waits() -> None:
    assert (await select(otherwise=True, nothing=Channel[int]())).name == "default"


@on_a_loop
async def test_select_tells_the_end_of_a_channel() -> None:
    channel: Channel[int] = Channel()
    chosen = asyncio.ensure_future(select(jobs=channel))
    await settle()
    channel.close()
    selected = await chosen
    assert (selected.name, selected.closed) == ("jobs", True)


@on_a_loop
async def test_select_leaves_the_losing_task_running() -> None:
    gate = asyncio.Event()
    slow = asyncio.ensure_future(gate.wait())
    assert (await select(slow=slow, late=after(0.001))).name == "late"
    assert not slow.done()
    gate.set()
    assert (await select(slow=slow)).value is True


@on_a_loop
async def test_select_raises_what_its_task_raised() -> None:
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await select(work=fail(), late=after("1h"))


@on_a_loop
async def test_select_refuses_what_it_cannot_wait_for() -> None:
    with pytest.raises(MisuseError, match="'x' of select is int"):
        await select(x=1)
    with pytest.raises(MisuseError, match="at least one"):
        await select()


@on_a_loop
async def test_a_select_that_is_cancelled_takes_no_value_later() -> None:
    channel: Channel[int] = Channel()
    chosen = asyncio.ensure_future(select(jobs=channel))
    await settle()
    chosen.cancel()
    await settle()
    assert not channel.try_send(1)


@on_a_loop
async def test_a_select_in_a_loop_leaves_no_waits_behind() -> None:
    quiet: Channel[int] = Channel()
    busy: Channel[int] = Channel()
    for one in range(100):
        chosen = asyncio.ensure_future(select(quiet=quiet, busy=busy))
        await settle()
        busy.try_send(one)
        await chosen
    assert len(quiet._receivers) <= 2
