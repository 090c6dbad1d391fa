"""Interceptors: code around workflow runs, task attempts, messages, and calls on their way out.

    class Audit:
        async def around_task(self, call: intercept.Inbound, go: intercept.Go) -> object:
            print(call.name, call.args)
            return await go()

    app = App("shop", interceptors=[Audit(), intercept.Carry(tenant=TENANT)])

An interceptor is any object with one or more of the methods of `Interceptor`'s protocols.
"""

from polyrhythm.sdk.intercept.calls import CallKind, Headers, Inbound, Outbound
from polyrhythm.sdk.intercept.carry import Carry
from polyrhythm.sdk.intercept.chain import (
    AroundMessage,
    AroundSend,
    AroundTask,
    AroundWorkflow,
    Go,
    Interceptor,
    OnCall,
)

__all__ = [
    "AroundMessage",
    "AroundSend",
    "AroundTask",
    "AroundWorkflow",
    "CallKind",
    "Carry",
    "Go",
    "Headers",
    "Inbound",
    "Interceptor",
    "OnCall",
    "Outbound",
]
