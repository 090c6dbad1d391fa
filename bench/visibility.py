"""What lists cost over many closed runs: pages and counts by type, status and attributes.

    python bench/visibility.py [--runs 100000] [--json docs/evidence/visibility.json]

Fills a SQLite store with runs of ten types and four statuses, each with a keyword of its own choice
out of 1,000, and times each question 20 times: the median and the slowest, in milliseconds. A page
is 100 runs. The engine has no part in it: a list is one statement of the store.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from pathlib import Path

from polyrhythm.base.conditions import AllOf, Compare, Condition, HasPhrase, HasWord, Not
from polyrhythm.stores.port import Batch, LogRow, RunFilter, RunRow, RunWrite
from polyrhythm.stores.sqlite import SqliteSettings, SqliteStore

ROUNDS = 20
PAGE = 100
BATCH = 1000
SECOND_NS = 1_000_000_000


def row(key: int) -> RunRow:
    """A closed run; what it has is spread evenly, and type-9 is one run in a thousand."""
    kind = 9 if key % 1000 == 0 else key % 9
    values = {
        "Customer": f"customer-{key * 7919 % 1000}",
        "Tags": [f"tag-{key % 50}", "all"],
        "Note": {"text": f" order {key % 100} paid "},
    }
    return RunRow(
        run_key=key,
        namespace_key=1,
        kind=1,
        workflow_id=f"order-{key}",
        run_id=f"run-{key}",
        first_run_id=f"run-{key}",
        workflow_type=f"type-{kind}",
        task_queue="orders",
        start_ns=key * SECOND_NS,
        execution_ns=key * SECOND_NS,
        status=2 + key % 4,
        close_ns=(key + 60) * SECOND_NS,
        history_events=11,
        search_values=json.dumps(values, separators=(",", ":")),
    )


def fill(store: SqliteStore, runs: int) -> None:
    """Write the runs, a thousand a commit."""
    epoch = store.claim_lane(0, "bench", "").epoch
    for first in range(1, runs + 1, BATCH):
        batch = Batch(0, epoch, first)
        for key in range(first, min(first + BATCH, runs + 1)):
            log = LogRow(key, 1, 1, 11, b"e" * 600, b"")
            batch.runs.append(RunWrite(row(key), created=True, log=log))
        store.commit(batch)


QUESTIONS: dict[str, Condition] = {
    "type_and_status": AllOf([Compare("workflow_type", "=", "type-3"), Compare("status", "=", 3)]),
    "rare_type": Compare("workflow_type", "=", "type-9"),
    "no_such_type": Compare("workflow_type", "=", "type-x"),
    "keyword": Compare("Customer", "=", "customer-7"),
    "keyword_and_status": AllOf(
        [Compare("Customer", "=", "customer-7"), Compare("status", "=", 3)]
    ),
    "list_word": HasWord("Tags", ["tag-7"]),
    "not_keyword": Not(Compare("Customer", "=", "customer-7")),
    "text": HasPhrase("Note", [" order 7 "]),
}


def measure(store: SqliteStore) -> dict[str, dict[str, float]]:
    """Time every question as a page and as a count."""
    found = {}
    for name, condition in QUESTIONS.items():
        wanted = RunFilter(1, condition=condition, divided=False, limit=PAGE)
        found[f"page_{name}"] = timed(lambda wanted=wanted: store.list_runs(wanted))
        found[f"count_{name}"] = timed(lambda wanted=wanted: store.count_runs(wanted))
    everything = RunFilter(1, divided=False, limit=PAGE)
    found["page_all"] = timed(lambda: store.list_runs(everything))
    found["count_by_status"] = timed(lambda: store.count_by_status(everything))
    return found


def timed(ask) -> dict[str, float]:
    """Return the median and the slowest of some rounds, in milliseconds."""
    spans = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        ask()
        spans.append((time.perf_counter() - begun) * 1000)
    return {"median_ms": round(statistics.median(spans), 2), "max_ms": round(max(spans), 2)}


def main() -> None:
    """Fill, measure, print, and keep the figures where they are wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = SqliteSettings(durability="normal", reserve_bytes=0)
        store = SqliteStore(Path(folder) / "bench.db", settings)
        fill(store, options.runs)
        found = measure(store)
        store.close()
    for name, figures in found.items():
        print(f"{name:26} {figures['median_ms']:9.2f} ms   slowest {figures['max_ms']:9.2f} ms")
    if options.json:
        command = f"python bench/visibility.py --runs {options.runs} --json {options.json}"
        machine = f"{platform.machine()}, Python {platform.python_version()}"
        kept = {"command": command, "machine": machine, "runs": options.runs, "figures": found}
        options.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
