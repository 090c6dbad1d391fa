"""`poly argo`: what it prints and its exit codes, through the command itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from click.testing import Result
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


def test_what_is_not_done_is_said(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(HELLO + "    synchronization: {mutexes: [{name: m}]}\n")
    done = CliRunner().invoke(_build(), ["argo", "submit", str(file), "--dry-run", "-o", "name"])
    assert done.exit_code == 0
    assert "templates.main.synchronization is not implemented: it is left out" in done.stderr


def poly(*words: str) -> Result:
    """What `poly argo` said."""
    return CliRunner().invoke(_build(), ["argo", *words])


def test_runs_are_kept_in_a_file_and_looked_at(tmp_path: Path) -> None:
    file, db = tmp_path / "w.yaml", str(tmp_path / "a.db")
    file.write_text(HELLO)
    plain = ["--executor", "process"]
    assert poly("submit", str(file), "--db", db, "--name", "one", *plain).exit_code == 0
    assert poly("resubmit", "one", "--db", db, "-p", "message=again", *plain).exit_code == 0
    names = poly("list", "--db", db, "-o", "name").stdout.split()
    assert "one" in names
    assert len(names) == 2
    again = next(name for name in names if name != "one")
    assert again.startswith("hello-")
    assert "hello again" in poly("logs", again, "--db", db).stdout
    assert "hello world" in poly("logs", "one", "--db", db, "--tail", "1").stdout
    assert poly("logs", "one", "--db", db, "--grep", "nothing").stdout == ""
    got = json.loads(poly("get", "one", "--db", db, "-o", "json").stdout)
    assert got["status"]["phase"] == "Succeeded"
    assert poly("list", "--db", db, "--status", "Failed").stdout == ""
    assert poly("delete", "one", "--db", db).exit_code == 0
    assert poly("list", "--db", db, "-o", "name").stdout.split() == [again]
    missing = poly("get", "nobody", "--db", db)
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert poly("list", "--db", str(tmp_path / "none.db")).exit_code == 2


def test_a_suspended_workflow_is_told_what_to_do(tmp_path: Path) -> None:
    file, db = tmp_path / "w.yaml", str(tmp_path / "a.db")
    file.write_text(APPROVED)
    words = [sys.executable, "-c", PROGRAM, "argo", "submit", str(file), "--db", db]
    command = [*words, "--executor", "process", "--watch", "-o", "json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "wf Running" in process.stderr.readline()
        told = poly("set", "wf", "--db", db, "--output-parameter", "answer=yes", "--message", "m")
        assert told.stdout == "workflow values set\n"
        printed = process.communicate()[0]
    assert process.returncode == 0
    nodes = json.loads(printed)["status"]["nodes"]
    [node] = [each for each in nodes.values() if each["type"] == "Suspend"]
    assert node["outputs"] == {"parameters": [{"name": "answer", "value": "yes"}]}
    assert node["message"] == "m"


PROGRAM = "from polyrhythm.cli.program import main; main()"
APPROVED = """apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: wf}
spec:
  entrypoint: main
  templates:
  - name: main
    suspend: {}
    outputs: {parameters: [{name: answer, valueFrom: {supplied: {}}}]}
"""
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
