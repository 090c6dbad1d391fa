"""Operators, attributes, refusals and pages of list queries, over five runs with attributes."""
import asyncio

import grpc

from golden_lib import app_failure, cmd, complete, op, search_attributes, timer, ws
from scenarios.visibility import _ask, _attributes, _ids, _settle

_SETS = {
    "red": {"GoldKeyword": "red", "GoldInt": 1, "GoldText": "The quick brown fox", "GoldBool": True,
            "GoldDouble": 0.5, "GoldList": ["a", "b"], "GoldTime": "2024-01-01T00:00:00.25Z"},
    "blue": {"GoldKeyword": "blue", "GoldInt": 2, "GoldText": "quick-silver", "GoldBool": False,
             "GoldDouble": 1.5, "GoldList": ["b"], "GoldTime": "2024-06-01T12:00:00.5+02:00"},
    "bluish": {"GoldKeyword": "bluish", "GoldInt": -3, "GoldText": "slow fox", "GoldList": ["C d"]},
    "bare": {},
    "open": {"GoldKeyword": "red", "GoldInt": 10},
}


async def _runs(ctx):
    """Five runs, four of them closed: completed, failed, terminated, completed."""
    await _attributes(ctx)
    w = ctx.raw()
    for name, values in _SETS.items():
        given = {"search_attributes": search_attributes(**values)} if values else {}
        await ctx.start(name, "TypeB" if name == "bare" else "TypeA", **given)
        if name == "bluish":
            await ctx.terminate(name)
            continue
        done = {"blue": cmd("FAIL_WORKFLOW_EXECUTION", failure=app_failure("x")), "open": timer("t", 1000)}
        await w.step(done.get(name, complete()))
        await asyncio.sleep(0.01)
    scope = f"WorkflowId STARTS_WITH '{ctx.prefix}'"
    await _settle(ctx, scope, 5)
    await _settle(ctx, scope + " AND ExecutionStatus != 'Running'", 4)
    return scope


async def _asked(ctx, *queries):
    await _ask(ctx, await _runs(ctx), queries)
    await ctx.terminate("open")


async def _refused(ctx, *queries):
    """Queries by themselves, with nothing around that shifts positions."""
    await _attributes(ctx)
    for query in queries:
        await ctx.call(query, ctx.svc.ListWorkflowExecutions(ws.ListWorkflowExecutionsRequest(
            namespace=ctx.namespace, page_size=1, query=query), timeout=10), keep=False)


async def keyword_signs(ctx):
    """All signs on a keyword, which only some runs have."""
    await _asked(ctx, *(f"GoldKeyword {sign} 'blue'" for sign in ("=", "!=", "<>", "<", "<=", ">", ">=")))


async def keyword_sets(ctx):
    """IN, NOT IN, BETWEEN and prefixes on a keyword."""
    await _asked(ctx, "GoldKeyword IN ('red', 'blue')", "GoldKeyword NOT IN ('red')", "GoldKeyword BETWEEN 'blue' AND 'bluf'",
                 "GoldKeyword NOT BETWEEN 'blue' AND 'bluf'", "GoldKeyword STARTS_WITH 'blu'", "GoldKeyword NOT STARTS_WITH 'blu'",
                 "GoldKeyword STARTS_WITH 'BLU'", "GoldKeyword STARTS_WITH 'b%'", "GoldKeyword STARTS_WITH ''", "GoldKeyword = 'BLUE'")


async def nulls(ctx):
    """IS NULL on attributes of every type, and negations of what is not there."""
    await _asked(ctx, *(f"{name} IS NULL" for name in ("GoldKeyword", "GoldInt", "GoldText", "GoldBool", "GoldDouble", "GoldList", "GoldTime")),
                 "GoldInt IS NOT NULL", "NOT GoldInt IS NULL", "NOT GoldKeyword = 'red'", "NOT (GoldInt > 1 OR GoldBool = true)")


async def numbers(ctx):
    """Signs, ranges and lists on Int and Double, with values of other types."""
    await _asked(ctx, "GoldInt > 1", "GoldInt >= -3", "GoldInt != 1", "GoldInt BETWEEN 1 AND 2", "GoldInt NOT BETWEEN 1 AND 2",
                 "GoldInt IN (1, 10)", "GoldInt = '2'", "GoldInt < 'a'", "GoldInt > 1.5", "GoldDouble = 1.5", "GoldDouble < 1",
                 "GoldDouble BETWEEN 0.5 AND 1", "GoldDouble = '0.5'", "GoldInt = true", "GoldInt STARTS_WITH '1'")


