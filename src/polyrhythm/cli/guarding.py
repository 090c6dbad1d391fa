"""Who gets through to a server: its flags for TLS, keys and roles, read and checked.

An address that other machines can reach is refused unless callers prove who they are over an
encrypted connection, or `--insecure` says that something else sees to it.
"""

from __future__ import annotations

import ipaddress
import resource
from ssl import SSLContext

from polyrhythm.access.keyring import Keyring, parse_keyring
from polyrhythm.cli.dynamic_config import BadSettingError
from polyrhythm.cli.flags import DevFlags
from polyrhythm.transports.grpc import BadTlsError, GrpcSettings, TlsFiles, server_context

# Open files beside connections: the store's, sockets that listen, the log.
OTHER_FILES = 64


def guard(flags: DevFlags, wire: GrpcSettings) -> Keyring | None:
    """Set the wire's TLS and return the keyring. Raises BadSettingError."""
    if bool(flags.tls_cert) != bool(flags.tls_key):
        raise BadSettingError("--tls-cert and --tls-key go together")
    if flags.tls_client_ca and not flags.tls_cert:
        raise BadSettingError("--tls-client-ca needs --tls-cert and --tls-key")
    wire.tls = tls_context(flags, "h2")
    keyring = _read_keyring(flags.access) if flags.access else None
    if not (flags.insecure or is_loopback(flags.ip)):
        check_open_address(flags, "--ip", flags.ip)
    return keyring


def tls_context(flags: DevFlags, protocol: str) -> SSLContext | None:
    """Return what a listening socket of a protocol needs, by its ALPN name; None: no TLS.

    Raises BadSettingError.
    """
    if not flags.tls_cert:
        return None
    try:
        files = TlsFiles(flags.tls_cert, flags.tls_key, flags.tls_client_ca)
        return server_context(files, protocol)
    except BadTlsError as error:
        raise BadSettingError(str(error)) from error


def is_loopback(ip: str) -> bool:
    """Return whether only this machine can reach an address."""
    if ip == "localhost":
        return True
    try:
        return ipaddress.ip_address(ip.strip("[]")).is_loopback
    except ValueError:
        return False


def raise_file_limit(connections_max: int) -> int:
    """Let this process have as many files as its connections want; return how many of those."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections_max + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return min(connections_max, soft - OTHER_FILES)
    return connections_max


def check_open_address(flags: DevFlags, flag: str, ip: str) -> None:
    """Refuse an address that other machines can reach and nothing protects: BadSettingError."""
    if not (flags.access or flags.tls_client_ca):
        raise BadSettingError(
            f"{flag} {ip} lets other machines in, and whoever reaches it could do anything: "
            "give --tls-cert, --tls-key and one of --access and --tls-client-ca, or --insecure if "
            "something else keeps them out"
        )
    if not flags.tls_cert:
        raise BadSettingError(
            f"{flag} {ip} lets other machines in, and API keys would travel in the clear: give "
            "--tls-cert and --tls-key, or --insecure if something else encrypts"
        )


def _read_keyring(path: str) -> Keyring:
    try:
        with open(path, encoding="utf-8") as file:
            return parse_keyring(file.read())
    except OSError as error:
        raise BadSettingError(f"--access {path}: {error.strerror}") from error
    except ValueError as error:
        raise BadSettingError(f"--access {path}: {error}") from error
