"""A run played by hand: decisions are taken one by one, printed compactly and folded again.

`Playback.take` keeps what a store would keep and asserts that a fold of it is the very state the
decision left, so every story also tests that notes carry all that events do not.
"""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.api.workflowservice.v1 import (
    RespondWorkflowTaskCompletedRequest,
    StartWorkflowExecutionRequest,
)

from polyrhythm.api import notes
from polyrhythm.base.limits import SECOND_NS, Limits
from polyrhythm.core import deadlines, tables
from polyrhythm.core.context import Context, NamespaceInfo
from polyrhythm.core.decide import task as tasks
from polyrhythm.core.decide.completion import decide_completed
from polyrhythm.core.decide.start import decide_start
from polyrhythm.core.decision import Decision
from polyrhythm.core.fold import fold_row
from polyrhythm.core.state import RunState

START_NS = 1_700_000_000 * SECOND_NS


class Ids:
    """Run ids that count."""

    def __init__(self) -> None:
        self.count = 0

    def run_id(self) -> str:
        self.count += 1
        return f"00000000-0000-7000-8000-{self.count:012d}"


IDS = Ids()


def context(second: float = 0, **limits: int) -> Context:
    """The world at a second of the story; run 1 is the first run of it."""
    now_ns = START_NS + int(second * SECOND_NS)
    namespace = NamespaceInfo(1, "default", "namespace-id", 0)
    return Context(now_ns, Ids(), Limits(**limits), namespace, frozenset({"other"}))


def start_request(**fields: object) -> StartWorkflowExecutionRequest:
    """A plain start of workflow w."""
    request = StartWorkflowExecutionRequest(
        workflow_id="w", request_id="start-1", identity="client", **fields
    )
    request.workflow_type.name = "wf"
    request.task_queue.name = "q"
    return request


def text(value: str) -> Payloads:
    """One payload of text."""
    return Payloads(payloads=[Payload(data=value.encode())])


class Playback:
    """One run: its state, its log, and the printed events of the last decision."""

    def __init__(self, decision: Decision | None = None) -> None:
        self.state = RunState()
        self.rows: list[tuple[bytes, bytes]] = []
        self.effects: list[object] = []
        self.take(decision or decide_start(start_request(), context()))

    def take(self, decision: Decision) -> list[str]:
        """Keep what the decision wrote; return its events, printed."""
        events, taken = b"".join(decision.event_frames), b"".join(decision.note_frames)
        if not decision.empty:
            self.rows.append((events, taken))
            decision.state.transitions += 1
        self.state = decision.state
        self.effects = decision.effects
        self.check_fold()
        return [show(event) for event in History.FromString(events).events]

    def check_fold(self) -> None:
        """The state is the fold of the log."""
        folded = RunState()
        for events, taken in self.rows:
            fold_row(folded, events, taken)
        for state in (folded, self.state):
            deadlines.next_due(state)
        assert folded.deadlines[:1] == self.state.deadlines[:1]
        folded.deadlines = self.state.deadlines
        assert folded == self.state

    def start_task(self, second: float = 0) -> list[str]:
        """A worker takes the workflow task."""
        decision = Decision(self.state, context(second))
        tasks.start_task(decision, "poll", "worker")
        return self.take(decision)

    def complete(self, *commands: object, second: float = 0) -> list[str]:
        """The worker completes the task it holds."""
        task = self.state.workflow_task
        token = notes.TaskToken(
            scheduled_event_id=task.scheduled_event_id,
            started_event_id=task.started_event_id,
            started_ns=task.started_ns,
            attempt=task.attempt,
        )
        request = RespondWorkflowTaskCompletedRequest(identity="worker", commands=commands)
        return self.take(decide_completed(self.state, token, request, context(second)))


def show(event: HistoryEvent) -> str:
    """Print an event without its times: id, type, attributes that are set."""
    name = EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
    attributes = getattr(event, tables.ATTRIBUTES[event.event_type])
    return " ".join([str(event.event_id), name, *_fields(attributes)])


def _fields(message: Message) -> list[str]:
    return [f"{field.name}={_value(value)}" for field, value in message.ListFields()]


def _value(value: object) -> str:
    if isinstance(value, Payloads):
        return ",".join(payload.data.decode() for payload in value.payloads)
    if isinstance(value, Payload):
        return value.data.decode()
    if isinstance(value, Duration):
        return f"{value.ToNanoseconds() / SECOND_NS:g}s"
    if isinstance(value, Timestamp):
        return f"+{(value.ToNanoseconds() - START_NS) / SECOND_NS:g}s"
    if isinstance(value, Message):
        return "{" + " ".join(_fields(value)) + "}"
    if hasattr(value, "items"):
        return "{" + " ".join(f"{key}={_value(value[key])}" for key in sorted(value)) + "}"
    return str(value)
