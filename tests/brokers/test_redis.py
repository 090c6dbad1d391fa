"""Machinery on a real Redis: what our workers and producers write, and what they survive."""

import asyncio
import json
import pickle
import time

import pytest

from machinery_shop import QUEUE, WAIT_S, Shop, run, until
from polyrhythm import Machinery
from polyrhythm.brokers.machinery.signature import decode_signature, encode_signature
from polyrhythm.brokers.machinery.states import State, TaskState, encode_state
from polyrhythm.brokers.port import Delivery, Outcome
from polyrhythm.brokers.redis.address import parse_address
from polyrhythm.brokers.redis.broker import RedisBroker
from polyrhythm.brokers.redis.connect import RedisSettings
from polyrhythm.brokers.redis.keys import Keys
from polyrhythm.dialects.machinery.replies import CallFailed
from polyrhythm.dialects.machinery.sender import call
from redis_servers import redis_server


@pytest.fixture(scope="module")
def server():
    with redis_server() as one:
        yield one


@pytest.fixture
def redis(server):
    """The server, emptied."""

    async def empty():
        broker = RedisBroker(RedisSettings(parse_address(server.url)), "w")
        await broker.open()
        await broker.client.flushall()
        await broker.close()

    asyncio.run(empty())
    return server


def test_calls_chains_groups_chords_and_their_results(redis):
    async def scenario():
        async with Shop(redis.url) as shop:
            work = shop.work
            assert await (await work.send(call("add", 1, 2))).result(timeout=WAIT_S) == 3
            chained = await work.send_chain(call("add", 1, 2), call("add", 10), call("add", 100))
            assert await chained.result(timeout=WAIT_S) == 113
            group = await work.send_group(call("add", 1, 2), call("add", 3, 4))
            assert await group.results(timeout=WAIT_S) == [3, 7]
            chord = await work.send_chord(call("total", 5), call("add", 1, 2), call("add", 3, 4))
            assert await chord.result(timeout=WAIT_S) == 15

            async def settled():
                left = {name.decode() for name in await shop.client.keys("*")}
                ours = {name for name in left if not name.startswith(("task_", "group_", "chord_"))}
                return ours == {"{machinery_tasks}:polyrhythm:workers"}

            await until(settled)

    run(scenario())


def test_an_eta_a_retry_and_what_follows_a_failure(redis):
    async def scenario():
        async with Shop(redis.url) as shop:
            at_ns = time.time_ns() + 300_000_000
            at_ns -= at_ns % 1024  # a score is a double
            later = await shop.work.send(call("add", 1, 2, eta_ns=at_ns))
            assert await shop.client.zscore("delayed_tasks", (await _delayed(shop))[0]) == at_ns
            assert await later.result(timeout=WAIT_S) == 3
            assert time.time_ns() >= at_ns
            told = call("total", uuid="told")
            failing = await shop.work.send(call("fail", "no", retries=1, on_error=[told]))
            with pytest.raises(CallFailed, match=r"^no$"):
                await failing.result(timeout=WAIT_S)
            assert shop.runs == [(1, 2), "no", "no"]
            with pytest.raises(CallFailed, match="Expected `int`"):
                await shop.work.reply("told").result(timeout=WAIT_S)

    run(scenario())


async def _delayed(shop):
    return await shop.client.zrange("delayed_tasks", 0, -1)


def test_a_member_that_fails_fails_the_callback_of_its_chord(redis):
    async def scenario():
        async with Shop(redis.url) as shop:
            chord = await shop.work.send_chord(call("total"), call("add", 1, 2), call("fail", "x"))
            with pytest.raises(CallFailed, match="x"):
                await chord.result(timeout=WAIT_S)
            state = None

            async def ended():
                nonlocal state
                state = await chord.state()
                return state is not None

            await until(ended)
            assert state.state is State.FAILURE
            assert "of the group failed: x" in state.error

    run(scenario())


