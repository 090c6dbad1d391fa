"""`poly dev` on a network: TLS, certificates, API keys with roles, and addresses it refuses."""

import asyncio
from datetime import timedelta

import grpc
import pytest
import temporalio.client
import temporalio.service
from temporalio.api.workflowservice.v1 import (
    GetSystemInfoRequest,
    ListNamespacesRequest,
    ListWorkflowExecutionsRequest,
)

from certificates import certificates
from poly_process import CODES, WORKFLOW, PolyProcess, start_request
from polyrhythm.access.keyring import digest_of
from polyrhythm.app.application import App
from polyrhythm.base.errors import PermissionDenied
from polyrhythm.cli.dynamic_config import BadSettingError
from polyrhythm.cli.flags import DevFlags
from polyrhythm.cli.guarding import guard, is_loopback
from polyrhythm.sdk.connection import Tls
from polyrhythm.transports.grpc import GrpcSettings

KEYS = {"billing": "write", "auditor": "read", "operator": "admin"}


def access_file(folder) -> str:
    """A file where each key is its owner's name, and `*` is the operator's."""
    path = folder / "access.toml"
    path.write_text(
        "".join(
            f'[keys.{name}]\nsha256 = "{digest_of(name).hex()}"\n'
            f'namespaces = {{ "{"*" if name == "operator" else "default"}" = "{role}" }}\n'
            for name, role in KEYS.items()
        )
        + '[certificates.worker-1]\nnamespaces = { default = "write" }\n'
    )
    return str(path)


class Caller:
    """Calls a server under a key, over TLS or not."""

    def __init__(self, server: PolyProcess, key: str = "", client: str = "", tls: bool = True):
        made = certificates()
        self.metadata = [("authorization", f"Bearer {key}")] if key else []
        if not tls:
            self.channel = grpc.insecure_channel(server.address)
            return
        shown = (made.bytes(f"{client}.key"), made.bytes(f"{client}.pem")) if client else ()
        credentials = grpc.ssl_channel_credentials(made.bytes("ca.pem"), *shown)
        self.channel = grpc.secure_channel(server.address, credentials)

    def may(self, request) -> bool:
        """Call; False when it is refused for want of a role."""
        name = WORKFLOW + request.DESCRIPTOR.name.removesuffix("Request")
        stub = self.channel.unary_unary(name)
        call = stub.future(request.SerializeToString(), 20, self.metadata)
        code, details = call.code(), call.details() or ""
        if code is CODES.PERMISSION_DENIED:
            assert details.startswith("Request unauthorized: ")
            return False
        assert code is CODES.OK, f"{code}: {details}"
        return True

    def rights(self) -> list[str]:
        """What it may do of four things."""
        tries = {
            "connect": GetSystemInfoRequest(),
            "list": ListWorkflowExecutionsRequest(namespace="default"),
            "start": start_request("started"),
            "namespaces": ListNamespacesRequest(),
        }
        return [name for name, request in tries.items() if self.may(request)]


EVERYTHING = ["connect", "list", "start", "namespaces"]
RIGHTS = {
    "": ["connect"],
    "stolen": [],
    "auditor": ["connect", "list"],
    "billing": ["connect", "list", "start"],
    "operator": EVERYTHING,
}


def test_roles_of_keys_at_the_owner_and_through_an_attached_process(tmp_path):
    flags = certificates().server_flags("--access", access_file(tmp_path))
    with PolyProcess(tmp_path, *flags) as owner:
        owner.line()
        with PolyProcess(tmp_path, *flags) as other:
            assert "attached" in other.line()
            for server in (owner, other):
                for key, rights in RIGHTS.items():
                    assert Caller(server, key).rights() == rights, key
            # Nobody outside is taken for the process that passes calls on.
            spoof = Caller(other, "auditor")
            told = '{"subject": "x", "peer": "", "roles": {"*": "ADMIN"}}'
            spoof.metadata.append(("polyrhythm-caller", told))
            assert spoof.rights() == RIGHTS["auditor"]


