"""The four timeouts of an activity, however it is asked for: checked, and filled from each other.

Source: the server's validator of activity attributes, which commands, changed options and starts
without a workflow share.
"""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.command.v1 import ScheduleActivityTaskCommandAttributes
from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes
from temporalio.api.workflowservice.v1 import StartActivityExecutionRequest

from polyrhythm.base.limits import SECOND_NS, Limits
from polyrhythm.core.durations import set_span, span_problem

_NO_TIMEOUT = (
    "a valid StartToClose or ScheduleToCloseTimeout is not set on ScheduleActivityTaskCommand."
    " ActivityId={} ActivityType={}"
)

Asked = ScheduleActivityTaskCommandAttributes | ActivityOptions | StartActivityExecutionRequest
Filled = ActivityTaskScheduledEventAttributes | ActivityOptions | StartActivityExecutionRequest


def fill_spans(
    asked: Asked, filled: Filled, names: tuple[str, str], whole_ns: int, limits: Limits
) -> str:
    """Write the four timeouts, what is left out from the others, none longer than `whole_ns`.

    `names` are the activity's id and type, `whole_ns` the run's timeout (0: none).
    """
    span_max = limits.duration_ns_max
    close = _span(asked.schedule_to_close_timeout, span_max)
    start = _span(asked.schedule_to_start_timeout, span_max)
    run = _span(asked.start_to_close_timeout, span_max)
    beat = _span(asked.heartbeat_timeout, span_max)
    if close < 0 or start < 0 or run < 0 or beat < 0:
        return _negative(asked)
    if close:
        start = min(start or close, close)
        run = min(run or close, close)
    elif run:
        close = whole_ns
        start = start or whole_ns
    else:
        return _NO_TIMEOUT.format(*names)
    if whole_ns:
        close, start, run = min(close, whole_ns), min(start, whole_ns), min(run, whole_ns)
    set_span(filled.schedule_to_close_timeout, close)
    set_span(filled.schedule_to_start_timeout, start)
    set_span(filled.start_to_close_timeout, run)
    set_span(filled.heartbeat_timeout, min(beat, run))
    return ""


def _span(duration: Duration, span_max: int) -> int:
    seconds, nanos = duration.seconds, duration.nanos
    return -1 if seconds < 0 or nanos < 0 else min(seconds * SECOND_NS + nanos, span_max)


def _negative(asked: Asked) -> str:
    for name, duration in (
        ("ScheduleToCloseTimeout", asked.schedule_to_close_timeout),
        ("ScheduleToStartTimeout", asked.schedule_to_start_timeout),
        ("StartToCloseTimeout", asked.start_to_close_timeout),
        ("HeartbeatTimeout", asked.heartbeat_timeout),
    ):
        problem = span_problem(duration)
        if problem:
            return f"invalid {name}: {problem}"
    raise AssertionError("no timeout is negative")
