"""How a service on another machine is reached: who it has to be, and who this program is.

All certificates and keys are PEM bytes. An API key travels over TLS only.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Tls:
    """How the service proves who it is and, with a certificate, who this program is.

    Empty `server_ca` trusts what the system trusts. `domain` replaces the name that the service's
    certificate is checked against.
    """

    server_ca: bytes = b""
    certificate: bytes = b""
    private_key: bytes = b""
    domain: str = ""


@dataclass(slots=True)
class ConnectionSettings:
    """What goes with every call. Raises ValueError for a key without TLS."""

    tls: Tls | None = None
    api_key: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.api_key and self.tls is None:
            raise ValueError("an API key is sent over TLS only: give tls=Tls() as well")