async def truths(ctx):
    """Bool beside truth values, numbers and texts."""
    await _asked(ctx, "GoldBool = true", "GoldBool = false", "GoldBool != true", "GoldBool = 1", "GoldBool = 'true'", "GoldBool IN (true, false)")


async def times(ctx):
    """Datetime of one's own: ranges, zones, nanoseconds."""
    await _asked(ctx, "GoldTime > '2024-02-01T00:00:00Z'", "GoldTime < '2024-02-01T00:00:00Z'", "GoldTime >= '2024-06-01T10:00:00Z'",
                 "GoldTime BETWEEN '2023-01-01T00:00:00Z' AND '2024-03-01T00:00:00Z'", "GoldTime > 1704067200000000000",
                 "GoldTime NOT BETWEEN '2023-01-01T00:00:00Z' AND '2024-03-01T00:00:00Z'")


async def lists(ctx):
    """KeywordList: membership and its opposite, in either case."""
    await _asked(ctx, "GoldList = 'b'", "GoldList != 'b'", "GoldList IN ('a', 'C d')", "GoldList NOT IN ('a')", "GoldList = 'c D'",
                 "GoldList = 'C'", "GoldList IS NOT NULL", "NOT GoldList = 'a'")


async def texts(ctx):
    """Text: any of the words, whole words only."""
    await _asked(ctx, "GoldText = 'quick'", "GoldText = 'QUICK'", "GoldText = 'fox silver'", "GoldText != 'fox'", "GoldText = 'quick-silver'",
                 "GoldText = 'qui'", "GoldText = 'brown-fox'", "GoldText = 'nothing'")


async def trees(ctx):
    """AND, OR, NOT and parentheses, with their precedence."""
    await _asked(ctx, "GoldInt = 1 OR GoldInt = 2 AND GoldBool = true", "(GoldInt = 1 OR GoldInt = 2) AND GoldBool = true",
                 "NOT GoldInt = 1 AND GoldKeyword = 'red'", "NOT (GoldInt = 1 AND GoldKeyword = 'red')", "NOT NOT GoldInt = 1",
                 "GoldInt = 1 && GoldBool = true", "GoldInt = 1 || GoldInt = 2", "((GoldInt = 1))")


async def statuses(ctx):
    """ExecutionStatus by words and numbers."""
    await _asked(ctx, "ExecutionStatus = 'Failed'", "ExecutionStatus != 'Running'", "ExecutionStatus IN (1, 'Terminated')", "ExecutionStatus > 1",
                 "ExecutionStatus BETWEEN 2 AND 3", "ExecutionStatus = 99", "ExecutionStatus = true", "ExecutionStatus = 'WORKFLOW_EXECUTION_STATUS_COMPLETED'",
                 "ExecutionStatus IS NULL")


async def close_times(ctx):
    """Open runs close later than any time, and have no duration, length, size or transitions."""
    await _asked(ctx, "CloseTime > '2020-01-01T00:00:00Z'", "CloseTime < '2090-01-01T00:00:00Z'", "CloseTime IS NULL",
                 "CloseTime BETWEEN '2020-01-01T00:00:00Z' AND '2090-01-01T00:00:00Z'", "ExecutionDuration IS NULL", "HistoryLength IS NULL",
                 "HistorySizeBytes IS NOT NULL", "StateTransitionCount > 0", "ExecutionDuration < '1h30m'", "ExecutionDuration >= '00:10:00'",
                 "ExecutionDuration > 0", "TemporalCloseTime IS NULL")


async def names(ctx):
    """The prefix may be there or not; fields may be named by their number; names may be quoted."""
    await _asked(ctx, "TemporalWorkflowType = 'TypeB'", "`GoldInt` = 1", "WorkflowType = \"TypeB\"", "RootWorkflowId IS NOT NULL",
                 "ParentWorkflowId IS NULL", "ParentRunId IS NOT NULL", "ScheduleId = 'x'", "BuildIds IS NULL", "BatcherUser IS NULL",
                 "TemporalNamespaceDivision IS NULL", "NamespaceDivision IS NULL", "ScheduledById IS NULL")


