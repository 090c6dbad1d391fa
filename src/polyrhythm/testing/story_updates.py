"""Verbs of stories about updates, and the messages with which a worker answers them.

`update ID` asks, `task` hands out what waits (its reply has the messages), and among the commands
of `complete` stand `accept ID`, `respond ID RESULT` (each a message and the command that names
it) and `reject ID TEXT`. `say` sends one without a command, `message ID` is a command alone.
`stage ID` is how far an update is.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType
from temporalio.api.protocol.v1 import Message
from temporalio.api.update.v1 import Acceptance, Rejection, Response
from temporalio.api.workflowservice.v1 import (
    PollWorkflowExecutionUpdateResponse,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskCompletedResponse,
    UpdateWorkflowExecutionRequest,
)

from polyrhythm.base.errors import NotFound
from polyrhythm.core.decide.commands.record import Completed
from polyrhythm.core.decide.update import decide_update, find_update
from polyrhythm.core.decision import Decision
from polyrhythm.testing.story_run import StoryRun
from polyrhythm.testing.story_text import encode_json, set_fields

_PROTOCOL_MESSAGE = CommandType.COMMAND_TYPE_PROTOCOL_MESSAGE


def tell_update(run: StoryRun, words: list[str]) -> list[Decision]:
    """`update ID [field=value ...]`: a client updates the workflow."""
    request = UpdateWorkflowExecutionRequest()
    request.request.meta.update_id = words[0]
    request.request.input.name = "up"
    set_fields(request, words[1:])
    return [decide_update(run.state, request, run.context)]


def tell_stage(run: StoryRun, words: list[str]) -> list[Decision]:
    """`stage ID`: how far an update is, as a poll is told."""
    decision = Decision(run.state, run.context)
    status = find_update(run.state, words[0])
    if status is None:
        raise NotFound(f"update {words[0]} not found")
    if status.error is not None:
        raise status.error
    reply = PollWorkflowExecutionUpdateResponse(stage=status.stage)
    if status.failure is not None:
        reply.outcome.failure.CopyFrom(status.failure)
    decision.reply = reply
    return [decision]


def add_message(request: RespondWorkflowTaskCompletedRequest, words: list[str]) -> bool:
    """Add what a worker says of an update; False when the words are a command of another kind."""
    verb, *rest = words
    if verb == "say":
        verb, *rest = rest
    if verb not in _BODIES:
        return False
    update_id, *more = rest
    message = Message(id=f"{update_id}/{verb}", protocol_instance_id=update_id)
    message.body.Pack(_BODIES[verb](update_id, more))
    request.messages.append(message)
    if words[0] in ("accept", "respond"):
        request.commands.append(name_message(message.id))
    return True


def name_message(message_id: str) -> Command:
    """Return the command that names a message."""
    command = Command(command_type=_PROTOCOL_MESSAGE)
    command.protocol_message_command_attributes.message_id = message_id
    return command


def show_completion(decision: Decision) -> None:
    """Let the story see of a completion what its worker is told about updates."""
    completion = decision.reply
    if isinstance(completion, Completed):
        reply = RespondWorkflowTaskCompletedResponse()
        if completion.discarded:
            reply.reset_history_event_id = decision.state.last_completed_started_id
        reply.workflow_task.messages.extend(completion.outgoing)
        decision.reply = reply


def _acceptance(update_id: str, words: list[str]) -> Acceptance:
    body = Acceptance(accepted_request_message_id=f"{update_id}/request")
    body.accepted_request_sequencing_event_id = 2
    set_fields(body, words)
    return body


def _rejection(_update_id: str, words: list[str]) -> Rejection:
    body = Rejection()
    body.failure.message = words[0] if words else "no"
    return body


def _response(update_id: str, words: list[str]) -> Response:
    body = Response()
    body.meta.update_id = update_id
    body.outcome.success.payloads.append(encode_json(words[0]))
    set_fields(body, words[1:])
    return body


_BODIES: dict[str, Callable[[str, list[str]], Acceptance | Rejection | Response]] = {
    "accept": _acceptance,
    "reject": _rejection,
    "respond": _response,
}


def _name(command: Command, words: list[str]) -> None:
    command.protocol_message_command_attributes.message_id = words[0] if words else ""


COMMANDS: dict[str, tuple[CommandType.ValueType, Callable[[Command, list[str]], None] | None]] = {
    "message": (_PROTOCOL_MESSAGE, _name),
    "message-nothing": (_PROTOCOL_MESSAGE, None),
}

VERBS: dict[str, Callable[[StoryRun, list[str]], list[Decision]]] = {
    "update": tell_update,
    "stage": tell_stage,
}
