"""kill -9 under load, cycle after cycle: nothing acknowledged may be lost, doubled or stuck.

    python bench/kill9 [--cycles 1000] [--seed 1] [--out docs/evidence/kill9.json]

Two `poly dev` share a file; official SDK workers and a loader (processes of their own) keep them
busy. A cycle waits a random moment, kills the owner (now and then both servers, or a worker too)
with SIGKILL, signals a run until the signal is acknowledged again, and starts what was killed. At
the end the load finishes what it began, every history is read and compared with what was
acknowledged (audit.py), and the file is checked. Exit code 1 when anything was found.
"""

from __future__ import annotations

import argparse
import json
import platform
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import apsw
import audit
import grpc
from servers import HERE, Rack, Server, call
from temporalio.api.workflowservice.v1 import (
    SignalWorkflowExecutionRequest,
    SignalWorkflowExecutionResponse,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
)

from polyrhythm.stores.sqlite import check_file
from polyrhythm.testing.evidence import commit, spread

PULSE = "pulse"
BOTH = 0.15
WORKER = 0.1
WORKERS = 2
DRAIN_S = 120
FINDINGS_SHOWN = 20


@dataclass(slots=True)
class Cycles:
    """What the cycles did."""

    kills: dict[str, int] = field(default_factory=lambda: {"owner": 0, "both": 0, "worker": 0})
    took_over_ms: list[float] = field(default_factory=list)
    restarted_ms: list[float] = field(default_factory=list)
    pulses: list[str] = field(default_factory=list)


