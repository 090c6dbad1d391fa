"""The gate: where a call's namespace comes from, and what is said when it is missing or wrong."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    GetSystemInfoRequest,
    ListNamespacesRequest,
    ListWorkflowExecutionsRequest,
    RegisterNamespaceRequest,
    RespondActivityTaskCompletedRequest,
    RespondQueryTaskCompletedRequest,
    RespondWorkflowTaskFailedRequest,
    ShutdownWorkerRequest,
    UpdateNamespaceRequest,
)

from polyrhythm.access.identity import EVERYWHERE, Identity, Role, nobody
from polyrhythm.base.errors import NamespaceNotFound, PermissionDenied
from service.fakes import Fixture, task_token


def test_a_named_namespace_becomes_the_scope() -> None:
    fixture = Fixture()
    fixture.call(ShutdownWorkerRequest(namespace="other"), deadline_ns=5)
    namespace, _, deadline_ns = fixture.engine.submitted[0]
    assert (namespace.key, deadline_ns) == (2, 5)


def test_a_token_names_the_namespace_that_the_request_does_not() -> None:
    fixture = Fixture()
    fixture.call(RespondActivityTaskCompletedRequest(task_token=task_token(2)))
    namespace, request, _ = fixture.engine.submitted[0]
    assert (namespace.key, request.namespace) == (2, "other")


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (b"", "Task token not set on request."),
        (b"garbage", "Error deserializing task token."),
        (b"\x0a\xff", "Error deserializing task token."),
        (task_token(0), "Namespace not set on request."),
        (task_token(99), "Error deserializing task token."),
    ],
)
@pytest.mark.parametrize("namespace", ["", "default"])
def test_bad_tokens(token: bytes, message: str, namespace: str) -> None:
    request = RespondWorkflowTaskFailedRequest(namespace=namespace, task_token=token)
    assert Fixture().refusal(request) == message


def test_a_token_of_another_namespace() -> None:
    request = RespondActivityTaskCompletedRequest(namespace="default", task_token=task_token(2))
    assert Fixture().refusal(request) == (
        "Operation requested with a token from a different namespace."
    )


def test_a_query_answer_needs_a_query_token() -> None:
    request = RespondQueryTaskCompletedRequest(task_token=task_token(task_queue="q"))
    assert Fixture().refusal(request) == "query task not found, or already expired"
    request = RespondQueryTaskCompletedRequest(task_token=task_token(query_id="q"))
    assert Fixture().refusal(request) == "Invalid TaskToken."


def test_missing_names() -> None:
    fixture = Fixture()
    not_set = "Namespace not set on request."
    assert fixture.refusal(ListWorkflowExecutionsRequest()) == "Namespace is empty."
    assert fixture.refusal(UpdateNamespaceRequest()) == not_set
    assert fixture.refusal(RegisterNamespaceRequest()) == not_set
    assert fixture.refusal(DescribeNamespaceRequest()) == not_set
    assert fixture.refusal(ListSearchAttributesRequest()) == "Namespace is not set on request."


@pytest.mark.parametrize("name", ["x" * 1001, "é" * 501])
def test_long_names(name: str) -> None:
    fixture = Fixture()
    for request in (
        ListWorkflowExecutionsRequest(namespace=name),
        RegisterNamespaceRequest(namespace=name),
        DescribeNamespaceRequest(namespace=name),
    ):
        assert fixture.refusal(request) == "Namespace length exceeds limit."


@pytest.mark.parametrize("name", ["no\0such", "x" * 1000, "é" * 500])
def test_odd_names_are_only_unknown(name: str) -> None:
    reply = Fixture().call(ListWorkflowExecutionsRequest(namespace=name))
    assert isinstance(reply.error, NamespaceNotFound)


READER = Identity("reader", roles={"default": Role.READ})
WRITER = Identity("writer", roles={"default": Role.WRITE})
HOUSEKEEPER = Identity("housekeeper", roles={EVERYWHERE: Role.ADMIN})
# Request, who asks, whether the gate lets it through.
VERDICTS = [
    (GetSystemInfoRequest(), nobody(), True),
    (ListNamespacesRequest(), nobody(), False),
    (ListNamespacesRequest(), WRITER, False),
    (ListNamespacesRequest(), HOUSEKEEPER, True),
    (DescribeNamespaceRequest(namespace="default"), READER, True),
    (DescribeNamespaceRequest(namespace="other"), READER, False),
    (DescribeNamespaceRequest(id="id-of-default"), READER, True),
    (DescribeNamespaceRequest(id="id-of-other"), READER, False),
    (DescribeNamespaceRequest(id="id-of-none"), READER, False),
    (ListWorkflowExecutionsRequest(namespace="default"), READER, True),
    (ListWorkflowExecutionsRequest(namespace="not there"), READER, False),
    (ShutdownWorkerRequest(namespace="default"), READER, False),
    (ShutdownWorkerRequest(namespace="default"), WRITER, True),
    (UpdateNamespaceRequest(namespace="default"), WRITER, False),
    (UpdateNamespaceRequest(namespace="default"), HOUSEKEEPER, True),
    (RespondActivityTaskCompletedRequest(task_token=task_token(1)), WRITER, True),
    (RespondActivityTaskCompletedRequest(task_token=task_token(2)), WRITER, False),
    (ListSearchAttributesRequest(namespace="default"), READER, True),
]


@pytest.mark.parametrize(("request_", "identity", "may"), VERDICTS)
def test_roles_decide_before_anything_is_looked_up(
    request_: Message, identity: Identity, may: bool
) -> None:
    reply = Fixture().call(request_, identity=identity)
    assert isinstance(reply.error, PermissionDenied) is not may
