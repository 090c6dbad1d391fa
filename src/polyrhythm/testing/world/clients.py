"""Simulated clients: they start, signal, cancel, terminate, delete, look, query and list.

A call whose outcome is unknown is repeated as it was, with its request id, as the SDKs do. Every
client acts again a little after it has acted, until the world heals.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import temporalio.api.workflowservice.v1 as ws
from temporalio.api.enums.v1 import (
    HistoryEventFilterType,
    QueryRejectCondition,
    WorkflowIdConflictPolicy,
    WorkflowIdReusePolicy,
)

from polyrhythm.base.errors import Unavailable
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.engine.calls import CountRuns, ListRuns
from polyrhythm.stores.port import RunFilter
from polyrhythm.testing.world.network import Lost
from polyrhythm.testing.world.place import Place

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
_TRIES_MAX = 6


class Client:
    """One client."""

    def __init__(self, world: Place, number: int) -> None:
        self._world = world
        self._random = world.random
        self._name = f"client-{number}"
        self._made = 0
        self._run_ids: list[tuple[str, str]] = []
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
        self._world.after_ms(1, self._random.choice((5, 30, 200, 3000)), self._act)

    def _call(self, request: Any, poll: bool = False, tries: int = _TRIES_MAX) -> None:
        self._world.send(request, partial(self._answered, request, poll, tries), poll)

    def _answered(
        self, request: Any, poll: bool, tries: int, value: Any, error: Exception | None
    ) -> None:
        if isinstance(error, (Lost, Unavailable)) and tries > 1:
            again = partial(self._call, request, poll, tries - 1)
            self._world.after_ms(1, 2000, again)
        elif error is None and isinstance(value, ws.StartWorkflowExecutionResponse):
            self._run_ids.append((request.workflow_id, value.run_id))
            if value.eager_workflow_task.task_token:
                self._world.take_eager(value.eager_workflow_task)
        elif error is None and isinstance(value, ws.GetWorkflowExecutionHistoryResponse):
            more = value.next_page_token
            if more and tries > 3:
                request = _copy(request)
                request.next_page_token = more
                self._call(request, poll, tries - 1)

    def _unique(self, what: str) -> str:
        self._made += 1
        return f"{self._name}/{what}/{self._made}"

    def _workflow_id(self) -> str:
        return f"w{self._random.randrange(self._world.profile.workflow_ids)}"

    def _name_run(self, execution: Any) -> None:
        if self._run_ids and self._random.random() < 0.4:
            execution.workflow_id, execution.run_id = self._random.choice(self._run_ids)
        else:
            execution.workflow_id = self._workflow_id()

    def _fill_start(self, request: Any) -> None:
        random = self._random
        request.workflow_id = self._workflow_id()
        request.workflow_type.name = "program"
        request.task_queue.name = f"workflows-{random.randrange(self._world.profile.queues)}"
        request.request_id = self._unique("request")
        request.identity = self._name
        request.input.payloads.add().data = str(random.randrange(1 << 30)).encode()
        request.workflow_id_reuse_policy = random.choice(_REUSE)
        request.workflow_id_conflict_policy = random.choice(_CONFLICT)
        request.workflow_task_timeout.FromNanoseconds(random.choice((1, 5, 10)) * SECOND_NS)
        if random.random() < 0.2:
            request.workflow_run_timeout.FromNanoseconds(random.randint(1, 300) * SECOND_NS)
        if random.random() < 0.15:
            request.workflow_execution_timeout.FromNanoseconds(random.randint(1, 300) * SECOND_NS)
        if random.random() < 0.2:
            request.workflow_start_delay.FromNanoseconds(random.randint(1, 40_000) * 1_000_000)
        if random.random() < 0.3:
            request.memo.fields["one"].data = b"1"
            request.memo.fields["two"].data = b"2"

    def _start(self) -> None:
        request = ws.StartWorkflowExecutionRequest()
        self._fill_start(request)
        random = self._random
        if random.random() < 0.1:
            reuse = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING
            request.workflow_id_reuse_policy = reuse
            request.workflow_id_conflict_policy = _CONFLICT[0]
        if random.random() < 0.2:
            request.request_eager_execution = True
        if random.random() < 0.2:
            request.on_conflict_options.attach_request_id = True
        self._call(request)

    def _signal_with_start(self) -> None:
        request = ws.SignalWithStartWorkflowExecutionRequest()
        self._fill_start(request)
        if request.workflow_id_conflict_policy == _CONFLICT[1]:
            request.workflow_id_conflict_policy = _CONFLICT[0]
        request.signal_name = "hello"
        request.signal_input.payloads.add().data = self._unique("signal").encode()
        self._call(request)

    def _signal(self) -> None:
        request = ws.SignalWorkflowExecutionRequest()
        self._name_run(request.workflow_execution)
        request.signal_name = "hello"
        request.request_id = self._unique("request")
        request.input.payloads.add().data = self._unique("signal").encode()
        self._call(request)

    def _cancel(self) -> None:
        request = ws.RequestCancelWorkflowExecutionRequest(request_id=self._unique("request"))
        self._name_run(request.workflow_execution)
        self._call(request)

    def _terminate(self) -> None:
        request = ws.TerminateWorkflowExecutionRequest(reason=self._unique("reason"))
        self._name_run(request.workflow_execution)
        # Not repeated: without a run id a second try would end the next run as well.
        self._call(request, tries=1)

    def _delete(self) -> None:
        if self._run_ids:
            request = ws.DeleteWorkflowExecutionRequest()
            execution = request.workflow_execution
            execution.workflow_id, execution.run_id = self._random.choice(self._run_ids)
            self._call(request)

    def _describe(self) -> None:
        request = ws.DescribeWorkflowExecutionRequest()
        self._name_run(request.execution)
        self._call(request)

    def _history(self) -> None:
        request = ws.GetWorkflowExecutionHistoryRequest()
        self._name_run(request.execution)
        request.wait_new_event = self._random.random() < 0.5
        request.maximum_page_size = self._random.choice((0, 1, 3, 7))
        if self._random.random() < 0.4:
            kind = HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT
            request.history_event_filter_type = kind
        self._call(request, poll=request.wait_new_event)

    def _query(self) -> None:
        request = ws.QueryWorkflowRequest()
        self._name_run(request.execution)
        request.query.query_type = "how"
        if self._random.random() < 0.3:
            condition = QueryRejectCondition.QUERY_REJECT_CONDITION_NOT_OPEN
            request.query_reject_condition = condition
        self._call(request, poll=self._random.random() < 0.5, tries=2)

    def _list(self) -> None:
        wanted = RunFilter(self._world.namespace.key, limit=self._random.choice((1, 3, 100)))
        self._call(ListRuns(wanted) if self._random.random() < 0.7 else CountRuns(wanted))

    def _queue(self) -> None:
        request = ws.DescribeTaskQueueRequest(report_stats=True)
        request.task_queue.name = "workflows-0"
        self._call(request)

    def _reset_sticky(self) -> None:
        request = ws.ResetStickyTaskQueueRequest()
        self._name_run(request.execution)
        self._call(request)


def _copy(request: Any) -> Any:
    twin = type(request)()
    twin.CopyFrom(request)
    return twin
