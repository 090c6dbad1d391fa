"""Runs examples/machinery: its Go producer and its Python worker, which is killed in between.

    python example.py PROGRAM

`make programs` builds the producer and runs this. The exit code is 1 when the report is not what
the files of the documents say.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from redis_servers import redis_server

ROOT = Path(__file__).resolve().parents[3]
WORKER = ROOT / "examples" / "machinery" / "worker.py"
DOCUMENTS = ROOT / "docs"
RUN_S = 60


def main(program: str) -> int:
    """Run both sides and compare the report."""
    os.environ["SERVERS_REQUIRED"] = "1"
    words = [len(file.read_text().split()) for file in DOCUMENTS.rglob("*.md")]
    wanted = f"{len(words)} files, {sum(words)} words, {max(words)} in the longest"
    with redis_server() as server, tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "REDIS_URL": server.url}
        address = server.url.removeprefix("redis://")
        producer = subprocess.Popen(
            [program, address, str(DOCUMENTS)], stdout=subprocess.PIPE, text=True
        )
        for killed in (True, False):
            worker = subprocess.Popen(
                [sys.executable, str(WORKER)],
                cwd=folder,
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            try:
                assert worker.stdout is not None
                worker.stdout.readline()
                said = "" if killed else producer.communicate(timeout=RUN_S)[0]
            finally:
                worker.kill()
                worker.communicate()
    good = wanted in said
    print(f"{'ok  ' if good else 'FAIL'} {said.strip()}; wanted {wanted}")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
