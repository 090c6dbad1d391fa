"""Connections of HTTP: what browsers of others are refused, sizes, slowness, pipelines, ends."""

import asyncio

from polyrhythm.base.errors import PermissionDenied
from polyrhythm.transports.http import LOOPBACK_HOSTS, HttpSettings
from polyrhythm.transports.wire import Absent
from transports.http_wire import DEFAULT, START, http, parts, refusal
from transports.wire import Scripted, run

GET = b"GET %s HTTP/1.1\r\nhost: localhost\r\n\r\n"
LOCAL = HttpSettings(hosts=LOOPBACK_HOSTS)


def test_only_names_of_this_machine_are_answered():
    async def main():
        async with http(settings=LOCAL) as there:
            for host in ("localhost", "127.0.0.1:8233", "[::1]", "[::1]:8233", "LOCALHOST:1"):
                assert (await there.get("/healthz", host=host)).status_code == 200
            for host in ("evil.com", "evil.com:8233", "localhost.evil.com", "127.0.0.1.evil.com"):
                answer = await there.get(f"{DEFAULT}/workflows", host=host)
                assert refusal(answer) == (403, 7, "Host not allowed")
        async with http() as there:
            assert (await there.get("/healthz", host="poly.example")).status_code == 200

    run(main())


def test_pages_of_other_sites_cause_nothing():
    async def main():
        async with http() as there:
            path, own = f"{DEFAULT}/workflows/w", f"http://127.0.0.1:{there.port}"
            for origin in ("http://evil.com", "null", f"http://127.0.0.1:{there.port + 1}", ""):
                answer = await there.post(path, START, origin=origin)
                assert refusal(answer)[:2] == (403, 7)
            for site in ("cross-site", "same-site"):
                answer = await there.post(path, START, **{"sec-fetch-site": site})
                assert answer.status_code == 403
            followed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
            assert (await there.post(path, START, **followed)).status_code == 403
            assert (await there.get("/", **followed)).status_code == 200
            assert (await there.get(path)).status_code == 404
            same = {"origin": own, "sec-fetch-site": "same-origin"}
            answer = await there.post(path, START, **same)
            assert answer.status_code == 200
            assert not [name for name in answer.headers if name.startswith("access-control")]

    run(main())


def test_the_pages_let_nothing_in():
    async def main():
        async with http() as there:
            for path in ("/", "/api"):
                page = await there.get(path)
                assert page.headers["content-type"].startswith("text/html")
                policy = page.headers["content-security-policy"]
                assert "default-src 'none'" in policy
                assert "script-src 'unsafe" not in policy
            assert "/openapi.json" in page.text
            head = await there.client.head("/api")
            assert head.status_code == 200
            assert head.text == ""
            assert head.headers["content-length"] == page.headers["content-length"]

    run(main())


def test_health_and_readiness():
    async def main():
        async with http() as there:
            assert (await there.get("/healthz")).text == "ok\n"
            assert (await there.get("/readyz")).status_code == 200
            there.ready = False
            assert (await there.get("/readyz")).status_code == 503
            assert (await there.get("/healthz")).status_code == 200
            there.switch.target = Absent("nobody owns the file")
            answer = await there.get(f"{DEFAULT}/workflows")
            assert refusal(answer) == (503, 14, "nobody owns the file")

    run(main())


def test_who_is_refused_at_the_door():
    class Doorman:
        def admit(self, fields, peer):
            if fields.get(b"authorization") != b"Bearer key":
                raise PermissionDenied("Request unauthorized: no.", "no")
            return "friend"

    async def main():
        script = Scripted(w=b"")
        async with http(script, door=Doorman()) as there:
            answer = await there.post(f"{DEFAULT}/workflows/w", START)
            assert refusal(answer) == (403, 7, "Request unauthorized: no.")
            answer = await there.post(f"{DEFAULT}/workflows/w", START, authorization="Bearer key")
            assert answer.status_code == 200
            assert len(script.seen) == 1

    run(main())