def test_certificates_of_clients(tmp_path):
    flags = certificates().server_flags("--tls-client-ca", certificates().path("ca.pem"))
    with PolyProcess(tmp_path, *flags) as server:
        assert Caller(server, client="client").rights() == EVERYTHING
        with pytest.raises(AssertionError, match="UNAVAILABLE"):
            Caller(server).rights()
        assert server.end() == 0
    with PolyProcess(tmp_path, *flags, "--access", access_file(tmp_path)) as server:
        assert Caller(server, client="client").rights() == RIGHTS["billing"]
        assert Caller(server, "operator", client="client").rights() == EVERYTHING


def test_an_app_and_the_official_client_over_tls_with_a_key(tmp_path):
    made = certificates()
    flags = made.server_flags("--access", access_file(tmp_path))
    with PolyProcess(tmp_path, *flags) as server:
        tls = Tls(server_ca=made.bytes("ca.pem"), domain="poly.test")
        url = f"poly://{server.address}"

        def app_of(key: str) -> App:
            app = App("shop", url=url, tls=tls, api_key=key)

            @app.task
            def double(number: int) -> int:
                return 2 * number

            @app.workflow(name="Twice")
            async def twice(number: int) -> int:
                return await double(number)

            app.twice = twice
            return app

        app = app_of("billing")
        with app:
            assert app.twice.execute(21) == 42
            assert asyncio.run(official_result(server.address)) == 44
        stranger = app_of("stolen")
        with pytest.raises(PermissionDenied, match=r"refuses this program.*not known here"):
            stranger.__enter__()


async def official_result(address: str) -> int:
    made = certificates()
    client = await temporalio.client.Client.connect(
        address,
        api_key="billing",
        tls=temporalio.service.TLSConfig(
            server_root_ca_cert=made.bytes("ca.pem"), domain="poly.test"
        ),
    )
    found: int = await client.execute_workflow(
        "Twice", 22, id="official", task_queue="shop", run_timeout=timedelta(minutes=1)
    )
    return found


def test_addresses_that_other_machines_reach():
    made = certificates()
    tls = {"tls_cert": made.path("server.pem"), "tls_key": made.path("server.key")}
    mutual = {**tls, "tls_client_ca": made.path("ca.pem")}
    for ip in ("0.0.0.0", "::", "192.168.1.7", "some.host"):
        for given in ({}, tls):
            with pytest.raises(BadSettingError, match="could do anything"):
                guard(DevFlags(ip=ip, **given), GrpcSettings())
        assert guard(DevFlags(ip=ip, insecure=True), GrpcSettings()) is None
        assert guard(DevFlags(ip=ip, **mutual), GrpcSettings()) is None
    for ip in ("127.0.0.1", "localhost", "::1", "127.8.0.1"):
        assert is_loopback(ip)
        assert guard(DevFlags(ip=ip), GrpcSettings()) is None


def test_keys_do_not_travel_in_the_clear(tmp_path):
    path = access_file(tmp_path)
    with pytest.raises(BadSettingError, match="in the clear"):
        guard(DevFlags(ip="0.0.0.0", access=path), GrpcSettings())
    for flags in (
        DevFlags(ip="0.0.0.0", access=path, insecure=True),
        DevFlags(access=path),
    ):
        keyring = guard(flags, GrpcSettings())
        assert keyring is not None
        assert keyring.identify("Bearer billing", "", "").subject == "billing"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--tls-cert", "x.pem"), "--tls-cert and --tls-key go together"),
        (("--tls-client-ca", "x.pem"), "--tls-client-ca needs --tls-cert and --tls-key"),
        (("--tls-cert", "x.pem", "--tls-key", "y"), "x.pem: No such file or directory"),
        (("--access", "x.toml"), "--access x.toml: No such file or directory"),
        (("--ip", "0.0.0.0"), "lets other machines in"),
    ],
)
def test_flags_that_cannot_be_meant(tmp_path, flags, message):
    with PolyProcess(tmp_path, *flags) as server:
        assert server.process.wait(20) == 2
        assert message in server.log.read_text()


def test_a_wrong_access_file_names_the_line(tmp_path):
    path = tmp_path / "access.toml"
    path.write_text('[keys.x]\nsha256 = "12"\nnamespaces = { default = "read" }\n')
    with pytest.raises(BadSettingError, match=r"access\.toml: \[keys\.x\] sha256 is"):
        guard(DevFlags(access=str(path)), GrpcSettings())
