"""What the stores cost: commits of one and of many runs, loads, scans and lists, as JSON.

    python bench/store.py [--rows N] [--dir DIRECTORY] [--set checkpoint_pages=1000 ...]

Times are microseconds; `cpu` is processor time of this process, so it holds on a loaded machine.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from polyrhythm.base.work import LineName, WorkLine, encode_work
from polyrhythm.stores.memory import MemoryStore
from polyrhythm.stores.port import Batch, LogRow, RunFilter, RunRow, RunWrite, Store
from polyrhythm.stores.sqlite import SqliteSettings, SqliteStore

EVENTS = os.urandom(1700)
NOTES = os.urandom(300)
START_NS = 1_700_000_000_000_000_000


def waits(now: int) -> str:
    """One workflow task in line."""
    return encode_work([WorkLine(1, "shop", 3, "", now, 1)])


def new_run(key: int) -> RunWrite:
    """A run of an order, one second after the last, with one row of 2 kB."""
    now = START_NS + key * 1_000_000
    row = RunRow(
        run_key=key,
        namespace_key=1,
        kind=1,
        workflow_id=f"order-{key * 7919 % 1_000_003:07}",
        run_id=f"0190a6c2-{key % 65536:04x}-7abc-8def-{key:012x}",
        first_run_id=f"0190a6c2-{key % 65536:04x}-7abc-8def-{key:012x}",
        workflow_type="checkout",
        task_queue="shop",
        start_ns=now,
        execution_ns=now,
        status=1,
        due_ns=now + 10_000_000_000,
        work=waits(now),
        history_events=3,
        history_bytes=1700,
        transitions=1,
        memo=b"",
        search_attributes=b"x" * 40,
    )
    return RunWrite(row, created=True, log=LogRow(key, 1, 1, 3, EVENTS, NOTES))


def next_step(write: RunWrite, sequence: int, closing: bool) -> RunWrite:
    """The run's next commit: a timer moves, work is taken, at last it closes."""
    row = write.row
    now = row.start_ns + sequence * 1_000_000
    row.due_ns = 0 if closing else now + 10_000_000_000
    row.work = "" if sequence % 2 == 0 else waits(now)
    row.history_events += 3
    row.history_bytes += 1700
    row.transitions += 1
    if closing:
        row.status, row.close_ns, row.work = 2, now, ""
    first = 1 + 3 * (sequence - 1)
    log = LogRow(row.run_key, sequence, first, 3, EVENTS, NOTES)
    return RunWrite(row, log=log)


class Timing:
    """Wall and processor time of a block, by name."""

    def __init__(self, figures: dict, name: str, count: int) -> None:
        self.figures, self.name, self.count = figures, name, count

    def __enter__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def __exit__(self, *exception: object) -> None:
        wall, cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu
        self.figures[self.name] = {
            "count": self.count,
            "wall_us": round(wall / self.count * 1e6, 2),
            "cpu_us": round(cpu / self.count * 1e6, 2),
        }


def measure_commits(store: Store, epoch: int, figures: dict, rows: int) -> None:
    """Fill the store: most of it in batches of 200, then single runs and their steps."""
    singles = 500
    key = 0
    batches = (rows - singles) // 200
    work = [[new_run(key := key + 1) for _ in range(200)] for _ in range(batches)]
    worst = 0.0
    with Timing(figures, "create_in_batch_of_200", batches * 200):
        for runs in work:
            before = time.perf_counter()
            store.commit(Batch(0, epoch, START_NS, runs))
            worst = max(worst, time.perf_counter() - before)
    figures["create_in_batch_of_200"]["worst_commit_ms"] = round(worst * 1e3, 2)
    for closing, name in ((False, "update_in_batch_of_200"), (True, "close_in_batch_of_200")):
        steps = [[next_step(w, 3 if closing else 2, closing) for w in runs] for runs in work[:50]]
        with Timing(figures, name, len(steps) * 200):
            for runs in steps:
                store.commit(Batch(0, epoch, START_NS, runs))
    alone = [new_run(key := key + 1) for _ in range(singles)]
    with Timing(figures, "create_alone", singles):
        for write in alone:
            store.commit(Batch(0, epoch, START_NS, [write]))
    steps = [[next_step(write, 2, False)] for write in alone]
    with Timing(figures, "update_alone", singles):
        for runs in steps:
            store.commit(Batch(0, epoch, START_NS, runs))


def measure_reads(store: Store, figures: dict, rows: int) -> None:
    """Reads over the filled store."""
    keys = [1 + i * 7919 % rows for i in range(2000)]
    with Timing(figures, "load_run", len(keys)):
        for key in keys:
            store.load_run(key, 1)
    with Timing(figures, "find_current", len(keys)):
        for key in keys:
            store.find_current(1, 1, f"order-{key * 7919 % 1_000_003:07}")
    with Timing(figures, "read_log", len(keys)):
        for key in keys:
            store.read_log(key, 1, 100)
    scans = {
        "scan_due_1000": lambda: store.scan_due((0, 0), 1000),
        "scan_work_1000": lambda: store.scan_work(LineName(1, 1, "shop", 3, ""), (0, 0), 1000),
        "scan_work_queues": store.scan_work_queues,
        "scan_owing": lambda: store.scan_owing(0, 1000),
        "list_100": lambda: store.list_runs(RunFilter(1, limit=100)),
        "list_100_closed": lambda: store.list_runs(RunFilter(1, statuses=[2], limit=100)),
        "list_none_of_type": lambda: store.list_runs(RunFilter(1, workflow_types=["x"])),
        "count_all": lambda: store.count_runs(RunFilter(1)),
        "count_of_status": lambda: store.count_runs(RunFilter(1, statuses=[2])),
        "count_of_type": lambda: store.count_runs(RunFilter(1, workflow_types=["x"])),
        "run_key_last": store.run_key_last,
    }
    for name, scan in scans.items():
        with Timing(figures, name, 5):
            for _ in range(5):
                scan()


def main() -> None:
    """Measure each store in turn and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--dir", default=None)
    parser.add_argument("--stores", default="full,normal,memory,dict")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    arguments = parser.parse_args()
    changed = {name: int(value) for name, value in (s.split("=") for s in arguments.set)}
    report: dict = {"command": " ".join(sys.argv), "rows": arguments.rows}
    for name in arguments.stores.split(","):
        with tempfile.TemporaryDirectory(dir=arguments.dir) as folder:
            path = ":memory:" if name == "memory" else str(Path(folder) / "bench.db")
            store: Store
            if name == "dict":
                store = MemoryStore()
            else:
                store = SqliteStore(path, SqliteSettings(durability=name, **changed))
            figures: dict = {}
            epoch = store.claim_lane(0, "bench", "").epoch
            measure_commits(store, epoch, figures, arguments.rows)
            measure_reads(store, figures, arguments.rows)
            store.close()
            if name in ("full", "normal"):
                figures["file_mb"] = round(os.path.getsize(path) / 1e6, 1)
            report[name] = figures
    json.dump(report, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
