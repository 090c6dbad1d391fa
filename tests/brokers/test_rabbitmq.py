"""Machinery on a real RabbitMQ: what our workers and producers declare, write and survive."""

import logging
import time

import aio_pika
import pytest

from certificates import certificates as make_certificates
from machinery_shop import QUEUE, WAIT_S, Shop, run, until
from polyrhythm import App, Machinery
from polyrhythm.base.errors import FailedPrecondition, InvalidArgument
from polyrhythm.brokers.errors import BadMessage, BrokerDown
from polyrhythm.brokers.machinery.signature import Signature, encode_signature
from polyrhythm.brokers.machinery.states import State, TaskState
from polyrhythm.brokers.port import Delivery
from polyrhythm.brokers.rabbitmq.connect import RabbitSettings
from polyrhythm.brokers.rabbitmq.publisher import DELAY_MS_MAX
from polyrhythm.brokers.rabbitmq.results import RabbitResults
from polyrhythm.dialects.machinery.replies import CallFailed
from polyrhythm.dialects.machinery.sender import call
from rabbit_servers import rabbit_server
from redis_servers import free_port, redis_server

pytestmark = pytest.mark.xdist_group("rabbitmq")


@pytest.fixture(scope="module")
def server():
    with rabbit_server() as one:
        yield one


@pytest.fixture
def rabbit(server):
    """The server, without the queues of tests before."""

    async def empty():
        async with await aio_pika.connect(server.url) as connection:
            channel = await connection.channel()
            for name in (QUEUE, f"{QUEUE}.dead", "machinery_task"):
                await channel.queue_delete(name)

    run(empty())
    return server


async def queue_count(server, name):
    """Messages that are ready in a queue; None if it is not there."""
    async with await aio_pika.connect(server.url) as connection:
        channel = await connection.channel()
        try:
            queue = await channel.declare_queue(name, passive=True)
        except aio_pika.exceptions.ChannelNotFoundEntity:
            return None
        return queue.declaration_result.message_count


async def push(server, body):
    async with await aio_pika.connect(server.url) as connection:
        channel = await connection.channel()
        await channel.default_exchange.publish(aio_pika.Message(body), QUEUE)


def test_calls_chains_groups_chords_and_their_results(rabbit):
    async def scenario():
        async with Shop(rabbit.url) as shop:
            work = shop.work
            assert await (await work.send(call("add", 1, 2))).result(timeout=WAIT_S) == 3
            chained = await work.send_chain(call("add", 1, 2), call("add", 10), call("add", 100))
            assert await chained.result(timeout=WAIT_S) == 113
            group = await work.send_group(call("add", 1, 2), call("add", 3, 4))
            assert await group.results(timeout=WAIT_S) == [3, 7]
            members = [call("add", 1, 2), call("add", 3, 4), call("add", 5, 6)]
            chord = await work.send_chord(call("total", 5), *members)
            assert await chord.result(timeout=WAIT_S) == 26
            # A state that says the end is read by one reader, and its queue goes.
            assert await queue_count(rabbit, chord.uuid) is None

    run(scenario())


def test_an_eta_and_a_retry_wait_in_queues_that_die_into_the_exchange(rabbit):
    async def scenario():
        async with Shop(rabbit.url) as shop:
            at_ns = time.time_ns() + 300_000_000
            later = await shop.work.send(call("add", 1, 2, eta_ns=at_ns))
            assert await later.result(timeout=WAIT_S) == 3
            assert time.time_ns() >= at_ns
            failing = await shop.work.send(call("fail", "no", retries=1))
            with pytest.raises(CallFailed, match=r"^no$"):
                await failing.result(timeout=WAIT_S)
            assert shop.runs == [(1, 2), "no", "no"]

    run(scenario())


