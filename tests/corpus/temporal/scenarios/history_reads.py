"""GetWorkflowExecutionHistory and its reverse: pages, tokens, filters, waits."""
import asyncio

from golden_lib import complete, etype, pl, timer, ws, cmd


def _get(ctx, wid="wf", run_id="", timeout=10, **kw):
    return ctx.svc.GetWorkflowExecutionHistory(ws.GetWorkflowExecutionHistoryRequest(
        namespace=ctx.namespace, execution=ctx.exec(wid, run_id), **kw), timeout=timeout)


def _back(ctx, wid="wf", run_id="", timeout=10, **kw):
    return ctx.svc.GetWorkflowExecutionHistoryReverse(ws.GetWorkflowExecutionHistoryReverseRequest(
        namespace=ctx.namespace, execution=ctx.exec(wid, run_id), **kw), timeout=timeout)


def _shown(r):
    return {"events": [f"{e.event_id} {etype(e)}" for e in r.history.events], "more": bool(r.next_page_token)}


async def _some(ctx, close=True):
    w = ctx.raw()
    run = await ctx.start()
    for i in range(3):
        await ctx.signal("wf", f"s{i}")
    await w.step(timer("t", 1000))
    await ctx.signal("wf", "last")
    if close:
        await w.step(complete())
    return w, run


async def pages(ctx):
    """Every page size, forwards and backwards: how many events a page has is the server's choice; all come once."""
    await _some(ctx)
    for size in (1, 2, 3, 5, 100):
        for word, call in (("forward", _get), ("back", _back)):
            ids, token = [], b""
            for _ in range(40):
                r = await call(ctx, maximum_page_size=size, next_page_token=token)
                ids += [e.event_id for e in r.history.events]
                token = r.next_page_token
                if not token:
                    break
            ctx.record(f"{word} {size}", ids)
    await ctx.call("negative size", _get(ctx, maximum_page_size=-1), keep=False)
    await ctx.call("negative size back", _back(ctx, maximum_page_size=-1), keep=False)


async def close_filter(ctx):
    """The close event alone, of a closed run and of an open one, with and without waiting."""
    w, run = await _some(ctx, close=False)
    ctx.record("open", _shown(await _get(ctx, history_event_filter_type=2)))
    waiting = asyncio.ensure_future(_get(ctx, history_event_filter_type=2, wait_new_event=True))
    await asyncio.sleep(0.2)
    ctx.record("waits", not waiting.done())
    await w.step(complete("end"))
    r = await waiting
    ctx.record("woken", r.history)
    ctx.record("more", bool(r.next_page_token))
    ctx.record("closed", _shown(await _get(ctx, history_event_filter_type=2)))
    ctx.record("closed, waiting", _shown(await _get(ctx, history_event_filter_type=2, wait_new_event=True)))
    ctx.record("by run id", _shown(await _get(ctx, run_id=run, history_event_filter_type=2, wait_new_event=True)))


async def close_filter_follows(ctx):
    """The close event of the first run of a chain: the wait is for that run alone."""
    w = ctx.raw()
    run = await ctx.start()
    waiting = asyncio.ensure_future(_get(ctx, history_event_filter_type=2, wait_new_event=True))
    await asyncio.sleep(0.2)
    await w.step(cmd("CONTINUE_AS_NEW_WORKFLOW_EXECUTION"))
    ctx.record("woken", (await waiting).history)
    ctx.record("old run", _shown(await _get(ctx, run_id=run, history_event_filter_type=2)))
    ctx.record("new run", _shown(await _get(ctx, history_event_filter_type=2)))
    await ctx.terminate()


async def wait_in_pieces(ctx):
    """A long poll read with its token: what is there, then what comes, then the end."""
    w, run = await _some(ctx, close=False)
    r = await _get(ctx, wait_new_event=True)
    ctx.record("at once", _shown(r))
    waiting = asyncio.ensure_future(_get(ctx, wait_new_event=True, next_page_token=r.next_page_token))
    await asyncio.sleep(0.2)
    ctx.record("waits", not waiting.done())
    t = await w.wft()
    await w.done(t, complete())
    seen, r = [], await waiting
    while True:
        seen += [f"{e.event_id} {etype(e)}" for e in r.history.events]
        if not r.next_page_token:
            break
        r = await _get(ctx, wait_new_event=True, next_page_token=r.next_page_token)
    ctx.record("then", seen)


async def tokens(ctx):
    """Tokens that are none, of another run, of the other direction."""
    w, run = await _some(ctx)
    other = await ctx.start("other")
    r = await _get(ctx, maximum_page_size=1)
    back = await _back(ctx, maximum_page_size=1)
    await ctx.call("garbage", _get(ctx, next_page_token=b"garbage"), keep=False)
    await ctx.call("garbage back", _back(ctx, next_page_token=b"garbage"), keep=False)
    await ctx.call("other workflow with a run id", _get(ctx, "other", other, next_page_token=r.next_page_token), keep=False)
    await ctx.call("other workflow", _get(ctx, "other", next_page_token=r.next_page_token), keep=False)
    await ctx.terminate("other")


async def refused(ctx):
    """What is refused, in its order."""
    await ctx.call("unknown workflow", _get(ctx, "none"), keep=False)
    await ctx.call("unknown workflow back", _back(ctx, "none"), keep=False)
    await ctx.call("bad run id", _get(ctx, run_id="x"), keep=False)
    await ctx.call("unknown run", _get(ctx, run_id="11111111-2222-4333-8444-555555555555"), keep=False)
    await ctx.call("no id", ctx.svc.GetWorkflowExecutionHistory(ws.GetWorkflowExecutionHistoryRequest(namespace=ctx.namespace), timeout=10), keep=False)
    await ctx.call("no namespace", ctx.svc.GetWorkflowExecutionHistory(ws.GetWorkflowExecutionHistoryRequest(execution=ctx.exec()), timeout=10), keep=False)
    await ctx.call("unknown namespace", ctx.svc.GetWorkflowExecutionHistory(ws.GetWorkflowExecutionHistoryRequest(
        namespace="nowhere", execution=ctx.exec()), timeout=10), keep=False)


async def transient_tasks(ctx):
    """A retried task's events at the end of the history: in a page, in the reverse, under a wait."""
    w = ctx.raw()
    await ctx.start()
    await w.fail_wft(await w.wft())
    await asyncio.sleep(0.2)
    ctx.record("scheduled", _shown(await _get(ctx)))
    ctx.record("scheduled back", _shown(await _back(ctx)))
    t = await w.wft()
    ctx.record("started", _shown(await _get(ctx)))
    ctx.record("started back", _shown(await _back(ctx)))
    ctx.record("started, waiting", _shown(await _get(ctx, wait_new_event=True)))
    await w.done(t, complete())
    ctx.record("closed", _shown(await _get(ctx)))
