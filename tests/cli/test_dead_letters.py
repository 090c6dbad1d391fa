"""`poly dead-letters` on a file, while its owner works and when nobody does."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from poly_process import POLY
from polyrhythm import App, Permanent, WorkflowFailed


def poly(*arguments: str) -> tuple[int, list[str], str]:
    done = subprocess.run(
        [str(POLY), "dead-letters", *arguments], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def make_app(file: Path) -> tuple[App, dict[str, bool]]:
    app, bank = App("bank", url=str(file)), {"open": False}

    @app.task
    async def charge(order: int) -> str:
        if not bank["open"]:
            raise Permanent("the bank is closed", type="Closed")
        return f"paid {order}"

    @app.workflow
    async def checkout(order: int) -> str:
        return await charge(order)

    return app, bank


def fail(app: App, *numbers: int) -> None:
    for number in numbers:
        with pytest.raises(WorkflowFailed):
            app.client.workflow("checkout", id=f"order-{number}").execute(number)


def test_letters_are_listed_requeued_and_deleted(tmp_path: Path) -> None:
    file = tmp_path / "bank.db"
    app, bank = make_app(file)
    with app:
        fail(app, 1, 2, 3)
        code, lines, _ = poly("list", str(file), "--limit", "2")
        assert code == 0
        assert [json.loads(line)["workflow_id"] for line in lines] == ["order-3", "order-2"]
        letter = json.loads(lines[0])
        assert (letter["task"], letter["status"], letter["requeued"]) == ("charge", "FAILED", 0)
        assert "the bank is closed" in letter["error"]
        bank["open"] = True
        code, lines, _ = poly("requeue", str(file), "order-1")
        assert code == 0
        assert lines[0].startswith("order-1 begins again as run ")
        assert app.client.run("order-1").result() == "paid 1"
        code, _, said = poly("delete", str(file), "order-1", "order-2")
        assert code == 1
        assert "order-1: run order-1" in said
        assert "is completed: only runs that failed" in said
    code, lines, _ = poly("list", str(file))
    assert [json.loads(line)["workflow_id"] for line in lines] == ["order-3"]
    assert poly("delete", str(file), "-q", "WorkflowType = 'checkout'")[:2] == (
        0,
        ["order-3 is deleted"],
    )
    assert poly("list", str(file))[:2] == (0, [])


def test_what_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.db")
    assert poly("list", missing) == (1, [], f"poly dead-letters: there is no file {missing}\n")
    assert not Path(missing).exists()
    file = tmp_path / "bank.db"
    with make_app(file)[0]:
        pass
    code, _, said = poly("requeue", str(file))
    assert (code, said) == (2, "poly dead-letters: name workflow ids, or runs by --query\n")
    code, _, said = poly("requeue", str(file), "order-9")
    assert code == 1
    assert "order-9" in said
