"""Queries: judged by core, carried by a workflow task or dispatched to a worker of their own.

A query goes to the sticky queue while its worker polls there, else to the normal queue. One that
its sticky worker does not take in time is offered on the normal queue as well: whoever answers
first is the answer.
"""

from __future__ import annotations

from temporalio.api.enums.v1 import QueryResultType
from temporalio.api.query.v1 import WorkflowQueryResult
from temporalio.api.workflowservice.v1 import (
    QueryWorkflowResponse,
    RespondQueryTaskCompletedResponse,
    RespondWorkflowTaskCompletedRequest,
)

from polyrhythm.base.errors import (
    DeadlineExceeded,
    FailedPrecondition,
    NotFound,
    PolyrhythmError,
    QueryFailed,
)
from polyrhythm.base.limits import SECOND_NS
from polyrhythm.core.decide.query import QueryRoute, judge_query
from polyrhythm.core.versions import own_queue
from polyrhythm.engine.cache import LoadedRun
from polyrhythm.engine.calls import Call
from polyrhythm.engine.desk import Desk
from polyrhythm.engine.handlers.match import match
from polyrhythm.engine.handlers.token import decode_token
from polyrhythm.engine.matching import Offer, QueryOffer, QueueKind
from polyrhythm.engine.queries import PendingQuery

# A queue that nobody polled for this long has no worker to ask (the server's default).
POLLER_WINDOW_NS = 20 * SECOND_NS


def query_workflow(desk: Desk, call: Call) -> None:
    """Judge a query and send it on its way."""
    run = desk.turn.find(call.namespace.key, call.request.execution)
    verdict = judge_query(
        run.state,
        call.request,
        len(desk.memory.queries.buffered(run.key)),
        desk.limits.buffered_queries_max,
        call.deadline_ns,
    )
    if verdict.route == QueryRoute.REJECTED:
        answer = QueryWorkflowResponse()
        answer.query_rejected.status = verdict.status
        desk.turn.answer(call.reply, answer)
        return
    queries = desk.memory.queries
    query = queries.add(run.key, call)
    _park(desk, run, call)
    if verdict.route == QueryRoute.WITH_TASK:
        queries.buffer(query)
    else:
        _dispatch(desk, run, query)


def complete_query(desk: Desk, call: Call) -> None:
    """Take a worker's answer to a query of its own."""
    request = call.request
    token = decode_token(request.task_token)
    query = desk.memory.queries.find(token.query_id)
    if query is None or not token.query_id:
        raise NotFound("query task not found, or already expired")
    result = WorkflowQueryResult(
        result_type=request.completed_type, error_message=request.error_message
    )
    if request.HasField("query_result"):
        result.answer.CopyFrom(request.query_result)
    if request.HasField("failure"):
        result.failure.CopyFrom(request.failure)
    _answer(desk, query, result)
    desk.turn.answer(call.reply, RespondQueryTaskCompletedResponse())


def answer_carried(desk: Desk, request: RespondWorkflowTaskCompletedRequest) -> None:
    """Answer the queries that a workflow task carried."""
    for query_id, result in request.query_results.items():
        query = desk.memory.queries.find(query_id)
        if query is not None:
            if result.answer.ByteSize() > desk.limits.blob_bytes_max:
                desk.turn.refuse(query.call.reply, PolyrhythmError("Blob data size exceeds limit."))
                desk.memory.queries.end(query_id)
            else:
                _answer(desk, query, result)


def release_queries(desk: Desk, run: LoadedRun) -> None:
    """Dispatch the queries that no workflow task will carry any more."""
    for query in desk.memory.queries.take_buffered(run.key):
        _dispatch(desk, run, query)


def _answer(desk: Desk, query: PendingQuery, result: WorkflowQueryResult) -> None:
    reply = query.call.reply
    if result.result_type == QueryResultType.QUERY_RESULT_TYPE_ANSWERED:
        answer = QueryWorkflowResponse()
        if result.HasField("answer"):
            answer.query_result.CopyFrom(result.answer)
        desk.turn.answer(reply, answer)
    else:
        failure = result.failure.SerializeToString() if result.HasField("failure") else b""
        desk.turn.refuse(reply, QueryFailed(result.error_message, failure))
    desk.memory.queries.end(query.query_id)


def _dispatch(desk: Desk, run: LoadedRun, query: PendingQuery) -> None:
    state = run.state
    matching = desk.memory.matching
    if state.sticky_queue:
        sticky = matching.queue(state.namespace_key, state.sticky_queue, QueueKind.WORKFLOW)
        if sticky.polled_within(desk.now_ns, desk.limits.sticky_unavailable_ns):
            offer = Offer(run.key, QueryOffer(query.query_id, state.sticky_queue))
            if match(desk, sticky, offer):
                return
    name = own_queue(state, state.task_queue)
    normal = matching.queue(state.namespace_key, name, QueueKind.WORKFLOW)
    match(desk, normal, Offer(run.key, QueryOffer(query.query_id, name)))


def _park(desk: Desk, run: LoadedRun, call: Call) -> None:
    state = run.state
    until_ns = call.deadline_ns or desk.now_ns + desk.limits.query_ns
    late: PolyrhythmError = DeadlineExceeded("query timed out before a worker could process it")
    matching = desk.memory.matching
    names = [name for name in (state.sticky_queue, state.task_queue) if name]
    if not any(
        matching.queue(state.namespace_key, name, QueueKind.WORKFLOW).polled_within(
            desk.now_ns, POLLER_WINDOW_NS
        )
        for name in names
    ):
        late = FailedPrecondition("no poller seen for task queue recently, worker may be down")
        until_ns = max(until_ns - SECOND_NS, desk.now_ns)
    desk.memory.waiters.park(call, until_ns, late)