def test_a_member_that_fails_fails_the_callback_of_its_chord(rabbit):
    async def scenario():
        async with Shop(rabbit.url) as shop:
            chord = await shop.work.send_chord(call("total"), call("add", 1, 2), call("fail", "x"))
            callback = shop.work.reply(chord.uuid)
            with pytest.raises(CallFailed, match="of the group failed: x"):
                await callback.result(timeout=WAIT_S)

    run(scenario())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\x00garbage", "not JSON"),
        (b"", "without a body"),
        (b'{"UUID":"t","Name":"gone","Headers":{"polyrhythm-returns":"5"}}', "no worker took"),
    ],
)
def test_poison_is_kept_with_its_reason_and_may_be_sent_again(rabbit, body, reason):
    async def scenario():
        async with Shop(rabbit.url) as shop:
            await push(rabbit, body)
            assert reason in (await shop.dead())[0]
            assert (await shop.work.dead_messages())[0].body == body
            assert await (await shop.work.send(call("add", 1, 2))).result(timeout=WAIT_S) == 3
        async with Machinery(rabbit.url) as work:
            assert await work.revive() == 1
            assert await work.dead_messages() == []
            assert await queue_count(rabbit, QUEUE) == 1

    run(scenario())


def test_a_task_that_is_not_here_is_offered_to_others_after_a_pause(rabbit):
    async def scenario():
        async with Shop(rabbit.url) as shop:
            await shop.work.send(call("elsewhere", 1))
            delayed = f"delay.1000.machinery_exchange.{QUEUE}"

            async def waits():
                return await queue_count(rabbit, delayed) == 1

            await until(waits)
            await shop.work.send(call("elsewhere", ignore_unknown=True))
            assert await (await shop.work.send(call("add", 1, 2))).result(timeout=WAIT_S) == 3

    run(scenario())


def test_a_message_that_comes_again_does_not_run_again(rabbit):
    async def scenario():
        async with Shop(rabbit.url) as shop:
            reply = await shop.work.send(call("add", 1, 2))
            assert await reply.result(timeout=WAIT_S) == 3
            bridge = shop.work._bridge
            body = encode_signature(call("add", 1, 2, uuid=reply.uuid))
            delivery = Delivery(body, True, Acknowledged())
            await bridge._see_through(delivery)
            # Another process does not know that it was settled; the durable task tells.
            bridge._settled.clear()
            await bridge._see_through(delivery)
            assert shop.runs == [(1, 2)]
            assert await shop.work.reply(reply.uuid).result(timeout=WAIT_S) == 3

    run(scenario())


class Acknowledged:
    """The broker's side of a delivery, of a connection that is gone."""

    async def ack(self):
        return None


def test_a_member_that_is_written_again_counts_once_in_its_group(rabbit):
    async def scenario():
        results = RabbitResults(RabbitSettings(rabbit.url))
        await results.open()
        members = [_member("m1"), _member("m2")]
        for one in members:
            for again in (False, True, True):
                state = TaskState(one.uuid, one.name, State.SUCCESS)
                await results.put(state, one, again)
        assert await queue_count(rabbit, "group_x") == 2
        with pytest.raises(ZeroDivisionError):
            await _fail_in(results.chord(members[0]))
        # Left with an error, the group is there for whoever comes next; then it is gone.
        async with results.chord(members[0]) as states:
            assert len(states) == 2
        async with results.chord(members[0]) as states:
            assert states is None
        assert await queue_count(rabbit, "group_x") is None
        await results.close()

    run(scenario())


async def _fail_in(chord):
    async with chord as states:
        assert [one.uuid for one in states] == ["m1", "m2"]
        raise ZeroDivisionError


def _member(uuid):
    return Signature("add", uuid=uuid, group_uuid="group_x", group_size=2)


def test_rabbitmq_goes_away_and_comes_back(rabbit, caplog):
    async def scenario():
        async with Shop(rabbit.url) as shop:
            assert await (await shop.work.send(call("add", 1, 2))).result(timeout=WAIT_S) == 3
            rabbit.kill()
            with pytest.raises(BrokerDown):
                await shop.work.send(call("add", 1, 2))
            rabbit.start()

            async def sent():
                nonlocal reply
                try:
                    reply = await shop.work.send(call("add", 3, 4))
                except BrokerDown:
                    return False
                return True

            reply = None
            await until(sent)
            assert await reply.result(timeout=WAIT_S) == 7

    with caplog.at_level(logging.WARNING):
        run(scenario())
    said = [one for one in caplog.records if one.name == "polyrhythm.machinery"]
    assert len(said) <= 6


