"""A browser for tests of the web UI: Debian's Chromium, driven by Playwright.

Where there is no Chromium the tests are left out, which pytest says; with SERVERS_REQUIRED set, as
in CI, that is a failure. Whatever a page complains of, or asks another address for, is kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from redis_servers import need
from tidy.source import ROOT

AXE = ROOT / "web/node_modules/axe-core/axe.min.js"
WAIT_MS = 20_000


@contextmanager
def browser() -> Iterator[Browser]:
    """One Chromium, without a window."""
    program = need("chromium", "chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


class Watched:
    """A page whose complaints are kept."""

    def __init__(self, chromium: Browser, origin: str, scheme: str = "light") -> None:
        self.origin = origin
        self.context = chromium.new_context(
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": 1280, "height": 860},
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.complaints: list[str] = []
        # What the browser notes by itself of calls that a test has refused, such as "400".
        self.expected = ""
        self.elsewhere: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._note)
        self.page.on("request", self._look)

    def open(self, place: str = "") -> Page:
        """Go to a place of the UI, such as `default/runs`."""
        self.page.goto(f"{self.origin}/#/{place}")
        return self.page

    def close(self) -> None:
        """Close it; nothing may have been complained of or asked elsewhere."""
        self.context.close()
        assert not [one for one in self.complaints if not self.expected or self.expected not in one]
        assert not self.elsewhere

    def _note(self, message: object) -> None:
        if getattr(message, "type", "") == "error":
            self.complaints.append(str(getattr(message, "text", message)))

    def _look(self, request: object) -> None:
        url = str(getattr(request, "url", ""))
        if not url.startswith((self.origin, "data:")):
            self.elsewhere.append(url)


def violations(page: Page) -> list[str]:
    """What axe finds wrong with a page, and where."""
    if not AXE.exists():
        missing = "axe-core is not there: make proto WEB=check brings it"
        if os.environ.get("SERVERS_REQUIRED"):
            pytest.fail(missing)
        pytest.skip(missing)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document)")
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
        for one in found["violations"]
    ]
