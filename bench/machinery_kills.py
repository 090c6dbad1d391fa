"""Workers, publishers, the server and Redis killed at random: what is lost, doubled or stuck.

    python bench/machinery_kills.py [--minutes 10] [--seed 1] [--out docs/evidence/FILE.json]

Two worker processes share one file, so one of them is the server of both; a publisher sends calls
and chords over Redis and writes down what was acknowledged. Every few seconds one of the four is
killed with SIGKILL and started again. In the end every acknowledged call has one result, the right
one; its effect, a line in a file, is there at least once; every chord's callback has run; and no
message is in hand, delayed or dead.
"""

import argparse
import asyncio
import json
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from polyrhythm import Machinery
from polyrhythm.brokers.errors import BrokerDown
from polyrhythm.dialects.machinery import CallFailed, Signature, call
from polyrhythm.testing.evidence import commit
from redis_servers import RedisServer, redis_server

WORKER = Path(__file__).resolve().parents[1] / "tests" / "machinery_worker.py"
MEMBERS = 3
PAUSE_S = (1.0, 4.0)
BETWEEN_CALLS_S = 0.02
ENDING_S = 120
FINDINGS = ("lost results", "wrong results", "lost effects", "left in hand", "delayed", "dead")


async def publish(url: str, folder: Path, life: int) -> None:
    """Send for ever: write down what is about to be sent, then that it was acknowledged."""
    with (folder / "sent").open("a", encoding="utf-8") as log:
        async with Machinery(url) as work:
            for number in range(10_000_000):
                a = life * 1_000_000 + number * 10
                name, wanted = f"task_{a}", a + 1
                is_chord = number % 5 == 0
                if is_chord:
                    name, wanted = f"chord_{a}", sum(a + n + 1 for n in range(MEMBERS))
                await send(work, name, a, is_chord)
                log.write(json.dumps([name, wanted, a, is_chord]) + "\n")
                log.flush()
                await asyncio.sleep(BETWEEN_CALLS_S)


async def send(work: Machinery, name: str, a: int, is_chord: bool) -> None:
    """Send one call or chord, as soon as Redis takes it."""
    while True:
        try:
            if is_chord:
                members: list[Signature] = [call("add", a + n, 1) for n in range(MEMBERS)]
                await work.send_chord(call("total", uuid=name), *members)
            else:
                await work.send(call("add", a, 1, uuid=name))
        except BrokerDown:
            await asyncio.sleep(0.2)
        else:
            return


class Rig:
    """The four processes."""

    def __init__(self, folder: Path, server: RedisServer) -> None:
        self.folder = folder
        self.server = server
        self.kills: Counter[str] = Counter()
        self._life = 0
        self._processes: dict[str, subprocess.Popen[str]] = {}
        for name in ("worker 1", "worker 2", "publisher"):
            self._start(name)

    def kill(self, name: str) -> None:
        """Kill one and start it again."""
        self.kills[name] += 1
        if name == "redis":
            self.server.restart()
        else:
            self.end(name)
            self._start(name)

    def end(self, name: str) -> None:
        """Kill one."""
        process = self._processes.pop(name)
        process.kill()
        process.communicate()

    def _start(self, name: str) -> None:
        url, effects = self.server.url, str(self.folder / "effects")
        command = [sys.executable, str(WORKER), str(self.folder / "shared.db"), url, url, effects]
        if name == "publisher":
            self._life += 1
            command = [sys.executable, __file__, "--publish", url, str(self.folder)]
            command.append(str(self._life))
        log = (self.folder / f"{name}.log").open("a", encoding="utf-8")
        with log:
            self._processes[name] = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, text=True
            )


async def audit(rig: Rig) -> dict[str, object]:
    """Wait for what was acknowledged; return counts and findings."""
    sent = [json.loads(line) for line in (rig.folder / "sent").read_text().splitlines()]
    findings: Counter[str] = Counter(dict.fromkeys(FINDINGS, 0))
    until = time.monotonic() + ENDING_S
    async with Machinery(rig.server.url) as work:
        for name, wanted, _, _ in sent:
            try:
                left_s = max(1.0, until - time.monotonic())
                value = await work.reply(name).result(timeout=left_s)
                findings["wrong results"] += value != wanted
            except (TimeoutError, CallFailed) as error:
                print("lost:", name, repr(error))
                findings["lost results"] += 1
        client = work._ledger.broker.client
        for _ in range(ENDING_S):
            in_hand = [key async for key in client.scan_iter("*:in-hand:*")]
            queued = await client.llen("machinery_tasks")
            if not in_hand and not queued:
                break
            await asyncio.sleep(1)
        findings["left in hand"] = len(in_hand)
        findings["delayed"] = await client.zcard("delayed_tasks")
        findings["dead"] = len(await work.dead_messages())
    effects = Counter(int(line) for line in (rig.folder / "effects").read_text().split())
    due = [a + n for _, _, a, is_chord in sent for n in range(MEMBERS if is_chord else 1)]
    findings["lost effects"] = sum(effects[one] == 0 for one in due)
    return {
        "acknowledged": {
            "calls": sum(not is_chord for *_, is_chord in sent),
            "chords": sum(is_chord for *_, is_chord in sent),
        },
        "effects": {"due": len(due), "more than once": sum(effects[one] > 1 for one in due)},
        "findings": dict(findings),
    }


def measure(minutes: float, seed: int) -> dict[str, object]:
    """Run the rig for some minutes; return its report."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder, redis_server() as server:
        rig = Rig(Path(folder), server)
        try:
            end = time.monotonic() + minutes * 60
            while time.monotonic() < end:
                time.sleep(dice.uniform(*PAUSE_S))
                rig.kill(dice.choice(("worker 1", "worker 2", "publisher", "redis")))
            rig.end("publisher")
            found = asyncio.run(audit(rig))
        finally:
            for name in ("worker 1", "worker 2", "publisher"):
                with suppress(KeyError):
                    rig.end(name)
        return {"kills": dict(rig.kills), **found}


def main() -> int:
    """Measure and write the report; 1 when anything was found."""
    parser = argparse.ArgumentParser(description="kills under load of Machinery's queue")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--publish", nargs=3, metavar=("URL", "FOLDER", "LIFE"))
    options = parser.parse_args()
    if options.publish:
        url, folder, life = options.publish
        asyncio.run(publish(url, Path(folder), int(life)))
    report = {
        "what": "Machinery on Redis while workers, publisher, server and Redis are killed",
        "command": f"python bench/machinery_kills.py --minutes {options.minutes:g}"
        f" --seed {options.seed}",
        "commit": commit(),
        "python": platform.python_version(),
        **measure(options.minutes, options.seed),
    }
    text = json.dumps(report, indent=2) + "\n"
    print(text, end="")
    if options.out:
        options.out.write_text(text, encoding="utf-8")
    findings = report["findings"]
    assert isinstance(findings, dict)
    return int(any(findings.values()))


if __name__ == "__main__":
    sys.exit(main())
