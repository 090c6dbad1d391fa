"""`poly argo`: what it prints and its exit codes, through the command itself."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from polyrhythm.cli.program import _build

EXAMPLES = Path(__file__).parents[1] / "corpus/argo/examples"


def test_lint_says_nothing_is_wrong() -> None:
    done = CliRunner().invoke(_build(), ["argo", "lint", str(EXAMPLES / "hello-world.yaml")])
    assert (done.exit_code, done.stdout) == (0, "")


def test_lint_names_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetdata: {}\n")
    done = CliRunner().invoke(_build(), ["argo", "lint", str(tmp_path), "-o", "json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)[0] == {
        "file": str(file),
        "line": 3,
        "text": "json: unknown field \"metdata\" at the top, did you mean 'metadata'?",
    }


def test_lint_of_no_file_is_a_wrong_command_line() -> None:
    assert CliRunner().invoke(_build(), ["argo", "lint", "/nowhere.yaml"]).exit_code == 2
