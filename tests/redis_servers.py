"""Redis servers of tests' own: on a free port of loopback, in a folder that goes with the test.

Where the server is not installed the tests are left out, which pytest says; with SERVERS_REQUIRED
set, as in CI, that is a failure.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

READY = ("Ready to accept connections", "Sentinel ID is")


def need(program: str, package: str) -> str:
    """Return the path of a server's program; skip the test, or fail it, where there is none."""
    found = shutil.which(program)
    if found is None:
        text = f"{program} is not installed: make servers, or apt-get install {package}"
        if os.environ.get("SERVERS_REQUIRED"):
            pytest.fail(text)
        pytest.skip(text)
    return found


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """One process; `restart` brings it back with what it had written.

    In flags `{port}` is its own port and `{free}` another one.
    """

    def __init__(self, folder: Path, *flags: str, program: str = "redis-server") -> None:
        self.folder = folder
        self.port = free_port()
        self._program = need(program, "redis-server redis-sentinel")
        self._flags = flags
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Its first database."""
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> RedisServer:
        """Start it; returns when it answers."""
        config = self.folder / "own.conf"
        if not config.exists():
            config.write_text(
                f"port {self.port}\nbind 127.0.0.1\ndir {self.folder}\nappendonly yes\n"
                'appendfsync always\nsave ""\n'
            )
        flags = [flag.format(port=self.port, free=free_port()) for flag in self._flags]
        command = [self._program, str(config), *flags]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if any(word in line for word in READY):
                break
        else:
            pytest.fail("Redis did not start:\n" + "".join(said))
        self._process = process
        return self

    def kill(self) -> None:
        """End it as a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
        self._process = None

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()


@contextmanager
def redis_server(*flags: str) -> Iterator[RedisServer]:
    """A server that ends with the block."""
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder), *flags)
        try:
            yield server.start()
        finally:
            server.kill()
