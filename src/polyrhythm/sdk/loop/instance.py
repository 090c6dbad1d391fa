"""The live code of one run: told a workflow task, it answers with commands.

A new instance is given the whole history, replays every round that a worker has completed and then
runs the open one. A live one is given what is new: first the events that its last commands became,
which have to match, then news. It notices when its last answer was lost, or dropped because it only
refused updates, by the id of the last completed start that the service names. Errors of user code
never leave: they become commands or a failed task.
"""

from __future__ import annotations

from collections.abc import Sequence

from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.enums.v1 import event_type_pb2 as types
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.protocol.v1 import Message
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueResponse,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskFailedRequest,
)

from polyrhythm.sdk.definitions import WorkflowDefinition
from polyrhythm.sdk.errors import NondeterminismError
from polyrhythm.sdk.loop import closing, queries
from polyrhythm.sdk.loop.context import SECOND_NS, Context
from polyrhythm.sdk.loop.entering import Entered
from polyrhythm.sdk.loop.local import LocalResult, apply_marker, apply_result, is_local
from polyrhythm.sdk.loop.news import FIRST, apply_event
from polyrhythm.sdk.loop.properties import read_patch
from polyrhythm.sdk.loop.rounds import Round, cut_rounds
from polyrhythm.sdk.loop.settings import Activation, LoopSettings
from polyrhythm.sdk.loop.updates import (
    UpdateRun,
    accepted_message,
    admitted_message,
    read_request,
)

_MARKER = types.EVENT_TYPE_MARKER_RECORDED
_ACCEPTED = types.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
_ADMITTED = types.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED
_STARTED = types.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
_NONDETERMINISM = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR
_UNHANDLED = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE


class HistoryNeeded(Exception):
    """The live code and the task do not fit: give the whole history to `activate`."""