def test_states_are_documents_of_machinery_that_expire(redis):
    async def scenario():
        async with Shop(redis.url, results_expire="50s") as shop:
            reply = await shop.work.send(call("add", 1, 2))
            await reply.result(timeout=WAIT_S)
            document = json.loads(await shop.client.get(reply.uuid))
            assert list(document) == [
                *("TaskUUID", "TaskName", "State", "Results", "Error", "CreatedAt", "TTL")
            ]
            assert (document["TaskName"], document["State"]) == ("add", "SUCCESS")
            assert document["Results"] == [{"Type": "int64", "Value": 3}]
            assert 40 <= await shop.client.ttl(reply.uuid) <= 50

    run(scenario())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\x00garbage", "not JSON"),
        (pickle.dumps({"task": "add"}), "pickled"),
        (b'{"Name":"add"}', "without a UUID"),
        (b'{"UUID":"t","Name":"gone","Headers":{"polyrhythm-returns":"5"}}', "no worker took"),
    ],
)
def test_poison_is_kept_with_its_reason_and_may_be_sent_again(redis, body, reason):
    async def scenario():
        async with Shop(redis.url) as shop:
            await shop.push(body)
            assert reason in (await shop.dead())[0]
            assert (await shop.work.dead_messages())[0].body == body
            assert await (await shop.work.send(call("add", 1, 2))).result(timeout=WAIT_S) == 3
        async with Machinery(redis.url) as work:
            assert await work.revive() == 1
            assert await work.dead_messages() == []
            client = work._ledger.broker.client
            [queued] = await client.lrange(QUEUE, 0, -1)
            assert b"polyrhythm-returns" not in queued

    run(scenario())


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ('[{"Type":"map","Value":{}}]', "is not a type of Machinery"),
        ('[{"Type":"int8","Value":300}]', "not a value of int8"),
        ('[{"Type":"int64","Value":1}]', "takes 2 arguments"),
        ('[{"Type":"int64","Value":1},{"Type":"string","Value":"b"}]', "Expected `int`"),
    ],
)
def test_a_call_that_cannot_be_made_fails_once_with_its_reason(redis, arguments, reason):
    async def scenario():
        async with Shop(redis.url) as shop:
            await shop.push(f'{{"UUID":"t","Name":"add","Args":{arguments}}}'.encode())
            with pytest.raises(CallFailed, match=reason):
                await shop.work.reply("t").result(timeout=WAIT_S)
            assert shop.runs == []

    run(scenario())


def test_a_task_that_is_not_here_is_offered_to_others_after_a_pause(redis):
    async def scenario():
        async with Shop(redis.url) as shop:
            before_ns = time.time_ns()
            reply = await shop.work.send(call("elsewhere", 1))

            async def delayed():
                return bool(await _delayed(shop))

            await until(delayed)
            [(body, score)] = await shop.client.zrange("delayed_tasks", 0, -1, withscores=True)
            assert decode_signature(body).headers == {"polyrhythm-returns": "1"}
            assert 0.9e9 < score - before_ns < 10e9
            assert (await reply.state()).state is State.PENDING
            dropped = await shop.work.send(call("elsewhere", ignore_unknown=True))
            assert await (await shop.work.send(call("add", 1, 2))).result(timeout=WAIT_S) == 3
            assert (await dropped.state()).state is State.PENDING
            assert await shop.client.llen(QUEUE) == 0

    run(scenario())


def test_a_chord_with_a_member_that_nobody_takes_fails(redis):
    async def scenario():
        async with Shop(redis.url) as shop:
            gone = call("gone", headers={"polyrhythm-returns": "5"})
            chord = await shop.work.send_chord(call("total"), call("add", 1, 2), gone)
            with pytest.raises(CallFailed, match="no worker took the task 'gone'"):
                await shop.work.reply(chord.uuid).result(timeout=WAIT_S)

    run(scenario())


def test_arguments_that_no_service_takes_fail_the_call(redis):
    async def scenario():
        async with Shop(redis.url) as shop:
            reply = await shop.work.send(call("fail", "x" * 3_000_000))
            with pytest.raises(CallFailed, match="fail cannot be started"):
                await reply.result(timeout=WAIT_S)

    run(scenario())


def test_a_queue_that_is_no_list_is_said(redis, caplog):
    async def scenario():
        broker = RedisBroker(RedisSettings(parse_address(redis.url)), "w")
        await broker.open()
        await broker.client.set(QUEUE, "no list")
        await broker.close()
        async with Shop(redis.url):

            async def said():
                return "to take messages: Redis does not give a message: WRONGTYPE" in caplog.text

            await until(said)

    run(scenario())


def test_what_a_silent_worker_had_in_hand_is_taken_over(redis):
    async def scenario():
        settings = RedisSettings(parse_address(redis.url))
        lost = RedisBroker(settings, "lost")
        await lost.open()
        async with Machinery(redis.url) as producer:
            reply = await producer.send(call("add", 1, 2))
        delivery = await lost.take()
        assert not delivery.again
        # It has never said that it lives; a crash would leave the same behind after its lease.
        await lost.client.zadd(lost.keys.workers, {"lost": time.time() - 31})
        async with Shop(redis.url, lease=3) as shop:
            assert await shop.work.reply(reply.uuid).result(timeout=WAIT_S) == 3
            assert await shop.client.llen(lost.keys.in_hand()) == 0
        await lost.close()

    run(scenario())


