"""Workers by their heartbeats."""
import asyncio

from golden_lib import ws
from temporalio.api.worker.v1 import WorkerHeartbeat, WorkerHostInfo
from google.protobuf.timestamp_pb2 import Timestamp

RUNNING, STOPPING, SHUTDOWN = 1, 2, 3


def _beat(ctx, key, status=RUNNING, **kw):
    return WorkerHeartbeat(worker_instance_key=ctx.id(key), task_queue=ctx.queue, status=status,
                           worker_identity="raw-worker", sdk_name="raw", sdk_version="1", **kw)


def _record(ctx, *heartbeats):
    return ctx.svc.RecordWorkerHeartbeat(ws.RecordWorkerHeartbeatRequest(
        namespace=ctx.namespace, identity="raw-worker", worker_heartbeat=heartbeats), timeout=10)


async def _list(ctx, label, query="", size=100, **kw):
    own = f"TaskQueue = '{ctx.queue}'"
    try:
        told = await ctx.svc.ListWorkers(ws.ListWorkersRequest(
            namespace=ctx.namespace, query=f"{own} AND {query}" if query else own, page_size=size, **kw), timeout=10)
    except Exception as error:  # noqa: BLE001
        ctx.record(label, ctx.norm.rpc_error(error))
        return None
    ctx.record(label, {"workers": list(told.workers), "more": bool(told.next_page_token), "infos": len(told.workers_info)})
    return told


def _describe(ctx, key):
    return ctx.svc.DescribeWorker(ws.DescribeWorkerRequest(namespace=ctx.namespace, worker_instance_key=ctx.id(key)), timeout=10)


async def heartbeats(ctx):
    """Recorded, repeated, described, gone after shutdown."""
    await ctx.call("record", _record(ctx, _beat(ctx, "a"), _beat(ctx, "b", host_info=WorkerHostInfo(host_name="one", process_id="7"))))
    await _list(ctx, "two")
    await ctx.call("again", _record(ctx, _beat(ctx, "a", STOPPING, start_time=Timestamp(seconds=1704067200))))
    await ctx.call("describe", _describe(ctx, "a"))
    await ctx.call("shutdown", ctx.svc.ShutdownWorker(ws.ShutdownWorkerRequest(
        namespace=ctx.namespace, sticky_task_queue=ctx.id("sticky"), worker_heartbeat=_beat(ctx, "b", SHUTDOWN)), timeout=10))
    await asyncio.sleep(0.3)
    await _list(ctx, "one")
    await ctx.call("describe nobody", _describe(ctx, "b"))
    await ctx.call("record shutdown", _record(ctx, _beat(ctx, "a", SHUTDOWN)))
    await _list(ctx, "none")
    await ctx.call("nothing", _record(ctx))


async def queries(ctx):
    """What a query finds, a page at a time."""
    await _record(ctx, _beat(ctx, "a", start_time=Timestamp(seconds=1704067200), host_info=WorkerHostInfo(host_name="one")),
                  _beat(ctx, "b", STOPPING), _beat(ctx, "c", heartbeat_time=Timestamp(seconds=1704067300)))
    for query in ("WorkerStatus = 'Running'", "Status = 'ShuttingDown'", "status = 'Running'", "HostName IS NULL", "HostName IS NOT NULL",
                  "StartTime = '2024-01-01T00:00:00Z'", "StartTime > 1704067199000000000", "StartTime IS NULL",
                  "HeartbeatTime BETWEEN '2024-01-01T00:00:00Z' AND '2024-01-02T00:00:00Z'", "SdkName STARTS_WITH 'r'",
                  "SdkName NOT STARTS_WITH 'r'", "SdkVersion != '1'", "(HostName = 'one' OR Status = 'ShuttingDown')"):
        await _list(ctx, query, query)
    first = await _list(ctx, "page", size=2)
    await _list(ctx, "next page", size=2, next_page_token=first.next_page_token)
    for query in ("Status =", "Status = 'x' LIMIT 2"):
        await _list(ctx, query, query)