def test_requests_that_are_too_large():
    async def main():
        settings = HttpSettings(request_bytes_max=1000, head_bytes_max=2000)
        async with http(settings=settings) as there:
            path = f"{DEFAULT}/workflows/w"
            declared = await there.client.post(path, content=b" " * 1001)
            assert refusal(declared) == (413, 8, "the body is larger than 1000 bytes")

            async def chunks():
                for _ in range(20):
                    yield b" " * 100

            chunked = await there.client.post(path, content=chunks())
            assert chunked.status_code == 413
            status, tree = parts(await there.raw(GET % (b"/" + b"a" * 3000)))
            assert (status, tree["code"]) == (431, 3)
            assert (await there.get("/healthz")).status_code == 200

    run(main())


def test_what_is_no_http():
    async def main():
        async with http() as there:
            for data in (
                b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
                b"GET / HTTP/1.1\r\n\r\n",
                b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
                b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
                b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
                b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
                b"GET / HTTP/1.1\r\nhost: a\r\nauthorization: x\r\nauthorization: y\r\n\r\n",
            ):
                status, tree = parts(await there.raw(data))
                assert (status, tree["code"]) == (400, 3), data

    run(main())


def test_requests_sent_ahead_are_answered_in_order():
    async def main():
        script = Scripted()
        async with http(script) as there:
            reader, writer = await asyncio.open_connection("127.0.0.1", there.port)
            start = b"POST %s/workflows/%s HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}"
            prefix = DEFAULT.encode()
            writer.write(start % (prefix, b"one") + GET % b"/healthz" + start % (prefix, b"two"))
            await script.until(lambda: "one" in script.waiting)
            assert "two" not in script.waiting
            script.waiting["one"].resolve(b"")
            await script.until(lambda: "two" in script.waiting)
            script.waiting["two"].resolve(b"")
            found = await reader.readuntil(b"{}")
            found += await reader.readuntil(b"{}")
            assert found.index(b"{}") < found.index(b"ok\n")
            writer.close()

    run(main())


def test_a_client_that_leaves_is_told_to_the_call():
    async def main():
        script = Scripted()
        async with http(script) as there:
            leaving = asyncio.ensure_future(there.post(f"{DEFAULT}/workflows/w", START))
            await script.until(lambda: "w" in script.waiting)
            leaving.cancel()
            await script.until(lambda: script.cancelled == ["w"])

    run(main())


def test_deadlines_are_passed_on():
    async def main():
        script = Scripted(w=b"")
        async with http(script) as there:
            path = f"{DEFAULT}/workflows/w"
            await there.post(path, START)
            await there.post(path, START, **{"grpc-timeout": "5S"})
            assert script.deadlines[0] == 0
            assert script.deadlines[1] > 0
            wrong = await there.post(path, START, **{"grpc-timeout": "soon"})
            assert refusal(wrong) == (400, 3, "invalid grpc-timeout: soon")

    run(main())


def test_slow_and_idle_clients_are_cut_off():
    async def main():
        settings = HttpSettings(request_s=0.05, connection_idle_s=0.05, sweep_s=0.02)
        async with http(settings=settings) as there:
            status, tree = parts(await there.raw(b"GET / HTTP/1.1\r\nhost:"))
            assert (status, tree["code"]) == (408, 4)
            status, _ = parts(await there.raw(b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 9"))
            assert status == 408
            assert await there.raw(b"") == b""

    run(main())


def test_too_many_connections():
    async def main():
        async with http(settings=HttpSettings(connections_max=1)) as there:
            assert (await there.get("/healthz")).status_code == 200
            assert (await there.raw(b"")).startswith(b"HTTP/1.1 503 ")

    run(main())


def test_an_end_in_order():
    async def main():
        script = Scripted()
        async with http(script) as there:
            assert (await there.get("/healthz")).status_code == 200
            waiting = asyncio.ensure_future(there.post(f"{DEFAULT}/workflows/w", START))
            await script.until(lambda: "w" in script.waiting)
            ending = asyncio.ensure_future(there.server.stop(10))
            await asyncio.sleep(0)
            script.waiting["w"].resolve(b"")
            answer = await waiting
            assert answer.status_code == 200
            assert answer.headers["connection"] == "close"
            await ending

    run(main())
