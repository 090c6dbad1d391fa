"""The pages: the web UI at `/` with its files under `/ui/`, and what there is over HTTP at `/api`.

All of them are package data, read once; nobody is asked who he is, since they say nothing of any
run: the calls that the UI makes are checked like everybody's. The UI's files are built from web/ by
`make proto WEB=build`. Each page's policy lets in nothing from elsewhere, and no inline script.
"""

from __future__ import annotations

from importlib.resources import files

from polyrhythm.transports.http.exchange import Exchange
from polyrhythm.transports.http.router import Router

SHUT = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
UI_POLICY = SHUT + "script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
TEXT_POLICY = SHUT + "style-src 'unsafe-inline'"
REFERRER = (b"referrer-policy", b"no-referrer")
HTML = b"text/html; charset=utf-8"
MEDIA_TYPES = {
    "html": HTML,
    "js": b"text/javascript; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "svg": b"image/svg+xml",
}


class Page:
    """Answers with one file."""

    def __init__(self, body: bytes, media_type: bytes, policy: str) -> None:
        self._body = body
        self._media_type = media_type
        self._fields = [(b"content-security-policy", policy.encode()), REFERRER]

    def take(self, exchange: Exchange) -> None:
        """Answer with the file."""
        exchange.answer(200, self._media_type, self._body, self._fields)


def add_pages(router: Router) -> None:
    """Add the routes of all pages."""
    folder = files("polyrhythm.transports.http")
    pages = {"/api": Page(folder.joinpath("front.html").read_bytes(), HTML, TEXT_POLICY)}
    for file in folder.joinpath("ui").iterdir():
        media_type = MEDIA_TYPES[file.name.rpartition(".")[2]]
        path = "/" if file.name == "index.html" else f"/ui/{file.name}"
        pages[path] = Page(file.read_bytes(), media_type, UI_POLICY)
    for path, page in pages.items():
        for verb in ("GET", "HEAD"):
            router.add(verb, path, page)
