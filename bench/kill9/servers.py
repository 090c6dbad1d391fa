"""The processes under kill -9: two `poly dev` on one file, and workers.

One server owns the file, the other is attached to it and takes over when the owner dies. Who owns
it is in the lock file beside it. `Rack` starts, kills and starts again; it calls a server as any
client would, over gRPC.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message

HERE = Path(__file__).resolve().parent
POLY = Path(sys.executable).with_name("poly")
SERVICE = "/temporal.api.workflowservice.v1.WorkflowService/"
CALL_S = 5.0
PROBE_S = 0.002
START_S = 60.0
CHANNEL = [
    ("grpc.min_reconnect_backoff_ms", 10),
    ("grpc.initial_reconnect_backoff_ms", 10),
    ("grpc.max_reconnect_backoff_ms", 20),
]


@dataclass(slots=True)
class Server:
    """One `poly dev`; `starts` counts how often it was started."""

    port: int
    channel: grpc.Channel
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"


@dataclass(slots=True)
class Rack:
    """All processes of a run, in one folder."""

    folder: Path
    durability: str
    servers: list[Server] = field(default_factory=list)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def file(self) -> Path:
        """The one database."""
        return self.folder / "kill9.db"

    def add_server(self, port: int) -> None:
        """Start a server."""
        server = Server(port, grpc.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL))
        self.servers.append(server)
        self.start(server)

    def start(self, server: Server) -> None:
        """Start a server (again); does not wait for it."""
        command = [str(POLY), "dev", "--headless", "--ip", "127.0.0.1", "--port", str(server.port)]
        command += ["--db-filename", str(self.file), "--durability", self.durability]
        server.starts += 1
        with (self.folder / f"server-{server.port}.log").open("ab") as log:
            server.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)

    def add_worker(self) -> None:
        """Start a worker that serves all servers."""
        log = self.folder / "attempts.log"
        command = [sys.executable, str(HERE / "program.py"), str(log)]
        command += [server.address for server in self.servers]
        with (self.folder / "workers.log").open("ab") as errors:
            self.workers.append(subprocess.Popen(command, stdout=errors, stderr=errors))

    def owner(self) -> Server | None:
        """Return the server that owns the file, None while nobody says so."""
        try:
            held = json.loads(self.file.with_name("kill9.db.lock").read_text())
        except (OSError, ValueError):
            return None
        for server in self.servers:
            if server.process is not None and server.process.pid == held["pid"]:
                return server
        return None

    def kill(self, server: Server) -> None:
        """Kill -9."""
        assert server.process is not None
        server.process.kill()
        server.process.wait()

    def wait_until_ready(self, server: Server) -> None:
        """Wait until a server answers calls."""
        give_up = time.monotonic() + START_S
        while True:
            try:
                server.channel.unary_unary(SERVICE + "GetSystemInfo")(b"", timeout=CALL_S)
            except grpc.RpcError as error:
                self.check_alive(server)
                if time.monotonic() > give_up:
                    raise SystemExit(f"{server.address} does not answer: {error}") from error
                time.sleep(PROBE_S)
            else:
                return

    def check_alive(self, server: Server) -> None:
        """End the run when a server has ended by itself."""
        assert server.process is not None
        if server.process.poll() is not None:
            tail = (self.folder / f"server-{server.port}.log").read_text()[-2000:]
            raise SystemExit(f"{server.address} ended by itself:\n{tail}")

    def stop(self) -> None:
        """Kill what is left."""
        for process in (*self.workers, *(s.process for s in self.servers if s.process)):
            process.kill()
            process.wait()


def call(server: Server, method: str, request: Message, answer_class: Any) -> Any:
    """Make one call; raises grpc.RpcError."""
    stub = server.channel.unary_unary(SERVICE + method, None, answer_class.FromString)
    return stub(request.SerializeToString(), timeout=CALL_S)