async def types_mixed(ctx):
    """Keywords beside numbers and truth values."""
    await _asked(ctx, "GoldKeyword = 5", "GoldKeyword > 5", "WorkflowType = true", "GoldKeyword != 1.5", "WorkflowType STARTS_WITH 'type'")


async def counts(ctx):
    """Counts, plain and by status."""
    scope = await _runs(ctx)
    for query in (scope, f"{scope} AND GoldInt > 0", f"{scope} GROUP BY ExecutionStatus", f"{scope} AND GoldInt > 0 GROUP BY ExecutionStatus"):
        label = query.replace(ctx.prefix, "~")
        await ctx.call(label, ctx.svc.CountWorkflowExecutions(ws.CountWorkflowExecutionsRequest(namespace=ctx.namespace, query=query), timeout=10))
    await ctx.terminate("open")


async def order(ctx):
    """Open runs first, then the one that closed last."""
    scope = await _runs(ctx)
    ctx.record("all", await _ids(ctx, scope, order=True))
    ctx.record("closed", await _ids(ctx, scope + " AND ExecutionStatus != 'Running'", order=True))
    ctx.record("by keyword", await _ids(ctx, scope + " AND GoldKeyword = 'red'", order=True))
    await ctx.terminate("open")


async def pages_by_attribute(ctx):
    """Pages of one over the runs that have a value."""
    scope = await _runs(ctx)
    seen, token = [], b""
    for _ in range(4):
        r = await ctx.svc.ListWorkflowExecutions(ws.ListWorkflowExecutionsRequest(
            namespace=ctx.namespace, page_size=1, query=scope + " AND GoldKeyword = 'red'", next_page_token=token), timeout=10)
        seen.append([x.execution.workflow_id.removeprefix(ctx.prefix) for x in r.executions])
        token = r.next_page_token
        if not token:
            break
    ctx.record("pages", seen)
    await ctx.terminate("open")


async def refused_syntax(ctx):
    """Words that are no query, and where they break off."""
    await _refused(ctx, "WorkflowId = ", "= 'a'", "WorkflowId 'a'", "WorkflowId = 'a", "(WorkflowId = 'a'", "AND", "WorkflowId IN ()",
                   "WorkflowId IN 'a'", "WorkflowId NOT 'a'", "WorkflowId = 'a' WorkflowId = 'b'", "where WorkflowId = 'a'", "WorkflowId = 5x",
                   "WorkflowId == 'a'", "WorkflowId = 'a' AND", "GROUP", "`a = 1", "WorkflowId = @")


async def refused_clauses(ctx):
    """ORDER BY, LIMIT and GROUP BY in lists."""
    await _refused(ctx, "ORDER BY StartTime", "WorkflowId = 'a' ORDER BY CloseTime DESC", "WorkflowId = 'a' LIMIT 3", "GROUP BY ExecutionStatus",
                   "GROUP BY WorkflowType", "GROUP BY ExecutionStatus, WorkflowType", "GROUP BY Nonesuch")


async def refused_names(ctx):
    """Columns that do not exist or are no columns."""
    await _refused(ctx, "Nonesuch = 1", "a.b = 1", "5 = 5", "f(WorkflowId) = 'a'", "'a' = WorkflowId", "WorkflowType", "'a'", "true", "f(1)",
                   "status = 1", "WorkflowId = WorkflowType", "WorkflowId = status", "(WorkflowId) = 'a'", "Memo = 'a'", "TemporalScheduleId = 'a'")


async def refused_values(ctx):
    """Values that cannot be compared."""
    await _refused(ctx, "WorkflowId = NULL", "WorkflowId = ('a')", "GoldInt = 1 + 1", "GoldDouble = -1.5", "WorkflowId = f('a')",
                   "WorkflowId IN ('a', b)", "GoldInt = 0x1F", "GoldInt = 1e999", "ExecutionStatus = 'Walking'", "ExecutionStatus = 1.5",
                   "StartTime > 'soon'", "StartTime > 1.5", "ExecutionDuration > 'long'", "ExecutionDuration > '1:60:00'", "WorkflowId = (select 1 from t)",
                   "GoldTime = 'x'", "GoldInt STARTS_WITH 5")


