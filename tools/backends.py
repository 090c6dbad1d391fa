"""Runs the tests of backends against `poly dev` and a real Temporal server; leaves the figures.

    python tools/backends.py [--json docs/evidence/backends.json]

The real server is the one that `make servers WHICH=temporal` builds; it is started here, on a free
port and a file of its own, and ended again. One program with every verb, and the official SDK
calling native workflows and the other way round: tests/links/test_backends.py.
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from polyrhythm.testing.evidence import commit

ROOT = Path(__file__).resolve().parent.parent
TESTS = "tests/links/test_backends.py"
START = ROOT / "tools" / "temporal_server" / "run.py"
COUNTS = re.compile(r"(\d+) (passed|failed|error)")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        port: int = holder.getsockname()[1]
        return port


def run_tests(address: str) -> dict[str, object]:
    """The counts and the time of one run; an empty address is `poly dev`."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", TESTS],
        cwd=ROOT,
        env={**os.environ, "POLYRHYTHM_TEMPORAL": address},
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout[-2000:])
    counts = {word: int(number) for number, word in COUNTS.findall(done.stdout)}
    return {**counts, "exit": done.returncode, "seconds": round(time.monotonic() - began, 1)}


def run_on_temporal() -> dict[str, object]:
    """The same against a real server."""
    with tempfile.TemporaryDirectory() as folder:
        address = f"127.0.0.1:{free_port()}"
        command = [sys.executable, str(START), "--port", address.rpartition(":")[2]]
        command += ["--db-filename", f"{folder}/real.db"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            while "accepts calls" not in (line := server.stdout.readline()):
                assert line, (
                    "the real server did not start: run `make servers WHICH=temporal` first"
                )
            return run_tests(address)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


def main() -> int:
    """Run both, write the figures, say whether all passed."""
    parser = argparse.ArgumentParser(description="tests of backends, with evidence")
    parser.add_argument("--json", type=Path, default=ROOT / "docs" / "evidence" / "backends.json")
    options = parser.parse_args()
    found = {
        "what": f"{TESTS}: every test for poly:// and for temporal://",
        "command": "python tools/backends.py",
        "commit": commit(),
        "poly dev": run_tests(""),
        "Temporal server 1.31.2": run_on_temporal(),
    }
    options.json.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))
    bad = [one for one in found.values() if isinstance(one, dict) and one["exit"]]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
