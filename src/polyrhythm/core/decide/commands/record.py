"""What the commands of one completion share: the decision, the limits, what must follow.

`CommandRefused` carries the cause and the server's wording of why a command is not acceptable.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.protocol.v1 import Message
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskCompletedRequest

from polyrhythm.core.decision import Decision
from polyrhythm.core.state import UpdateState


class CommandRefused(Exception):
    """A command fails the workflow task. `terminates`: the workflow is terminated as well."""

    def __init__(
        self,
        cause: WorkflowTaskFailedCause.ValueType,
        reason: str = "",
        terminates: bool = False,
    ) -> None:
        name = spell(WorkflowTaskFailedCause.Name(cause), "WORKFLOW_TASK_FAILED_CAUSE_")
        super().__init__(f"{name}: {reason}" if reason else name)
        self.cause = cause
        self.message = f"{name}: {reason}" if reason else name
        self.terminates = terminates


@dataclass(slots=True)
class Completion:
    """One completion in progress. `unhandled`: news arrived that the workflow has not seen, so it
    may not close; `cancelled_unstarted`: an activity was cancelled before any worker took it, so
    another workflow task is due; `eager`: scheduled event ids whose worker wants them at once;
    `started_children`: workflow ids of the children that this completion asks for."""

    decision: Decision
    request: RespondWorkflowTaskCompletedRequest
    completed_event_id: int
    unhandled: bool
    cancelled_unstarted: bool = False
    eager: list[int] = field(default_factory=list)
    # Updates: as they were before, messages that are done with, ids that were rejected.
    updates_before: dict[str, UpdateState] = field(default_factory=dict)
    taken: set[int] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)
    started_children: set[str] = field(default_factory=set)

    def new_event(self, event_type: EventType.ValueType, command: Command) -> HistoryEvent:
        """Return the event a command becomes, with the command's user metadata."""
        event = self.decision.new_event(event_type)
        if command.HasField("user_metadata"):
            event.user_metadata.CopyFrom(command.user_metadata)
        return event

    def check_unhandled(self) -> None:
        """Refuse to close while there is news the workflow has not seen."""
        if self.unhandled:
            raise CommandRefused(
                WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
            )


@dataclass(slots=True)
class Completed:
    """What a completion that stands leaves to its caller: `eager` as above, messages that the next
    task carries, and whether the task was `discarded` without events. It does not know its
    decision: the two would keep each other, and a state, until the collector comes by."""

    eager: list[int]
    outgoing: list[Message]
    discarded: bool


def check_attributes(
    command: Command, field: str, cause: WorkflowTaskFailedCause.ValueType, name: str
) -> None:
    """Refuse a command, here called `name`, that lacks its attributes."""
    if not command.HasField(field):  # type: ignore[arg-type]
        raise CommandRefused(cause, f"{name}Attributes is not set on {name}.")


def spell(name: str, prefix: str) -> str:
    """Return a protobuf enum name as the server prints it: BAD_BINARY becomes BadBinary."""
    return "".join(part.capitalize() for part in name.removeprefix(prefix).split("_"))
