"""What one workflow over the wire costs: our server and a real Temporal server, in one run.

Each round starts one server after the other on a fresh SQLite file, drives workflows of one
activity through the official Python SDK from another process (wire_load.py), and reads the server's
processor time from /proc before and after. Machines are shared and noisy, so only figures of one
run are compared: rounds alternate which server goes first, and medians are kept. A fixed loop timed
beside every round says how fast the machine was just then.

Writes docs/evidence/spine-speed.json when both servers were measured. Exit code 1 when a server
fails, 2 when there is none to measure.
"""

import argparse
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from server_process import ServerError, ServerProcess

from polyrhythm.testing.evidence import commit

ROOT = Path(__file__).resolve().parent.parent
EVIDENCE = Path("docs/evidence/spine-speed.json")
SETTLE_S = 2.0  # start-up work of the server ends before its idle memory is read
CALIBRATION_STEPS = 1_000_000

# What the server has to reach: name, better (lower or higher), limit.
GOALS = (
    ("server_cpu_ms_per_workflow", "lower", 5.0),
    ("workflows_per_s", "higher", 100.0),
    ("sequential_p50_ms", "lower", 20.0),
    ("idle_rss_mb", "lower", 120.0),
    ("first_call_ms", "lower", 1000.0),
)
Figures = dict[str, float]


@dataclass(slots=True)
class Target:
    """A server to measure: its name in the results, how to show and how to start it."""

    name: str
    shown: str
    command: list[str]
    server_version: str = ""


