"""A server under measurement: start it, ask whether it answers, read its cost from /proc, stop it.

Processor time and memory are those of the started process and all its descendants, including the
children it has waited for; the kernel counts processor time in ticks of 10 ms, so measure seconds,
not moments. A server is given a fresh database file and the flags that `poly dev` and
`temporal server start-dev` share.
"""

import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import grpc
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    GetSystemInfoRequest,
    GetSystemInfoResponse,
)

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
CALL_TIMEOUT_S = 5.0
PROBE_INTERVAL_S = 0.005
SERVICE = "/temporal.api.workflowservice.v1.WorkflowService/"


class ServerError(Exception):
    """The server did not start or did not answer; the message holds the end of its log."""


@dataclass(slots=True)
class Started:
    """How long a start took, in milliseconds from the start of the process."""

    first_call_ms: float
    namespace_ms: float
    version: str


class ServerProcess:
    """One start of a server on a fresh file in a folder of its own."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self._port = free_port()
        flags = ["--headless", "--ip", "127.0.0.1", "--port", str(self._port)]
        self._command = [*command, *flags, "--db-filename", str(folder / "bench.db")]
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Return where it listens."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> Started:
        """Start it and wait until it accepts calls, and calls on the default namespace."""
        began = time.perf_counter()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        give_up_at = began + START_TIMEOUT_S
        while not self._listens():
            self._wait(give_up_at)
        while (version := self._version()) is None:
            self._wait(give_up_at)
        first_call = time.perf_counter()
        while not self._knows_namespace():
            self._wait(give_up_at)
        ready = time.perf_counter()
        return Started((first_call - began) * 1000, (ready - began) * 1000, version)

    def cpu_s(self) -> float:
        """Return the processor time used so far, in seconds."""
        ticks = 0
        for pid in self._tree():
            fields = _stat(pid)
            ticks += sum(int(field) for field in fields[11:15]) if fields else 0
        return ticks / TICKS_PER_S

    def rss_mb(self) -> float:
        """Return the resident memory, in megabytes of 1,000,000 bytes."""
        pages = 0
        for pid in self._tree():
            fields = _stat(pid)
            pages += int(fields[21]) if fields else 0
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def stop(self) -> None:
        """Ask it to end, and end it when it does not."""
        if self._process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                self._process.wait()
            return

    def _tree(self) -> list[int]:
        assert self._process is not None
        children: dict[int, list[int]] = {}
        for name in os.listdir("/proc"):
            if name.isdigit() and (fields := _stat(int(name))):
                children.setdefault(int(fields[1]), []).append(int(name))
        found = [self._process.pid]
        for pid in found:
            found += children.get(pid, [])
        return found

    def _wait(self, give_up_at: float) -> None:
        assert self._process is not None
        if self._process.poll() is not None:
            raise ServerError(f"the server ended by itself:\n{self.tail()}")
        if time.perf_counter() > give_up_at:
            raise ServerError(f"the server does not accept calls:\n{self.tail()}")
        time.sleep(PROBE_INTERVAL_S)

    def tail(self) -> str:
        """Return the end of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-10:])

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def _version(self) -> str | None:
        request = GetSystemInfoRequest().SerializeToString()
        status, answer = self._call("GetSystemInfo", request)
        if status is not grpc.StatusCode.OK:
            return None
        return GetSystemInfoResponse.FromString(answer).server_version

    def _knows_namespace(self) -> bool:
        """Ask for a workflow that is not there: a server without the namespace says so instead."""
        request = DescribeWorkflowExecutionRequest(namespace="default")
        request.execution.workflow_id = "nobody"
        status, answer = self._call("DescribeWorkflowExecution", request.SerializeToString())
        return status is grpc.StatusCode.NOT_FOUND and b"Namespace" not in answer

    def _call(self, method: str, request: bytes) -> tuple[grpc.StatusCode, bytes]:
        with grpc.insecure_channel(self.address) as channel:
            call = channel.unary_unary(SERVICE + method, None, None)
            try:
                return grpc.StatusCode.OK, call(request, timeout=CALL_TIMEOUT_S)
            except grpc.RpcError as error:
                return error.code(), str(error.details()).encode()


def free_port() -> int:
    """Return a local port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()
