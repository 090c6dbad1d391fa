"""Recorded histories against code: the same, changed, of another program, and as a command."""

import asyncio
import subprocess

import pytest
from temporalio.api.history.v1 import History as HistoryMessage

from poly_process import POLY
from polyrhythm.app.application import App
from polyrhythm.app.exporting import history_line
from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.sdk import wf
from polyrhythm.sdk.client.history import History
from polyrhythm.sdk.errors import MisuseError, NondeterminismError
from polyrhythm.sdk.values import encode_message
from polyrhythm.testing import Stage, replay
from polyrhythm.testing.replaying import read_histories

PROGRAM = """
from polyrhythm import App, wf

app = App("shop")

@app.task
async def charge(number: int) -> str:
    raise AssertionError("a replay runs no task")

@app.task
async def refund(number: int) -> str:
    raise AssertionError("a replay runs no task")

@app.workflow
async def checkout(number: int) -> str:
    await wf.sleep("1d")
    return await {task}(number)
"""


class Reversed:
    """A codec that any reader would see through; like every good one it leaves alone what it has
    not encoded."""

    async def encode(self, payloads):
        return [
            type(payload)(
                metadata={"encoding": b"reversed"}, data=payload.SerializeToString()[::-1]
            )
            for payload in payloads
        ]

    async def decode(self, payloads):
        return [
            type(payload).FromString(payload.data[::-1])
            if payload.metadata["encoding"] == b"reversed"
            else payload
            for payload in payloads
        ]


def make_app(waits="1d", task_name="charge", **settings):
    app = App("shop", **settings)

    async def work(number: int) -> str:
        return f"paid {number}"

    declared = app.task(name=task_name)(work)

    @app.workflow
    async def checkout(number: int) -> str:
        if number > 1000:
            return "free"
        await wf.sleep(waits)
        return await declared(number)

    return app, checkout


def record(number=7, **settings):
    """Return the history of one run, closed."""
    app, checkout = make_app(**settings)

    async def play():
        async with Stage(app):
            run = await checkout.options(id=f"order-{number}").aio.start(number)
            await run.result()
            return await run.history()

    return asyncio.run(play())


@pytest.fixture(scope="module")
def history():
    return record()


def test_the_same_code(history):
    replay(make_app()[0], history)
    replay(make_app()[0], History.from_json(history.to_json()))


def test_another_task(history):
    with pytest.raises(NondeterminismError) as caught:
        replay(make_app(task_name="refund")[0], history)
    text = str(caught.value)
    assert "test_replaying.py:" in text
    assert "refund" in text
    assert "charge" in text


def test_a_history_that_ends_in_the_middle(history):
    timers = [
        event.event_id for event in history if event.HasField("timer_started_event_attributes")
    ]
    history = History("order-7", history.run_id, history.events[: timers[0]])
    replay(make_app(task_name="refund")[0], history)


def test_a_workflow_that_is_not_there(history):
    with pytest.raises(MisuseError, match="no workflow 'checkout'; it has: none"):
        replay(App("empty"), history)


def test_payloads_behind_a_codec():
    history = record(1001)
    kept = HistoryMessage(events=history.events)
    asyncio.run(encode_message(Reversed(), kept))
    encoded = History("order-1001", history.run_id, list(kept.events))
    before = encoded.to_json()
    assert before != history.to_json()
    replay(make_app(codec=Reversed())[0], encoded)
    assert encoded.to_json() == before
    replay(make_app(codec=Reversed())[0], history)
    with pytest.raises(PolyrhythmError):
        replay(make_app()[0], encoded)


def test_files_of_either_tool(history):
    lines = "\n".join(history_line("default", f"order-{n}", f"r-{n}", history) for n in (1, 2))
    found = list(read_histories(lines, "two.ndjson"))
    assert [one.label for one in found] == ["two.ndjson: order-1", "two.ndjson: order-2"]
    assert [one.history.run_id for one in found] == ["r-1", "r-2"]
    (shown,) = read_histories(history.to_json(), "one.json")
    assert shown.history.events == history.events


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": "polyrhythm-runs/1"}', '{"events": []}']
)
def test_what_is_no_history(text):
    with pytest.raises(MisuseError, match=r"x\.json"):
        list(read_histories(text, "x.json"))


@pytest.mark.parametrize(
    ("task", "code", "said"),
    [
        ("charge", 0, "1 replayed, 0 failed"),
        ("refund", 5, "program.py:17 now makes"),
        ("nothing", 5, "name 'nothing' is not defined"),
    ],
)
def test_the_command(tmp_path, history, task, code, said):
    (tmp_path / "program.py").write_text(PROGRAM.format(task=task))
    (tmp_path / "history.json").write_text(history.to_json())
    command = [str(POLY), "replay", "program.py:app", "history.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert said in done.stderr


def test_wrong_targets_and_files(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM.format(task="charge"))
    for words, code in ((["gone.py", "x"], 2), (["program.py", "gone.json"], 1)):
        done = subprocess.run(
            [str(POLY), "replay", *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
