"""Recorded answers of a real Temporal server against a fresh `poly dev` (`make conformance`).

    python tests/conformance.py [NAME...]     all scenarios, or nouns, scenarios and prefixes*
    python tests/conformance.py --diff NAME   with what differs

Runs the scenarios of tests/corpus/temporal, several at a time, against a server of its own, and
prints a row for each. Exit code 1 when one fails that should not, or when one of the list of what
is not built passes: the list is kept true.
"""

import argparse
import difflib
import sys
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from poly_process import PolyProcess

CORPUS = Path(__file__).resolve().parent / "corpus" / "temporal"
sys.path.insert(0, str(CORPUS))

import compare  # noqa: E402 - the corpus is copied material with modules of its own
import runner  # noqa: E402

# Scenario -> why it cannot pass yet.
NOT_BUILT = {
    "bad.operator_nexus_get_unknown": "Nexus is not built",
}
# One scenario waits for 20 s by itself.
SCENARIO_TIMEOUT_S = 40.0
# Scenarios mostly wait for timers, so several at a time cost little; their ids never meet.
AT_ONCE = 3


@dataclass(slots=True)
class Verdict:
    """How one scenario went; no note: as recorded."""

    name: str
    seconds: float
    note: str
    diff: list[str] = field(default_factory=list)

    @property
    def is_expected(self) -> bool:
        """True when it passed, or failed and is known not to be built."""
        return bool(self.note) == (self.name in NOT_BUILT)

    @property
    def word(self) -> str:
        """What the table says."""
        if self.note:
            return "not built" if self.name in NOT_BUILT else "FAIL"
        return "PASSES" if self.name in NOT_BUILT else "ok"


def judge(done: dict) -> Verdict:
    """Compare what a scenario recorded with what the real server did."""
    name, error = done["name"], done["error"] or ""
    expected = compare.expected(name)
    if expected is None:
        return Verdict(name, done["seconds"], f"nothing is recorded for it; {error}")
    lines = [compare.lines(expected), compare.lines(done["records"])]
    diff = list(difflib.unified_diff(*lines, "real server", "poly dev", lineterm="", n=4))
    note = error or (f"{len(diff)} lines of difference" if diff else "")
    return Verdict(name, done["seconds"], note, diff)


def run_scenarios(address: str, names: Iterable[str], at_once: int = AT_ONCE) -> list[Verdict]:
    """Run scenarios by name, noun or prefix* against a server; in order of their names."""
    chosen = runner.select(list(names))
    verdicts: list[Verdict] = []

    def run_some(some: list[str]) -> None:
        runner.run(address, some, SCENARIO_TIMEOUT_S, lambda done: verdicts.append(judge(done)))

    parts = [chosen[number::at_once] for number in range(at_once)]
    threads = [threading.Thread(target=run_some, args=(part,)) for part in parts if part]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(verdicts, key=lambda verdict: verdict.name)


def show(verdicts: list[Verdict], with_diff: bool) -> None:
    """Print the table, and what differs where it should not."""
    for verdict in verdicts:
        reason = NOT_BUILT.get(verdict.name, verdict.note)[:100]
        print(f"{verdict.word:9} {verdict.seconds:6.2f}s  {verdict.name:58} {reason}")
        if with_diff and verdict.note:
            print("\n".join(verdict.diff))
    count = {word: sum(v.word == word for v in verdicts) for word in ("ok", "FAIL", "not built")}
    print(", ".join(f"{number} {word}" for word, number in count.items()))


def main() -> int:
    """Run them and return the exit code."""
    parser = argparse.ArgumentParser(description="recorded answers against a fresh poly dev")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--diff", action="store_true", help="show what differs")
    parser.add_argument("--at-once", type=int, default=AT_ONCE)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, PolyProcess(Path(folder)) as server:
        verdicts = run_scenarios(server.address, options.names, options.at_once)
    show(verdicts, options.diff)
    if not verdicts:
        print("no scenario has such a name", file=sys.stderr)
        return 2
    return int(not all(verdict.is_expected for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
