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


def test_submit_runs_a_file_and_prints_the_object(tmp_path: Path) -> None:
    flags = ["--executor", "process", "-o", "json", "-p", "message=you", "--name", "hi"]
    file = tmp_path / "w.yaml"
    file.write_text(HELLO)
    done = CliRunner().invoke(_build(), ["argo", "submit", str(file), "--log", *flags])
    assert done.exit_code == 0, done.output
    log, _, printed = done.stdout.partition("{")
    assert "hi: hello you" in log.splitlines()
    workflow = json.loads("{" + printed)
    assert workflow["metadata"]["name"] == "hi"
    assert workflow["status"]["phase"] == "Succeeded"
    assert workflow["status"]["nodes"]["hi"]["outputs"] == {"exitCode": "0"}


def test_submit_of_what_fails_ends_with_one(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(HELLO.replace("echo hello", "exit 3; echo"))
    command = ["argo", "submit", str(file), "--executor", "process", "-o", "wide"]
    done = CliRunner().invoke(_build(), command)
    assert done.exit_code == 1
    assert "Failed" in done.stdout
    assert "main: Error (exit code 3)" in done.stdout


def test_submit_refuses_what_lint_refuses(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(HELLO.replace("templates:", "tempaltes:"))
    done = CliRunner().invoke(_build(), ["argo", "submit", str(file)])
    assert done.exit_code == 1
    assert "did you mean 'templates'?" in done.stderr


HELLO = """apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: hello-}
spec:
  entrypoint: main
  arguments: {parameters: [{name: message, value: world}]}
  templates:
  - name: main
    container:
      image: busybox
      command: [sh, -c]
      args: ["echo hello {{workflow.parameters.message}}"]
"""
