"""`poly workflow ...` on a file, beside the program that owns it and alone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from poly_process import POLY
from polyrhythm import App, wf

HOSTILE = "evil\x1b[31m\u202e"


def poly(verb: str, *arguments: str) -> tuple[int, list[str], str]:
    done = subprocess.run(
        [str(POLY), "workflow", verb, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def done(verb: str, *arguments: str) -> list[str]:
    code, lines, said = poly(verb, *arguments)
    assert code == 0, said
    return lines


def make_app(file: Path) -> App:
    app = App("shop", url=str(file))

    @app.workflow
    class Order:
        def __init__(self) -> None:
            self.paid: list[str] = []

        async def run(self, order: int) -> str:
            await wf.wait_for(lambda: len(self.paid) > 1)
            return f"{order}: {self.paid}"

        @wf.signal
        def pay(self, by: str) -> None:
            self.paid.append(by)

        @wf.query
        def state(self) -> list[str]:
            return self.paid

        @wf.update
        def correct(self, place: int, by: str) -> str:
            self.paid[place] = by
            return f"{by} at {place}"

    return app


def test_a_run_from_its_start_to_its_end(tmp_path: Path) -> None:
    file = str(tmp_path / "shop.db")
    with make_app(tmp_path / "shop.db") as app:
        flags = ("--type", "Order", "--queue", "shop", "--workflow-id", "o-1", "-i", "7")
        (line,) = done("start", file, *flags)
        begun = json.loads(line)
        assert begun["workflowId"] == "o-1"
        done("signal", file, "o-1", "pay", "-i", '"cash"')
        assert [json.loads(one) for one in done("query", file, "o-1", "state")] == [["cash"]]
        updated = done("update", file, "o-1", "correct", "-i", "0", "-i", '"card"')
        assert updated == ['"card at 0"']
        (listed,) = done("list", file, "-q", "ExecutionStatus = 'Running'")
        assert listed.split()[0] == "RUNNING"
        assert begun["runId"] in listed
        done("signal", file, "o-1", "pay", "-i", '"cash"')
        assert app.client.run("o-1").result() == "7: ['card', 'cash']"
        shown = done("show", file, "o-1", "--watch")
        assert "status    COMPLETED" in shown
        assert "WORKFLOW_EXECUTION_COMPLETED" in shown[-1]
        as_json = [json.loads(one) for one in done("show", file, "o-1", "--json")]
        assert as_json[0]["workflowExecutionInfo"]["status"].endswith("COMPLETED")
        assert [one["eventId"] for one in as_json[1:]] == [
            str(number) for number in range(1, len(as_json))
        ]
        (again,) = done("reset", file, "o-1", "--to", "first", "--reason", "a test")
        assert again != begun["runId"]


def test_ends_counts_and_refusals_without_an_owner(tmp_path: Path) -> None:
    file = str(tmp_path / "shop.db")
    with make_app(tmp_path / "shop.db"):
        pass
    for number in range(3):
        name = f"{HOSTILE}{number}"
        done("start", file, "--type", HOSTILE, "--queue", "none", "--workflow-id", name)
    done("cancel", file, f"{HOSTILE}0", "--reason", "no")
    done("terminate", file, f"{HOSTILE}1", "--reason", "no")
    assert done("count", file) == ["3"]
    grouped = done("count", file, "-q", "GROUP BY ExecutionStatus")
    assert sorted(one.split() for one in grouped[1:]) == [["1", "Terminated"], ["2", "Running"]]
    for line in (*done("list", file, "--limit", "2"), *done("show", file, f"{HOSTILE}0")):
        assert line.isprintable(), line
    assert len(done("list", file, "--limit", "2")) == 2
    (one,) = done("list", file, "--limit", "1", "--json")
    assert json.loads(one)["type"]["name"] == HOSTILE

    assert poly("show", file, "none")[0] == 1
    assert "workflow not found" in poly("show", file, "none")[2]
    assert poly("reset", file, f"{HOSTILE}0")[0] == 1
    assert poly("list", str(tmp_path / "none.db"))[0] == 1
    code, _, said = poly("list", file, "-q", "ExecutionStatus = ")
    assert (code, bool(said)) == (1, True)
    code, _, said = poly("signal", file, "x", "pay", "-i", "cash")
    assert code == 2
    assert "is to be JSON" in said
