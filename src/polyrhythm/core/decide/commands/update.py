"""Protocol messages of a completion: updates accepted, rejected and completed.

Source: handleMessage of the server and its update state machine. A message is taken where a
ProtocolMessage command names it, what is left after the last command. Behind a close only a
rejection still counts. The words, in which Go's type names show, are what clients see.
"""

from __future__ import annotations

from collections.abc import Callable

from google.protobuf.message import DecodeError
from google.protobuf.message import Message as AnyBody
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.enums.v1 import event_type_pb2 as event_types
from temporalio.api.protocol.v1 import Message
from temporalio.api.update.v1 import Acceptance, Rejection, Request, Response

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.core.decide import update as updates
from polyrhythm.core.decide.commands.record import CommandRefused, Completion
from polyrhythm.core.effects import UpdateEnded
from polyrhythm.core.state import UpdateStage

_PROTOCOL = "temporal.api.update.v1"
_CAUSE = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE
# As the server names the states of an update, in what it says of a message out of place.
_STATES = {
    UpdateStage.ADMITTED: "Admitted",
    UpdateStage.SENT: "Sent",
    UpdateStage.ACCEPTED: "Accepted",
}
_WAITING = ("Admitted", "Sent")


def decide_protocol_message(completion: Completion, command: Command) -> None:
    """Take the message that a command names."""
    attributes = command.protocol_message_command_attributes
    if not command.HasField("protocol_message_command_attributes"):
        _refuse("ProtocolMessageCommandAttributes is not set on ProtocolMessageCommand.")
    if not attributes.message_id:
        _refuse("MessageID is not set on ProtocolMessageCommand.")
    for index, message in enumerate(completion.request.messages):
        if message.id == attributes.message_id:
            if index in completion.taken:
                break
            completion.taken.add(index)
            take_message(completion, message)
            return
    _refuse(f"ProtocolMessageCommand referenced absent message ID {attributes.message_id}")


def take_remaining(completion: Completion) -> None:
    """Take the messages that no command has named, in their order."""
    for index, message in enumerate(completion.request.messages):
        if index not in completion.taken:
            take_message(completion, message)


def take_message(completion: Completion, message: Message) -> None:
    """Take one message. Raises InvalidArgument for one without a known type at all."""
    package, name = _identify(message)
    if message.body.ByteSize() > completion.decision.context.limits.blob_bytes_max:
        text = f"Message type {package}.{name} exceeds size limit."
        raise CommandRefused(_CAUSE, text, terminates=True)
    if package != _PROTOCOL:
        _refuse(f"unsupported protocol type {package}")
    update_id = message.protocol_instance_id
    state_name = _state_name(completion, update_id)
    resurrected = None
    if not state_name:
        resurrected = _resurrect(completion, message, name)
        state_name = "Admitted"
    if not completion.decision.state.running and name != "Rejection":
        return
    if name not in _TAKE:
        _refuse(f"Message type *update.{name} not supported")
    _TAKE[name](completion, message, state_name, resurrected)


def _accept(
    completion: Completion, message: Message, state_name: str, resurrected: Request | None
) -> None:
    acceptance = Acceptance()
    _decode(message, acceptance)
    update_id = message.protocol_instance_id
    _check_state(update_id, acceptance, state_name, _WAITING)
    if not acceptance.accepted_request_sequencing_event_id:
        _refuse("invalid *update.Acceptance: accepted_request_sequencing_event_id is not set")
    if not acceptance.accepted_request_message_id:
        _refuse("invalid *update.Acceptance: accepted_request_message_id is not set")
    decision = completion.decision
    event = decision.new_event(event_types.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)
    accepted = event.workflow_execution_update_accepted_event_attributes
    accepted.protocol_instance_id = update_id
    accepted.accepted_request_message_id = f"{update_id}/request"
    accepted.accepted_request_sequencing_event_id = acceptance.accepted_request_sequencing_event_id
    request = resurrected
    if request is None:
        request = updates.decode_request(decision.state, update_id)
    if request is not None:
        accepted.accepted_request.CopyFrom(request)
    decision.append(event)


