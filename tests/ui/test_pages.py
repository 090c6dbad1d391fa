"""The web UI in a real browser: what people see and do, in light and dark, with hostile names."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from poly_process import PolyProcess
from ui.browser import Watched, browser, violations

PAGES = ("default/runs", "default/run/order-3", "default/schedules", "default/queues/shop")
PROGRAM = Path(__file__).with_name("shop_program.py")


class Site:
    """A server with runs, and a program that works for it."""

    def __init__(self, folder: Path) -> None:
        self.server = PolyProcess(folder, "--ui-port", "0")
        command = [sys.executable, str(PROGRAM), self.server.address]
        self.program = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        found = re.search(r"HTTP on (\S+)", self.server.said[0])
        assert found
        self.origin = f"http://{found[1]}"

    def close(self) -> None:
        """End the program."""
        self.program.communicate(timeout=60)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as one:
        yield one


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    one = Site(tmp_path_factory.mktemp("site"))
    with one.server:
        assert one.program.stdout is not None
        assert one.program.stdout.readline() == "ready\n"
        yield one
        one.close()


@pytest.fixture
def seen(chromium: Browser, site: Site) -> Iterator[Watched]:
    page = Watched(chromium, site.origin)
    yield page
    page.close()


def test_runs_are_listed_counted_and_filtered(seen: Watched) -> None:
    page = seen.open()
    expect(page.get_by_role("link", name="order-1", exact=True)).to_be_visible()
    page.get_by_role("button", name="Failed 2").click()
    expect(page.get_by_role("link", name="order-5")).to_be_visible()
    expect(page.get_by_role("link", name="order-1", exact=True)).to_have_count(0)
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Filter", exact=True).fill("WorkflowId = 'order-2'")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.get_by_role("link", name="order-2")).to_be_visible()
    expect(page.get_by_role("link", name="order-3")).to_have_count(0)


def test_a_filter_that_is_wrong_is_explained(seen: Watched) -> None:
    page = seen.open()
    page.get_by_label("Filter", exact=True).fill("Nonsense = 1")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.locator("#filter-problem")).to_contain_text("Nonsense")
    seen.expected = "400"


def test_a_run_shows_what_happened_and_what_it_was_before(seen: Watched) -> None:
    page = seen.open("default/run/order-5")
    expect(page.get_by_text("card declined").first).to_be_visible()
    page.get_by_role("gridcell", name="Activity task scheduled").click()
    expect(page.get_by_label("Event", exact=True)).to_contain_text("charge")
    page.get_by_role("slider").fill("5")
    expect(page.get_by_text("event 5 of")).to_be_visible()
    expect(page.get_by_text("Running").first).to_be_visible()
    expect(page.get_by_text("card declined")).to_have_count(0)
    page.get_by_role("button", name="Back to now").click()
    expect(page.get_by_text("card declined").first).to_be_visible()
    page.get_by_role("tab", name="Timeline").click()
    expect(page.get_by_role("tabpanel")).to_contain_text("charge")


def test_a_signal_sent_from_the_page_shows_its_effect_at_once(seen: Watched) -> None:
    page = seen.open("default/run/order-6")
    page.get_by_role("button", name="Signal…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Signal", exact=True).fill("go")
    dialog.get_by_label("Input, as JSON").fill('"by hand"')
    expect(dialog).to_contain_text("workflow signal")
    dialog.get_by_role("button", name="Send the signal").click()
    expect(page.get_by_text("receipt 6, by hand").first).to_be_visible()
    expect(page.get_by_text("Completed").first).to_be_visible()


def test_a_refusal_is_told_where_it_was_asked_for(seen: Watched) -> None:
    page = seen.open()
    page.get_by_role("button", name="Start a workflow").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Type", exact=True).fill("checkout")
    dialog.get_by_label("Task queue").fill("shop")
    dialog.get_by_label("Workflow id").fill("order-3")
    dialog.get_by_role("button", name="Start", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("already")
    seen.expected = "409"


def test_hostile_names_are_text(seen: Watched) -> None:
    page = seen.open()
    link = page.get_by_role("link", name="<img src=x")
    expect(link).to_be_visible()
    # A control that turns the order of letters round is shown, not obeyed.
    assert "\u202e" not in link.inner_text()
    link.click()
    expect(page.get_by_role("heading", name="<img src=x")).to_be_visible()
    assert page.evaluate("window.hurt") is None
    assert page.locator("img").count() == 0


def test_schedules_and_queues_have_pages(seen: Watched) -> None:
    page = seen.open("default/schedules")
    expect(page.get_by_text("nightly").first).to_be_visible()
    seen.open("default/queues/shop")
    expect(page.get_by_role("heading", name="shop")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", PAGES)
def test_axe_finds_nothing(chromium: Browser, site: Site, place: str, scheme: str) -> None:
    watched = Watched(chromium, site.origin, scheme)
    page = watched.open(place)
    page.get_by_role("heading", level=1).wait_for()
    page.wait_for_load_state("networkidle") if "run" not in place else None
    assert violations(page) == []
    watched.close()
