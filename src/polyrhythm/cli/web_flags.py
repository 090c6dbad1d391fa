"""Where `poly dev` speaks HTTP, as its flags say it, and to whom.

HTTP is on the gRPC port + 1000, as the UI of `temporal server start-dev` is; all ports for HTTP
have all of it. The rules of `--ip` hold for `--ui-ip`: other machines get in only by TLS and a key
or a certificate.
"""

from __future__ import annotations

from polyrhythm.app.job_routes import JobRoutes
from polyrhythm.app.web import WebSettings
from polyrhythm.cli.dynamic_config import BadSettingError
from polyrhythm.cli.flags import DevFlags
from polyrhythm.cli.guarding import check_open_address, is_loopback, tls_context
from polyrhythm.transports.http import LOOPBACK_HOSTS, HttpSettings

# How far the customary port is from that of gRPC, as in `temporal server start-dev`.
PORT_STEP = 1000
PORT_MAX = 65535
HTTP_PROTOCOL = "http/1.1"


def web_settings(flags: DevFlags) -> WebSettings:
    """Return what the flags say of HTTP. Raises BadSettingError."""
    web = WebSettings(parts=[JobRoutes()])
    ip = flags.ui_ip or flags.ip
    if flags.ui_port is not None and not flags.headless:
        web.asked.append(address_of(ip, flags.ui_port))
    for port in (flags.http_port, flags.metrics_port):
        if port:
            web.asked.append(address_of(ip, port))
    if flags.ui_port is None and not flags.headless:
        customary = flags.port and flags.port + PORT_STEP
        if customary <= PORT_MAX:
            web.customary.append(address_of(ip, customary))
    if not web.asked and not web.customary:
        return web
    if len(set(web.asked)) < len(web.asked):
        raise BadSettingError("--ui-port, --http-port and --metrics-port are to be different ports")
    if not (flags.insecure or is_loopback(ip)):
        check_open_address(flags, "--ui-ip" if flags.ui_ip else "--ip", ip)
    web.wire = HttpSettings(tls=tls_context(flags, HTTP_PROTOCOL), hosts=_hosts(flags, ip))
    return web


def address_of(ip: str, port: int) -> str:
    """Return an address as it is written."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _hosts(flags: DevFlags, ip: str) -> frozenset[str] | None:
    """The names that requests may call this server by: any where callers show who they are."""
    if not is_loopback(ip) or flags.access or flags.tls_client_ca:
        return None
    return LOOPBACK_HOSTS | {ip.strip("[]").lower()}
