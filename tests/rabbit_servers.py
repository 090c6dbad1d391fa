"""RabbitMQ servers of tests' own: on free ports of loopback, in a folder that goes with the test.

The program of Debian's package, without its wrapper, so that no service and no user of the system
is touched. It takes about five seconds to start.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from redis_servers import free_port, need

PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"
READY = "Server startup complete"


class RabbitServer:
    """One node; `restart` brings it back with what it had written."""

    def __init__(self, folder: Path, *lines: str) -> None:
        need("epmd", "rabbitmq-server")
        self._program = need(PROGRAM, "rabbitmq-server")
        self.port = free_port()
        self._folder = folder
        ports = (free_port(), free_port())
        (folder / "own.conf").write_text(
            "\n".join(
                [
                    f"listeners.tcp.1 = 127.0.0.1:{self.port}",
                    *("default_user = guest", "default_pass = guest"),
                    *("log.console = true", "log.file = false", *lines),
                ]
            )
            + "\n"
        )
        (folder / "plugins").write_text("[].\n")
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"poly{self.port}@localhost",
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "own.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_DIST_PORT": str(ports[0]),
            "ERL_EPMD_PORT": str(ports[1]),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        self._names: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Its default virtual host."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def start(self) -> RabbitServer:
        """Start it; returns when it answers."""
        if self._names is None:
            port = self._environment["ERL_EPMD_PORT"]
            self._names = subprocess.Popen(["epmd", "-port", port, "-address", "127.0.0.1"])
        process = subprocess.Popen(
            [self._program],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._process = process
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if READY in line:
                break
        else:
            pytest.fail("RabbitMQ did not start:\n" + "".join(said))
        self._reader = threading.Thread(target=_drain, args=(process.stdout,), daemon=True)
        self._reader.start()
        return self

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            if self._reader is not None:
                self._reader.join()
            assert self._process.stdout is not None
            self._process.stdout.close()
        self._process = None

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    def close(self) -> None:
        """End it with its server of names."""
        self.kill()
        if self._names is not None:
            self._names.kill()
            self._names.wait()


def _drain(lines: Iterator[str]) -> None:
    """Read what the server says, so that it never waits to be heard."""
    for _ in lines:
        pass


@contextmanager
def rabbit_server(*lines: str) -> Iterator[RabbitServer]:
    """A server that ends with the block; `lines` are added to its configuration."""
    folder = tempfile.mkdtemp()
    server = RabbitServer(Path(folder), *lines)
    try:
        yield server.start()
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)
