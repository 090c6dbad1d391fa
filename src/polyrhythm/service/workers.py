"""The workers of a namespace: RecordWorkerHeartbeat, ListWorkers, DescribeWorker.

The engine knows who is there; which of them a query means, and a page's end, is decided here. A
page token is the instance key of the last worker shown.
"""

from __future__ import annotations

from functools import partial

from temporalio.api.worker.v1 import WorkerHeartbeat, WorkerListInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerRequest,
    ListWorkersRequest,
    ListWorkersResponse,
    RecordWorkerHeartbeatRequest,
)

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.engine.reply import Reply
from polyrhythm.service.query_tree import Expression
from polyrhythm.service.service import NamespaceScope, Service
from polyrhythm.service.shaped import shaped
from polyrhythm.service.worker_query import matches, parse_worker_query


def handle_record_heartbeat(
    service: Service,
    scope: NamespaceScope,
    request: RecordWorkerHeartbeatRequest,
    deadline_ns: int,
) -> Reply:
    """Note what workers say of themselves. Reply: RecordWorkerHeartbeatResponse."""
    return service.submit(scope, request, deadline_ns)


def handle_list_workers(
    service: Service, scope: NamespaceScope, request: ListWorkersRequest, deadline_ns: int
) -> Reply:
    """List workers by instance key. Reply: ListWorkersResponse."""
    condition = parse_worker_query(request.query)
    try:
        after = request.next_page_token.decode()
    except UnicodeDecodeError as error:
        raise InvalidArgument("invalid next_page_token") from error
    reply = service.submit(scope, request, deadline_ns)
    return shaped(reply, partial(_page, condition=condition, after=after, size=request.page_size))


def handle_describe_worker(
    service: Service, scope: NamespaceScope, request: DescribeWorkerRequest, deadline_ns: int
) -> Reply:
    """Tell what a worker said last. Reply: DescribeWorkerResponse."""
    return service.submit(scope, request, deadline_ns)


def _page(
    workers: list[WorkerHeartbeat], condition: Expression | None, after: str, size: int
) -> ListWorkersResponse:
    found = [
        worker
        for worker in workers
        if (not after or worker.worker_instance_key > after)
        and (condition is None or matches(condition, worker))
    ]
    answer = ListWorkersResponse()
    for worker in found[:size] if size > 0 else found:
        answer.workers_info.add().worker_heartbeat.CopyFrom(worker)
        answer.workers.append(_list_info(worker))
    if 0 < size < len(found):
        answer.next_page_token = found[size - 1].worker_instance_key.encode()
    return answer


def _list_info(worker: WorkerHeartbeat) -> WorkerListInfo:
    info = WorkerListInfo(
        worker_instance_key=worker.worker_instance_key,
        worker_identity=worker.worker_identity,
        task_queue=worker.task_queue,
        sdk_name=worker.sdk_name,
        sdk_version=worker.sdk_version,
        status=worker.status,
        host_name=worker.host_info.host_name,
        worker_grouping_key=worker.host_info.worker_grouping_key,
        process_id=worker.host_info.process_id,
        plugins=worker.plugins,
        drivers=worker.drivers,
    )
    if worker.HasField("deployment_version"):
        info.deployment_version.CopyFrom(worker.deployment_version)
    if worker.HasField("start_time"):
        info.start_time.CopyFrom(worker.start_time)
    return info
