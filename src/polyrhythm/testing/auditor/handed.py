"""Tasks that were handed to workers: one attempt is handed out once, whatever crashes.

What a worker is told about its task must be in the log: the start of the attempt, and a history
without gaps that ends with it.
"""

from __future__ import annotations

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

    def workflow_task(self, view: RunView, task: Any, eager_request: str = "") -> None:
        """Take in a workflow task that a worker was given; `eager_request` is the request id of
        the start it came with, whose repetition may be answered with the same task."""
        key = (view.run_id, task.started_event_id, task.attempt)
        again = bool(eager_request) and self.seen.get(key) == eager_request
        require(
            again or key not in self.seen, "handed out twice", f"{view.name}: workflow task {key}"
        )
        self.seen[key] = eager_request
        self.tasks[task.task_token] = key
        require(
            view.going or key[1:] <= view.last_start,
            "acknowledged",
            f"{view.name}: {key} handed out, the log's last start is {view.last_start}",
        )
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
            if task.attempt == 1 or last < task.started_event_id - 1:
                same = last <= len(view.events) and event == view.events[last - 1]
                require(same, "history", f"{view.name}: event {last} is not as in the log")
        ends = last == task.started_event_id or bool(task.next_page_token)
        require(ends, "history", f"{view.name}: task {key} with history to {last}")

    def activity_task(self, view: RunView, task: Any) -> None:
        """Take in an activity that a worker was given."""
        scheduled_id = next(
            event.event_id
            for event in reversed(view.events)
            if event.activity_task_scheduled_event_attributes.activity_id == task.activity_id
        )
        key = (view.run_id, scheduled_id, task.attempt)
        require(key not in self.seen, "handed out twice", f"{view.name}: activity {key}")
        self.seen[key] = ""
        self.activities[task.task_token] = key
        require(
            view.going or (scheduled_id, task.attempt) in view.activity_starts,
            "acknowledged",
            f"{view.name}: {key} handed out, not started in the log",
        )
