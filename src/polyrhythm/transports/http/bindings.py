"""Bindings: which method and path of HTTP is which method of the service; how requests are read.

They are the `google.api.http` annotations of the protocol's own descriptors, so a method that the
protocol gains later is served without a line here. `POST /api/poly/v1/call/METHOD` reaches what has
no annotation, with the request's message as its body.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from google.api import annotations_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from temporalio.api.operatorservice.v1 import service_pb2 as operator_pb2
from temporalio.api.workflowservice.v1 import service_pb2 as workflow_pb2

from polyrhythm.api import service as api
from polyrhythm.service.method import Method
from polyrhythm.service.methods import METHODS
from polyrhythm.transports.http.exchange import Request
from polyrhythm.transports.http.json_in import read_body
from polyrhythm.transports.http.values import set_parameter, set_query

WHOLE_BODY = "*"
CALL_PATH = "/api/poly/v1/call/"
SERVICES: tuple[ServiceDescriptor, ...] = (
    workflow_pb2.DESCRIPTOR.services_by_name["WorkflowService"],
    operator_pb2.DESCRIPTOR.services_by_name["OperatorService"],
    api.DESCRIPTOR.services_by_name["PolyrhythmService"],
)


@dataclass(slots=True)
class Binding:
    """One way to call a method: `verb` and `template` of HTTP. `body`: WHOLE_BODY or empty, and
    then the query says what the path does not."""

    verb: str
    template: str
    method: Method
    body: str
    taken: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """Note which fields the path names."""
        parts = self.template.split("/")
        self.taken = frozenset(part[1:-1] for part in parts if part.startswith("{"))

    def read(self, request: Request) -> Message:
        """Return the message that a request stands for. Raises StatusError."""
        message = self.method.request_class()
        if self.body == WHOLE_BODY:
            read_body(request.body, message, request.has_shorthand)
        for name, text in request.parameters.items():
            set_parameter(message, name, text)
        if self.body != WHOLE_BODY and request.query:
            set_query(message, request.values(), self.taken)
        return message


def all_bindings() -> Iterator[Binding]:
    """Every binding of every method."""
    for service in SERVICES:
        for descriptor in service.methods:
            method = METHODS[f"/{service.full_name}/{descriptor.name}"]
            for rule in _rules_of(descriptor):
                verb = str(rule.WhichOneof("pattern"))
                # A body that is one field, or an answer that is: no annotation has such a one.
                assert rule.body in ("", WHOLE_BODY) and not rule.response_body, method.name
                yield Binding(verb.upper(), getattr(rule, verb), method, rule.body)
            yield Binding("POST", CALL_PATH + descriptor.name, method, WHOLE_BODY)


def _rules_of(descriptor: MethodDescriptor) -> list[HttpRule]:
    options = descriptor.GetOptions()
    if not options.HasExtension(annotations_pb2.http):
        return []
    rule = options.Extensions[annotations_pb2.http]
    return [rule, *rule.additional_bindings]
