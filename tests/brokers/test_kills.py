"""Workers and brokers are killed under load: every result comes, every effect is there."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from machinery_shop import run, until
from polyrhythm import Machinery
from polyrhythm.brokers.errors import BrokerDown
from polyrhythm.dialects.machinery.sender import call
from rabbit_servers import rabbit_server
from redis_servers import redis_server
from tidy.source import ROOT

WORKER = ROOT / "tests" / "machinery_worker.py"
CALLS, CHORDS, ROUNDS = 60, 8, 4
RESULT_S = 60


class Workers:
    """Processes that serve one queue, each with a file of its own."""

    def __init__(self, folder: Path, urls: tuple[str, str], count: int = 2) -> None:
        self._folder = folder
        self._urls = urls
        self.processes = [self._start(number) for number in range(count)]

    @property
    def effects(self) -> Path:
        """What tasks did, a line each time."""
        return self._folder / "effects"

    def _start(self, number: int) -> "subprocess.Popen[str]":
        file = self._folder / f"worker{number}.db"
        command = [sys.executable, str(WORKER), str(file), *self._urls, str(self.effects)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline(), "a worker did not start"
        return process

    def kill(self, number: int) -> None:
        """Kill a worker and start it again on its file."""
        self._end(self.processes[number])
        self.processes[number] = self._start(number)

    def close(self) -> None:
        """Kill all."""
        for process in self.processes:
            self._end(process)

    @staticmethod
    def _end(process: "subprocess.Popen[str]") -> None:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


async def work_under_fire(server, results_url, folder, seed):
    """Send calls and chords while workers and the broker are killed; check results and effects."""
    dice = random.Random(seed)
    urls = (server.url, results_url)
    workers = Workers(folder, urls)
    try:
        async with Machinery(*urls) as work:
            replies = []
            for round_number in range(ROUNDS):
                for number in range(CALLS // ROUNDS):
                    a = round_number * 1000 + number
                    replies.append((a + 1, await patient(work.send, call("add", a, 1))))
                for _ in range(CHORDS // ROUNDS):
                    members = [call("add", n, 1) for n in range(3)]
                    chord = await patient(work.send_chord, call("total"), *members)
                    replies.append((6, chord))
                workers.kill(dice.randrange(2))
                if round_number == ROUNDS // 2:
                    server.restart()
            for wanted, reply in replies:
                assert await reply.result(timeout=RESULT_S) == wanted
            assert await work.dead_messages() == []
    finally:
        workers.close()
    done = {int(line) for line in workers.effects.read_text().split()}
    assert done >= {r * 1000 + n for r in range(ROUNDS) for n in range(CALLS // ROUNDS)}


async def patient(send, *signatures):
    """Send as soon as the broker takes it."""
    reply = None

    async def sent():
        nonlocal reply
        try:
            reply = await send(*signatures)
        except BrokerDown:
            return False
        return True

    await until(sent)
    return reply


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_lost_on_redis(tmp_path, seed):
    with redis_server() as server:
        run(work_under_fire(server, server.url, tmp_path, seed))


@pytest.mark.xdist_group("rabbitmq")
def test_nothing_is_lost_on_rabbitmq(tmp_path):
    with rabbit_server() as broker, redis_server() as results:
        # Machinery declares queues of results as transient: a restart would end them.
        run(work_under_fire(broker, results.url, tmp_path, 3))
