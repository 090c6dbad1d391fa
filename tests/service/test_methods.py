"""The method table: every method of both services is built, or says that it is not."""

from __future__ import annotations

import pytest
from temporalio.api.operatorservice.v1 import service_pb2 as operator_pb2
from temporalio.api.workflowservice.v1 import service_pb2 as workflow_pb2

from polyrhythm.access.identity import anonymous
from polyrhythm.base.errors import Unimplemented
from polyrhythm.service.methods import (
    LONG_POLLS,
    METHODS,
    NEEDS,
    OPERATOR_HANDLERS,
    WORKFLOW_HANDLERS,
)
from service.fakes import NOW_NS, Fixture

SERVICES = [
    *workflow_pb2.DESCRIPTOR.services_by_name.values(),
    *operator_pb2.DESCRIPTOR.services_by_name.values(),
]


@pytest.mark.parametrize("name", [f"/{s.full_name}/{m.name}" for s in SERVICES for m in s.methods])
def test_every_method_is_built_or_unimplemented(name: str) -> None:
    method = METHODS[name]
    fixture = Fixture()
    reply = fixture.service.call(name, method.request_class(), anonymous(), NOW_NS)
    if method.handler is None:
        assert isinstance(reply.error, Unimplemented)
        assert method.short_name in str(reply.error)
    else:
        # An empty request is refused or answered, never a crash.
        assert not isinstance(reply.error, Unimplemented)


def test_tables_name_methods_that_exist() -> None:
    names = {method.short_name for method in METHODS.values()}
    assert {*WORKFLOW_HANDLERS, *OPERATOR_HANDLERS, *NEEDS, *LONG_POLLS} <= names


def test_unknown_method() -> None:
    reply = Fixture().service.call("/x.Y/Z", METHODS.popitem, anonymous())  # type: ignore[arg-type]
    assert isinstance(reply.error, Unimplemented)


def test_requests_of_named_calls_name_a_namespace() -> None:
    for method in METHODS.values():
        if method.handler is not None and method.needs_namespace:
            assert "namespace" in method.request_class.DESCRIPTOR.fields_by_name
