"""kill -9 of a program with workflows in its process, cycle after cycle: nothing may be lost, no
task whose result was recorded may run again.

    python bench/native_kill9 [--cycles 1000] [--processes 1] [--out docs/evidence/FILE.json]

A cycle starts the program (program.py) on the one file and kills it with SIGKILL: mostly a random
moment after it is at work, now and then while it starts. With two processes, one owns the file and
the other works through it; either or both are killed. At the end the program brings to an end what
was begun, every history is read and compared with what was acknowledged and with what the tasks
did (audit.py), and the file is checked. Exit code 1 when anything was found.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import audit

from polyrhythm import App
from polyrhythm.testing.evidence import commit, spread

FILE = "native.db"
HERE = Path(__file__).resolve().parent
# How often a program is killed before it is at work; both of two at once.
EARLY = 0.15
BOTH = 0.15
EARLY_S = 0.9
READY_S = 60
DRAIN_S = 180
FINDINGS_SHOWN = 20
LOG_SHOWN = 20_000


@dataclass(slots=True)
class Slot:
    """One of the programs."""

    name: str
    process: subprocess.Popen[str] | None = None
    began_s: float = 0.0
    ready: bool = False


@dataclass(slots=True)
class Cycles:
    """What the cycles did."""

    kills: dict[str, int] = field(default_factory=lambda: {"at work": 0, "starting": 0})
    ready_ms: list[float] = field(default_factory=list)
    left: list[int] = field(default_factory=list)


class Rig:
    """The programs on one file, in one folder."""

    def __init__(self, folder: Path, options: argparse.Namespace, ledger: audit.Ledger) -> None:
        self.folder = folder
        self.cycles = Cycles()
        self._options = options
        self._ledger = ledger
        self.slots = [Slot(str(number)) for number in range(options.processes)]

    def start(self, slot: Slot, drain: bool = False) -> None:
        """Start a program with what is left of its orders."""
        self._ledger.read()
        left = self._ledger.left(slot.name)
        self.cycles.left.append(len(left))
        command = [sys.executable, str(HERE / "program.py"), str(self.folder), slot.name]
        with (self.folder / f"program-{slot.name}.log").open("ab") as log:
            slot.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        slot.began_s, slot.ready = time.monotonic(), False
        plan = {"left": left, "next": self._ledger.last(slot.name), "drain": drain}
        assert slot.process.stdin is not None
        slot.process.stdin.write(json.dumps(plan | {"at_once": self._options.at_once}) + "\n")
        slot.process.stdin.flush()

    def wait_until_ready(self, slot: Slot) -> None:
        """Wait until a program is at work. Ends the run when it has ended by itself."""
        if slot.ready:
            return
        assert slot.process is not None
        assert slot.process.stdout is not None
        if slot.process.stdout.readline().strip() != "ready":
            self.fail(slot)
        slot.ready = True
        self.cycles.ready_ms.append((time.monotonic() - slot.began_s) * 1000)

    def kill(self, slot: Slot) -> None:
        """Kill -9. Ends the run when the program has ended by itself."""
        assert slot.process is not None
        if slot.process.poll() is not None:
            self.fail(slot)
        slot.process.kill()
        slot.process.wait()
        for stream in (slot.process.stdin, slot.process.stdout):
            if stream is not None:
                stream.close()
        self.cycles.kills["at work" if slot.ready else "starting"] += 1

    def fail(self, slot: Slot) -> None:
        """End the run, with what the program said last."""
        tail = (self.folder / f"program-{slot.name}.log").read_text()[-3000:]
        raise SystemExit(f"program {slot.name} ended by itself:\n{tail}")

    def drain(self) -> float:
        """Let everything that was begun come to its end; return the seconds it took."""
        began = time.monotonic()
        for slot in self.slots:
            self.start(slot, drain=True)
        for slot in self.slots:
            assert slot.process is not None
            try:
                code = slot.process.wait(timeout=DRAIN_S)
            except subprocess.TimeoutExpired:
                print(f"program {slot.name} does not come to its end", file=sys.stderr)
            else:
                if code:
                    self.fail(slot)
        return time.monotonic() - began

    def stop(self) -> None:
        """End what is left, and show what the programs had to say."""
        for slot in self.slots:
            log = self.folder / f"program-{slot.name}.log"
            print(log.read_text()[:LOG_SHOWN], file=sys.stderr, end="")
        for slot in self.slots:
            if slot.process is not None and slot.process.poll() is None:
                slot.process.kill()
                slot.process.wait()


def main() -> int:
    """Run the cycles, judge them, keep the figures."""
    options = parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=options.dir, ignore_cleanup_errors=True) as folder:
        ledger = audit.Ledger(Path(folder) / "acks.jsonl")
        rig = Rig(Path(folder), options, ledger)
        try:
            kill_in_cycles(rig, options)
            drained_s = rig.drain()
        finally:
            rig.stop()
        ledger.read()
        verdict = asyncio.run(judge(ledger, Path(folder)))
        size = (Path(folder) / FILE).stat().st_size
    kept = result(options, rig.cycles, verdict, time.monotonic() - began)
    kept |= {"drained_s": round(drained_s, 1), "file_mb": round(size / 1e6, 1)}
    text = json.dumps(kept, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    return 1 if any(kept["findings"].values()) else 0


def kill_in_cycles(rig: Rig, options: argparse.Namespace) -> None:
    """Kill and start again, so many times."""
    chance = Random(options.seed)
    for slot in rig.slots:
        rig.start(slot)
    for number in range(options.cycles):
        victims = rig.slots if chance.random() < BOTH else [chance.choice(rig.slots)]
        if chance.random() < EARLY:
            time.sleep(chance.uniform(0.0, EARLY_S))
        else:
            for slot in victims:
                rig.wait_until_ready(slot)
            time.sleep(chance.uniform(0.0, options.load_s))
        for slot in victims:
            rig.kill(slot)
        for slot in victims:
            rig.start(slot)
        if number % 50 == 49:
            print(f"{number + 1} cycles, {time.strftime('%H:%M:%S')}", file=sys.stderr, flush=True)
    for slot in rig.slots:
        rig.kill(slot)


async def judge(ledger: audit.Ledger, folder: Path) -> audit.Audit:
    """Read the file as its owner without a worker, then check the file itself."""
    async with App("orders", url=str(folder / FILE), works=False) as app:
        verdict = await audit.look(app, ledger.orders, folder / "effects.log")
    command = [str(Path(sys.executable).with_name("poly")), "db", "check", "--deep"]
    done = subprocess.run(
        [*command, str(folder / FILE)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        verdict.wrong.append(f"the file is not sound: {done.stdout}{done.stderr}")
    return verdict


def result(
    options: argparse.Namespace, cycles: Cycles, verdict: audit.Audit, seconds: float
) -> dict[str, Any]:
    """Return what is kept: figures, findings and how to repeat them."""
    arguments = f"--cycles {options.cycles} --processes {options.processes} --seed {options.seed}"
    shown = [line for lines in verdict.findings.values() for line in lines[:FINDINGS_SHOWN]]
    return {
        "what": "a program with workflows in its process killed with SIGKILL under load",
        "command": f"python bench/native_kill9 {arguments} --at-once {options.at_once}",
        "commit": commit(),
        "python": platform.python_version(),
        "durability": "full",
        "cycles": options.cycles,
        "kills": cycles.kills,
        "open_at_a_kill": spread([float(one) for one in cycles.left]),
        "looked_at": dict(sorted(verdict.counts.items())),
        "findings": {word: len(lines) for word, lines in verdict.findings.items()},
        "first_findings": shown,
        "process_start_to_work_ms": spread(cycles.ready_ms),
        "seconds": round(seconds, 1),
    }


def parse_args() -> argparse.Namespace:
    """Return the command line's settings."""
    parser = argparse.ArgumentParser(description="kill -9 of workflows in process")
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=1, choices=(1, 2))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=8, help="orders in flight, a process")
    parser.add_argument("--load-s", type=float, default=0.4, help="a cycle's longest wait")
    parser.add_argument("--dir", help="where the file is made; default: the system's folder")
    parser.add_argument("--out", type=Path, metavar="FILE")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
