"""Tasks that were handed to workers: one attempt is handed out once, whatever crashes.

What a worker is told about its task must be in the log: the start of the attempt, and a history
without gaps that ends with it. Attempts whose number comes again (of an activity that was reset, of
a speculative task that left no trace) are handed out as often as the log says they started.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from polyrhythm.testing.auditor.finding import require
from polyrhythm.testing.auditor.view import RunView

Attempt = tuple[str, int, int]


@dataclass(slots=True)
class Handed:
    """Attempts by task token: (run id, started event id or scheduled event id, attempt)."""

    tasks: dict[bytes, Attempt] = field(default_factory=dict)
    activities: dict[bytes, Attempt] = field(default_factory=dict)
    seen: dict[Attempt, str] = field(default_factory=dict)
    counts: Counter[Attempt] = field(default_factory=Counter)

    def workflow_task(self, view: RunView, task: Any, eager_request: str = "") -> None:
        """Take in a workflow task that a worker was given; `eager_request` is the request id of
        the start it came with, whose repetition may be answered with the same task."""
        key = (view.run_id, task.started_event_id, task.attempt)
        again = bool(eager_request) and self.seen.get(key) == eager_request
        place = (task.started_event_id, task.attempt)
        self.seen[key] = eager_request
        self.tasks[task.task_token] = key
        require(
            view.going or view.starts[place],
            "acknowledged",
            f"{view.name}: {key} handed out, the log's last start is {view.last_start}",
        )
        if not again:
            self._count(view, key, view.starts[place], "workflow task")
        if view.going:
            return
        events = list(task.history.events)
        if not events:
            require(task.next_page_token, "history", f"{view.name}: a task without history")
            return
        first = events[0].event_id
        whole = first in (1, task.previous_started_event_id + 1)
        require(whole, "history", f"{view.name}: task history from {first}")
        last = 0
        for event in events:
            require(event.event_id == (last or first - 1) + 1, "history", f"{view.name}: gap")
            last = event.event_id
            if place not in view.unwritten_starts or last < task.started_event_id - 1:
                same = last <= len(view.events) and event == view.events[last - 1]
                require(same, "history", f"{view.name}: event {last} is not as in the log")
        ends = last == task.started_event_id or bool(task.next_page_token)
        require(ends, "history", f"{view.name}: task {key} with history to {last}")

    def activity_task(self, view: RunView, task: Any) -> None:
        """Take in an activity that a worker was given."""
        found = [
            event.event_id
            for event in view.events
            if event.activity_task_scheduled_event_attributes.activity_id == task.activity_id
        ]
        # A run that this very step deletes may have scheduled it in the step.
        known = bool(found) or view.going
        require(
            known, "acknowledged", f"{view.name}: {task.activity_id} handed out, never scheduled"
        )
        scheduled_id = found[-1] if found else 0
        key = (view.run_id, scheduled_id, task.attempt)
        self.activities[task.task_token] = key
        started = view.activity_starts[scheduled_id, task.attempt]
        require(
            view.going or started,
            "acknowledged",
            f"{view.name}: {key} handed out, not started in the log",
        )
        self._count(view, key, started, "activity")
        told = task.heartbeat_details.SerializeToString()
        same = view.going or told in view.start_details[scheduled_id, task.attempt]
        require(same, "heartbeat", f"{view.name}: {key} is told {told!r}")

    def _count(self, view: RunView, key: Attempt, started: int, what: str) -> None:
        self.counts[key] += 1
        known = view.going or self.counts[key] <= started
        require(known, "handed out twice", f"{view.name}: {what} {key}")
