"""Run scenarios on a fresh real server and on a fresh `poly dev`, and show what differs.

    make conformance RECORD="NAME..."                        compare, write nothing
    make conformance RECORD="NAME..." ARGS=--keep            also keep what the real server answered
    make conformance RECORD="NAME..." ARGS="--rounds 2"      the real server twice: is it steady?

NAME is a scenario of tests/corpus/temporal/scenarios, a noun, or a prefix ending in `*`. Ids, run
ids, times and everything else that changes from run to run are normalised by the corpus (its
README says how); events, errors and descriptions are what is left. A kept recording is a test of
`make test` and `make conformance` from then on. Needs the server of `make servers WHICH=temporal`.

Exit code 1 when something differs or fails, 2 when there is nothing to run.
"""

import argparse
import contextlib
import difflib
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "corpus" / "temporal"
RECORDED = CORPUS / "recorded"
SERVER = ROOT / "tools" / "temporal_server"
sys.path[:0] = [str(ROOT / "tests"), str(CORPUS)]

import compare  # noqa: E402 - programs of the corpus and of the tests, which are no package
import runner  # noqa: E402

from poly_process import PolyProcess  # noqa: E402

SCENARIO_TIMEOUT_S = 60.0
# Scenarios mostly wait for timers; a real server answers this many at a time without delays.
AT_ONCE = 3
READY_S = 90.0
STOP_S = 20.0


@dataclass(slots=True)
class Outcome:
    """What one scenario did on each server: a result of the runner by the server's word."""

    name: str
    ran: dict[str, dict[str, Any]] = field(default_factory=dict)

    def lines(self, word: str) -> list[str]:
        """The records of one server as lines of JSON, and the error that ended it."""
        done = self.ran[word]
        ended = [f"ended by {done['error']}"] if done["error"] else []
        return compare.lines(done["records"]) + ended

    def difference(self, context: int) -> list[str]:
        """What every server says that the first one does not."""
        words = list(self.ran)
        lines: list[str] = []
        for word in words[1:]:
            pair = self.lines(words[0]), self.lines(word)
            lines += difflib.unified_diff(*pair, words[0], word, lineterm="", n=context)
        return lines

    @property
    def error(self) -> str:
        """What ended it on the first server, or nothing."""
        found: str = next(iter(self.ran.values()))["error"] or ""
        return found


@contextlib.contextmanager
def real_server(folder: Path) -> Iterator[str]:
    """Start a fresh real server, yield its address when it takes calls, and end it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(SERVER / "run.py"), "--port", str(port)]
    with (folder / "real.log").open("w+b") as log:
        process = subprocess.Popen(
            [*command, "--db-filename", str(folder / "real.db")], stdout=log, stderr=log
        )
        try:
            wait_until_ready(process, folder / "real.log")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_until_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until its namespaces are registered, which its start script says."""
    give_up_at = time.monotonic() + READY_S
    while "accepts calls on" not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > give_up_at:
            raise SystemExit(f"the real server did not start:\n{log.read_text(errors='replace')}")
        time.sleep(0.1)


def run_on(address: str, names: list[str], at_once: int) -> dict[str, dict[str, Any]]:
    """Run scenarios on a server, some at a time; results by name."""
    results: dict[str, dict[str, Any]] = {}

    def run_some(some: list[str]) -> None:
        results.update(runner.run(address, some, SCENARIO_TIMEOUT_S))

    parts = [names[number::at_once] for number in range(at_once)]
    threads = [threading.Thread(target=run_some, args=(part,)) for part in parts if part]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def run_all(options: argparse.Namespace, names: list[str]) -> list[Outcome]:
    """Run the scenarios everywhere they are wanted: the real server first."""
    outcomes = {name: Outcome(name) for name in names}

    def add(word: str, address: str) -> None:
        for name, done in run_on(address, names, options.at_once).items():
            outcomes[name].ran[word] = done

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with contextlib.ExitStack() as stack:
            address = options.real or stack.enter_context(real_server(folder))
            for number in range(options.rounds):
                add("real server" if number == 0 else f"real server, round {number + 1}", address)
        with contextlib.ExitStack() as stack:
            address = options.ours or stack.enter_context(PolyProcess(folder)).address
            add("poly dev", address)
    return [outcomes[name] for name in names]


def keep(outcome: Outcome) -> str:
    """Write what the real server answered as a recording of the corpus; say what was done."""
    if outcome.name.startswith("bad."):
        return "rows of bad_requests.json are kept by record.py"
    if outcome.error:
        return "not kept: it ended with an error on the real server"
    rounds = [outcome.lines(word) for word in outcome.ran if word.startswith("real server")]
    if any(lines != rounds[0] for lines in rounds):
        return "not kept: the real server's rounds differ"
    content = {"scenario": outcome.name, "records": outcome.ran["real server"]["records"]}
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    (RECORDED / f"{outcome.name}.json").write_text(text, encoding="utf-8")
    return "kept"


def show(outcome: Outcome, options: argparse.Namespace) -> bool:
    """Print how one scenario went; return whether everybody said the same."""
    lines = outcome.difference(options.context)
    same = not lines and not outcome.error
    note = keep(outcome) if options.keep else ""
    seconds = ", ".join(f"{done['seconds']:.1f}s" for done in outcome.ran.values())
    print(f"{'same' if same else 'DIFFERS':8} {outcome.name:52} {seconds:16} {note}")
    if outcome.error:
        print(f"  ended on the real server by {outcome.error}")
    if lines and not options.table:
        print("\n".join(lines))
    return same


def parse_args() -> argparse.Namespace:
    """Return the command line's settings."""
    parser = argparse.ArgumentParser(description="a real Temporal server beside poly dev")
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--keep", action="store_true", help="write the real server's answers")
    parser.add_argument("--rounds", type=int, default=1, help="runs on the real server")
    parser.add_argument("--at-once", type=int, default=AT_ONCE)
    parser.add_argument("--context", type=int, default=4, help="lines around a difference")
    parser.add_argument("--table", action="store_true", help="one row a scenario, no differences")
    parser.add_argument("--real", metavar="HOST:PORT", help="a real server that runs already")
    parser.add_argument("--ours", metavar="HOST:PORT", help="a poly dev that runs already")
    return parser.parse_args()


def main() -> int:
    """Run, compare, and return the exit code."""
    options = parse_args()
    names = runner.select(options.names)
    if not names:
        print("no scenario has such a name", file=sys.stderr)
        return 2
    verdicts = [show(outcome, options) for outcome in run_all(options, names)]
    print(f"{sum(verdicts)} of {len(verdicts)} the same")
    return int(not all(verdicts))


if __name__ == "__main__":
    sys.exit(main())
