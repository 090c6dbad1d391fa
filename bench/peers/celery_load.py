"""Celery on Redis: sends N tasks and waits for every result.

celery -A celery_load worker -c 2       the worker
python celery_load.py N                 the load; bench/tasks.py starts both
"""

import json
import sys
import time

from celery import Celery

URL = "redis://127.0.0.1:7890"
app = Celery("celery_load", broker=f"{URL}/0", backend=f"{URL}/1")


@app.task(name="celery_load.add")
def add(one, two):
    return one + two


if __name__ == "__main__":
    count = int(sys.argv[1])
    add.delay(1, 1).get(timeout=20)
    began = time.perf_counter()
    results = [add.delay(number, 1) for number in range(count)]
    sent = time.perf_counter() - began
    for number, result in enumerate(results):
        assert result.get(timeout=60) == number + 1
    ended = time.perf_counter() - began
    print(json.dumps({"tasks_per_s": count / ended, "enqueue_per_s": count / sent}))
