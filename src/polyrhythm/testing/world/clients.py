"""Simulated clients: they start, signal, cancel, terminate, delete, look, query and list.

Every client acts again a little after it has acted, until the world heals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.enums.v1 import (
    HistoryEventFilterType,
    QueryRejectCondition,
    WorkflowIdConflictPolicy,
    WorkflowIdReusePolicy,
)

from polyrhythm.base.limits import SECOND_NS
from polyrhythm.engine.calls import CountRuns, ListRuns
from polyrhythm.stores.port import RunFilter
from polyrhythm.testing.world.callers import Caller
from polyrhythm.testing.world.commands import CRONS, fill_span, fill_workflow_policy
from polyrhythm.testing.world.place import Place
from polyrhythm.testing.world.releases import fill_override

_REUSE = [
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_UNSPECIFIED,
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
    WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
]
_CONFLICT = [
    WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_UNSPECIFIED,
    WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
    WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
    WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING,
]


class Client:
    """One client."""

    def __init__(self, world: Place, number: int) -> None:
        self._world = world
        self._random = world.random
        self._caller = Caller(world, f"client-{number}")
        self._acts: list[Callable[[], None]] = [
            *[self._start] * 6,
            *[self._signal] * 5,
            *[self._signal_with_start] * 2,
            *[self._describe] * 2,
            *[self._history] * 3,
            *[self._query] * 2,
            self._cancel,
            self._terminate,
            self._delete,
            self._list,
            self._queue,
            self._reset_sticky,
        ]
        world.after_ms(0, 50, self._act)

    def _act(self) -> None:
        if self._world.healing:
            return
        self._random.choice(self._acts)()
        self._world.after_ms(1, self._random.choice((20, 200, 2000, 6000)), self._act)

    def _start(self) -> None:
        request = ws.StartWorkflowExecutionRequest()
        fill_start(self._world, self._caller, request)
        random = self._random
        if random.random() < 0.1:
            reuse = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING
            request.workflow_id_reuse_policy = reuse
            request.workflow_id_conflict_policy = _CONFLICT[0]
        if random.random() < 0.2:
            request.request_eager_execution = True
        if random.random() < 0.2:
            request.on_conflict_options.attach_request_id = True
        self._caller.call(request)

    def _signal_with_start(self) -> None:
        request = ws.SignalWithStartWorkflowExecutionRequest()
        fill_start(self._world, self._caller, request)
        if request.workflow_id_conflict_policy == _CONFLICT[1]:
            request.workflow_id_conflict_policy = _CONFLICT[0]
        request.signal_name = "hello"
        request.signal_input.payloads.add().data = self._caller.unique("signal").encode()
        self._caller.call(request)

    def _signal(self) -> None:
        request = ws.SignalWorkflowExecutionRequest()
        self._caller.name_run(request.workflow_execution)
        request.signal_name = "hello"
        request.request_id = self._caller.unique("request")
        request.input.payloads.add().data = self._caller.unique("signal").encode()
        self._caller.call(request)

    def _cancel(self) -> None:
        request = ws.RequestCancelWorkflowExecutionRequest(
            request_id=self._caller.unique("request")
        )
        self._caller.name_run(request.workflow_execution)
        self._caller.call(request)

    def _terminate(self) -> None:
        request = ws.TerminateWorkflowExecutionRequest(reason=self._caller.unique("reason"))
        self._caller.name_run(request.workflow_execution)
        # Not repeated: without a run id a second try would end the next run as well.
        self._caller.call(request, tries=1)

    def _delete(self) -> None:
        runs = self._world.known.runs
        if runs:
            request = ws.DeleteWorkflowExecutionRequest()
            execution = request.workflow_execution
            execution.workflow_id, execution.run_id = self._random.choice(runs)
            self._caller.call(request)

    def _describe(self) -> None:
        request = ws.DescribeWorkflowExecutionRequest()
        self._caller.name_run(request.execution)
        self._caller.call(request)

    def _history(self) -> None:
        request = ws.GetWorkflowExecutionHistoryRequest()
        self._caller.name_run(request.execution)
        request.wait_new_event = self._random.random() < 0.5
        request.maximum_page_size = self._random.choice((0, 1, 3, 7))
        if self._random.random() < 0.4:
            kind = HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT
            request.history_event_filter_type = kind
        self._caller.call(request, poll=request.wait_new_event)

    def _query(self) -> None:
        request = ws.QueryWorkflowRequest()
        self._caller.name_run(request.execution)
        request.query.query_type = "how"
        if self._random.random() < 0.3:
            condition = QueryRejectCondition.QUERY_REJECT_CONDITION_NOT_OPEN
            request.query_reject_condition = condition
        self._caller.call(request, poll=self._random.random() < 0.5, tries=2)

    def _list(self) -> None:
        wanted = RunFilter(self._world.namespace.key, limit=self._random.choice((1, 3, 100)))
        self._caller.call(ListRuns(wanted) if self._random.random() < 0.7 else CountRuns(wanted))

    def _queue(self) -> None:
        request = ws.DescribeTaskQueueRequest(report_stats=True)
        request.task_queue.name = "workflows-0"
        self._caller.call(request)

    def _reset_sticky(self) -> None:
        request = ws.ResetStickyTaskQueueRequest()
        self._caller.name_run(request.execution)
        self._caller.call(request)


def fill_start(world: Place, caller: Caller, request: Any) -> None:
    """Fill a start, or the start in a signal-with-start."""
    random = world.random
    request.workflow_id = caller.workflow_id()
    request.workflow_type.name = "program"
    request.task_queue.name = f"workflows-{random.randrange(world.profile.queues)}"
    request.request_id = caller.unique("request")
    request.identity = caller.name
    request.input.payloads.add().data = f"{random.randrange(1 << 30)}.0.0".encode()
    request.workflow_id_reuse_policy = random.choice(_REUSE)
    request.workflow_id_conflict_policy = random.choice(_CONFLICT)
    request.workflow_task_timeout.FromNanoseconds(random.choice((1, 5, 10)) * SECOND_NS)
    if random.random() < 0.2:
        fill_span(random, request.workflow_run_timeout, 1_000, 300_000)
    if random.random() < 0.15:
        fill_span(random, request.workflow_execution_timeout, 1_000, 300_000)
    if random.random() < 0.2:
        fill_span(random, request.workflow_start_delay, 1, 40_000)
    if random.random() < 0.3:
        request.memo.fields["one"].data = b"1"
        request.memo.fields["two"].data = b"2"
    if random.random() < 0.15:
        request.priority.priority_key = random.randint(1, 5)
    if "versions" in world.profile.nouns and random.random() < 0.1:
        fill_override(world, request.versioning_override)
    if "chains" in world.profile.nouns:
        if random.random() < 0.3:
            fill_workflow_policy(random, request.retry_policy)
        if random.random() < 0.1:
            request.cron_schedule = random.choice(CRONS)
            request.ClearField("workflow_start_delay")
            # It ends with its execution.
            fill_span(random, request.workflow_execution_timeout, 1_000, 200_000)
