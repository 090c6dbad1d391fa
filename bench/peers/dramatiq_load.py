"""Dramatiq on Redis: sends N tasks and waits for every result.

dramatiq dramatiq_load -p 1 -t 8        the worker
python dramatiq_load.py N               the load; bench/tasks.py starts both
"""

import json
import sys
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

URL = "redis://127.0.0.1:7890"
broker = RedisBroker(url=f"{URL}/2")
broker.add_middleware(Results(backend=RedisBackend(url=f"{URL}/3")))
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True)
def add(one, two):
    return one + two


if __name__ == "__main__":
    count = int(sys.argv[1])
    add.send(1, 1).get_result(block=True, timeout=20_000)
    began = time.perf_counter()
    messages = [add.send(number, 1) for number in range(count)]
    sent = time.perf_counter() - began
    for number, message in enumerate(messages):
        assert message.get_result(block=True, timeout=60_000) == number + 1
    ended = time.perf_counter() - began
    print(json.dumps({"tasks_per_s": count / ended, "enqueue_per_s": count / sent}))