async def refused_operators(ctx):
    """Operators that do not go with a type."""
    await _refused(ctx, "WorkflowId LIKE 'a%'", "WorkflowId NOT LIKE 'a%'", "WorkflowId REGEXP 'a'", "WorkflowId <=> 'a'", "WorkflowId IS TRUE",
                   "GoldList > 'a'", "GoldList STARTS_WITH 'a'", "GoldList BETWEEN 'a' AND 'b'", "GoldList = 5", "GoldList IN ('a', 5)",
                   "GoldText IN ('a')", "GoldText > 'a'", "GoldText BETWEEN 'a' AND 'b'", "GoldText IS TRUE", "GoldText = '  '", "GoldText = 5",
                   "GoldBool BETWEEN true AND false", "BuildIds < 'a'")


async def counts_refused(ctx):
    """What a count refuses."""
    for query in ("ORDER BY StartTime", "GROUP BY WorkflowType", "GROUP BY ExecutionStatus, RunId", "Nonesuch = 1", "GROUP BY 'a'"):
        await ctx.call(query, ctx.svc.CountWorkflowExecutions(ws.CountWorkflowExecutionsRequest(namespace=ctx.namespace, query=query), timeout=10))


async def archived(ctx):
    """Lists of archived runs."""
    for size in (0, 10, 5000):
        await ctx.call(f"size {size}", ctx.svc.ListArchivedWorkflowExecutions(ws.ListArchivedWorkflowExecutionsRequest(
            namespace=ctx.namespace, page_size=size), timeout=10))


async def attribute_values(ctx):
    """What a start may set: every type, nothing, lists of one."""
    await _attributes(ctx)
    for label, sa in (("double as int", {"GoldDouble": 3}), ("int as double", {"GoldInt": 3.5}), ("int too large", {"GoldInt": 2**63}),
                      ("text as int", {"GoldText": 5}), ("double as text", {"GoldDouble": "x"}), ("list as text", {"GoldList": "one"}),
                      ("list of ints", {"GoldList": [1]}), ("time as date", {"GoldTime": "2024-01-01"}), ("null", {"GoldInt": None}),
                      ("empty list", {"GoldInt": []}), ("field", {"Keyword01": "x"}), ("deployment", {"TemporalWorkerDeployment": "x"}),
                      ("map", {"GoldInt": {"a": 1}})):
        r = await ctx.call(label, ctx.svc.StartWorkflowExecution(ctx.start_request(label, search_attributes=search_attributes(**sa)), timeout=10), keep=False)
        if r:
            await ctx.terminate(label)


async def registering(ctx):
    """Registering and forgetting attributes, with everything that is refused."""
    async def add(label, **attributes):
        await ctx.call(label, ctx.op.AddSearchAttributes(op.AddSearchAttributesRequest(
            namespace=ctx.namespace, search_attributes=attributes), timeout=15))
    await add("reserved", WorkflowId=2)
    await add("prefix", TemporalMine=2)
    await add("memo", Memo=2)
    await add("unknown type", Odd=77)
    await _attributes(ctx)
    await add("again", GoldInt=3)
    for label, names in (("remove nothing", []), ("remove system", ["StartTime"]), ("remove unknown", ["Nonesuch"]), ("remove field", ["Keyword05"])):
        await ctx.call(label, ctx.op.RemoveSearchAttributes(op.RemoveSearchAttributesRequest(
            namespace=ctx.namespace, search_attributes=names), timeout=15))
    await ctx.call("no namespace", ctx.op.AddSearchAttributes(op.AddSearchAttributesRequest(search_attributes={"A": 2}), timeout=15))


async def namespace_lists(ctx):
    """Deletions of namespaces that cannot be."""
    for label, request in (("nothing", {}), ("both", {"namespace": "a", "namespace_id": "b"}), ("unknown", {"namespace": "no-such-namespace"}),
                           ("unknown id", {"namespace_id": "5f5ce5b3-a7a2-4bd1-8e4d-9a2e0a3a7c11"})):
        await ctx.call(label, ctx.op.DeleteNamespace(op.DeleteNamespaceRequest(**request), timeout=20))
    try:
        await ctx.op.RemoveRemoteCluster(op.RemoveRemoteClusterRequest(cluster_name="elsewhere"), timeout=10)
    except grpc.RpcError as error:
        ctx.record("remove cluster", ctx.norm.rpc_error(error))
