"""Interceptors in a run: around its code and its handlers, and before its calls leave.

Without interceptors nothing is made: a call pays one look at an empty tuple. They run inside the
workflow, so a replay runs them again as it runs the code.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from temporalio.api.common.v1 import Header, Payload

from polyrhythm.sdk.definitions import HandlerKind
from polyrhythm.sdk.intercept.calls import CallKind, Headers, Inbound, Outbound
from polyrhythm.sdk.intercept.chain import go_through

if TYPE_CHECKING:
    from polyrhythm.sdk.loop.context import Context
    from polyrhythm.sdk.loop.handlers import Handler

KINDS = {
    HandlerKind.SIGNAL: CallKind.SIGNAL,
    HandlerKind.QUERY: CallKind.QUERY,
    HandlerKind.UPDATE: CallKind.UPDATE,
}
Fields = Mapping[str, Payload]


def announce(
    context: Context, kind: CallKind, name: str, args: Sequence[Any], workflow_id: str = ""
) -> Outbound | None:
    """Show a call to the interceptors before it leaves; None where there are none."""
    hooks = context.settings.chain.calls
    if not hooks:
        return None
    headers = Headers(context.settings.converter)
    replaying = context.replaying
    call = Outbound(kind, name, list(args), headers, workflow_id, context.info(), replaying)
    for hook in hooks:
        hook(call)
    return call


def fill_header(context: Context, header: Header, call: Outbound | None = None) -> None:
    """Add what travels with a call out of a run."""
    if context.settings.header is not None:
        for name, payload in context.settings.header().items():
            header.fields[name].CopyFrom(payload)
    if call is not None:
        call.headers.fill(header)


async def run_main(context: Context, args: list[Any], function: Callable[..., Any]) -> Any:
    """Run the code of a run with everything that is around it."""
    call = _inbound(context, CallKind.WORKFLOW, context.type_name, args)
    call.headers = Headers(context.settings.converter, context.started.header.fields)
    return await go_through(context.settings.chain.workflows, call, lambda: function(*call.args))


def around_handler(
    context: Context, handler: Handler, name: str, args: list[Any], fields: Fields
) -> Coroutine[Any, Any, Any]:
    """Run a handler with everything that is around it."""
    call = _inbound(context, KINDS[handler.kind], name, args)
    call.headers = Headers(context.settings.converter, fields)

    async def work() -> Any:
        value = handler.function(*call.args)
        return await value if handler.is_async else value

    return go_through(context.settings.chain.messages, call, work)


def _inbound(context: Context, kind: CallKind, name: str, args: list[Any]) -> Inbound:
    headers = Headers(context.settings.converter)
    return Inbound(kind, name, args, headers, context.info(), context.replaying)
