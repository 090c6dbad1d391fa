"""`/metrics`: the text format, Temporal's names, and who may read it."""

import re

from polyrhythm.access.identity import Identity, Role
from polyrhythm.transports.http.metrics import FAMILIES
from polyrhythm.transports.wire import OpenDoor
from transports.http_wire import DEFAULT, http, refusal
from transports.wire import run

LINE = re.compile(r'^[a-z_]+(\{[a-z_]+="[^"\n]*"(,[a-z_]+="[^"\n]*")*\})? [-+.e0-9]+$')


def test_figures_in_the_text_format_of_prometheus():
    async def main():
        async with http() as there:
            for workflow_id in ("w1", "w2"):
                await there.start(workflow_id, taskQueue={"name": "odd\\q"})
            await there.get(f"{DEFAULT}/workflows/none")
            await there.get("/api/v1/namespaces/nowhere/workflows")
            answer = await there.get("/metrics")
            assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
            lines = answer.text.splitlines()
            assert 'service_requests{operation="StartWorkflowExecution"} 2.0' in lines
            refused = 'service_error_with_type{error_type="serviceerror_%s",operation="%s"} 1.0'
            assert refused % ("NotFound", "DescribeWorkflowExecution") in lines
            assert refused % ("NamespaceNotFound", "ListWorkflowExecutions") in lines
            queue = r'{namespace="default",task_type="Workflow",taskqueue="odd\\q"}'
            assert f"approximate_backlog_count{queue} 2.0" in lines
            assert [one for one in lines if one.startswith("approximate_backlog_age_seconds")]
            figures = [one for one in lines if not one.startswith("#")]
            assert all(LINE.match(one) for one in figures), figures
            # Each family's lines stand together under its type, and every one is described.
            types = [one.split()[2] for one in lines if one.startswith("# TYPE")]
            assert set(types) == set(FAMILIES)
            assert len(types) == len(set(types))

    run(main())


def test_only_who_may_read_everything_reads_them():
    async def main():
        identity = Identity("ann", roles={"default": Role.ADMIN})
        async with http(door=OpenDoor(identity)) as there:
            assert refusal(await there.get("/metrics"))[:2] == (403, 7)

    run(main())
