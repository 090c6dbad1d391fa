"""The page at `/`: what this server has over HTTP, for whoever opens it in a browser.

It is one file of package data without scripts, under a policy that lets nothing in.
"""

from __future__ import annotations

from importlib.resources import files

from polyrhythm.transports.http.exchange import Exchange

POLICY = (
    b"content-security-policy",
    b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; "
    b"form-action 'none'",
)
REFERRER = (b"referrer-policy", b"no-referrer")


class FrontPage:
    """Answers `/`."""

    def __init__(self) -> None:
        self._body = files("polyrhythm.transports.http").joinpath("front.html").read_bytes()

    def take(self, exchange: Exchange) -> None:
        """Answer with the page."""
        exchange.answer(200, b"text/html; charset=utf-8", self._body, [POLICY, REFERRER])
