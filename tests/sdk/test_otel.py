"""Spans of an application: one trace from a start to its tasks, nothing twice in a replay."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from polyrhythm import App, Permanent, Signal, Update, WorkflowFailed, otel, wf
from polyrhythm.testing import Stage

GO = Signal("go", str)
MARK = Update("mark", str, str)


class Traced:
    """A tracer and what it has made."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = provider.get_tracer("test")

    def spans(self) -> dict[str, ReadableSpan]:
        """Every span by its name, of which there is one."""
        spans = self._exporter.get_finished_spans()
        names = [span.name for span in spans]
        assert len(set(names)) == len(names), sorted(names)
        return dict(zip(names, spans, strict=True))

    def tree(self) -> dict[str, str]:
        """The name of each span's parent."""
        spans = self.spans()
        by_id = {span.context.span_id: span.name for span in spans.values()}
        return {
            name: by_id.get(span.parent.span_id, "lost") if span.parent else ""
            for name, span in spans.items()
        }


@pytest.fixture
def traced() -> Traced:
    return Traced()


def make_app(traced: Traced) -> tuple[App, Any]:
    app = App("traced", durability="memory", interceptors=[otel.Tracing(traced.tracer)])

    @app.task
    def pack(text: str) -> str:
        with traced.tracer.start_as_current_span("inside"):
            return text

    @app.task(retry=1)
    async def fail(text: str) -> str:
        raise Permanent("no")

    @app.workflow
    async def leaf(text: str) -> str:
        return text

    @app.workflow
    async def root(text: str) -> str:
        def mark(text: str) -> str:
            return text

        MARK.handler(mark)
        await pack(text)
        await wf.sleep("1d")
        await wf.child(leaf, text)
        return await GO.next()

    @app.workflow
    async def lost() -> None:
        await fail("x")

    return app, {"root": root, "lost": lost}


@pytest.mark.parametrize("replays", [False, True])
def test_one_trace_from_the_start_to_tasks_children_and_messages(
    traced: Traced, replays: bool
) -> None:
    app, workflows = make_app(traced)
    with Stage(app, replays=replays):
        with traced.tracer.start_as_current_span("request"):
            run = workflows["root"].start("hello")
            run.update(MARK, "m")
            run.send(GO, "on")
        assert run.result() == "on"
    tree = traced.tree()
    assert len({span.context.trace_id for span in traced.spans().values()}) == 1
    run_span = "StartWorkflow:root" if replays else "RunWorkflow:root"
    assert tree == {
        "request": "",
        "StartWorkflow:root": "request",
        "RunWorkflow:root": "StartWorkflow:root",
        "StartTask:pack": "RunWorkflow:root",
        "RunTask:pack": "StartTask:pack",
        "inside": "RunTask:pack",
        "UpdateWorkflow:mark": "request",
        "HandleUpdate:mark": "UpdateWorkflow:mark",
        "SignalWorkflow:go": "request",
        "HandleSignal:go": "SignalWorkflow:go",
        "StartChildWorkflow:leaf": run_span,
        "RunWorkflow:leaf": "StartChildWorkflow:leaf",
        "CompleteWorkflow:leaf": "RunWorkflow:leaf",
        "CompleteWorkflow:root": run_span,
    }
    whole = traced.spans()["CompleteWorkflow:root"]
    assert whole.end_time - whole.start_time >= 24 * 3600 * 10**9
    assert whole.attributes["polyrhythm.workflow_id"] == run.workflow_id


def test_what_fails_is_said_of_the_task_and_of_the_run(traced: Traced) -> None:
    app, workflows = make_app(traced)
    with Stage(app), pytest.raises(WorkflowFailed):
        workflows["lost"].execute()
    spans = traced.spans()
    for name in ("RunTask:fail", "CompleteWorkflow:lost"):
        assert spans[name].status.status_code is StatusCode.ERROR
        assert spans[name].events[0].name == "exception"
    assert spans["StartWorkflow:lost"].status.status_code is StatusCode.UNSET


def test_without_a_provider_nothing_is_sent_along() -> None:
    app = App("plain", durability="memory", interceptors=[otel.Tracing()])

    @app.workflow
    async def headers() -> list[str]:
        return list(wf.info().header)

    with Stage(app):
        assert headers.execute() == []
    assert not trace.get_current_span().get_span_context().is_valid
