"""What can be told in a story: one function a verb, each returning the decisions it made.

Requests are filled with `path=value` words (`story_text`), so a verb needs a rule of its own only
for what it fills in by itself. `complete` takes commands separated by `;`, each a verb of COMMANDS
or the name of a command type. Activities are named by their scheduled event id (the newest
attempt), by `id@attempt` (an older one), or by `id:NAME` as the ById calls do.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionResponse,
    PollWorkflowTaskQueueResponse,
    RecordActivityTaskHeartbeatRequest,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedRequest,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskFailedRequest,
    SignalWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
)

from polyrhythm.api import notes
from polyrhythm.core.deadlines import next_due
from polyrhythm.core.decide import activity, completion, task
from polyrhythm.core.decide.activity_attempt import activity_offer
from polyrhythm.core.decide.activity_describe import describe_pending
from polyrhythm.core.decide.fire import decide_fire
from polyrhythm.core.decide.signal import decide_signal
from polyrhythm.core.decide.start import decide_start
from polyrhythm.core.decide.update import send_updates
from polyrhythm.core.decision import Decision
from polyrhythm.core.effects import ActivityOffer
from polyrhythm.testing import story_chain, story_children, story_operations, story_updates
from polyrhythm.testing.story_run import StoryRun
from polyrhythm.testing.story_text import parse_span, set_field, set_fields, split_at

WORKER = "worker"


def tell_start(run: StoryRun, words: list[str]) -> list[Decision]:
    """`start [field=value ...]`: a run of workflow type `wf` on queue `q`."""
    request = StartWorkflowExecutionRequest(
        namespace="default", workflow_id="wf", request_id="start", identity="client"
    )
    request.workflow_type.name = "wf"
    request.task_queue.name = "q"
    set_fields(request, words)
    return [decide_start(request, run.context)]


def tell_task(run: StoryRun, words: list[str]) -> list[Decision]:
    """`task`: a worker takes the workflow task."""
    decision = Decision(run.state, run.context)
    task.start_task(decision, words[0] if words else "poll", WORKER)
    decision.reply = PollWorkflowTaskQueueResponse(messages=send_updates(decision))
    _keep_task_token(run)
    return [decision]


def tell_complete(run: StoryRun, words: list[str]) -> list[Decision]:
    """`complete [field=value ...] [command; command ...]`: the worker answers its task."""
    request = RespondWorkflowTaskCompletedRequest(identity=WORKER)
    own = 0
    while own < len(words) and "=" in words[own]:
        set_field(request, *words[own].split("=", 1))
        own += 1
    for command in split_at(words[own:], ";"):
        if not story_updates.add_message(request, command):
            request.commands.append(_command(command))
    decision = completion.decide_completed(run.state, run.tokens["task"], request, run.context)
    # A task that was started inline is the worker's next one.
    run.state = decision.state
    _keep_task_token(run)
    eager = _start_eager(run, decision)
    story_updates.show_completion(decision)
    return [decision, *eager]


def tell_fail_task(run: StoryRun, words: list[str]) -> list[Decision]:
    """`fail-task [field=value ...]`: the worker could not run the workflow task."""
    request = RespondWorkflowTaskFailedRequest(identity=WORKER)
    set_fields(request, words)
    return [completion.decide_failed(run.state, run.tokens["task"], request, run.context)]


def tell_signal(run: StoryRun, words: list[str]) -> list[Decision]:
    """`signal NAME [field=value ...]`."""
    request = SignalWorkflowExecutionRequest(signal_name=words[0], identity="client")
    set_fields(request, words[1:])
    return [decide_signal(run.state, request, run.context)]


def tell_take(run: StoryRun, words: list[str]) -> list[Decision]:
    """`take ID[@STAMP] [request=ID]`: a worker polls and is given the activity.

    An obsolete offer has no reply, and no events.
    """
    name, *rest = words
    scheduled, _, stamp = name.partition("@")
    pending = run.state.activities.get(int(scheduled))
    newest = pending.stamp if pending is not None else 0
    offer = ActivityOffer("q", int(scheduled), int(stamp) if stamp else newest)
    run.polls += 1
    request_id = rest[0].removeprefix("request=") if rest else f"poll-{run.polls}"
    return [_take(run, offer, request_id)]


def tell_offers(run: StoryRun, words: list[str]) -> list[Decision]:
    """`offers ID`: what recovery would offer for the activity now."""
    decision = Decision(run.state, run.context)
    offer = activity_offer(run.state, int(words[0]), run.context.now_ns)
    if offer is not None:
        decision.effect(offer)
    return [decision]


def tell_result(run: StoryRun, words: list[str]) -> list[Decision]:
    """`result ACTIVITY [field=value ...]`: the activity is done."""
    token = _activity_token(run, words[0])
    request = RespondActivityTaskCompletedRequest(identity=WORKER)
    set_fields(request, words[1:])
    return [activity.decide_activity_completed(run.state, token, request, run.context)]


def tell_failure(run: StoryRun, words: list[str]) -> list[Decision]:
    """`failure ACTIVITY [MESSAGE] [field=value ...]`: the attempt failed."""
    token = _activity_token(run, words[0])
    request = RespondActivityTaskFailedRequest(identity=WORKER)
    rest = words[1:]
    if rest and "=" not in rest[0]:
        request.failure.message = rest.pop(0)
        request.failure.application_failure_info.SetInParent()
    set_fields(request, rest)
    return [activity.decide_activity_failed(run.state, token, request, run.context)]


def tell_canceled(run: StoryRun, words: list[str]) -> list[Decision]:
    """`canceled ACTIVITY [field=value ...]`: the activity stopped as it was asked to."""
    token = _activity_token(run, words[0])
    request = RespondActivityTaskCanceledRequest(identity=WORKER)
    set_fields(request, words[1:])
    return [activity.decide_activity_canceled(run.state, token, request, run.context)]


def tell_heartbeat(run: StoryRun, words: list[str]) -> list[Decision]:
    """`heartbeat ACTIVITY [field=value ...]`."""
    token = _activity_token(run, words[0])
    request = RecordActivityTaskHeartbeatRequest(identity=WORKER)
    set_fields(request, words[1:])
    return [activity.decide_activity_heartbeat(run.state, token, request, run.context)]


def tell_pending(run: StoryRun, _words: list[str]) -> list[Decision]:
    """`pending`: how the pending activities are described."""
    decision = Decision(run.state, run.context)
    reply = DescribeWorkflowExecutionResponse()
    reply.pending_activities.extend(describe_pending(run.state, run.context.now_ns))
    decision.reply = reply
    return [decision]


def tell_wait(run: StoryRun, words: list[str]) -> list[Decision]:
    """`wait 5s`: time passes; every deadline fires at its own instant."""
    until_ns = run.context.now_ns + parse_span(words[0])
    decisions = []
    while 0 < (due_ns := next_due(run.state)) <= until_ns:
        run.later(max(due_ns - run.context.now_ns, 0))
        decisions.append(decide_fire(run.state, run.context))
    run.later(until_ns - run.context.now_ns)
    return decisions


def _schedule(command: Command, words: list[str]) -> None:
    attributes = command.schedule_activity_task_command_attributes
    attributes.activity_id, *rest = words
    attributes.activity_type.name = "act"
    attributes.task_queue.name = "q"
    attributes.start_to_close_timeout.FromSeconds(30)
    set_fields(attributes, rest)


def _cancel_activity(command: Command, words: list[str]) -> None:
    attributes = command.request_cancel_activity_task_command_attributes
    attributes.scheduled_event_id = int(words[0])


def _timer(command: Command, words: list[str]) -> None:
    attributes = command.start_timer_command_attributes
    attributes.timer_id = words[0]
    set_field(attributes, "start_to_fire_timeout", words[1])


def _finish(command: Command, words: list[str]) -> None:
    attributes = command.complete_workflow_execution_command_attributes
    attributes.SetInParent()
    set_fields(attributes, words)


def _command(words: list[str]) -> Command:
    verb, *rest = words
    command = Command()
    # Words for the command itself, not for its attributes.
    outer = [word for word in rest if word.startswith("user_metadata.")]
    set_fields(command, outer)
    command_type, fill = COMMANDS[verb]
    command.command_type = command_type
    if fill is not None:
        fill(command, [word for word in rest if word not in outer])
    return command


def _take(run: StoryRun, offer: ActivityOffer, request_id: str) -> Decision:
    decision = Decision(run.state, run.context)
    answer = activity.start_activity(decision, run.run_key, offer, request_id, WORKER)
    if answer is not None:
        token = notes.TaskToken.FromString(answer.task_token)
        run.tokens[f"{token.scheduled_event_id}@{token.attempt}"] = token
        run.tokens[str(token.scheduled_event_id)] = token
    decision.reply = answer
    return decision


def _start_eager(run: StoryRun, decision: Decision) -> list[Decision]:
    wanted = getattr(decision.reply, "eager", [])
    started = [
        _take(run, ActivityOffer("q", scheduled_id, 0), f"eager-{scheduled_id}")
        for scheduled_id in wanted
    ]
    return [each for each in started if not each.empty]


def _keep_task_token(run: StoryRun) -> None:
    held = run.state.workflow_task
    if held is not None and held.started_event_id:
        token = notes.TaskToken()
        token.scheduled_event_id = held.scheduled_event_id
        token.started_event_id = held.started_event_id
        token.started_ns = held.started_ns
        token.attempt = held.attempt
        run.tokens["task"] = token


def _activity_token(run: StoryRun, name: str) -> notes.TaskToken:
    if name.startswith("id:"):
        return notes.TaskToken(activity_id=name.removeprefix("id:"), attempt=1)
    if name in run.tokens:
        return run.tokens[name]
    return notes.TaskToken(scheduled_event_id=int(name), attempt=1)


_Fill = Callable[[Command, list[str]], None] | None

COMMANDS: dict[str, tuple[CommandType.ValueType, _Fill]] = {
    "schedule": (CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK, _schedule),
    "schedule-nothing": (CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK, None),
    "cancel-activity": (CommandType.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK, _cancel_activity),
    "cancel-nothing": (CommandType.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK, None),
    "timer": (CommandType.COMMAND_TYPE_START_TIMER, _timer),
    "finish": (CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION, _finish),
    **story_children.COMMANDS,
    **story_updates.COMMANDS,
    **story_chain.COMMANDS,
}

VERBS: dict[str, Callable[[StoryRun, list[str]], list[Decision]]] = {
    "start": tell_start,
    "task": tell_task,
    "complete": tell_complete,
    "fail-task": tell_fail_task,
    "signal": tell_signal,
    "take": tell_take,
    "offers": tell_offers,
    "result": tell_result,
    "failure": tell_failure,
    "canceled": tell_canceled,
    "heartbeat": tell_heartbeat,
    "pending": tell_pending,
    "wait": tell_wait,
    **story_children.VERBS,
    **story_updates.VERBS,
    **story_chain.VERBS,
    **story_operations.VERBS,
}
