"""Run the script on a fresh server; record what the real one says, or compare ours with that.

    PYTHONPATH=tools:tests python -m temporal_cli compare [CHAPTER...]
    PYTHONPATH=tools:tests python -m temporal_cli record

Needs `temporal` and, to record, the real server: `make servers WHICH=temporal` builds both. All
chapters run, since each builds on those before it; only the named ones are compared. The exit code
is 1 when something differs.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from temporal_cli.normal import UUID, Names
from temporal_cli.script import CHAPTERS, RED
from temporal_cli.step import Step

ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT / "tests" / "corpus" / "temporal_cli"
TEMPORAL = ROOT / ".cache" / "temporal" / "bin" / "temporal"
REAL = ROOT / "tools" / "temporal_server" / "run.py"
POLY = Path(sys.executable).with_name("poly")
COMMAND_S = 60
PATIENCE_S = 120.0
PAUSE_S = 0.3


class Terminal:
    """Runs `temporal` against one address, as nobody in particular."""

    def __init__(self, binary: Path, address: str, home: Path) -> None:
        self._command = [str(binary)]
        self._flags = ["--address", address, "--color", "never", "--disable-config-file"]
        kept = {"PATH": os.environ["PATH"]}
        self._environment = kept | {"HOME": str(home), "TZ": "UTC", "USER": "nobody"}

    def run(self, step: Step, last: str = "") -> str:
        """Return what a command says and its exit code, once it says what is waited for."""
        command = step.command.replace("$LAST", last)
        until_s = time.monotonic() + PATIENCE_S
        while True:
            said = self._once(command)
            if step.until in said:
                return said
            if time.monotonic() > until_s:
                print(f"never said {step.until!r}: {step.command}", file=sys.stderr)
                return said
            time.sleep(PAUSE_S)

    def _once(self, command: str) -> str:
        done = subprocess.run(
            [*self._command, *shlex.split(command), *self._flags],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        return f"{done.stdout}\n{done.stderr}\nexit {done.returncode}"


@contextmanager
def served(real: bool, folder: Path) -> Iterator[str]:
    """A fresh server; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    program = [sys.executable, str(REAL)] if real else [str(POLY), "dev"]
    command = [*program, "--port", port, "--db-filename", str(folder / "runs.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(60)


@contextmanager
def working(address: str) -> Iterator[None]:
    """The worker of the script."""
    command = [sys.executable, str(Path(__file__).with_name("worker.py")), address]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n", "the worker did not start"
        try:
            yield
        finally:
            worker.stdin.close()
            worker.wait(60)


def _last_id(said: str, before: str) -> str:
    found = UUID.findall(said)
    return found[-1] if found else before


def play(binary: Path, real: bool) -> dict[str, list[str]]:
    """Run the script on a fresh server; return the normalised lines of each chapter."""
    names, last = Names(), ""
    chapters: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as name, served(real, Path(name)) as address:
        terminal = Terminal(binary, address, Path(name))
        terminal.run(Step("operator cluster health", until="SERVING"))
        # The real server knows a new namespace some time after it has registered it.
        terminal.run(Step("workflow query -w nobody --type x", until="workflow not found"))
        terminal.run(Step("workflow describe -w nobody", until="workflow not found"))
        with working(address):
            for chapter, steps in CHAPTERS.items():
                lines = chapters[chapter] = []
                for step in steps:
                    output = terminal.run(step, last)
                    last = _last_id(output, last)
                    said = names.normal(output, step.ordered)
                    if not step.quiet:
                        lines += ["", f"$ temporal {step.command}", *said]
    return chapters


def compare(chapters: dict[str, list[str]], wanted: list[str]) -> list[str]:
    """Show what differs from the recordings; return those commands."""
    differing = []
    for chapter, lines in chapters.items():
        if wanted and chapter not in wanted:
            continue
        recorded = (RECORDED / f"{chapter}.txt").read_text(encoding="utf-8").splitlines()
        for theirs, ours in zip(commands(recorded), commands(lines), strict=True):
            if theirs != ours:
                differing.append(ours[0].removeprefix("$ temporal "))
                print(f"\n[{chapter}] {ours[0]}")
                diff = difflib.unified_diff(theirs, ours, "temporal", "poly", n=1, lineterm="")
                print("\n".join(diff))
    return differing


def commands(lines: list[str]) -> list[list[str]]:
    """Cut a chapter's lines into commands with what they said."""
    text = "\n".join(lines)
    return [
        one.strip().splitlines()
        for one in re.split(r"\n(?=\$ temporal )", f"\n{text}")
        if one.strip()
    ]


def main() -> int:
    """Run it and return the exit code."""
    parser = argparse.ArgumentParser(description="the temporal command against two servers")
    parser.add_argument("what", choices=("compare", "record"))
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER")
    parser.add_argument("--temporal", type=Path, default=TEMPORAL, metavar="FILE")
    options = parser.parse_args()
    if not options.temporal.exists():
        print(
            f"{options.temporal} is not there: make servers WHICH=temporal builds it",
            file=sys.stderr,
        )
        return 2
    chapters = play(options.temporal, options.what == "record")
    if options.what == "record":
        for chapter, lines in chapters.items():
            (RECORDED / f"{chapter}.txt").write_text("\n".join(lines).strip() + "\n", "utf-8")
        return 0
    differing = set(compare(chapters, options.chapters))
    total = sum(len(commands(lines)) for lines in chapters.values())
    print(f"\n{total - len(differing)} of {total} commands as recorded")
    for command in sorted(differing - set(RED)):
        print(f"differs and is not listed: {command}")
    mended = set() if options.chapters else set(RED) - differing
    for command in sorted(mended):
        print(f"is listed and does not differ: {command}")
    return int(bool(differing - set(RED) or mended))


if __name__ == "__main__":
    sys.exit(main())
