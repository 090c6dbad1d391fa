"""Updates: validated, accepted, run and answered by messages that travel with the commands.

An update whose handler is not set yet waits until the code has come to rest once, since handlers
may be set by the first lines of a workflow. Validators may only read. A replay knows only accepted
updates: it takes the request from the acceptance, or from the admission when a reset kept it there,
and does not ask the validator again.
"""

from __future__ import annotations

import contextvars
import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import command_type_pb2 as commands
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.protocol.v1 import Message
from temporalio.api.update.v1 import Acceptance, Rejection, Request, Response

from polyrhythm.sdk.definitions import HandlerKind
from polyrhythm.sdk.errors import Failure as UserFailure
from polyrhythm.sdk.loop.handlers import Handler
from polyrhythm.sdk.loop.passing import around_handler

if TYPE_CHECKING:
    from polyrhythm.sdk.loop.context import Context

CURRENT: contextvars.ContextVar[UpdateInfo | None] = contextvars.ContextVar(
    "polyrhythm_update", default=None
)


@dataclass(slots=True)
class UpdateInfo:
    """Which update the running code answers."""

    id: str
    name: str


class UpdateRun:
    """One update, from its request to its outcome."""

    __slots__ = ("accepted", "context", "id", "message_id", "replayed", "request", "sequencing_id")

    def __init__(self, context: Context, request: Request, message: Message, replayed: bool):
        self.context = context
        self.id = message.protocol_instance_id
        self.message_id = message.id
        self.sequencing_id = message.event_id
        self.request = request
        self.replayed = replayed
        self.accepted = False

    def begin(self) -> None:
        """Find the handler; without one wait for the code to set it."""
        handler = self.context.handlers.find(HandlerKind.UPDATE, self.request.input.name)
        if handler is None:
            self.context.updates_waiting.append(self)
        else:
            self.start(handler)

    def begin_late(self) -> None:
        """Look again, now that the code is at rest; refuse what nobody answers."""
        name = self.request.input.name
        handler = self.context.handlers.find(HandlerKind.UPDATE, name)
        if handler is not None:
            self.start(handler)
            return
        known = ", ".join(self.context.handlers.names(HandlerKind.UPDATE)) or "none"
        text = f"the workflow has no update {name!r}; it has: {known}"
        self.reject(UserFailure(text, type="UnknownUpdate"))

    def start(self, handler: Handler) -> None:
        """Validate, accept and run the handler; or refuse."""
        context, name = self.context, self.request.input.name
        try:
            args = context.decode_message(handler, name, self.request.input.args)
            if handler.validator is not None and not self.replayed:
                with context.reading("the validator of an update"):
                    handler.validator(*args)
        except Exception as error:
            if context.fails_task(error):
                raise
            self.reject(error)
            return
        self.accept()
        variables = contextvars.Context()
        variables.run(CURRENT.set, UpdateInfo(self.id, name))
        if context.settings.chain.messages:
            fields = self.request.input.header.fields
            work = around_handler(context, handler, name, args, fields)
        else:
            work = _call(handler, args)
        task = context.loop.spawn(work, f"update-{name}", variables)
        context.handlers.watch(task, HandlerKind.UPDATE, name)
        task.add_done_callback(self.finish)

    def accept(self) -> None:
        """Say that the update is taken."""
        self.accepted = True
        body = Acceptance(
            accepted_request_message_id=self.message_id,
            accepted_request_sequencing_event_id=self.sequencing_id,
        )
        body.accepted_request.CopyFrom(self.request)
        _send(self, "accept", body, UpdateAccept(self))

    def reject(self, error: BaseException) -> None:
        """Say that the update is refused; it leaves no event."""
        body = Rejection(
            rejected_request_message_id=self.message_id,
            rejected_request_sequencing_event_id=self.sequencing_id,
        )
        body.rejected_request.CopyFrom(self.request)
        body.failure.CopyFrom(self.context.to_failure(error))
        message = Message(id=f"{self.id}/reject", protocol_instance_id=self.id)
        message.body.Pack(body)
        self.context.outbox.rejections.append(message)

    def finish(self, task: Any) -> None:
        """Say what came of the handler."""
        context = self.context
        body = Response()
        body.meta.CopyFrom(self.request.meta)
        try:
            value = task.result()
        except Exception as error:  # noqa: BLE001 - user code may raise anything
            if context.fails_task(error):
                context.report(error)
                return
            body.outcome.failure.CopyFrom(context.to_failure(error))
        except BaseException as error:  # noqa: BLE001 - user code may raise anything
            # Cancelled, or something that is no Exception: the caller gets it as a failure.
            body.outcome.failure.CopyFrom(context.to_failure(error))
        else:
            try:
                body.outcome.success.CopyFrom(context.settings.converter.encode_values([value]))
            except Exception as error:  # noqa: BLE001 - user code may raise anything
                body.outcome.failure.CopyFrom(context.to_failure(error))
        _send(self, "complete", body, UpdateEnd(self))


class UpdateAccept:
    """The message that accepts an update."""

    __slots__ = ("run",)

    def __init__(self, run: UpdateRun) -> None:
        self.run = run

    def record(self, event: HistoryEvent) -> bool:
        """Take the event the message was written as."""
        attributes = event.workflow_execution_update_accepted_event_attributes
        return attributes.protocol_instance_id == self.run.id


class UpdateEnd:
    """The message that answers an update."""

    __slots__ = ("run",)

    def __init__(self, run: UpdateRun) -> None:
        self.run = run

    def record(self, event: HistoryEvent) -> bool:
        """Take the event the message was written as."""
        attributes = event.workflow_execution_update_completed_event_attributes
        return attributes.meta.update_id == self.run.id


def read_request(message: Message) -> Request:
    """Return the request that a message of the service carries."""
    request = Request()
    message.body.Unpack(request)
    return request


def admitted_message(event: HistoryEvent) -> tuple[Request, Message]:
    """Return the request of an update that the history admits, with the message it stands for."""
    request = event.workflow_execution_update_admitted_event_attributes.request
    update_id = request.meta.update_id
    message = Message(id=f"{update_id}/request", protocol_instance_id=update_id)
    message.event_id = event.event_id
    return request, message


def accepted_message(event: HistoryEvent) -> tuple[Request, Message]:
    """Return the request of an update that the history accepts, with the message it came in."""
    attributes = event.workflow_execution_update_accepted_event_attributes
    message = Message(
        id=attributes.accepted_request_message_id,
        protocol_instance_id=attributes.protocol_instance_id,
    )
    message.event_id = attributes.accepted_request_sequencing_event_id
    return attributes.accepted_request, message


async def _call(handler: Handler, args: list[Any]) -> Any:
    value = handler.function(*args)
    # A plain function may hand on a coroutine, as a lambda or a partial does.
    return await value if inspect.isawaitable(value) else value


def _send(run: UpdateRun, step: str, body: Any, owner: UpdateAccept | UpdateEnd) -> None:
    context = run.context
    message = Message(id=f"{run.id}/{step}", protocol_instance_id=run.id)
    message.body.Pack(body)
    command = Command(command_type=commands.COMMAND_TYPE_PROTOCOL_MESSAGE)
    command.protocol_message_command_attributes.message_id = message.id
    context.outbox.messages.append(message)
    context.outbox.add(command, owner, None)
