"""The README's programs are run as they are printed, by the commands that it gives."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from poly_process import POLY, PolyProcess
from snippets import Block, blocks
from tidy.source import ROOT

README = ROOT / "README.md"
PORT = "127.0.0.1:7233"
NAME = re.compile(r"`(\w+\.py)`")
PROMISE = re.compile(r"^(?P<command>.+?) +# prints (?P<said>.+)$", re.MULTILINE)
LINES_MAX = 220
KILLED_AT_EXIT = (128 + signal.SIGABRT, 128 + signal.SIGSEGV)


def program(name: str) -> Block:
    """The Python block that the README calls by this name."""
    found = [
        one
        for one in blocks(README)
        if one.language == "python" and name in NAME.findall(one.before)
    ]
    assert len(found) == 1, f"{name} is printed {len(found)} times"
    return found[0]


def promise(name: str) -> tuple[str, str]:
    """The command that the README gives for a program, and what it is said to print."""
    shell = "".join(one.text for one in blocks(README) if one.language == "sh")
    found = [(c, said) for c, said in PROMISE.findall(shell) if name in c]
    assert len(found) == 1, f"{name} has {len(found)} promises"
    return found[0]


def run(folder: Path, command: str, codes: tuple[int, ...] = (0,)) -> str:
    path = f"{POLY.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode in codes, done.stderr
    return done.stdout.strip()


def test_every_program_of_the_readme_has_a_test():
    python = [one for one in blocks(README) if one.language == "python"]
    named = {name for one in python for name in NAME.findall(one.before)}
    assert named == {"hello.py", "shop.py", "steps.py", "worker.py"}
    assert len(python) == len(named)


def test_the_first_workflow_has_ten_lines(tmp_path):
    text = program("hello.py").text
    assert len([line for line in text.splitlines() if line]) == 10
    (tmp_path / "hello.py").write_text(text)
    command, said = promise("hello.py")
    assert run(tmp_path, command) == said
    assert (tmp_path / "hello.db").exists()


def test_the_native_program(tmp_path):
    (tmp_path / "shop.py").write_text(program("shop.py").text)
    command, said = promise("shop.py")
    assert run(tmp_path, command) == said


def test_four_steps_from_cron_to_workflows(tmp_path):
    (tmp_path / "steps.py").write_text(program("steps.py").text)
    command, said = promise("steps.py")
    assert run(tmp_path, command) == said
    with subprocess.Popen([POLY, "run", "steps.py"], cwd=tmp_path, text=True) as works:
        try:
            assert '"measure"' in listed_jobs(tmp_path)
        finally:
            works.send_signal(signal.SIGTERM)
            works.wait(timeout=60)


def listed_jobs(folder: Path) -> str:
    """The jobs of the program that works, once it has put them."""
    for _ in range(100):
        said = run(folder, f"{POLY} schedule list steps.db")
        if said:
            return said
    raise AssertionError("the program put no job")


def test_the_native_programs_are_typed(tmp_path):
    for name in ("hello.py", "shop.py", "steps.py"):
        (tmp_path / name).write_text(program(name).text)
    cache = ROOT / ".cache/mypy-of-users"
    flags = f"--strict --config-file= --cache-dir={cache}"
    mypy = f"{sys.executable} -m mypy {flags} hello.py shop.py steps.py"
    assert "no issues found in 3 source files" in run(tmp_path, mypy)


def test_the_official_sdk(tmp_path):
    text = program("worker.py").text
    assert PORT in text
    command, said = promise("worker.py")
    with PolyProcess(tmp_path) as server:
        (tmp_path / "worker.py").write_text(text.replace(PORT, server.address))
        # Seen on a busy machine: threads of the official SDK's core bring Python down at its very
        # exit, when everything is done and said.
        assert run(tmp_path, command, (0, *KILLED_AT_EXIT)) == said


def test_the_readme_stays_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= LINES_MAX
