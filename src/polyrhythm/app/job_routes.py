"""Jobs over HTTP, for whoever has no Python: put one as JSON, list, pause, resume, run, remove.

    PUT /api/poly/v1/namespaces/{namespace}/jobs/{job}   {"spec": "@every 5s", "shell": "echo hi"}

What runs is a command (`shell`), a call (`http`) or a workflow by its name; the rest of the body
are the settings of a job and of what it runs, as `docs/jobs.md` has them. Each request is one call
of the service, under the caller's own rights.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from polyrhythm.api import service as api
from polyrhythm.app.application import App
from polyrhythm.app.switch_link import SwitchLink
from polyrhythm.base.calendar.rhythm import TRIGGERED
from polyrhythm.base.errors import InvalidArgument, NotFound, PolyrhythmError
from polyrhythm.dialects.cron.commands import Commands, HttpSettings, ShellSettings
from polyrhythm.dialects.cron.request import Runnable, plain_request
from polyrhythm.dialects.cron.settings import JobSettings, plan_job
from polyrhythm.dialects.cron.views import JobView, view_of
from polyrhythm.sdk.client.session import Session
from polyrhythm.sdk.declare.workflow import Workflow
from polyrhythm.sdk.definitions import Signature, WorkflowDefinition
from polyrhythm.sdk.errors import MisuseError
from polyrhythm.service.methods import METHODS
from polyrhythm.transports.http import Caller, Exchange, Router

JOBS = "/api/poly/v1/namespaces/{namespace}/jobs"
ONE = JOBS + "/{job}"
TAG = "/api/poly/v1/namespaces/{namespace}/job-tags/{tag}"
OURS = "/polyrhythm.api.v1.PolyrhythmService/"
VERBS = {
    "pause": api.PatchJobsRequest.VERB_PAUSE,
    "resume": api.PatchJobsRequest.VERB_RESUME,
    "run": api.PatchJobsRequest.VERB_RUN,
    "remove": api.PatchJobsRequest.VERB_REMOVE,
}
# The queue whose workers run commands: `poly schedule work`.
QUEUE = "jobs"
OWN_FIELDS = ("spec", "shell", "http", "workflow", "args", "queue")
# Of a job's settings these are objects of Python.
NO_FIELDS = frozenset(("id", "args", "on_success", "on_error"))
KINDS = {"shell": ShellSettings, "http": HttpSettings}


class JobRoutes:
    """The routes, as a part of a server's site."""

    def __init__(self) -> None:
        self._app = App(QUEUE, durability="memory", works=False)
        self._commands = Commands(self._app)

    @property
    def paths(self) -> Mapping[str, Any]:
        """What OpenAPI says of them."""
        return PATHS

    def add(self, router: Router, caller: Caller) -> None:
        """Add the routes."""

        def route(verb: str, path: str, take: Callable[[Caller, Exchange], None]) -> None:
            router.add(verb, path, Route(caller, take))

        route("GET", JOBS, _list)
        route("GET", ONE, _get)
        route("PUT", ONE, lambda caller, exchange: self._put(caller, exchange, False))
        route("POST", ONE, lambda caller, exchange: self._put(caller, exchange, True))
        for path in (ONE, TAG):
            route("DELETE", path, lambda caller, exchange: _patch(caller, exchange, "remove"))
            for verb in ("pause", "resume", "run"):
                route("POST", f"{path}/{verb}", _patching(verb))

    def _put(self, caller: Caller, exchange: Exchange, only_new: bool) -> None:
        named, tree = exchange.request.parameters, _body(exchange)
        try:
            message = self._request(named["namespace"], named["job"], tree, only_new)
        except MisuseError as error:
            raise InvalidArgument(error.message) from error
        except (TypeError, ValueError, OverflowError, AttributeError) as error:
            raise InvalidArgument(f"a setting is of the wrong kind: {error}") from error

        def then(exchange: Exchange, answer: api.PutJobResponse) -> None:
            exchange.answer_json({"created": answer.created, "changed": answer.changed})

        caller.ask(METHODS[OURS + "PutJob"], message, exchange, then)

    def _request(
        self, namespace: str, job_id: str, tree: dict[str, Any], only_new: bool
    ) -> api.PutJobRequest:
        session = Session(
            SwitchLink("requests are made here, not sent"), namespace, tree.get("queue", QUEUE)
        )
        what, left = self._what(tree)
        unknown = sorted(set(left) - (set(JobSettings.__annotations__) - NO_FIELDS))
        if unknown:
            raise MisuseError(f"a job has no setting {', '.join(unknown)}")
        settings: JobSettings = left  # type: ignore[assignment]
        if isinstance(what, Workflow):
            settings["args"] = tree.get("args", [])
        plan = plan_job(job_id, tree.get("spec") or TRIGGERED, settings)
        return plain_request(session, what, plan, only_new)

    def _what(self, tree: dict[str, Any]) -> tuple[Runnable, dict[str, Any]]:
        """Return what a job runs, and the settings that are the job's own."""
        said = [name for name in ("shell", "http", "workflow") if name in tree]
        if len(said) != 1:
            raise MisuseError("say one of shell, http and workflow")
        kind = said[0]
        own = KINDS[kind].__annotations__ if kind in KINDS else {}
        given: Any = {name: tree[name] for name in tree if name in own}
        left = {name: tree[name] for name in tree if name not in own and name not in OWN_FIELDS}
        if kind == "shell":
            return self._commands.shell(tree[kind], **given), left
        if kind == "http":
            return self._commands.http(tree[kind], **given), left
        args = tree.get("args", [])
        if not isinstance(args, list) or not isinstance(tree[kind], str) or not tree[kind]:
            raise MisuseError("a workflow is said by its name, its args are a list")
        names = tuple(f"argument {place}" for place in range(1, len(args) + 1))
        definition = WorkflowDefinition(
            tree[kind], _elsewhere, Signature(names, (Any,) * len(args))
        )
        return Workflow(definition, self._app), left


