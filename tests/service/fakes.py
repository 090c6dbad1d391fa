"""A service over an engine that records what reaches it and answers what a test prepared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message
from temporalio.api.workflowservice.v1 import DescribeNamespaceResponse

from polyrhythm.access.identity import Identity, anonymous
from polyrhythm.api.notes import TaskToken
from polyrhythm.base.errors import NamespaceNotFound
from polyrhythm.core.context import NamespaceInfo
from polyrhythm.engine.reply import Reply
from polyrhythm.engine.tally import Tally
from polyrhythm.service.methods import METHODS
from polyrhythm.service.service import Service

NOW_NS = 1_700_000_000 * 1_000_000_000
MINUTE_NS = 60_000_000_000
WORKFLOW = "/temporal.api.workflowservice.v1.WorkflowService/"
OPERATOR = "/temporal.api.operatorservice.v1.OperatorService/"
OURS = "/polyrhythm.api.v1.PolyrhythmService/"


@dataclass
class FakeRegistry:
    """Two namespaces: `default` (key 1) and `other` (key 2). `state`: that of both."""

    state: int = 1

    infos: list[NamespaceInfo] = field(
        default_factory=lambda: [
            NamespaceInfo(1, "default", "id-of-default", 0),
            NamespaceInfo(2, "other", "id-of-other", 0),
        ]
    )

    def find(self, name: str) -> NamespaceInfo:
        for info in self.infos:
            if info.name == name:
                return info
        raise NamespaceNotFound(name)

    def by_id(self, namespace_id: str) -> NamespaceInfo:
        for info in self.infos:
            if info.namespace_id == namespace_id:
                return info
        raise NamespaceNotFound(namespace_id)

    def by_key(self, key: int) -> NamespaceInfo:
        return {info.key: info for info in self.infos}[key]

    def all(self) -> list[NamespaceInfo]:
        return self.infos

    def state_of(self, name: str) -> int:
        self.find(name)
        return self.state

    def describe(self, name: str) -> DescribeNamespaceResponse:
        description = DescribeNamespaceResponse()
        description.namespace_info.name = self.find(name).name
        description.namespace_info.state = self.state
        return description


@dataclass
class FakeEngine:
    """Records every submission; replies resolve when a test resolves them."""

    namespaces: FakeRegistry = field(default_factory=FakeRegistry)
    submitted: list[tuple[NamespaceInfo, Any, int]] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)

    def submit(
        self, namespace: NamespaceInfo, request: Any, deadline_ns: int, identity: str
    ) -> Reply:
        self.submitted.append((namespace, request, deadline_ns))
        self.replies.append(Reply())
        return self.replies[-1]

    def now_ns(self) -> int:
        return NOW_NS

    @property
    def last(self) -> Any:
        """The request that reached the engine last."""
        return self.submitted[-1][1]


class FixedIds:
    """Fresh ids that a test can foresee."""

    def run_id(self) -> str:
        return "fresh-id"


@dataclass
class Fixture:
    """A service and the engine behind it."""

    engine: FakeEngine = field(default_factory=FakeEngine)
    service: Service = field(init=False)

    def __post_init__(self) -> None:
        self.service = Service(self.engine, FixedIds(), METHODS)

    def call(
        self,
        request: Message,
        deadline_ns: int = NOW_NS + MINUTE_NS,
        identity: Identity | None = None,
    ) -> Reply:
        """Call the method a request belongs to."""
        prefix = OPERATOR if "operatorservice" in request.DESCRIPTOR.full_name else WORKFLOW
        if request.DESCRIPTOR.full_name.startswith("polyrhythm."):
            prefix = OURS
        name = prefix + request.DESCRIPTOR.name.removesuffix("Request")
        return self.service.call(name, request, identity or anonymous(), deadline_ns)

    def refusal(self, request: Message, deadline_ns: int = NOW_NS + MINUTE_NS) -> str:
        """Call and return the message of the refusal; the engine must not have been asked."""
        before = len(self.engine.submitted)
        reply = self.call(request, deadline_ns)
        assert reply.error is not None
        assert len(self.engine.submitted) == before
        return str(reply.error)


def task_token(namespace_key: int = 1, **fields: Any) -> bytes:
    """A token as the engine gives it to workers."""
    return TaskToken(namespace_key=namespace_key, run_key=7, **fields).SerializeToString()
