"""A Service: one server's calls, from a parsed request to a Reply.

Owns the sequence of every call: find the method in the table, pass the gate, let the method's
handler check the request and hand it to the engine. A refusal anywhere on the way is a failed
Reply, so transports meet one kind of answer. Requests are filled in place (request ids, defaults):
a caller that keeps its request passes a copy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message

from polyrhythm.access.identity import Identity
from polyrhythm.access.scope import Scope
from polyrhythm.base.errors import PolyrhythmError, Unimplemented
from polyrhythm.base.limits import Limits
from polyrhythm.core.context import IdSource, NamespaceInfo
from polyrhythm.engine.engine import Engine
from polyrhythm.engine.reply import Reply
from polyrhythm.service.gate import open_scope
from polyrhythm.service.method import Method

NamespaceScope = Scope[NamespaceInfo]


@dataclass(slots=True)
class Cluster:
    """What GetClusterInfo tells about this server."""

    cluster_id: str = ""
    store: str = "memory"


@dataclass(slots=True)
class Service:
    """Everything a handler may use."""

    engine: Engine
    ids: IdSource
    methods: Mapping[str, Method]
    limits: Limits = field(default_factory=Limits)
    cluster: Cluster = field(default_factory=Cluster)

    def call(
        self, method_name: str, request: Message, identity: Identity, deadline_ns: int = 0
    ) -> Reply:
        """Answer one call. `method_name` is full (`/package.Service/Method`); never raises for a
        caller's fault; the reply fails with an error of `base.errors` then."""
        method = self.methods.get(method_name)
        tally = self.engine.tally
        try:
            if method is None:
                raise Unimplemented(f"unknown method {method_name}")
            if method.handler is None:
                raise Unimplemented(f"{method.short_name} is not implemented by this server")
            tally.count(method.short_name)
            scope = open_scope(self.engine.namespaces, self.limits, method, request, identity)
            return method.handler(self, scope, request, deadline_ns)
        except PolyrhythmError as error:
            if method is not None:
                tally.refuse(method.short_name, error)
            return Reply.failed(error)

    def submit(self, scope: NamespaceScope, request: Any, deadline_ns: int) -> Reply:
        """Hand a checked request to the engine."""
        caller = scope.identity.subject
        return self.engine.submit(scope.namespace, request, deadline_ns, caller)
