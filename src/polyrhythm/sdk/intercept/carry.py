"""Context variables that travel: from a caller to its workflow, on to tasks and children.

    TENANT: ContextVar[str] = ContextVar("tenant")
    app = App("shop", interceptors=[intercept.Carry(tenant=TENANT)])

A variable that is set where a call is made is set where it is answered: in workflow code, in
handlers, in a task on the loop or in a thread. A task in a child process is another program: what
it needs are arguments. Values are written as payloads, so a replay has them from the history.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from polyrhythm.sdk.intercept.calls import Headers, Inbound, Outbound
from polyrhythm.sdk.intercept.chain import Go

_UNSET = object()


class Carry:
    """An interceptor that carries context variables, each under the name it is given here."""

    def __init__(self, **variables: ContextVar[Any]) -> None:
        self._variables = variables

    async def around_workflow(self, call: Inbound, go: Go) -> Any:
        """Set the variables for the run."""
        self._take(call.headers)
        return await go()

    async def around_task(self, call: Inbound, go: Go) -> Any:
        """Set the variables for the attempt."""
        self._take(call.headers)
        return await go()

    async def around_message(self, call: Inbound, go: Go) -> Any:
        """Set the variables for the handler."""
        self._take(call.headers)
        return await go()

    async def around_send(self, call: Outbound, go: Go) -> Any:
        """Send the variables along."""
        self._give(call.headers)
        return await go()

    def on_call(self, call: Outbound) -> None:
        """Send the variables along."""
        self._give(call.headers)

    def _take(self, headers: Headers) -> None:
        for name, variable in self._variables.items():
            if name in headers:
                variable.set(headers.get(name))

    def _give(self, headers: Headers) -> None:
        for name, variable in self._variables.items():
            value = variable.get(_UNSET)
            if value is not _UNSET:
                headers.set(name, value)
