"""Domain events: recorded by workflows, brought up to the newest version, checked in replays."""

from dataclasses import dataclass

import pytest
from temporalio.api.history.v1 import History

from polyrhythm import App, MisuseError, Signal, events, wf
from polyrhythm.sdk.events.catalogue import CATALOGUE, bring_up
from polyrhythm.sdk.loop.recording import read_head, read_values
from polyrhythm.sdk.values import Converter

CONVERTER = Converter()
GO = Signal("go")


@events.event("tests.Moved", version=3)
@dataclass
class Moved:
    place: str
    metres: int
    by: str = "foot"


@events.upcast("tests.Moved", from_version=1)
def name_the_place(old: dict) -> dict:
    return {"place": old["to"], "km": old["km"]}


@events.upcast("tests.Moved", from_version=2)
def count_metres(old: dict) -> dict:
    return {"place": old["place"], "metres": old["km"] * 1000}


@events.event("tests.Stayed")
@dataclass
class Stayed:
    days: int


def read(version: int, values: dict) -> object:
    return bring_up(CATALOGUE.types["tests.Moved"], version, values, CONVERTER)


def test_old_versions_come_through_every_upcaster():
    assert read(1, {"to": "Rome", "km": 2}) == Moved("Rome", 2000)
    assert read(2, {"place": "Rome", "km": 2}) == Moved("Rome", 2000)
    assert read(3, {"place": "Rome", "metres": 5, "by": "bus"}) == Moved("Rome", 5, "bus")


def test_a_newer_version_is_an_error_and_no_guess():
    with pytest.raises(events.EventError, match=r"version 4, .* knows up to 3"):
        read(4, {"place": "Rome", "metres": 5})


def test_values_that_do_not_fit_are_an_error():
    with pytest.raises(events.EventError, match="cannot be read as"):
        read(3, {"place": "Rome", "metres": "far"})


def test_a_gap_between_versions_is_named():
    @events.event("tests.Gap", version=3)
    @dataclass
    class Gap:
        x: int

    @events.upcast("tests.Gap", from_version=1)
    def first(old: dict) -> dict:
        return old

    with pytest.raises(events.EventError, match="from_version=2"):
        bring_up(CATALOGUE.types["tests.Gap"], 1, {"x": 1}, CONVERTER)


def test_declarations_that_cannot_be_meant():
    with pytest.raises(MisuseError, match="put @dataclass under"):
        events.event("tests.Plain")(object)
    with pytest.raises(MisuseError, match="declared twice"):
        events.event("tests.Moved", version=3)(Stayed)
    with pytest.raises(MisuseError, match="two upcasters from version 1"):
        events.upcast("tests.Moved", from_version=1)(lambda old: old)
    with pytest.raises(MisuseError, match="beyond the newest"):
        events.upcast("tests.Moved", from_version=3)(lambda old: old)
    with pytest.raises(MisuseError, match="version from 1"):
        events.event("tests.Zero", version=0)


def make_app(**settings) -> App:
    app = App("recording", durability="memory", **settings)

    @app.workflow
    async def walks(stay: bool) -> None:
        wf.record(Moved("Rome", 7))
        await GO.next()
        wf.record(Stayed(3))

    app.walks = walks
    return app


@pytest.mark.parametrize("cached", [0, 10])
def test_a_recorded_event_is_in_the_history_with_or_without_replays(cached):
    with make_app(cached_runs_max=cached) as app:
        run = app.walks.start(True)
        run.send(GO)
        run.result()
        recorded = [
            (event, head) for event in run.history() if (head := read_head(event)) is not None
        ]
    assert [(head.name, head.version) for _, head in recorded] == [
        ("tests.Moved", 3),
        ("tests.Stayed", 1),
    ]
    assert CONVERTER.decode(read_values(recorded[0][0]), Moved) == Moved("Rome", 7)


def test_a_replay_that_records_something_else_is_found():
    app = App("changed", durability="memory", cached_runs_max=0)
    changed = []

    @app.workflow
    async def walks() -> None:
        wf.record(Stayed(1) if changed else Moved("Rome", 7))
        await GO.next()

    with app:
        run = walks.start()
        while not any(read_head(event) for event in run.history()):
            pass
        changed.append(True)
        run.send(GO)
        while not any(
            event.HasField("workflow_task_failed_event_attributes") for event in run.history()
        ):
            pass
        text = run.history().to_json()
        run.terminate()
    assert "tests.Stayed" in text
    assert "now makes a marker" in text


def test_what_is_no_event_cannot_be_recorded():
    app = App("no-events", durability="memory")

    @app.workflow
    async def walks() -> str:
        try:
            wf.record(History())
        except MisuseError as error:
            return str(error)
        return ""

    with app:
        assert "is no event: declare it" in walks.execute()
    with pytest.raises(MisuseError, match="inside a workflow"):
        wf.record(Stayed(1))
