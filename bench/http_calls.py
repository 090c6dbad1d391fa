"""The same calls over gRPC and over HTTP, in one run, and what idle event streams cost.

    python bench/http_calls.py [--calls 1000] [--streams 1000] [--out docs/evidence/http.json]

One `poly dev` on a fresh file with durability `normal`. A read (DescribeWorkflowExecution) and a
write (SignalWorkflowExecution) go one after the other over one connection each; rounds over gRPC
and HTTP alternate. Figures are calls a second as the client sees them, its own work included, and
processor time of the server a call. Then half of the streams listen to the changes of a namespace
and half to the events of a run, nothing happens, and the server's processor time is read.
"""

import argparse
import http.client
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import temporalio.api.workflowservice.v1 as ws
from server_process import SERVICE, free_port

from polyrhythm.testing.evidence import commit

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
ROUNDS = 4
IDLE_S = 20.0
API = "/api/v1/namespaces/default/workflows/w"
STREAMS = ("changes", "workflows/w/events?position=9999999")


class Server:
    """A `poly dev` on a fresh file."""

    def __init__(self, folder: Path) -> None:
        self.port, self.http_port = free_port(), free_port()
        program = "from polyrhythm.cli import main; main()"
        flags = ["--port", str(self.port), "--ui-port", str(self.http_port), "-f", "bench.db"]
        command = [sys.executable, "-c", program, "dev", *flags, "--durability", "normal"]
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self.process.stdout is not None
        assert b"serving" in self.process.stdout.readline()

    def processor_s(self) -> float:
        """Return the processor time of the server so far."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / TICKS_PER_S

    def rss_mb(self) -> float:
        """Return its resident memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return round(pages * os.sysconf("SC_PAGESIZE") / 1e6, 1)


def over_grpc(channel: grpc.Channel) -> dict[str, Callable[[], object]]:
    """Return the calls over gRPC."""
    describe = ws.DescribeWorkflowExecutionRequest(namespace="default")
    describe.execution.workflow_id = "w"
    signal = ws.SignalWorkflowExecutionRequest(namespace="default", signal_name="go")
    signal.workflow_execution.workflow_id = "w"

    def call(name: str, request: object, kind: type) -> Callable[[], object]:
        method = channel.unary_unary(
            SERVICE + name,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=kind.FromString,
        )
        return lambda: method(request)

    return {
        "describe": call(
            "DescribeWorkflowExecution", describe, ws.DescribeWorkflowExecutionResponse
        ),
        "signal": call("SignalWorkflowExecution", signal, ws.SignalWorkflowExecutionResponse),
    }


def over_http(port: int) -> dict[str, Callable[[], object]]:
    """Return the calls over HTTP."""
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def call(verb: str, path: str, body: str | None = None) -> object:
        connection.request(verb, path, body)
        answer = connection.getresponse()
        tree = json.loads(answer.read())
        assert answer.status == 200, tree
        return tree

    call("POST", API, json.dumps({"workflowType": {"name": "T"}, "taskQueue": {"name": "q"}}))
    return {
        "describe": lambda: call("GET", API),
        "signal": lambda: call("POST", f"{API}/signal/go", "{}"),
    }


def measure(server: Server, call: Callable[[], object], calls: int) -> tuple[float, float]:
    """Return calls a second and the server's processor time of one, in microseconds."""
    call()
    cost, begun = server.processor_s(), time.perf_counter()
    for _ in range(calls):
        call()
    span = time.perf_counter() - begun
    return calls / span, (server.processor_s() - cost) / calls * 1e6


def idle_streams(server: Server, count: int) -> dict[str, object]:
    """Open streams, let nothing happen, and return what that costs the server."""
    before_mb, sockets = server.rss_mb(), []
    for number in range(count):
        one = socket.create_connection(("127.0.0.1", server.http_port))
        path = f"/api/poly/v1/namespaces/default/{STREAMS[number % len(STREAMS)]}"
        one.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
        assert one.recv(4096).startswith(b"HTTP/1.1 200")
        sockets.append(one)
    time.sleep(1)
    cost, begun = server.processor_s(), time.perf_counter()
    time.sleep(IDLE_S)
    share = (server.processor_s() - cost) / (time.perf_counter() - begun)
    found = {
        "streams": count,
        "core_percent": round(share * 100, 2),
        "goal_core_percent": 5,
        "mb_more": round(server.rss_mb() - before_mb, 1),
    }
    for one in sockets:
        one.close()
    return found


def main() -> int:
    """Run it and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--out", type=Path, default=Path("docs/evidence/http.json"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            wires = {"http": over_http(server.http_port)}
            wires["grpc"] = over_grpc(grpc.insecure_channel(f"127.0.0.1:{server.port}"))
            idle_mb = server.rss_mb()
            found: dict[tuple[str, str], list[tuple[float, float]]] = {}
            for _ in range(ROUNDS):
                for wire, calls in wires.items():
                    for name, call in calls.items():
                        figures = measure(server, call, asked.calls)
                        found.setdefault((name, wire), []).append(figures)
            streams = idle_streams(server, asked.streams)
        finally:
            server.process.terminate()
            server.process.wait(20)
    report: dict[str, object] = {
        "what": "the same calls over gRPC and HTTP, one after the other; idle event streams",
        "command": f"python bench/http_calls.py --calls {asked.calls} --streams {asked.streams}",
        "commit": commit(),
        "python": platform.python_version(),
        "rss_mb_after_start": idle_mb,
        "calls": {
            f"{name}_{wire}": {
                "per_s": round(statistics.median(one[0] for one in figures)),
                "server_us": round(statistics.median(one[1] for one in figures)),
            }
            for (name, wire), figures in sorted(found.items())
        },
        "idle_streams": streams,
    }
    asked.out.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