def test_a_message_in_hand_survives_its_connection(rabbit):
    async def scenario():
        async with Shop(rabbit.url) as shop:
            reply = await shop.work.send(call("add", 1, 2))
            await reply.result(timeout=WAIT_S)
            other = Machinery(rabbit.url)
            broker = other._ledger.broker
            await broker.open()
            await shop.broker.close()
            await push(rabbit, encode_signature(call("add", 5, 6, uuid="t")))
            taken = await broker.take()
            assert not taken.again
            await broker.close()
            assert await shop.work.reply("t").result(timeout=WAIT_S) == 11
            await other._ledger.results.close()

    run(scenario())


def test_results_may_lie_on_redis(rabbit):
    async def scenario(redis):
        async with Shop(rabbit.url, redis.url) as shop:
            chord = await shop.work.send_chord(call("total"), call("add", 1, 2), call("add", 3, 4))
            assert await chord.result(timeout=WAIT_S) == 10
            assert await chord.result(timeout=WAIT_S) == 10

    with redis_server() as redis:
        run(scenario(redis))


def test_a_binding_key_of_its_own_is_honoured_with_a_warning(rabbit, caplog):
    async def scenario():
        async with Shop(rabbit.url, binding_key="machinery_task") as shop:
            assert await (await shop.work.send(call("add", 1, 2))).result(timeout=WAIT_S) == 3
            assert await queue_count(rabbit, "machinery_task") is None
            other = await shop.work.send(call("add", 1, 2, queue="elsewhere"))
            assert await queue_count(rabbit, "elsewhere") == 1
            assert (await other.state()).state is State.PENDING

    run(scenario())
    assert "which nobody reads" in caplog.text


def test_what_cannot_be_kept_or_reached_is_refused(rabbit):
    async def scenario():
        async with Machinery(rabbit.url) as work:
            far_ns = time.time_ns() + (DELAY_MS_MAX + 60_000) * 1_000_000
            with pytest.raises(BadMessage, match="24 days"):
                await work.send(call("add", 1, 2, eta_ns=far_ns))
            near_ns = time.time_ns() + (DELAY_MS_MAX - 60_000) * 1_000_000
            await work.send(call("add", 1, 2, eta_ns=near_ns))
        with pytest.raises(FailedPrecondition, match="refuses"):
            await Machinery(rabbit.url.replace("guest:guest", "guest:wrong")).__aenter__()
        with pytest.raises(BrokerDown):
            await Machinery("amqp://127.0.0.1:1/").__aenter__()
        second = f"amqp://127.0.0.1:1/,{rabbit.url}"
        async with Machinery(second) as work:
            assert await work.dead_messages() == []

    run(scenario())
    with pytest.raises(InvalidArgument, match="RabbitMQ is at"):
        Machinery("amqp://a,redis://b", app=App("x", durability="memory"))


def test_tls():
    certificates = make_certificates()
    lines = (
        "listeners.ssl.1 = 127.0.0.1:{tls}",
        *(f"ssl_options.cacertfile = {certificates.path('ca.pem')}",),
        *(f"ssl_options.certfile = {certificates.path('server.pem')}",),
        *(f"ssl_options.keyfile = {certificates.path('server.key')}",),
    )

    async def scenario(url):
        async with Shop(url, tls_ca=certificates.path("ca.pem")) as shop:
            assert await (await shop.work.send(call("add", 1, 2))).result(timeout=WAIT_S) == 3
        with pytest.raises((BrokerDown, FailedPrecondition)):
            await Machinery(url).__aenter__()

    port = free_port()
    with rabbit_server(*(line.format(tls=port) for line in lines)):
        run(scenario(f"amqps://guest:guest@localhost:{port}/"))
