"""The processes the demo starts: the server under test and the workers.

Owns ports, process groups and log files. A child gets a process group of its own, so that a signal
reaches all of it (a server command may be a script that starts the server) and Ctrl-C reaches the
demo alone, which then stops its children in order. The server's flags are those that
`poly dev` and `temporal server start-dev` share.
"""

import asyncio
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

ACCEPT_TIMEOUT_S = 30.0  # a real Temporal server on a busy machine needs up to 10 s
STOP_TIMEOUT_S = 4.0
LOG_TAIL_LINES = 15


class ProcessError(Exception):
    """A child could not be started or died; the message holds the end of its log."""


class Child:
    """One child process with its log file."""

    def __init__(self, name: str, command: list[str], folder: Path) -> None:
        self.name = name
        self._command = command
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the command in its own process group, adding to the log."""
        with self._log.open("ab") as log:
            try:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise ProcessError(f"cannot start {self._command[0]}: {error.strerror}") from error

    def kill(self) -> None:
        """End the whole group at once with SIGKILL, as a power cut would."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def terminate(self) -> None:
        """Ask the group to end."""
        self._signal(signal.SIGTERM)

    def stop(self, within_s: float) -> None:
        """Wait for a child that was asked to end, and end it when it has not after that time."""
        if self._process is not None:
            try:
                self._process.wait(max(within_s, 0.0))
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None

    def check(self) -> None:
        """Raise ProcessError when the child has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            raise ProcessError(f"{self.name} ended by itself; its log ends with\n{self.tail()}")

    def tail(self) -> str:
        """Return the last lines of the log."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-LOG_TAIL_LINES:])

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            try:
                os.killpg(self._process.pid, number)
            except ProcessLookupError:
                return


def server_child(command: list[str], folder: Path, port: int) -> Child:
    """Return the server as a child; it always uses the same port and database file."""
    flags = ["--headless", "--ip", "127.0.0.1", "--port", str(port)]
    return Child("server", [*command, *flags, "--db-filename", str(folder / "engine.db")], folder)


def stop_all(children: list[Child]) -> None:
    """Stop all children together; Ctrl-C cannot cut this short, it takes a few seconds at most."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for child in children:
        child.terminate()
    give_up_at = time.monotonic() + STOP_TIMEOUT_S
    for child in children:
        child.stop(give_up_at - time.monotonic())


async def connect(server: Child, address: str) -> Client:
    """Wait until the server accepts calls for the default namespace and return a client.

    It does when it says that there is no such workflow: a fresh Temporal server answers other calls
    before it knows the namespace.
    """
    give_up_at = time.monotonic() + ACCEPT_TIMEOUT_S
    last = ""
    while True:
        server.check()
        try:
            client = await Client.connect(address)
            await client.get_workflow_handle("nobody").describe()
        except RuntimeError as error:
            last = str(error)
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND and "Namespace" not in error.message:
                return client
            last = str(error)
        if time.monotonic() > give_up_at:
            raise ProcessError(f"the server does not accept calls: {last}\n{server.tail()}")
        await asyncio.sleep(0.1)


def free_port() -> int:
    """Return a local port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