class Instance:
    """One run in a worker's cache. Not to be used by two threads at once."""

    __slots__ = (
        "_admitted", "_beating", "_before_id", "_context", "_definition", "_droppable",
        "_matched_id", "_settings", "_started_id", "_task", "_told_nothing",
    )  # fmt: skip

    def __init__(self, definition: WorkflowDefinition, settings: LoopSettings) -> None:
        self._definition = definition
        self._settings = settings
        self._task = PollWorkflowTaskQueueResponse()
        self._renew()

    def _renew(self) -> None:
        self._context = Context(self._definition, self._settings)
        # The start that was answered last, the one before it, and whether the answer said nothing.
        self._started_id = 0
        self._before_id = 0
        self._droppable = False
        self._told_nothing = False
        # The start whose answer is known to be in the history as it was made.
        self._matched_id = 0
        self._beating = False
        # Requests of updates that the history admits, until it accepts them.
        self._admitted: dict[str, HistoryEvent] = {}

    @property
    def closed(self) -> bool:
        """Whether the run has ended, as far as the code goes."""
        return self._context.ended

    @property
    def last_started_id(self) -> int:
        """The event id of the start that was answered last; 0 for a new instance."""
        return self._started_id

    def activate(
        self, task: PollWorkflowTaskQueueResponse, events: Sequence[HistoryEvent]
    ) -> Activation:
        """Answer a workflow task. `events`: the whole history, or what follows the last completed
        start. Raises HistoryNeeded when the history is not whole and has to be.
        """
        events = self._align(task, events)
        self._task = task
        self._beating = False
        with self._entered():
            try:
                self._advance(task, events)
            except Exception as error:  # noqa: BLE001 - whatever it is fails the workflow task
                self._context.task_error_found(error)
            return self._answer()

    def replay(self, events: Sequence[HistoryEvent]) -> None:
        """Check a whole history against the code, without a task to answer.

        Raises NondeterminismError, or what else would fail a workflow task.
        """
        self._renew()
        with self._entered():
            for one in cut_rounds(events)[0]:
                self._replay_round(one)
                if self._context.found is not None:
                    raise self._context.found

    def resume(self, results: Sequence[LocalResult]) -> Activation:
        """Go on with results of local tasks, in their order."""
        assert not self._beating, "behind a heartbeat the next workflow task comes first"
        with self._entered():
            try:
                for result in results:
                    apply_result(self._context, result)
                    self._run()
            except Exception as error:  # noqa: BLE001 - whatever it is fails the workflow task
                self._context.task_error_found(error)
            return self._answer()

    def heartbeat(self) -> Activation:
        """Answer with what there is, and ask for the next task at once: local tasks go on.

        Results that come in meanwhile wait until that task was given to `activate`.
        """
        self._beating = True
        return Activation(completed=self._complete(force=True))

    def query(self, query: WorkflowQuery) -> queries.Answer:
        """Answer a query from the code as it stands."""
        with self._entered():
            return queries.answer(self._context, query)

    def close(self) -> None:
        """Drop the code without a sound: coroutines are closed, verbs refuse."""
        context = self._context
        if context.closed:
            return
        context.closed = True
        if context.loop.live_tasks():
            with self._entered():
                context.loop.drop_tasks()
        context.by_event.clear()
        context.main = None
        context.instance = None
        # What leads back to the run. Freed at once it leaves nothing to the collector, which stops
        # the whole program while it looks for such circles.
        context.outbox.made = []
        context.loop.forget_tasks()
        del context.handlers, context.loop

    def _align(
        self, task: PollWorkflowTaskQueueResponse, events: Sequence[HistoryEvent]
    ) -> Sequence[HistoryEvent]:
        """Return what of the history is new; begin again where the code does not fit to it."""
        if events and events[-1].event_id - events[0].event_id + 1 != len(events):
            raise HistoryNeeded("the history has a gap: pages of it are missing")
        if not self._started_id:
            if events and events[0].event_id == 1:
                return events
            raise HistoryNeeded
        done_id = task.previous_started_event_id
        if done_id == self._before_id and done_id != self._started_id and self._droppable:
            # The last answer only refused updates: the service has dropped that task's events.
            self._started_id = self._context.position = done_id
        if task.HasField("query") and done_id == self._started_id and not events:
            return events
        if done_id >= self._started_id and self._context.found is None:
            new = [event for event in events if event.event_id > self._started_id]
            if not new and task.HasField("query"):
                return new
            if new and new[0].event_id == self._started_id + 1 and _completes(new[0]):
                return new
        if not events or events[0].event_id != 1:
            raise HistoryNeeded
        self.close()
        self._renew()
        return events

    def _advance(self, task: PollWorkflowTaskQueueResponse, events: Sequence[HistoryEvent]) -> None:
        self._context.workflow_id = task.workflow_execution.workflow_id
        self._context.run_id = task.workflow_execution.run_id
        rounds, open_round = cut_rounds(events)
        rested = self._settings.rested
        for one in rounds:
            self._replay_round(one)
            if self._context.found is not None:
                return
            if rested is not None:
                rested()
        if task.HasField("query"):
            return
        assert open_round.started is not None, "a workflow task without its start in the history"
        context = self._context
        self._before_id = self._started_id
        self._told_nothing = not open_round.news
        self._tell(open_round, replaying=False)
        self._begin_updates(open_round, task.messages)
        self._tell_rest(open_round)
        self._run()
        context.position = open_round.started.event_id

    def _replay_round(self, one: Round) -> None:
        context = self._context
        if one.started is not None:
            self._tell(one, replaying=True)
            self._begin_accepted(one)
            self._tell_rest(one)
            self._run()
            for event in one.commands:
                if event.event_type == _MARKER and is_local(event):
                    apply_marker(context, event)
                    self._run()
            if context.found is None:
                self._end_round()
        if context.found is None and self._matched_id != self._started_id:
            # A query brings the answer to the last task along before the next task does.
            context.outbox.match(one.commands)
            self._matched_id = self._started_id

    def _tell(self, one: Round, replaying: bool) -> None:
        """Set the time and what is known ahead; tell what is told first: the start and signals."""
        context, started = self._context, one.started
        assert started is not None
        context.replaying = replaying
        at = started.event_time
        context.now_ns = at.seconds * SECOND_NS + at.nanos
        context.task_started = started.workflow_task_started_event_attributes
        context.position = self._started_id = started.event_id
        if one.news and one.news[0].event_type == _STARTED:
            context.begin(one.news[0])
        for event in one.commands:
            if event.event_type == _MARKER:
                patch_id = read_patch(event)
                if patch_id is not None:
                    context.patches_recorded.add(patch_id)
        for event in one.news:
            if event.event_type in FIRST:
                apply_event(context, event)

    def _tell_rest(self, one: Round) -> None:
        for event in one.news:
            if event.event_type not in FIRST:
                apply_event(self._context, event)

    def _begin_updates(self, one: Round, messages: Sequence[Message]) -> None:
        """Begin the updates of the open round: admitted by the history, or sent with the task."""
        sent = {message.protocol_instance_id for message in messages}
        for event in one.news:
            if event.event_type == _ADMITTED:
                request, message = admitted_message(event)
                self._admitted[message.protocol_instance_id] = event
                if message.protocol_instance_id not in sent:
                    run = UpdateRun(self._context, request, message, replayed=False)
                    self._context.loop.call_soon(run.begin)
        for message in messages:
            run = UpdateRun(self._context, read_request(message), message, replayed=False)
            self._context.loop.call_soon(run.begin)

    def _begin_accepted(self, one: Round) -> None:
        """Begin the updates that were accepted in a round of the past."""
        for event in one.news:
            if event.event_type == _ADMITTED:
                self._admitted[admitted_message(event)[1].protocol_instance_id] = event
        for event in one.commands:
            if event.event_type == _ACCEPTED:
                request, message = accepted_message(event)
                if not request.HasField("meta"):
                    kept = self._admitted.pop(message.protocol_instance_id, None)
                    if kept is not None:
                        request = admitted_message(kept)[0]
                run = UpdateRun(self._context, request, message, replayed=True)
                self._context.loop.call_soon(run.begin)

    def _run(self) -> None:
        """Run until the code rests; then look at updates without a handler and at the end."""
        context = self._context
        context.loop.run()
        while context.updates_waiting:
            waiting, context.updates_waiting = context.updates_waiting, []
            for update in waiting:
                update.begin_late()
            context.loop.run()
        main = context.main
        if main is not None and main.done() and not context.ended and context.found is None:
            closing.close(context, main)

    def _end_round(self) -> None:
        """Make the run's last command, if it has ended: behind all others."""
        context = self._context
        ending = context.ending
        if ending is not None:
            context.ending = None
            context.warn_unfinished()
            context.outbox.add(ending.command, ending, ending.place)

    def _answer(self) -> Activation:
        context, task = self._context, self._task
        if task.HasField("query"):
            if context.found is not None:
                return Activation(query=queries.refuse_legacy(context, task))
            return Activation(query=queries.answer_legacy(context, task), closed=context.ended)
        if context.found is not None:
            return Activation(failed=self._fail(context.found))
        runs = context.locals
        if not context.ended and runs.awaited:
            return Activation(local_tasks=runs.take_queued(), local_dropped=runs.take_dropped())
        self._end_round()
        completed = self._complete(force=False)
        return Activation(completed, local_dropped=runs.take_dropped(), closed=context.ended)

    def _complete(self, force: bool) -> RespondWorkflowTaskCompletedRequest:
        context, task, outbox = self._context, self._task, self._context.outbox
        completed = RespondWorkflowTaskCompletedRequest()
        completed.task_token = task.task_token
        # A task that told the code something is no longer as if it had not been.
        self._droppable = self._told_nothing and outbox.empty and not force
        completed.commands.extend(outbox.leaving())
        if outbox.messages or outbox.rejections:
            completed.messages.extend(outbox.messages)
            completed.messages.extend(outbox.rejections)
            outbox.messages, outbox.rejections = [], []
        if force:
            completed.force_create_new_workflow_task = True
        if task.queries:
            for query_id, query in task.queries.items():
                queries.answer(context, query).fill(completed.query_results[query_id])
        return completed

    def _fail(self, error: BaseException) -> RespondWorkflowTaskFailedRequest:
        failed = RespondWorkflowTaskFailedRequest(task_token=self._task.task_token)
        wrong = isinstance(error, NondeterminismError)
        failed.cause = _NONDETERMINISM if wrong else _UNHANDLED
        failed.failure.CopyFrom(self._context.to_failure(error))
        if not failed.failure.message:
            failed.failure.message = f"{type(error).__name__} in workflow code"
        return failed

    def _entered(self) -> Entered:
        return Entered(self._context.loop, self._settings.guard)


def _completes(event: HistoryEvent) -> bool:
    return event.event_type == types.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
