"""TLS of the server: who gets through, who does not, and what is said of files that are wrong."""

import asyncio
import ssl

import grpc
import grpc.aio
import pytest

from certificates import certificates
from polyrhythm.base.errors import PermissionDenied
from polyrhythm.transports.grpc import BadTlsError, GrpcSettings, TlsFiles, server_context
from transports.wire import START, Scripted, run, wire


class Doorman:
    """Refuses one word, notes everybody."""

    def __init__(self):
        self.admitted = []

    def admit(self, fields, peer):
        word = fields.get(b"authorization", b"")
        self.admitted.append((word, peer.certificate))
        if word == b"wrong":
            raise PermissionDenied("Request unauthorized: wrong.", "wrong")
        return word


def settings_of(client_ca: str = "") -> GrpcSettings:
    made = certificates()
    ca = made.path(client_ca) if client_ca else ""
    return GrpcSettings(
        tls=server_context(TlsFiles(made.path("server.pem"), made.path("server.key"), ca)),
    )


async def call(address: str, ca: str = "ca.pem", client: str = "", **options) -> bytes:
    """Start the workflow `x` over TLS."""
    made = certificates()
    shown = (made.bytes(f"{client}.key"), made.bytes(f"{client}.pem")) if client else (None, None)
    credentials = grpc.ssl_channel_credentials(made.bytes(ca), *shown)
    async with grpc.aio.secure_channel(address, credentials) as channel:
        answer: bytes = await channel.unary_unary(START)(b"\x12\x01x", timeout=10, **options)
        return answer


async def refusal(address: str, **options) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(address, **options)
    return caught.value.code()


def test_calls_over_tls_and_none_without():
    async def main():
        async with wire(Scripted(x=b"hello"), settings_of()) as there:
            assert await call(there.address) == b"hello"
            assert await refusal(there.address, ca="stranger.pem") is grpc.StatusCode.UNAVAILABLE
            plain = await there.refusal("x", timeout=10)
            assert plain.code() is grpc.StatusCode.UNAVAILABLE

    run(main())


def test_only_clients_of_the_named_ca_get_through():
    async def main():
        door = Doorman()
        async with wire(Scripted(x=b"hello"), settings_of("ca.pem"), door) as there:
            assert await call(there.address, client="client") == b"hello"
            assert door.admitted == [(b"", "worker-1")]
            for client in ("", "stranger-client"):
                code = await refusal(there.address, client=client)
                assert code is grpc.StatusCode.UNAVAILABLE
            assert len(door.admitted) == 1

    run(main())


def test_a_door_is_asked_once_for_each_set_of_headers_of_a_connection():
    async def main():
        door = Doorman()
        script = Scripted(x=b"hello")
        async with wire(script, None, door) as there:
            for word in ["one"] * 9 + ["two"]:
                # A timeout is a header of its own for each call.
                await there.call("x", metadata=(("authorization", word),), timeout=None)
            refused = await there.refusal("x", metadata=(("authorization", "wrong"),))
            assert refused.code() is grpc.StatusCode.PERMISSION_DENIED
            assert refused.details() == "Request unauthorized: wrong."
        assert {word for word, _ in door.admitted} == {b"one", b"two", b"wrong"}
        assert len(script.seen) == 10
        assert len(door.admitted) < 6, door.admitted

    run(main())


def test_health_is_open_to_those_who_are_refused_everything_else():
    async def main():
        door = Doorman()
        async with wire(Scripted(), None, door) as there:
            method = "/grpc.health.v1.Health/Check"
            metadata = (("authorization", "wrong"),)
            assert await there.send(b"", method, metadata=metadata) == b"\x08\x02"
        assert door.admitted == []

    run(main())


def test_more_connections_than_are_wanted():
    async def main():
        async with wire(Scripted(x=b"hello"), GrpcSettings(connections_max=1)) as there:
            assert await there.call("x") == b"hello"
            reader, writer = await asyncio.open_connection(*there.address.split(":"))
            said = await asyncio.wait_for(reader.read(), 10)
            assert b"too many connections" in said
            writer.close()
            assert await there.call("x") == b"hello"

    run(main())


WRONG = [
    ("nowhere.pem", "server.key", "", r"nowhere\.pem: No such file"),
    ("server.pem", "nowhere.key", "", r"nowhere\.key: No such file"),
    ("server.pem", "client.key", "", r"client\.key is not the key of the certificate in"),
    ("server.key", "server.key", "", "no certificate and key in PEM form"),
    ("server.pem", "server.pem", "", "no certificate and key in PEM form"),
    ("server.pem", "locked.key", "", r"locked\.key is encrypted"),
    ("server.pem", "server.key", "server.key", r"server\.key holds no CA certificate"),
]


@pytest.mark.parametrize(("certificate", "key", "client_ca", "message"), WRONG)
def test_files_that_cannot_be_used(certificate, key, client_ca, message):
    made = certificates()
    ca = made.path(client_ca) if client_ca else ""
    with pytest.raises(BadTlsError, match=message):
        server_context(TlsFiles(made.path(certificate), made.path(key), ca))


def test_old_tls_is_refused():
    context = server_context(
        TlsFiles(certificates().path("server.pem"), certificates().path("server.key"))
    )
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
