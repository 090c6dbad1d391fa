"""10,000 schedules spread over a minute: how late their actions are, and what they cost.

    python bench/schedules.py [--schedules 10000] [--minutes 2] [--out docs/evidence/schedules.json]

The engine alone: a lane on one SQLite file, one durable commit a turn, driven by the clock in one
thread. Every schedule fires once a minute and allows overlaps; their seconds are spread evenly, so
that all of a second's fall due at one instant. Lag is from the scheduled instant to the end of the
commit that started the run. First the same schedules are due in an hour: what that costs in ten
seconds. Processor time is of the whole process.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import temporalio.api.workflowservice.v1 as ws
from lane import Engine
from temporalio.api.enums.v1 import ScheduleOverlapPolicy

from polyrhythm.base.collector import settle_collector
from polyrhythm.base.entities import EntityKind
from polyrhythm.testing.evidence import commit

AT_ONCE = 500
GOAL_P99_MS = 250
IDLE_S = 10
MINUTE_S = 60


def main() -> int:
    """Measure, print and keep; exit code 1 when the goal is missed."""
    options = parse_args()
    settle_collector()
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        idle = measure_idle(Path(folder) / "idle.db", options.schedules)
        busy = measure_busy(Path(folder) / "busy.db", options.schedules, options.minutes)
    met = busy["lag_ms"]["p99"] <= GOAL_P99_MS
    report = {
        "what": "schedules of one lane on one SQLite file, durability full, no wire",
        "command": f"python bench/schedules.py --schedules {options.schedules}"
        f" --minutes {options.minutes}",
        "commit": commit(),
        "python": platform.python_version(),
        "schedules": options.schedules,
        "goals": {"lag_p99_ms": GOAL_P99_MS, "met": met},
        "not_due": idle,
        "due_each_minute": busy,
    }
    text = json.dumps(report, indent=1)
    print(text)
    if options.out:
        options.out.write_text(text + "\n", encoding="utf-8")
    return 0 if met else 1


def measure_idle(file: Path, count: int) -> dict[str, float]:
    """Keep schedules that are due in an hour."""
    engine = Engine(file)
    hour_s = 3600
    # Every second of the hour but those that the measurement takes.
    created_s = create(engine, count, hour_s, int(time.time()) % hour_s + hour_s // 2, hour_s // 4)
    began, cpu = time.time(), time.process_time()
    turns = 0
    while time.time() - began < IDLE_S:
        turns += drive(engine, began + IDLE_S) is not None
    spent = (time.process_time() - cpu) / IDLE_S
    return {"created_s": created_s, "turns": turns, "cpu_share": round(spent, 5)}


def measure_busy(file: Path, count: int, minutes: int) -> dict[str, object]:
    """Let schedules fire for some minutes, and see how late they are."""
    engine = Engine(file)
    create(engine, count, MINUTE_S, 0, MINUTE_S)
    begun = int(time.time()) // MINUTE_S * MINUTE_S + MINUTE_S
    # The second at which it begins belongs to it.
    while time.time() < begun - 0.5:
        drive(engine, begun - 0.5)
    cpu, lags = time.process_time(), list[float]()
    until = begun + minutes * MINUTE_S
    # The whole second before the end belongs to it.
    while time.time() < until - 0.5:
        lags += drive(engine, until - 0.5) or []
    cpu = time.process_time() - cpu
    lags.sort()
    return {
        "actions": len(lags),
        "wanted": count * minutes,
        "lag_ms": {
            "median": round(lags[len(lags) // 2], 1),
            "p99": round(lags[len(lags) * 99 // 100], 1),
            "max": round(lags[-1], 1),
        },
        "cpu_share": round(cpu / (minutes * MINUTE_S), 3),
        "cpu_ms_an_action": round(cpu * 1000 / max(1, len(lags)), 3),
    }


def create(engine: Engine, count: int, every_s: int, phase_s: int, spread_s: int) -> float:
    """Create schedules that fire once in so many seconds, spread over some of them."""
    began = time.time()
    for first in range(0, count, AT_ONCE):
        numbers = range(first, min(first + AT_ONCE, count))
        engine.turn(
            request(number, every_s, (phase_s + number * spread_s // count) % every_s)
            for number in numbers
        )
    return round(time.time() - began, 2)


def request(number: int, every_s: int, phase_s: int) -> ws.CreateScheduleRequest:
    """Create one schedule."""
    wanted = ws.CreateScheduleRequest(namespace="default", schedule_id=f"schedule-{number}")
    wanted.request_id = wanted.schedule_id
    interval = wanted.schedule.spec.interval.add()
    interval.interval.seconds, interval.phase.seconds = every_s, phase_s
    wanted.schedule.policies.overlap_policy = (
        ScheduleOverlapPolicy.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL
    )
    action = wanted.schedule.action.start_workflow
    action.workflow_id = f"run-{number}"
    action.workflow_type.name = action.task_queue.name = "bench"
    return wanted


def drive(engine: Engine, until: float) -> list[float] | None:
    """Wait for the next turn and take it; return how late its starts were, None without a turn."""
    lane = engine.lane
    next_ns = lane.next_ns()
    if not lane.busy:
        wait_s = min(next_ns / 1e9, until) - time.time()
        if wait_s > 0:
            time.sleep(wait_s)
        if time.time_ns() < next_ns:
            return None
    progress = lane.begin(time.time_ns())
    while lane.decide(progress):
        pass
    turn = progress.desk.turn
    lane.commit(progress)
    done = time.time()
    lane.perform(progress)
    return [
        (done - scheduled(turn.touched[key].state.workflow_id)) * 1000
        for key, staged in turn.staged.items()
        if staged.created and turn.touched[key].kind == EntityKind.WORKFLOW
    ]


def scheduled(workflow_id: str) -> float:
    """Return the instant that a run was scheduled for: its id ends with it."""
    return datetime.strptime(workflow_id[-20:], "%Y-%m-%dT%H:%M:%S%z").timestamp()


def parse_args() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--minutes", type=int, default=2)
    parser.add_argument("--dir", help="where the files are kept while it runs")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
