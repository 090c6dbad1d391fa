"""The rules of activities without a workflow, read from the bytes of their logs alone.

Shares no code with the engine. A log's notes are read in order: each is one change, and a change
must follow from the one before it (attempts by one, none before its time, no timeout before it has
passed, one end). What callers were told is held against the same logs: an answer that was taken is
there, a task that was handed out was started, an outcome is the one that stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from temporalio.api.activity.v1 import ActivityExecutionOutcome
from temporalio.api.enums.v1 import ActivityExecutionStatus, ActivityIdReusePolicy
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflowservice.v1 import StartActivityExecutionRequest

from polyrhythm.api import notes
from polyrhythm.testing.auditor.finding import require

_RUNNING = ActivityExecutionStatus.ACTIVITY_EXECUTION_STATUS_RUNNING
_COMPLETED = ActivityExecutionStatus.ACTIVITY_EXECUTION_STATUS_COMPLETED
_REJECT = ActivityIdReusePolicy.ACTIVITY_ID_REUSE_POLICY_REJECT_DUPLICATE
_FAILED_ONLY = ActivityIdReusePolicy.ACTIVITY_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
_TIMED_OUT = ActivityExecutionStatus.ACTIVITY_EXECUTION_STATUS_TIMED_OUT
# What an answer that was sent in time may be late by, and a step of the clock.
_SLACK_NS = 200_000_000
# Larger results end an activity as failures.
_SHOWN_MAX = 1000


@dataclass(slots=True)
class StandaloneView:
    """One activity, as its log tells it."""

    run_key: int
    asked: StartActivityExecutionRequest
    run_id: str
    created_ns: int
    attempt: notes.Activity
    status: int = _RUNNING
    outcome: bytes = b""
    # How often each attempt was started.
    starts: Counter[int] = field(default_factory=Counter)
    read: int = 0
    rows: int = 0

    @property
    def name(self) -> str:
        """How findings call it."""
        return f"activity {self.asked.activity_id} {self.run_id[:8]}"

    def timeouts_ns(self) -> list[int]:
        """Return when each timeout that runs now passes."""
        asked, attempt = self.asked, self.attempt
        found = []
        spans = [(asked.schedule_to_close_timeout, self.created_ns)]
        if attempt.started_ns:
            alive_ns = max(attempt.started_ns, attempt.heartbeat_ns)
            spans += [
                (asked.start_to_close_timeout, attempt.started_ns),
                (asked.heartbeat_timeout, alive_ns),
            ]
        else:
            spans.append((asked.schedule_to_start_timeout, attempt.available_ns))
        for span, since_ns in spans:
            if span.ToNanoseconds():
                found.append(since_ns + span.ToNanoseconds())
        return found


class StandaloneAuditor:
    """Watches the activities of one store."""

    def __init__(self) -> None:
        self.views: dict[str, StandaloneView] = {}
        self.handed: Counter[tuple[str, int]] = Counter()
        self._told: list[tuple[Any, Any]] = []
        self._by_key: dict[int, StandaloneView] = {}
        self._by_id: dict[str, list[StandaloneView]] = {}
        self._deleted: set[str] = set()
        self._tokens: set[bytes] = set()

    def told(self, request: Any, answer: Any) -> None:
        """Take in an answer that a caller got."""
        self._told.append((request, answer))

    def owns(self, request: Any, answer: Any) -> bool:
        """Whether a call that was answered is about an activity without a workflow."""
        if type(answer).__name__ == "PollActivityTaskQueueResponse" and answer.activity_run_id:
            self._tokens.add(answer.task_token)
            return True
        name = type(request).__name__
        by_id = name.endswith("ByIdRequest") and not request.workflow_id
        known = getattr(request, "task_token", b"") in self._tokens
        return known or by_id or name.endswith("ActivityExecutionRequest")

    def delete(self, run_key: int) -> bool:
        """Take in that a run was deleted; False when it is none of these."""
        view = self._by_key.get(run_key)
        if view is not None:
            self._deleted.add(view.run_id)
        return view is not None

    def unsettled(self) -> list[StandaloneView]:
        """Return the activities that have not ended."""
        open_ = [view for view in self.views.values() if view.status == _RUNNING]
        return [view for view in open_ if view.run_id not in self._deleted]

    def check(
        self, logs: Iterable[tuple[int, list[bytes]]], now_ns: int, newest_ns: int = 0
    ) -> None:
        """Read what is new in the logs (run key, notes of each row), hold promises and times.

        `now_ns`: by when everything due has happened, if that is known; `newest_ns`: the latest
        time that any turn was given, since a clock may be set back after a moment has come."""
        for run_key, rows in sorted(logs):
            known = self._by_key.get(run_key)
            if not now_ns and known is not None and known.rows == len(rows):
                continue
            written = [note for row in rows for note in notes.NoteList.FromString(row).notes]
            require(written, "append-only", f"run {run_key} has an empty log")
            created = written[0].standalone_created
            view = self.views.get(created.run_id)
            if view is None:
                view = self.views[created.run_id] = _begin(run_key, written[0])
                self._by_key[run_key] = view
                self._check_begun(view)
            for note in written[view.read :]:
                _change(view, note, newest_ns)
                view.read += 1
            view.rows = len(rows)
            if now_ns and view.status == _RUNNING:
                late = [at for at in view.timeouts_ns() if at + _SLACK_NS < now_ns]
                require(not late, "late", f"{view.name}: {late} have passed at {now_ns}")
        for request, answer in self._told:
            promise = _TOLD.get(type(answer).__name__)
            if promise is not None:
                promise(self, request, answer)
        self._told.clear()

    def _check_begun(self, view: StandaloneView) -> None:
        others = self._by_id.setdefault(view.asked.activity_id, [])
        alive = [each for each in others if each.run_id not in self._deleted]
        others.append(view)
        if not alive:
            return
        newest, policy = alive[-1], view.asked.id_reuse_policy
        require(newest.status != _RUNNING, "one open run", f"{view.name} beside {newest.name}")
        allowed = policy != _REJECT and (policy != _FAILED_ONLY or newest.status != _COMPLETED)
        require(allowed, "policy", f"{view.name} follows {newest.name}, {newest.status}")

    def started(self, _request: Any, answer: Any) -> None:
        """A start that was acknowledged is in a log."""
        require(answer.run_id in self.views, "acknowledged", f"{answer.run_id} was told of")

    def taken(self, _request: Any, task: Any) -> None:
        """A task that was handed out was started, once for each time."""
        if not task.activity_id:
            return
        view = self.views.get(task.activity_run_id)
        require(view is not None, "acknowledged", f"{task.activity_run_id} is in no log")
        assert view is not None
        key = (view.run_id, task.attempt)
        self.handed[key] += 1
        require(
            self.handed[key] <= view.starts[task.attempt],
            "handed out twice",
            f"{view.name}: attempt {task.attempt}, started {view.starts[task.attempt]} times",
        )

    def completed(self, request: Any, _answer: Any) -> None:
        """A result that was taken is the outcome that stands."""
        data = request.result.payloads[0].data
        if len(data) > _SHOWN_MAX:
            return
        found = [view for view in self.views.values() if data in view.outcome]
        require(len(found) == 1, "acknowledged", f"{data!r} was taken, and is in {found}")

    def polled(self, _request: Any, answer: Any) -> None:
        """An outcome that was told is the one that stands."""
        if not answer.HasField("outcome"):
            return
        view = self.views[answer.run_id]
        stands = ActivityExecutionOutcome.FromString(view.outcome)
        if not view.outcome:
            stands.failure.MergeFromString(view.attempt.last_failure)
        require(view.status != _RUNNING, "outcome", f"{view.name} runs, and was told to have ended")
        require(answer.outcome == stands, "outcome", f"{view.name}: told {answer.outcome}")


def _begin(run_key: int, note: notes.Note) -> StandaloneView:
    require(note.HasField("standalone_created"), "start", f"run {run_key} begins with {note}")
    created = note.standalone_created
    asked = StartActivityExecutionRequest.FromString(created.request)
    attempt = notes.Activity(attempt=1, available_ns=created.available_ns)
    return StandaloneView(run_key, asked, created.run_id, note.time_ns, attempt, read=1)


def _change(view: StandaloneView, note: notes.Note, newest_ns: int) -> None:
    require(note.HasField("standalone_changed"), "start", f"{view.name}: {note}")
    change, before, now_ns = note.standalone_changed, view.attempt, note.time_ns
    after = change.attempt
    require(view.status == _RUNNING, "ended twice", f"{view.name}: {change} after its end")
    if after.attempt != before.attempt:
        require(after.attempt == before.attempt + 1, "attempt", f"{view.name}: to {after.attempt}")
        require(before.started_ns and not after.started_ns, "attempt", f"{view.name}: {before}")
        _check_wait(view, after, now_ns)
    elif after.started_ns and after.started_ns != before.started_ns:
        require(not before.started_ns, "attempt", f"{view.name}: started while it is started")
        early = f"{view.name}: due {before.available_ns}, started {now_ns}"
        require(max(now_ns, newest_ns) >= before.available_ns, "early", early)
        view.starts[after.attempt] += 1
    if change.status == _TIMED_OUT:
        due_ns = min(view.timeouts_ns(), default=0)
        require(0 < due_ns <= now_ns, "early", f"{view.name}: timed out, due {due_ns}")
    if change.status == _COMPLETED:
        result = ActivityExecutionOutcome.FromString(change.outcome).result.payloads[0].data
        # An answer by id (0) means whichever attempt runs.
        own = result.split(b"/")[1] in (b"0", str(before.attempt).encode())
        require(own and before.started_ns, "attempt", f"{view.name}: {result!r} ends {before}")
    view.attempt, view.status, view.outcome = after, change.status, change.outcome


def _check_wait(view: StandaloneView, after: notes.Activity, now_ns: int) -> None:
    policy = view.asked.retry_policy
    failure = Failure.FromString(after.last_failure)
    info = failure.application_failure_info
    most = policy.maximum_attempts
    require(not most or after.attempt <= most, "attempt", f"{view.name}: {after.attempt} of {most}")
    require(not info.non_retryable, "attempt", f"{view.name}: tried again after {failure}")
    grown = policy.initial_interval.ToNanoseconds() * policy.backoff_coefficient ** (
        view.attempt.attempt - 1
    )
    wait_ns = min(int(grown), policy.maximum_interval.ToNanoseconds())
    wait_ns = info.next_retry_delay.ToNanoseconds() or wait_ns
    waits = f"{view.name}: waits {after.available_ns - now_ns}, not {wait_ns}"
    require(after.available_ns - now_ns == wait_ns, "backoff", waits)


_TOLD = {
    "StartActivityExecutionResponse": StandaloneAuditor.started,
    "PollActivityTaskQueueResponse": StandaloneAuditor.taken,
    "RespondActivityTaskCompletedResponse": StandaloneAuditor.completed,
    "PollActivityExecutionResponse": StandaloneAuditor.polled,
}
