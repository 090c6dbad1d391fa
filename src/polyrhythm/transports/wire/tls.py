"""TLS of the server: three files become a context, or an error that says which file is wrong.

TLS 1.2 and later; ALPN names the one protocol of the wire, which clients insist on. With a
file of client CAs a connection without a certificate of theirs is not made at all (mutual TLS).
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass


class BadTlsError(Exception):
    """A certificate, key or CA file that cannot be used."""


@dataclass(slots=True)
class TlsFiles:
    """PEM files. `certificate` may hold the chain; `client_ca` empty: clients show nothing."""

    certificate: str
    key: str
    client_ca: str = ""


def server_context(files: TlsFiles, protocol: str = "h2") -> ssl.SSLContext:
    """Return what a listening socket of a protocol needs, by its ALPN name. Raises BadTlsError."""
    for path in (files.certificate, files.key, files.client_ca):
        if path:
            _check_readable(path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols([protocol])
    _load_chain(context, files)
    if files.client_ca:
        try:
            context.load_verify_locations(cafile=files.client_ca)
        except ssl.SSLError as error:
            raise BadTlsError(f"{files.client_ca} holds no CA certificate in PEM form") from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _check_readable(path: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        raise BadTlsError(f"{path}: {error.strerror}") from error


def _load_chain(context: ssl.SSLContext, files: TlsFiles) -> None:
    def no_password() -> bytes:
        raise BadTlsError(f"{files.key} is encrypted: a server has nobody to ask for its password")

    try:
        context.load_cert_chain(files.certificate, files.key, no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            text = f"{files.key} is not the key of the certificate in {files.certificate}"
        else:
            text = f"{files.certificate} and {files.key} are no certificate and key in PEM form"
        raise BadTlsError(f"{text} ({error.reason or error})") from error
