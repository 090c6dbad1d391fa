"""Wait until a fresh Temporal server accepts calls, and register what clients expect.

A server started from its own binary knows no namespace but its system's; `temporal server
start-dev` writes `default` into the database before the start. This does it through the public API
afterwards, and leaves alone what is registered already. Ends with one line on standard output; when
the server dies or never answers, with exit code 1.
"""

import argparse
import asyncio
import os
import sys
import time
from datetime import timedelta

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

GIVE_UP_S = 60.0
RETENTION = timedelta(days=1)  # as `temporal server start-dev`
POLL_S = 0.1


async def connect(address: str, server_pid: int) -> Client:
    """Return a client as soon as the server answers; raise SystemExit when it does not."""
    give_up_at = time.monotonic() + GIVE_UP_S
    while time.monotonic() < give_up_at:
        try:
            return await Client.connect(address)
        except RuntimeError:
            await asyncio.sleep(POLL_S)
        try:
            os.kill(server_pid, 0)
        except ProcessLookupError:
            raise SystemExit("the server ended before it accepted a call") from None
    raise SystemExit(f"the server accepted no call within {GIVE_UP_S:g} s")


async def register_namespace(client: Client, name: str) -> None:
    """Register a namespace that is not there yet, and wait until calls may name it.

    The server reads namespaces through a cache: one just registered is unknown for a moment.
    """
    give_up_at = time.monotonic() + GIVE_UP_S
    probe = ListSearchAttributesRequest(namespace=name)
    register = RegisterNamespaceRequest(namespace=name)
    register.workflow_execution_retention_period.FromTimedelta(RETENTION)
    while time.monotonic() < give_up_at:
        try:
            await client.operator_service.list_search_attributes(probe)
            return
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                print(f"waiting for {name}: {error}", file=sys.stderr)
        try:
            await client.workflow_service.register_namespace(register)
        except RPCError as error:
            if error.status != RPCStatusCode.ALREADY_EXISTS:
                print(f"registering {name}: {error}", file=sys.stderr)
        await asyncio.sleep(POLL_S)
    raise SystemExit(f"the namespace {name} could not be registered")


async def add_search_attributes(client: Client, namespace: str, wanted: list[str]) -> None:
    """Add the attributes NAME=TYPE that the namespace does not have."""
    have = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=namespace)
    )
    types = {
        name.removeprefix("INDEXED_VALUE_TYPE_").replace("_", "").lower(): value
        for name, value in IndexedValueType.items()
    }
    request = AddSearchAttributesRequest(namespace=namespace)
    for text in wanted:
        name, _, kind = text.partition("=")
        if kind.lower() not in types:
            raise SystemExit(f"--search-attribute {text}: no such type")
        if name not in have.custom_attributes:
            request.search_attributes[name] = types[kind.lower()]
    if request.search_attributes:
        await client.operator_service.add_search_attributes(request)


async def run(options: argparse.Namespace) -> None:
    """Do it all."""
    client = await connect(options.address, options.server_pid)
    for namespace in options.namespace:
        await register_namespace(client, namespace)
        if options.search_attribute:
            await add_search_attributes(client, namespace, options.search_attribute)
    print(f"accepts calls on {options.address}", flush=True)


def parse_args() -> argparse.Namespace:
    """Return the command line's settings."""
    parser = argparse.ArgumentParser(description="register namespaces with a fresh server")
    parser.add_argument("address", metavar="HOST:PORT")
    parser.add_argument("--server-pid", type=int, required=True)
    parser.add_argument("--namespace", action="append", default=[])
    parser.add_argument("--search-attribute", action="append", default=[], metavar="NAME=TYPE")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(run(parse_args()))
    # The SDK's threads crash about one in forty such short processes while Python shuts down
    # (temporalio 1.35.0), after the work is done: leave without that.
    os._exit(0)