def main() -> int:
    """Run the cycles, judge them, keep the figures."""
    options = parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=options.dir, ignore_cleanup_errors=True) as folder:
        rack = Rack(Path(folder), options.durability)
        try:
            cycles, verdict, drained = run(rack, options)
        finally:
            rack.stop()
        report = check_file(rack.file)
        if not report.is_sound():
            verdict.wrong.append(f"the file is not sound: {report}")
        size = rack.file.stat().st_size
    kept = result(options, cycles, verdict, time.monotonic() - began)
    kept |= {"load": drained, "file_mb": round(size / 1e6, 1)}
    text = json.dumps(kept, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    return 0 if verdict.sound and not drained["stuck"] and not drained["failed"] else 1


def run(rack: Rack, options: argparse.Namespace) -> tuple[Cycles, audit.Audit, dict[str, object]]:
    """Start everything, kill, let the load end, look."""
    for port in (options.port, options.port + 1) if options.port else free_ports():
        rack.add_server(port)
    for server in rack.servers:
        rack.wait_until_ready(server)
    start_pulse(rack.servers[0])
    for _ in range(WORKERS):
        rack.add_worker()
    acks = rack.folder / "acks.jsonl"
    command = [sys.executable, str(HERE / "load.py"), str(acks), str(options.at_once)]
    command += [server.address for server in rack.servers]
    load = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        wait_for_load(acks)
        cycles = kill_in_cycles(rack, options)
        answer, _ = load.communicate(f"{DRAIN_S}\n", timeout=DRAIN_S + 30)
    finally:
        load.kill()
    for server in rack.servers:
        rack.wait_until_ready(server)
    orders = audit.read_orders(acks)
    verdict = audit.look(rack.servers[0], orders, cycles.pulses, rack.folder)
    return cycles, verdict, json.loads(answer)


def wait_for_load(acks: Path) -> None:
    """Wait until the first tally has come to its end."""
    give_up = time.monotonic() + DRAIN_S
    while not acks.exists() or '"result"' not in acks.read_text():
        if time.monotonic() > give_up:
            raise SystemExit("the load does not begin")
        time.sleep(0.05)


def kill_in_cycles(rack: Rack, options: argparse.Namespace) -> Cycles:
    """Kill and start again, so many times."""
    chance = Random(options.seed)
    cycles = Cycles()
    for number in range(options.cycles):
        time.sleep(chance.uniform(0.0, options.load_s))
        victims = [server] if (server := rack.owner()) is not None else list(rack.servers)
        name = "owner"
        if chance.random() < BOTH:
            victims, name = list(rack.servers), "both"
        cycles.kills[name] += 1
        began = time.monotonic()
        for server in victims:
            rack.kill(server)
        if chance.random() < WORKER:
            replace_worker(rack, chance)
            cycles.kills["worker"] += 1
        if name == "both":
            for server in victims:
                rack.start(server)
        pulse(rack, cycles, number)
        took = cycles.restarted_ms if len(victims) == len(rack.servers) else cycles.took_over_ms
        took.append((time.monotonic() - began) * 1000)
        if name == "owner":
            for server in victims:
                rack.start(server)
        for server in rack.servers:
            rack.wait_until_ready(server)
        if number % 50 == 49:
            print(f"{number + 1} cycles, {time.strftime('%H:%M:%S')}", file=sys.stderr, flush=True)
    return cycles


def replace_worker(rack: Rack, chance: Random) -> None:
    """Kill a worker and start another."""
    victim = rack.workers.pop(chance.randrange(len(rack.workers)))
    victim.kill()
    victim.wait()
    rack.add_worker()


def start_pulse(server: Server) -> None:
    """Start the run that hears a signal after every kill; no worker has it."""
    request = StartWorkflowExecutionRequest(namespace="default", workflow_id=PULSE)
    request.request_id = PULSE
    request.workflow_type.name = PULSE
    request.task_queue.name = PULSE
    call(server, "StartWorkflowExecution", request, StartWorkflowExecutionResponse)


def pulse(rack: Rack, cycles: Cycles, number: int) -> None:
    """Signal until a server acknowledges it; one request id, so one signal."""
    request = SignalWorkflowExecutionRequest(namespace="default", signal_name="pulse")
    request.workflow_execution.workflow_id = PULSE
    request.request_id = str(number)
    request.input.payloads.add(metadata={"encoding": b"json/plain"}, data=b'"%d"' % number)
    give_up = time.monotonic() + DRAIN_S
    while time.monotonic() < give_up:
        for server in rack.servers:
            try:
                call(server, "SignalWorkflowExecution", request, SignalWorkflowExecutionResponse)
            except grpc.RpcError:
                time.sleep(0.002)
            else:
                cycles.pulses.append(str(number))
                return
    raise SystemExit("no server takes a signal any more")


def result(
    options: argparse.Namespace, cycles: Cycles, verdict: audit.Audit, seconds: float
) -> dict[str, object]:
    """Return what is kept: figures, findings and how to repeat them."""
    arguments = f"--cycles {options.cycles} --seed {options.seed} --at-once {options.at_once}"
    return {
        "what": "two poly dev on one file killed with SIGKILL under load of official SDK workers",
        "command": f"python bench/kill9 {arguments} --load-s {options.load_s}",
        "commit": commit(),
        "python": platform.python_version(),
        "sqlite": apsw.sqlite_lib_version(),
        "durability": options.durability,
        "seed": options.seed,
        "cycles": options.cycles,
        "kills": cycles.kills,
        "acknowledged": dict(sorted(verdict.counts.items())),
        "findings": {
            "lost": len(verdict.lost),
            "doubled": len(verdict.doubled),
            "stuck": len(verdict.stuck),
            "wrong": len(verdict.wrong),
        },
        "first_findings": [
            *verdict.lost[:FINDINGS_SHOWN],
            *verdict.doubled[:FINDINGS_SHOWN],
            *verdict.stuck[:FINDINGS_SHOWN],
            *verdict.wrong[:FINDINGS_SHOWN],
        ],
        "take_over_ms": spread(cycles.took_over_ms),
        "restart_ms": spread(cycles.restarted_ms),
        "seconds": round(seconds, 1),
    }


def free_ports() -> list[int]:
    """Two local ports nobody listens on."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return [one.getsockname()[1], two.getsockname()[1]]


def parse_args() -> argparse.Namespace:
    """Return the command line's settings."""
    parser = argparse.ArgumentParser(description="kill -9 under load")
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=8, help="tallies in flight")
    parser.add_argument("--load-s", type=float, default=0.4, help="a cycle's longest wait")
    parser.add_argument("--durability", choices=("full", "normal"), default="full")
    parser.add_argument("--port", type=int, default=0, help="and the next one; 0 for free ones")
    parser.add_argument("--dir", help="where the file is made; default: the system's folder")
    parser.add_argument("--out", type=Path, metavar="FILE")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
