"""Runs to be reset and the means to do it, for the stories of resets."""

from __future__ import annotations

from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import CommandType, ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import (
    ResetWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
)

from core.playback import Playback, context, show, text
from polyrhythm.core.batches import RunHistory, parse_events
from polyrhythm.core.decide.reset import (
    Reset,
    ResetSource,
    check_reset,
    decide_reset,
)
from polyrhythm.core.decide.signal import decide_signal
from polyrhythm.engine.handlers.events import split_frames

COMPLETE = Command(
    command_type=CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
    complete_workflow_execution_command_attributes={},
)
SIGNAL = ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL
RESET_FAILURE = "failure={message=redo reset_workflow_failure_info={}} identity=history-service"
SCHEDULED = (
    "WORKFLOW_TASK_SCHEDULED task_queue={name=q kind=1} start_to_close_timeout=10s attempt=1"
)


class Ids:
    """The id of the next run."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id

    def run_id(self) -> str:
        return self._run_id


def timer(timer_id: str, seconds: int) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_START_TIMER)
    command.start_timer_command_attributes.timer_id = timer_id
    command.start_timer_command_attributes.start_to_fire_timeout.seconds = seconds
    return command


def activity(activity_id: str) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK)
    attributes = command.schedule_activity_task_command_attributes
    attributes.activity_id = activity_id
    attributes.activity_type.name = "act"
    attributes.task_queue.name = "aq"
    attributes.schedule_to_close_timeout.seconds = 60
    return command


def signal_external(workflow_id: str) -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION)
    attributes = command.signal_external_workflow_execution_command_attributes
    attributes.execution.CopyFrom(WorkflowExecution(workflow_id=workflow_id))
    attributes.signal_name = "out"
    return command


def history(run: Playback) -> RunHistory:
    """Every decision of a playback is a row of its own."""
    found = RunHistory()
    for events, taken in run.rows:
        if events:
            frames = split_frames(events)
            found.add(parse_events(frames[:1])[0].event_id, frames, taken)
    return found


def reset_request(event_id: int, **fields: object) -> ResetWorkflowExecutionRequest:
    return ResetWorkflowExecutionRequest(
        workflow_task_finish_event_id=event_id, request_id="reset-1", reason="redo", **fields
    )


def reset(
    run: Playback,
    event_id: int,
    second: float = 5,
    chain: tuple[Playback, ...] = (),
    **fields: object,
) -> tuple[Reset, Playback]:
    """Reset a run, the last of its chain being the current one."""
    request = reset_request(event_id, **fields)
    check_reset(run.state, request, context(second))
    world = context(second)
    world.ids = Ids("new-run")
    sources = [ResetSource(each.state.run_id, history(each)) for each in (run, *chain)]
    current = (run, *chain)[-1]
    decided = decide_reset(request, run.state, sources, current.state, world)
    run.take(decided.base)
    if decided.current is not None:
        current.take(decided.current)
    return decided, Playback(decided.created)


def told(run: Playback) -> list[str]:
    return [show(event) for event in parse_events(history(run).frames)]


def names(run: Playback) -> list[str]:
    return [line.split()[1] for line in told(run)]


def signal(run: Playback, name: str = "s", second: float = 0, **fields: object) -> None:
    request = SignalWorkflowExecutionRequest(signal_name=name, identity="client", **fields)
    run.take(decide_signal(run.state, request, context(second)))


def played(*commands: Command) -> Playback:
    """A run whose first workflow task is done."""
    run = Playback()
    run.start_task()
    run.complete(*commands)
    return run


def closed() -> Playback:
    run = played(timer("t", 1000))
    signal(run, "kept", request_id="r", input=text("a"))
    run.start_task()
    run.complete(COMPLETE)
    return run
