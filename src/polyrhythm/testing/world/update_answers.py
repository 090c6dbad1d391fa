"""How simulated workflows answer updates: as the update's own input asks them to.

The input is "how/unique": answered at once, after a timer, never, rejected, or not a word about it.
Answers are protocol messages, placed among the commands as the SDKs do it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType
from temporalio.api.protocol.v1 import Message
from temporalio.api.update.v1 import Acceptance, Rejection, Request, Response

from polyrhythm.base.limits import SECOND_NS
from polyrhythm.testing.world import commands as made
from polyrhythm.testing.world.seen import Seen

WAYS = ("quick", "quick", "slow", "slow", "forget", "reject", "reject", "ignore")


@dataclass(slots=True)
class Answers:
    """What a workflow task says of updates."""

    signature: str
    messages: list[Message] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)

    def say(self, update_id: str, what: str, body: Any, placed: bool = True) -> None:
        """Add a message, and the command that gives it its place."""
        message = Message(id=f"{update_id}/{what}", protocol_instance_id=update_id)
        message.body.Pack(body)
        self.messages.append(message)
        if placed:
            self.commands.append(made.message(message.id))


def way_of(request: Request) -> str:
    """Return how an update wants to be answered."""
    return request.input.args.payloads[0].data.decode().split("/")[0]


def answer_updates(seen: Seen, messages: Iterable[Message], signature: str) -> Answers:
    """Return the answers that are due: to what came with the task, to what the history holds.

    `signature` makes them the only ones of their kind.
    """
    answers = Answers(signature)
    requests = dict(seen.admitted)
    for message in messages:
        request = Request()
        message.body.Unpack(request)
        requests[message.protocol_instance_id] = request
    for update_id, request in seen.accepted.items():
        if way_of(request) == "slow" and f"timer.update/{update_id}" in seen.done:
            answers.say(update_id, "complete", _response(request, answers.signature))
    for update_id, request in requests.items():
        if update_id not in seen.accepted and update_id not in seen.completed:
            _answer(answers, update_id, request)
    return answers


def _answer(answers: Answers, update_id: str, request: Request) -> None:
    way = way_of(request)
    if way == "ignore":
        return
    if way == "reject":
        rejection = Rejection(rejected_request_message_id=f"{update_id}/request")
        rejection.rejected_request_sequencing_event_id = 1
        rejection.failure.message = f"rejected/{update_id}/{answers.signature}"
        rejection.failure.application_failure_info.type = "Meant"
        answers.say(update_id, "reject", rejection, placed=False)
        return
    acceptance = Acceptance(accepted_request_message_id=f"{update_id}/request")
    acceptance.accepted_request_sequencing_event_id = 1
    answers.say(update_id, "accept", acceptance)
    if way == "quick":
        answers.say(update_id, "complete", _response(request, answers.signature))
    elif way == "slow":
        timer = Command(command_type=CommandType.COMMAND_TYPE_START_TIMER)
        timer.start_timer_command_attributes.timer_id = f"timer.update/{update_id}"
        timer.start_timer_command_attributes.start_to_fire_timeout.FromNanoseconds(SECOND_NS)
        answers.commands.append(timer)


def _response(request: Request, signature: str) -> Response:
    response = Response()
    response.meta.CopyFrom(request.meta)
    said = f"updated/{request.meta.update_id}/{signature}"
    response.outcome.success.payloads.add().data = said.encode()
    return response