def test_a_message_that_comes_again_does_not_run_again(redis):
    async def scenario():
        async with Shop(redis.url) as shop:
            reply = await shop.work.send(call("add", 1, 2))
            await reply.result(timeout=WAIT_S)
            body = _body(reply.uuid)
            keys = Keys(QUEUE, "delayed_tasks", "lost")
            for state in ("kept", "expired", "half written"):
                # As another process, which has not settled it.
                shop.work._bridge._settled.clear()
                if state == "expired":
                    await shop.client.delete(reply.uuid)
                if state == "half written":
                    started = encode_state(TaskState(reply.uuid, "add", State.STARTED))
                    await shop.client.set(reply.uuid, started)
                await shop.client.rpush(keys.in_hand(), body)
                shop.broker._silent.append("lost")

                async def settled():
                    lists = (keys.in_hand(), shop.broker.keys.in_hand())
                    return not await shop.client.exists(*lists)

                await until(settled)
                assert await shop.work.reply(reply.uuid).result(timeout=WAIT_S) == 3
            assert shop.runs == [(1, 2)]
            # The same id in a message of its own is a call of its own, as from a periodic task.
            await shop.push(body)

            async def ran():
                return len(shop.runs) == 2

            await until(ran)

    run(scenario())


def _body(uuid):
    args = '[{"Type":"int64","Value":1},{"Type":"int64","Value":2}]'
    return f'{{"UUID":"{uuid}","Name":"add","Args":{args}}}'.encode()


def test_an_outcome_whose_answer_was_lost_is_not_sent_twice(redis):
    async def scenario():
        async with Machinery(redis.url) as work:
            ledger = work._ledger
            one = call("add", 1, 2, uuid="t", retries=1)
            body = encode_signature(one)
            await work.send(one)
            taken = await ledger.broker.take()
            assert decode_signature(taken.body).uuid == "t"
            retry = TaskState("t", "add", State.RETRY)
            following = call("add", 1, 2, uuid="t")
            for _ in range(2):
                await ledger.settle(taken, one, Outcome([retry], [following]))
            assert await ledger.broker.client.llen(QUEUE) == 1
            assert await ledger.broker.client.llen(ledger.broker.keys.in_hand()) == 0
            # Another worker had it since, and a late state of ours hides the end that it wrote.
            await ledger.broker.client.set("t", encode_state(TaskState("t", "add", State.STARTED)))
            ended = Outcome([TaskState("t", "add", State.SUCCESS)], [following])
            await ledger.settle(taken, one, ended)
            assert (await work.reply("t").state()).state is State.SUCCESS
            assert await ledger.broker.client.llen(QUEUE) == 1
            # Redis that came back without what it had: the outcome is all that is left.
            await ledger.broker.client.flushall()
            done = TaskState("t", "add", State.SUCCESS)
            await ledger.settle(Delivery(body), one, Outcome([done]))
            assert (await work.reply("t").state()).state is State.SUCCESS

    run(scenario())


def test_an_answer_that_was_lost_loses_no_message(redis):
    async def scenario():
        broker = RedisBroker(RedisSettings(parse_address(redis.url)), "w")
        await broker.open()
        await broker.client.rpush(broker.keys.in_hand(), b"unheard", b"held")
        broker._hold(b"held", again=False)
        broker._unsure = True
        assert (await broker.take()).body == b"unheard"
        await broker.client.rpush(QUEUE, b"next")
        assert (await broker.take()).body == b"next"
        await broker.close()

    run(scenario())


def test_what_was_taken_and_not_begun_goes_back_first(redis):
    async def scenario():
        broker = RedisBroker(RedisSettings(parse_address(redis.url)), "w")
        await broker.open()
        await broker.start()
        await broker.client.rpush(broker.keys.in_hand(), b"old")
        await broker.client.rpush(QUEUE, b"new")
        await broker._look_for_lost()
        await broker.close()
        other = RedisBroker(broker.settings, "other")
        await other.open()
        assert (await other.take()).body == b"old"
        assert (await other.take()).body == b"new"
        await other.close()

    run(scenario())


def test_a_chord_waits_for_the_lock_of_go_workers(redis):
    async def scenario():
        async with Shop(redis.url) as shop:
            await shop.client.set("TriggerChordMutex", "go", px=700)
            chord = await shop.work.send_chord(call("total"), call("add", 1, 2))
            assert await chord.result(timeout=WAIT_S) == 3
            assert await shop.client.get("TriggerChordMutex") is None

    run(scenario())


def test_a_chord_whose_callback_was_sent_is_not_sent_again(redis):
    async def scenario():
        async with Shop(redis.url) as shop:
            chord = await shop.work.send_chord(call("add", 1), call("add", 1, 2))
            assert await chord.result(timeout=WAIT_S) == 4
            [group] = [name async for name in shop.client.scan_iter("group_*")]
            assert json.loads(await shop.client.get(group))["ChordTriggered"] is True
            async with shop.work._ledger.results.chord(_member(group.decode())) as states:
                assert states is None

    run(scenario())


def _member(group):
    one = call("add", 1, 2)
    one.group_uuid = group
    return one
