"""Redis in its shapes, and what happens when it goes away: TLS, sockets, clusters, restarts."""

import time

import pytest

from certificates import certificates as make_certificates
from machinery_shop import WAIT_S, Shop, run, until
from polyrhythm.app.machinery import Machinery
from polyrhythm.base.errors import FailedPrecondition
from polyrhythm.brokers.errors import BrokerDown
from polyrhythm.brokers.redis.address import parse_address
from polyrhythm.brokers.redis.broker import RedisBroker
from polyrhythm.brokers.redis.connect import RedisSettings
from polyrhythm.dialects.machinery.sender import call
from redis_servers import RedisServer, redis_server


@pytest.fixture
def redis():
    """A server of the test's own."""
    with redis_server() as one:
        yield one


def test_redis_goes_away_and_comes_back(redis, caplog):
    async def scenario():
        async with Shop(redis.url, lease=3) as shop:
            assert await (await shop.work.send(call("add", 1, 2))).result(timeout=WAIT_S) == 3
            redis.kill()
            with pytest.raises(BrokerDown):
                await shop.work.send(call("add", 1, 2))
            redis.start()

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

    run(scenario())
    tried = [one for one in caplog.records if "cannot give a message" in one.message]
    assert len(tried) <= 2


def test_a_worker_that_starts_before_redis_waits_for_it(redis):
    async def scenario():
        redis.kill()
        try:
            async with Shop(redis.url) as shop:
                redis.start()

                async def sent():
                    try:
                        return await shop.work.send(call("add", 1, 2))
                    except BrokerDown:
                        return None

                await until(sent)
                reply = await sent()
                assert await reply.result(timeout=WAIT_S) == 3
        finally:
            redis.kill()
            redis.start()

    run(scenario())


def test_results_may_lie_in_another_database(redis):
    async def scenario():
        async with Shop(redis.url, f"{redis.url}/1") as shop:
            chord = await shop.work.send_chord(call("total"), call("add", 1, 2), call("add", 3, 4))
            assert await chord.result(timeout=WAIT_S) == 10
            assert not [name async for name in shop.client.scan_iter("task_*")]

    run(scenario())


def test_a_password_a_socket_and_what_is_refused(tmp_path):
    socket_path = tmp_path / "redis.sock"

    async def scenario(one):
        with pytest.raises(FailedPrecondition, match="authenticate"):
            await Machinery(one.url).__aenter__()
        for url in (
            f"redis://se%40cret@127.0.0.1:{one.port}",
            f"redis://default:se%40cret@127.0.0.1:{one.port}/2",
            f"redis+socket://se%40cret@{socket_path}:/1",
        ):
            async with Shop(url) as shop:
                assert await (await shop.work.send(call("add", 1, 2))).result(timeout=WAIT_S) == 3

    flags = ("--requirepass", "se@cret", "--unixsocket", str(socket_path))
    with redis_server(*flags) as one:
        run(scenario(one))


def test_tls():
    certificates = make_certificates()

    async def scenario(port):
        url = f"rediss://localhost:{port}"
        async with Shop(url, tls_ca=certificates.path("ca.pem")) as shop:
            assert await (await shop.work.send(call("add", 1, 2))).result(timeout=WAIT_S) == 3
        with pytest.raises(BrokerDown):
            await Machinery(url).__aenter__()

    with redis_server(
        *("--port", "0", "--tls-port", "{port}", "--tls-auth-clients", "no"),
        *("--tls-cert-file", certificates.path("server.pem")),
        *("--tls-key-file", certificates.path("server.key")),
        *("--tls-ca-cert-file", certificates.path("ca.pem")),
    ) as one:
        run(scenario(one.port))


def test_a_cluster(redis):
    async def scenario(one):
        setup = RedisBroker(RedisSettings(parse_address(one.url)), "w")
        await setup.open()
        await setup.client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)

        async def up():
            return "ok" in str(await setup.client.execute_command("CLUSTER INFO"))

        await until(up)
        await setup.close()
        async with Shop(one.url, cluster=True) as shop:
            chained = await shop.work.send_chain(call("add", 1, 2), call("add", 10))
            assert await chained.result(timeout=WAIT_S) == 13
            chord = await shop.work.send_chord(
                call("total", 5), call("add", 1, 2), call("add", 3, 4)
            )
            assert await chord.result(timeout=WAIT_S) == 15
            later = call("add", 1, 2, eta_ns=time.time_ns() + 200_000_000)
            assert await (await shop.work.send(later)).result(timeout=WAIT_S) == 3
            await shop.push(b"poison")
            assert "not JSON" in (await shop.dead())[0]

    with redis_server("--cluster-enabled", "yes", "--cluster-port", "{free}") as one:
        run(scenario(one))


def test_sentinels_lead_to_the_master_that_there_is(tmp_path):
    async def scenario(master, sentinel):
        url = f"redis://127.0.0.1:{sentinel.port},127.0.0.1:1"
        async with Shop(url, master="mine") as shop:
            assert await (await shop.work.send(call("add", 1, 2))).result(timeout=WAIT_S) == 3
        async with Machinery(master.url) as direct:
            assert await direct.reply("nothing").state() is None
        with pytest.raises(BrokerDown):
            await Machinery(url, master="another").__aenter__()

    with redis_server() as master:
        (tmp_path / "own.conf").write_text(
            f"bind 127.0.0.1\ndir {tmp_path}\nsentinel monitor mine 127.0.0.1 {master.port} 1\n"
        )
        sentinel = RedisServer(tmp_path, "--port", "{port}", program="redis-sentinel")
        try:
            sentinel.start()
            run(scenario(master, sentinel))
        finally:
            sentinel.kill()