def _reject(
    completion: Completion, message: Message, state_name: str, resurrected: Request | None
) -> None:
    rejection = Rejection()
    _decode(message, rejection)
    update_id = message.protocol_instance_id
    _check_state(update_id, rejection, state_name, _WAITING)
    completion.rejected.add(update_id)
    if resurrected is None:
        ended = UpdateEnded(update_id, rejection.failure.SerializeToString())
        updates.drop(completion.decision, ended)


def _respond(
    completion: Completion, message: Message, state_name: str, _resurrected: Request | None
) -> None:
    response = Response()
    _decode(message, response)
    update_id = message.protocol_instance_id
    _check_state(update_id, response, state_name, ("ProvisionallyAccepted", "Accepted"))
    if not response.HasField("meta"):
        _refuse("invalid *update.Response: meta is not set")
    if not response.meta.update_id:
        _refuse("invalid *update.Response: meta.update_id is not set")
    if response.meta.update_id != update_id:
        _refuse(f"invalid *update.Response: meta.update_id != {update_id}")
    if not response.HasField("outcome"):
        _refuse("invalid *update.Response: outcome is not set")
    decision = completion.decision
    event = decision.new_event(event_types.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED)
    completed = event.workflow_execution_update_completed_event_attributes
    completed.accepted_event_id = decision.state.updates[update_id].accepted_event_id
    completed.meta.CopyFrom(response.meta)
    completed.outcome.CopyFrom(response.outcome)
    decision.append(event)


_TAKE: dict[str, Callable[[Completion, Message, str, Request | None], None]] = {
    "Acceptance": _accept,
    "Rejection": _reject,
    "Response": _respond,
}


def _identify(message: Message) -> tuple[str, str]:
    if not message.HasField("body"):
        raise InvalidArgument("nil message body")
    full_name = message.body.type_url.rpartition("/")[2]
    if not full_name:
        raise InvalidArgument("no message name specified")
    package, dot, name = full_name.rpartition(".")
    if not dot:
        raise InvalidArgument(f'failed to extract protocol type: no . found in "{full_name}"')
    return package, name


def _state_name(completion: Completion, update_id: str) -> str:
    """Return the server's name of an update's state, empty when it knows none."""
    state = completion.decision.state
    if update_id in completion.rejected:
        return "ProvisionallyCompleted"
    event_id = state.completed_updates.get(update_id)
    if event_id is not None:
        return "ProvisionallyCompleted" if event_id > completion.completed_event_id else "Completed"
    update = state.updates.get(update_id)
    if update is None or update.stage == UpdateStage.LEFT:
        return ""
    if update.stage == UpdateStage.ACCEPTED:
        new = update.accepted_event_id > completion.completed_event_id
        return "ProvisionallyAccepted" if new else "Accepted"
    if update.stage in _STATES:
        return _STATES[update.stage]
    # Aborted by a close command of this very completion: what it was before still counts.
    return _STATES[completion.updates_before[update_id].stage]


def _resurrect(completion: Completion, message: Message, name: str) -> Request | None:
    """Return the request of an update that only the worker remembers; refuse one without it."""
    updates.check_total(completion.decision)
    if name == "Acceptance":
        acceptance = Acceptance()
        _decode(message, acceptance)
        if acceptance.HasField("accepted_request"):
            return acceptance.accepted_request
    elif name == "Rejection":
        rejection = Rejection()
        _decode(message, rejection)
        if rejection.HasField("rejected_request"):
            return rejection.rejected_request
    _refuse(
        f"update {message.protocol_instance_id} wasn't found on the server. This is most likely a"
        " transient error which will be resolved automatically by retries"
    )
    return None


def _decode(message: Message, body: AnyBody) -> None:
    try:
        body.ParseFromString(message.body.value)
    except DecodeError as error:
        raise CommandRefused(_CAUSE, f"unable to unmarshal request: {error}") from error


def _check_state(update_id: str, body: AnyBody, state_name: str, allowed: tuple[str, ...]) -> None:
    if state_name not in allowed:
        _refuse(
            f"invalid state transition attempted for Update {update_id}: received"
            f" *update.{body.DESCRIPTOR.name} message while in state {state_name}"
        )


def _refuse(reason: str) -> None:
    raise CommandRefused(_CAUSE, reason)
