"""`poly workflow explain`: each reason for which a run stands still, and what helps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cli.test_workflow import done, poly
from polyrhythm import App, Permanent, Retry, wf

HOSTILE = "evil\x1b[31m\u202e"


def reasons(file: Path, workflow_id: str) -> list[dict[str, Any]]:
    (line,) = done("explain", str(file), workflow_id, "--json")
    found: list[dict[str, Any]] = json.loads(line)["reasons"]
    return found


def make_app(file: Path) -> App:
    app = App("shop", url=str(file))

    @app.task(retry=Retry(initial="10m"))
    def charge() -> None:
        raise ValueError("the bank is closed")

    @app.workflow
    async def pay() -> None:
        await charge()

    @app.workflow
    async def rest() -> None:
        await wf.sleep("2d")

    @app.workflow
    async def ask() -> None:
        await wf.wait_for(lambda: False)

    @app.workflow
    async def outer() -> None:
        await wf.child(ask)

    @app.workflow
    async def broken() -> None:
        open("/etc/hostname").close()

    @app.workflow
    async def over() -> None:
        raise Permanent("no such order", type="Missing")

    app.keep = (pay, rest, ask, outer, broken, over)  # type: ignore[attr-defined]
    return app


def test_a_run_without_a_worker(tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    with App("nobody", url=str(file)):
        done("start", str(file), "--type", "pay", "--queue", "shop", "--workflow-id", "w")
    (reason,) = reasons(file, "w")
    assert reason["what"] == "its workflow task"
    assert reason["why"] == "no worker polls the queue shop"
    assert reason["todo"] == "start a worker for the queue shop"


def test_what_open_runs_wait_for(tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    app = make_app(file)
    pay, rest, ask, outer, _, _ = app.keep  # type: ignore[attr-defined]
    with app:
        rest.options(id="rest").start()
        ask.options(id="ask").start()
        outer.options(id="outer").start()
        pay.options(id="pay").start()
        (backs_off,) = until(file, "pay", "begins in")
        assert "activity charge" in backs_off["what"]
        assert "attempt 2 begins in" in backs_off["why"]
        assert "the bank is closed" in backs_off["why"]
        (timer,) = until(file, "rest", "fires in")
        assert timer["why"] in ("it fires in 1 d 23 h", "it fires in 2 d")
        (child,) = until(file, "outer", "has not ended")
        assert "(ask)" in child["what"]
        (nothing,) = until(file, "ask", "nothing of it is pending")
        assert nothing["todo"] == "send what it waits for"


def until(file: Path, workflow_id: str, word: str) -> list[dict[str, Any]]:
    """The reasons of a run, once it has come to rest."""
    found: list[dict[str, Any]] = []
    for _ in range(40):
        found = reasons(file, workflow_id)
        if any(word in one["why"] for one in found):
            return found
    raise AssertionError(found)


def test_a_workflow_task_that_fails_again_and_again(tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    app = make_app(file)
    broken = app.keep[4]  # type: ignore[attr-defined]
    with app:
        broken.options(id="broken").start()
        (reason,) = until(file, "broken", "has failed")
        assert "it has failed once, at last: " in reason["why"]
        assert "opening a file" in reason["why"]
        assert "mend the workflow" in reason["todo"]


def test_how_a_run_ended_as_text(tmp_path: Path) -> None:
    file = tmp_path / "shop.db"
    app = make_app(file)
    _, _, ask, _, _, over = app.keep  # type: ignore[attr-defined]
    with app:
        run = over.options(id=HOSTILE).start()
        settled = until(file, HOSTILE, "it has ended")
        assert "no such order" in settled[0]["why"]
        head, line = done("explain", str(file), HOSTILE)
        assert head == f"evil\\x1b[31m\\u202e ({run.run_id}): failed"
        assert line.startswith("- the run: it has ended: ")
        ask.options(id="stopped").start().terminate("not wanted")
        assert "terminated by" in reasons(file, "stopped")[0]["why"]
        assert "not wanted" in reasons(file, "stopped")[0]["why"]
    code, _, said = poly("explain", str(file), "nobody-knows-it")
    assert code == 1
    assert "not found" in said
