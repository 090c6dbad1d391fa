"""`poly workflow ...`: runs of a file or of a service, by its calls.

Works on a file with or without an owner at work, on a Polyrhythm server and on a Temporal one. What
comes from users is printed without control and bidi characters: a name cannot move the cursor.
JSON is that of the HTTP API.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from google.protobuf.message import Message
from temporalio.api.enums.v1 import EventType, UpdateWorkflowExecutionLifecycleStage
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice import v1 as ws

from polyrhythm.app.application import App
from polyrhythm.base.errors import PolyrhythmError
from polyrhythm.cli.exit_codes import ExitCode
from polyrhythm.cli.workflow_explain import explain
from polyrhythm.cli.workflow_flags import (
    CountFlags,
    EndFlags,
    ExplainFlags,
    ListFlags,
    MessageFlags,
    ResetFlags,
    ResetPoint,
    ShowFlags,
    StartFlags,
)
from polyrhythm.cli.workflow_text import count_lines, describe_lines, event_line, run_line
from polyrhythm.sdk.client.session import LONG_POLL_S, Session
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.transports.http.json_in import message_in
from polyrhythm.transports.http.json_out import message_out
from polyrhythm.transports.wire import StatusError

PAGE_RUNS = 1000


class BadInput(Exception):
    """Flags that say nothing that can be done."""


def run(verb: str, flags: Any) -> int:
    """Do what the verb says and return the exit code."""
    place = flags.url
    if "://" not in place and not os.path.exists(place):
        return _say(verb, f"there is no file {place}", ExitCode.FAILED)
    try:
        asyncio.run(_work(VERBS[verb], flags))
    except (BadInput, StatusError) as error:
        return _say(verb, error, ExitCode.USAGE)
    except (PolyrhythmError, MisuseError, OSError) as error:
        return _say(verb, error, ExitCode.FAILED)
    except KeyboardInterrupt:
        return ExitCode.FAILED
    return ExitCode.OK


def _say(verb: str, what: object, code: ExitCode) -> ExitCode:
    print(f"poly workflow {verb}: {what}", file=sys.stderr)
    return code


async def _work(verb: Callable[[Session, Any], Awaitable[None]], flags: Any) -> None:
    async with App("poly", url=flags.url, works=False, namespace=flags.namespace) as app:
        await verb(app.session, flags)


def _print_json(message: Message) -> None:
    print(json.dumps(message_out(message)))


async def _list(session: Session, flags: ListFlags) -> None:
    left, token = flags.limit, b""
    while left:
        request = ws.ListWorkflowExecutionsRequest(
            namespace=flags.namespace,
            query=flags.query,
            page_size=min(left, PAGE_RUNS),
            next_page_token=token,
        )
        page = await session.call(
            "ListWorkflowExecutions", request, ws.ListWorkflowExecutionsResponse
        )
        for info in page.executions[:left]:
            if flags.json:
                _print_json(info)
            else:
                print(run_line(info))
        left -= min(len(page.executions), left)
        token = page.next_page_token
        if not token:
            break


async def _count(session: Session, flags: CountFlags) -> None:
    request = ws.CountWorkflowExecutionsRequest(namespace=flags.namespace, query=flags.query)
    answer = await session.call(
        "CountWorkflowExecutions", request, ws.CountWorkflowExecutionsResponse
    )
    if flags.json:
        _print_json(answer)
    else:
        print("\n".join(count_lines(answer)))


async def _show(session: Session, flags: ShowFlags) -> None:
    asked = ws.DescribeWorkflowExecutionRequest(namespace=flags.namespace)
    asked.execution.workflow_id, asked.execution.run_id = flags.workflow_id, flags.run_id
    found = await session.call(
        "DescribeWorkflowExecution", asked, ws.DescribeWorkflowExecutionResponse
    )
    if flags.json:
        _print_json(found)
    else:
        print("\n".join(describe_lines(found)))
    request = ws.GetWorkflowExecutionHistoryRequest(
        namespace=flags.namespace, wait_new_event=flags.watch
    )
    request.execution.CopyFrom(found.workflow_execution_info.execution)
    last = 0
    while True:
        page = await session.call(
            "GetWorkflowExecutionHistory",
            request,
            ws.GetWorkflowExecutionHistoryResponse,
            LONG_POLL_S,
        )
        for event in page.history.events:
            # A long poll shows what is not written yet, and once more when it is.
            if event.event_id > last:
                last = event.event_id
                _show_event(event, flags.json)
        request.next_page_token = page.next_page_token
        if not page.next_page_token:
            return


def _show_event(event: HistoryEvent, as_json: bool) -> None:
    if as_json:
        _print_json(event)
    else:
        print(event_line(event), flush=True)


async def _explain(session: Session, flags: ExplainFlags) -> None:
    explained = await explain(session, flags.workflow_id, flags.run_id, time.time())
    if flags.json:
        print(json.dumps(explained.tree()))
    else:
        print("\n".join(explained.lines()))


async def _start(session: Session, flags: StartFlags) -> None:
    request = ws.StartWorkflowExecutionRequest(
        namespace=flags.namespace,
        workflow_id=flags.workflow_id or str(uuid4()),
        request_id=str(uuid4()),
        identity=session.identity,
    )
    tree = {"workflowType": {"name": flags.type}, "taskQueue": {"name": flags.queue}}
    message_in(tree | _input(flags.input), request)
    answer = await session.call(
        "StartWorkflowExecution", request, ws.StartWorkflowExecutionResponse
    )
    print(json.dumps({"workflowId": request.workflow_id, "runId": answer.run_id}))


def _input(values: list[str] | None) -> dict[str, Any]:
    try:
        return {"input": [json.loads(value) for value in values]} if values else {}
    except ValueError as error:
        raise BadInput(f"--input is to be JSON (a text in quotes of its own): {error}") from None


async def _signal(session: Session, flags: MessageFlags) -> None:
    request = ws.SignalWorkflowExecutionRequest(
        namespace=flags.namespace, signal_name=flags.name, request_id=str(uuid4())
    )
    _name(request.workflow_execution, flags)
    message_in(_input(flags.input), request)
    await session.call("SignalWorkflowExecution", request, ws.SignalWorkflowExecutionResponse)


async def _query(session: Session, flags: MessageFlags) -> None:
    request = ws.QueryWorkflowRequest(namespace=flags.namespace)
    _name(request.execution, flags)
    arguments = {"queryArgs": found["input"]} if (found := _input(flags.input)) else {}
    message_in({"query": {"queryType": flags.name, **arguments}}, request)
    answer = await session.call("QueryWorkflow", request, ws.QueryWorkflowResponse, LONG_POLL_S)
    if answer.HasField("query_rejected"):
        raise MisuseError(f"the query was rejected: {answer.query_rejected}")
    print(json.dumps(_result(message_out(answer.query_result))))


async def _update(session: Session, flags: MessageFlags) -> None:
    request = ws.UpdateWorkflowExecutionRequest(namespace=flags.namespace)
    _name(request.workflow_execution, flags)
    request.wait_policy.lifecycle_stage = (
        UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
    )
    request.request.meta.update_id = str(uuid4())
    request.request.input.name = flags.name
    arguments = {"args": found["input"]} if (found := _input(flags.input)) else {}
    message_in(arguments, request.request.input)
    while True:
        answer = await session.call(
            "UpdateWorkflowExecution", request, ws.UpdateWorkflowExecutionResponse, LONG_POLL_S
        )
        if answer.HasField("outcome"):
            break
    if answer.outcome.HasField("failure"):
        raise MisuseError(f"the update failed: {answer.outcome.failure.message}")
    print(json.dumps(_result(message_out(answer.outcome.success))))


def _result(values: Any) -> Any:
    """Return the one value of an answer as itself."""
    return values[0] if isinstance(values, list) and len(values) == 1 else values


async def _cancel(session: Session, flags: EndFlags) -> None:
    request = ws.RequestCancelWorkflowExecutionRequest(
        namespace=flags.namespace, reason=flags.reason, request_id=str(uuid4())
    )
    _name(request.workflow_execution, flags)
    await session.call(
        "RequestCancelWorkflowExecution", request, ws.RequestCancelWorkflowExecutionResponse
    )


async def _terminate(session: Session, flags: EndFlags) -> None:
    request = ws.TerminateWorkflowExecutionRequest(namespace=flags.namespace, reason=flags.reason)
    _name(request.workflow_execution, flags)
    await session.call("TerminateWorkflowExecution", request, ws.TerminateWorkflowExecutionResponse)


async def _reset(session: Session, flags: ResetFlags) -> None:
    asked = ws.GetWorkflowExecutionHistoryRequest(namespace=flags.namespace)
    _name(asked.execution, flags)
    ends: list[int] = []
    while not flags.event_id:
        page = await session.call(
            "GetWorkflowExecutionHistory", asked, ws.GetWorkflowExecutionHistoryResponse
        )
        ended = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
        ends += [event.event_id for event in page.history.events if event.event_type == ended]
        asked.next_page_token = page.next_page_token
        if not page.next_page_token:
            break
    if not ends and not flags.event_id:
        raise MisuseError("no workflow task of the run has completed: there is no point to go to")
    request = ws.ResetWorkflowExecutionRequest(
        namespace=flags.namespace, reason=flags.reason, request_id=str(uuid4())
    )
    _name(request.workflow_execution, flags)
    request.workflow_task_finish_event_id = (
        flags.event_id or ends[0 if flags.to is ResetPoint.FIRST else -1]
    )
    answer = await session.call(
        "ResetWorkflowExecution", request, ws.ResetWorkflowExecutionResponse
    )
    print(answer.run_id)


def _name(execution: Any, flags: Any) -> None:
    execution.workflow_id, execution.run_id = flags.workflow_id, flags.run_id


VERBS: dict[str, Callable[[Session, Any], Awaitable[None]]] = {
    "list": _list,
    "count": _count,
    "show": _show,
    "explain": _explain,
    "start": _start,
    "signal": _signal,
    "query": _query,
    "update": _update,
    "cancel": _cancel,
    "terminate": _terminate,
    "reset": _reset,
}
