"""A long-running sync that may be stopped, or killed, at any moment and goes on where it was.

    python examples/native/stock_sync.py [STOCK.csv] [SECONDS_A_ROW]

Copies a stock list batch by batch into ./warehouse.sqlite. Each step with its time and success is
part of the run and can be asked for while it works and afterwards. Ctrl-C and SIGTERM finish the
batch in hand and end; after `kill -9` the batch in hand goes on at the row of its last heartbeat.
Start it again, as often as you like: it joins the run that is open.
"""

import csv
import signal
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from polyrhythm import App, IdConflict, Permanent, Query, TaskFailed, task, wf

INPUT = Path(__file__).parent / "input" / "stock.csv"
TARGET = Path("warehouse.sqlite")
BATCH_ROWS = 5

app = App("stock-sync", stop="10s")


@dataclass
class Job:
    source: str
    row_s: float


@dataclass
class Step:
    number: int
    ended: datetime
    success: bool
    said: str


STEPS = Query("steps", list[Step])


@app.task
def count_rows(job: Job) -> int:
    with closing(sqlite3.connect(TARGET)) as db, db:
        db.execute("CREATE TABLE IF NOT EXISTS stock (item PRIMARY KEY, count, written)")
    return len(read_rows(job.source))


@app.task(timeout="10m", heartbeat="2s", retry=5)
def copy_batch(job: Job, first: int) -> str:
    """Copy some rows; the heartbeat tells the next attempt how far this one came."""
    done = task.last_heartbeat(int) or 0
    rows = read_rows(job.source)[first : first + BATCH_ROWS]
    for number, row in enumerate(rows[done:], done + 1):
        time.sleep(job.row_s)  # as slow as the network of a warehouse
        if not row["count"].isdigit():
            raise Permanent(f"{row['item']} has count {row['count']!r}")
        with closing(sqlite3.connect(TARGET)) as db, db:
            sql = """INSERT INTO stock VALUES (:item, :count, 1) ON CONFLICT (item)
                     DO UPDATE SET count = excluded.count, written = written + 1"""
            db.execute(sql, row)
        task.heartbeat(number)
    return f"{len(rows)} rows"


@app.workflow
async def sync(job: Job) -> list[Step]:
    steps: list[Step] = []
    STEPS.handler(lambda: steps)
    for first in range(0, await count_rows(job), BATCH_ROWS):
        try:
            said, success = await copy_batch(job, first), True
        except TaskFailed as error:
            said, success = str(error.cause), False
        steps.append(Step(len(steps) + 1, wf.now(), success, said))
        wf.logger.info("step %d: %s", len(steps), said)
    return steps


def read_rows(source: str) -> list[dict[str, str]]:
    with open(source, newline="") as lines:
        return list(csv.DictReader(lines))


def show(steps: list[Step]) -> None:
    for step in steps:
        mark = "ok    " if step.success else "failed"
        print(f"step {step.number:<3} {step.ended:%H:%M:%S.%f} {mark} {step.said}", flush=True)


def main(source: Path = INPUT, row_s: float = 0.01) -> None:
    # Python itself raises at Ctrl-C only; then the block below is left in order.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    shown = 0
    try:
        with app:
            named = sync.options(id="stock-sync", id_conflict=IdConflict.JOIN)
            run = named.start(Job(str(source.resolve()), row_s))
            while True:
                try:
                    steps = run.result(timeout="200ms")
                    break
                except TimeoutError:
                    known = run.query(STEPS)
                    show(known[shown:])
                    shown = len(known)
    except KeyboardInterrupt:
        print("stopped in order; start it again to go on", flush=True)
        return
    show(steps[shown:])
    print(f"{sum(step.success for step in steps)} of {len(steps)} steps succeeded", flush=True)


if __name__ == "__main__":
    source, *pace = sys.argv[1:] or [str(INPUT)]
    main(Path(source), *map(float, pace))
