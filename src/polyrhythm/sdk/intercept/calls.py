"""What an interceptor sees: one call on its way in or out, with its arguments and headers.

`args` is a list that may be changed: what stands there when the chain goes on is what is sent, or
what the function gets. Headers travel with a call from its caller to whoever answers it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar, overload

from temporalio.api.common.v1 import Header, Payload

from polyrhythm.sdk.values import Converter

if TYPE_CHECKING:
    from polyrhythm.sdk.loop.info import WorkflowInfo
    from polyrhythm.sdk.worker.attempt import TaskInfo

T = TypeVar("T")


class CallKind(Enum):
    """What is called."""

    WORKFLOW = "workflow"
    TASK = "task"
    LOCAL_TASK = "local task"
    CHILD = "child"
    CONTINUE = "continue as new"
    SIGNAL = "signal"
    QUERY = "query"
    UPDATE = "update"


class Headers:
    """Named values beside the arguments. Names of other tools are there too."""

    __slots__ = ("_converter", "_fields")

    def __init__(self, converter: Converter, fields: Mapping[str, Payload] | None = None) -> None:
        self._converter = converter
        self._fields: dict[str, Payload] = dict(fields) if fields else {}

    def __contains__(self, name: str) -> bool:
        """Whether there is a value of that name."""
        return name in self._fields

    def __iter__(self) -> Iterator[str]:
        """Every name."""
        return iter(self._fields)

    @overload
    def get(self, name: str) -> Any: ...

    @overload
    def get(self, name: str, kind: type[T]) -> T | None: ...

    def get(self, name: str, kind: Any = Any) -> Any:
        """Return a value as a type; None when there is none. Raises PayloadError."""
        payload = self._fields.get(name)
        return None if payload is None else self._converter.decode(payload, kind)

    def set(self, name: str, value: Any) -> None:
        """Add a value that travels along. Raises PayloadError."""
        self._fields[name] = self._converter.encode(value)

    def payloads(self) -> Mapping[str, Payload]:
        """Return the values as they travel."""
        return self._fields

    def fill(self, header: Header) -> None:
        """Write them into a request or command."""
        for name, payload in self._fields.items():
            header.fields[name].CopyFrom(payload)


@dataclass(slots=True)
class Inbound:
    """A call that has arrived. `info`: of the run or the attempt; `replaying`: of workflow code
    that does again what it has done before."""

    kind: CallKind
    name: str
    args: list[Any]
    headers: Headers
    info: WorkflowInfo | TaskInfo
    replaying: bool = False


@dataclass(slots=True)
class Outbound:
    """A call that is about to leave. `workflow_id`: whom it is for, empty for a task. `info`: of
    the run that calls, None outside of one."""

    kind: CallKind
    name: str
    args: list[Any]
    headers: Headers
    workflow_id: str = ""
    info: WorkflowInfo | None = None
    replaying: bool = False
