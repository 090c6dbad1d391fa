"""Certificates for tests of TLS, made by the openssl command, once a test session.

A CA, a server and a client of it; a client of a stranger's CA; a key that wants a password.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

NAMES = "subjectAltName=DNS:localhost,DNS:poly.test,IP:127.0.0.1"
EC_KEY = ("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out")


@dataclass
class Certificates:
    """A folder of PEM files."""

    folder: Path

    def path(self, name: str) -> str:
        """The path of `ca.pem`, `server.pem`, `server.key`, `client.pem` and so on."""
        return str(self.folder / name)

    def bytes(self, name: str) -> bytes:
        """What is in one of them."""
        return (self.folder / name).read_bytes()

    def server_flags(self, *more: str) -> tuple[str, ...]:
        """What `poly dev` is told to speak TLS."""
        flags = ("--tls-cert", self.path("server.pem"), "--tls-key", self.path("server.key"))
        return (*flags, *more)


@functools.cache
def certificates() -> Certificates:
    """Make them, or skip the test where there is no openssl."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificates")
    made = Certificates(Path(tempfile.mkdtemp(prefix="polyrhythm-tls-")))
    for ca, owner, subject in (
        ("ca", "server", "poly.test"),
        ("ca", "client", "worker-1"),
        ("stranger", "stranger-client", "worker-1"),
    ):
        if not (made.folder / f"{ca}.pem").exists():
            _openssl(made, *EC_KEY, f"{ca}.key")
            _openssl(made, *_self_signed(ca))
        _openssl(made, *EC_KEY, f"{owner}.key")
        request = f"openssl req -new -key {owner}.key -subj /CN={subject} -out {owner}.csr"
        _openssl(made, *request.split())
        (made.folder / "names").write_text(NAMES)
        sign = f"openssl x509 -req -in {owner}.csr -CA {ca}.pem -CAkey {ca}.key -CAcreateserial"
        _openssl(made, *sign.split(), *f"-days 2 -extfile names -out {owner}.pem".split())
    locked = "openssl ec -in server.key -aes256 -passout pass:secret -out locked.key"
    _openssl(made, *locked.split())
    return made


def _self_signed(name: str) -> list[str]:
    command = f"openssl req -x509 -new -key {name}.key -days 2 -subj /CN={name} -out {name}.pem"
    return command.split()


def _openssl(made: Certificates, *command: str) -> None:
    subprocess.run(command, cwd=made.folder, check=True, capture_output=True)