class Client:
    """The load process, one command at a time."""

    def __init__(self, address: str) -> None:
        command = [sys.executable, str(Path(__file__).parent / "wire_load.py"), address]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, command: str) -> Figures:
        """Let it do something and return what it measured."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{command}\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise ServerError(f"the load process ended during: {command}")
        answer: Figures = json.loads(line)
        return answer

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


def measure(target: Target, options: argparse.Namespace) -> Figures:
    """Start a server on a fresh file, load it, and return the figures of this round."""
    figures = {"calibration_ms": calibrate()}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        server = ServerProcess(target.command, Path(folder))
        client = None
        try:
            started = server.start()
            target.server_version = started.version
            figures["first_call_ms"] = started.first_call_ms
            figures["namespace_ms"] = started.namespace_ms
            time.sleep(SETTLE_S)
            figures["idle_rss_mb"] = server.rss_mb()
            client = Client(server.address)
            client.run(f"concurrent {options.warm_up} 10")
            sequential = client.run(f"sequential {options.sequential}")
            before = server.cpu_s()
            load = client.run(f"concurrent {options.workflows} {options.concurrency}")
            used = server.cpu_s() - before
            figures["server_cpu_ms_per_workflow"] = used * 1000 / options.workflows
            figures["workflows_per_s"] = load["workflows_per_s"]
            figures["concurrent_p50_ms"] = load["p50_ms"]
            figures["client_cpu_ms_per_workflow"] = load["client_cpu_ms"]
            figures["sequential_p50_ms"] = sequential["p50_ms"]
            figures["sequential_max_ms"] = sequential["max_ms"]
            figures["loaded_rss_mb"] = server.rss_mb()
        finally:
            if client is not None:
                client.stop()
            server.stop()
    return {name: round(value, 2) for name, value in figures.items()}


def calibrate() -> float:
    """Return how long a fixed loop takes, in milliseconds of processor time."""
    began, total = time.process_time(), 0
    for number in range(CALIBRATION_STEPS):
        total += number & 7
    return (time.process_time() - began) * 1000


def medians(rounds: list[Figures]) -> Figures:
    """Return the median of each figure over the rounds."""
    names = rounds[0]
    return {name: round(statistics.median(r[name] for r in rounds), 2) for name in names}


def result(
    targets: list[Target], rounds: dict[str, list[Figures]], options: argparse.Namespace
) -> dict[str, object]:
    """Return everything worth keeping of this run."""
    middle = {name: medians(figures) for name, figures in rounds.items()}
    kept: dict[str, object] = {
        "what": "workflows of one activity, official Python SDK over gRPC, SQLite file, durable",
        "commit": commit(),
        "command": shlex.join(["bench/temporal_wire.py", *shown_arguments(options)]),
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "system": platform.system(),
            "sdk": f"temporalio {version('temporalio')}",
        },
        "servers": {t.name: {"command": t.shown, "version": t.server_version} for t in targets},
        "medians": middle,
        "rounds": rounds,
    }
    if {"ours", "real"} <= middle.keys():
        ours, real = middle["ours"], middle["real"]
        shared = [name for name in ours if ours[name] and name != "calibration_ms"]
        kept["real_over_ours"] = {name: round(real[name] / ours[name], 2) for name in shared}
    if "ours" in middle:
        kept["goals"] = {
            name: {
                "limit": limit,
                "better": better,
                "met": met(middle["ours"][name], better, limit),
            }
            for name, better, limit in GOALS
        }
    return kept


def met(value: float, better: str, limit: float) -> bool:
    """Return whether a figure is on the right side of its limit."""
    return value <= limit if better == "lower" else value >= limit


def shown_arguments(options: argparse.Namespace) -> list[str]:
    """Return the settings that shape the figures, as arguments."""
    names = ("rounds", "workflows", "concurrency", "sequential", "warm_up")
    return [part for n in names for part in (f"--{n.replace('_', '-')}", str(getattr(options, n)))]


def find_targets(options: argparse.Namespace) -> list[Target]:
    """Return the servers that are there and wanted, ours first; say which one is missing."""
    poly = Path(sys.executable).parent / "poly"
    real = ROOT / ".cache" / "temporal" / "bin" / "server"
    run = ROOT / "tools" / "temporal_server" / "run.py"
    ours_command = options.ours_command or [str(poly), "dev"]
    real_command = options.real_command or [sys.executable, str(run)]
    targets = []
    if options.only != "real":
        if options.ours_command or poly.exists():
            targets.append(Target("ours", shown(options.ours_command, "poly dev"), ours_command))
        else:
            print("there is no `poly` beside this Python: run `make setup`", file=sys.stderr)
    if options.only != "ours":
        if options.real_command or real.exists():
            name = shown(options.real_command, "tools/temporal_server/run.py")
            targets.append(Target("real", name, real_command))
        else:
            print("there is no real server: run `make servers WHICH=temporal`", file=sys.stderr)
    return targets


def shown(command: list[str] | None, default: str) -> str:
    """Return a command as it may be kept: without the folders of this machine."""
    return " ".join(Path(word).name for word in command) if command else default


def show(title: str, cells: list[str]) -> None:
    """Print one row of the table."""
    print(f"{title:30}" + "".join(f"{cell:>12}" for cell in cells))


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Return the command line's settings."""
    parser = argparse.ArgumentParser(description="the cost of a workflow over the wire")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workflows", type=int, default=300, help="of the concurrent part")
    parser.add_argument("--concurrency", type=int, default=50)
    parser.add_argument("--sequential", type=int, default=30)
    parser.add_argument("--warm-up", type=int, default=20)
    parser.add_argument("--only", choices=("ours", "real"))
    parser.add_argument("--ours-command", type=shlex.split, metavar="COMMAND")
    parser.add_argument("--real-command", type=shlex.split, metavar="COMMAND")
    parser.add_argument("--out", type=Path, metavar="FILE", help=f"default: {EVIDENCE}")
    return parser.parse_args(arguments)


def run(options: argparse.Namespace) -> int:
    """Measure, print and keep; return the exit code."""
    targets = find_targets(options)
    if not targets:
        return 2
    rounds: dict[str, list[Figures]] = {target.name: [] for target in targets}
    for number in range(options.rounds):
        for target in targets if number % 2 == 0 else targets[::-1]:
            print(f"round {number + 1} of {options.rounds}: {target.name}", flush=True)
            try:
                rounds[target.name].append(measure(target, options))
            except ServerError as error:
                print(f"{target.name}: {error}", file=sys.stderr)
                return 1
    kept = result(targets, rounds, options)
    print_table(targets, kept)
    out = options.out or (ROOT / EVIDENCE if len(targets) == 2 else None)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
        print(f"kept in {os.path.relpath(out)}")
    return 0


def print_table(targets: list[Target], kept: dict[str, object]) -> None:
    """Print medians, and how often the real server's figure holds ours."""
    middle, ratios = kept["medians"], kept.get("real_over_ours", {})
    assert isinstance(middle, dict)
    assert isinstance(ratios, dict)
    print()
    show("median", [*(t.name for t in targets), *(["real/ours"] if ratios else [])])
    for name in middle[targets[0].name]:
        cells = [f"{middle[target.name][name]:,.2f}" for target in targets]
        show(name, [*cells, *([f"{ratios[name]:.2f}"] if name in ratios else [])])


if __name__ == "__main__":
    sys.exit(run(parse_args()))