class Route:
    """Answers one method of one path."""

    __slots__ = ("_caller", "_take")

    def __init__(self, caller: Caller, take: Callable[[Caller, Exchange], None]) -> None:
        self._caller = caller
        self._take = take

    def take(self, exchange: Exchange) -> None:
        """Make the call. Raises StatusError or a PolyrhythmError to refuse it."""
        self._take(self._caller, exchange)


def _list(caller: Caller, exchange: Exchange) -> None:
    tag = exchange.request.value("tag")
    message = api.ListJobsRequest(
        namespace=exchange.request.parameters["namespace"], tags=[tag] if tag else []
    )

    def then(exchange: Exchange, answer: api.ListJobsResponse) -> None:
        exchange.answer_json({"jobs": [_tree(view_of(entry)) for entry in answer.jobs]})

    caller.ask(METHODS[OURS + "ListJobs"], message, exchange, then)


def _get(caller: Caller, exchange: Exchange) -> None:
    named = exchange.request.parameters
    message = api.ListJobsRequest(namespace=named["namespace"], job_ids=[named["job"]])

    def then(exchange: Exchange, answer: api.ListJobsResponse) -> None:
        if not answer.jobs:
            raise NotFound(f"there is no job {named['job']!r}")
        exchange.answer_json(_tree(view_of(answer.jobs[0])))

    caller.ask(METHODS[OURS + "ListJobs"], message, exchange, then)


def _patching(verb: str) -> Callable[[Caller, Exchange], None]:
    return lambda caller, exchange: _patch(caller, exchange, verb)


def _patch(caller: Caller, exchange: Exchange, verb: str) -> None:
    named = exchange.request.parameters
    reason = _body(exchange).get("reason", "")
    if not isinstance(reason, str):
        raise InvalidArgument("a reason is a text")
    message = api.PatchJobsRequest(
        namespace=named["namespace"],
        verb=VERBS[verb],
        job_ids=[named["job"]] if "job" in named else [],
        tags=[named["tag"]] if "tag" in named else [],
        reason=reason,
    )

    def then(exchange: Exchange, answer: api.PatchJobsResponse) -> None:
        exchange.answer_json({"jobs": list(answer.job_ids)})

    caller.ask(METHODS[OURS + "PatchJobs"], message, exchange, then)


def _body(exchange: Exchange) -> dict[str, Any]:
    data = exchange.request.body
    try:
        tree = msgspec.json.decode(data) if data.strip() else {}
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidArgument(f"the body is no JSON: {error}") from None
    if not isinstance(tree, dict):
        raise InvalidArgument("the body is no JSON object")
    return tree


def _tree(view: JobView) -> dict[str, Any]:
    tree = asdict(view)
    for shown, run in zip(tree["recent"], view.recent, strict=True):
        shown["status"] = run.status.name
    return tree


def _elsewhere(*_: Any) -> None:
    raise PolyrhythmError("this workflow runs at its worker")


def _operation(name: str, summary: str, *query: str, body: bool = False) -> dict[str, Any]:
    tree = {"schema": {"type": "object"}}
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "tags": ["Jobs"],
        "parameters": [{"name": one, "in": "query", "schema": {"type": "string"}} for one in query],
        "responses": {"200": {"description": "Done", "content": {"application/json": tree}}},
    }
    if body:
        operation["requestBody"] = {"content": {"application/json": tree}}
    return operation


PATHS: dict[str, Any] = {
    JOBS: {"get": _operation("ListJobsOfNamespace", "All jobs, or those with a tag", "tag")},
    ONE: {
        "get": _operation("GetJob", "One job"),
        "put": _operation("ReplaceJob", "Add a job or replace it", body=True),
        "post": _operation("AddJob", "Add a job that is not there yet", body=True),
        "delete": _operation("RemoveJob", "Remove a job; its runs go on"),
    },
    TAG: {"delete": _operation("RemoveJobsOfTag", "Remove all jobs with a tag")},
} | {
    f"{path}/{verb}": {
        "post": _operation(f"{verb.capitalize()}{name}", f"{verb.capitalize()} {what}", body=True)
    }
    for path, name, what in ((ONE, "Job", "a job"), (TAG, "JobsOfTag", "all jobs with a tag"))
    for verb in ("pause", "resume", "run")
}
