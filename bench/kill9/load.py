"""The load under kill -9: starts tallies, tells them things, writes down every acknowledgement.

    python bench/kill9/load.py FILE AT_ONCE ADDRESS [ADDRESS ...]

FILE gets one line of JSON for everything that a server acknowledged (start, signal, update,
result) at the moment it did, and one for every signal that was tried. A call that fails is made
again, at another address: a start under the same workflow id, an update under the same update id,
a signal with a word of its own, so that the histories tell exactly which of them arrived. A line
on standard input ends it: what is begun is finished, for so many seconds.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import timedelta
from itertools import count
from typing import Any, TypeVar

from program import QUEUE, SIGNALS, Tally, Told, quiet_runtime
from temporalio.client import (
    Client,
    RPCError,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RetryConfig, RPCStatusCode

T = TypeVar("T")
CALL = timedelta(seconds=5)
TASK = timedelta(seconds=2)
PAUSE_S = 0.02
# Retries of the SDK itself; after them another address is tried.
RETRIES = RetryConfig(initial_interval_millis=20, max_interval_millis=100, max_retries=2)


class Load:
    """Orders in flight, and the file of acknowledgements."""

    def __init__(self, clients: list[Client], file: str) -> None:
        self._clients = clients
        self._turn = count()
        self._acks = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._numbers = count(1)
        self.stopping = asyncio.Event()

    async def drive(self) -> None:
        """Place one order after the other."""
        while not self.stopping.is_set():
            await self._order(next(self._numbers))

    async def _order(self, number: int) -> None:
        name = f"tally-{number}"

        async def start(client: Client) -> str:
            try:
                handle = await client.start_workflow(
                    Tally.run,
                    number,
                    id=name,
                    task_queue=QUEUE,
                    task_timeout=TASK,
                    rpc_timeout=CALL,
                )
            except WorkflowAlreadyStartedError as error:
                # An earlier try of ours arrived.
                return error.run_id or ""
            return handle.first_execution_run_id or ""

        run_id = await self._try(start)
        self._ack("start", name, number=number, run=run_id)
        await asyncio.gather(self._update(name), *(self._signal(name, n) for n in range(SIGNALS)))

        async def result(client: Client) -> Told:
            handle = client.get_workflow_handle_for(Tally.run, name)
            return await handle.result(rpc_timeout=CALL)

        try:
            told = asdict(await self._try(result))
        except WorkflowFailureError as error:
            told = {"failure": repr(error.cause)}
        self._ack("result", name, told=told)

    async def _signal(self, name: str, number: int) -> None:
        tries = count(1)

        async def signal(client: Client) -> str:
            word = f"{number}.{next(tries)}"
            self._ack("try", name, word=word)
            try:
                await self._handle(client, name).signal(Tally.hear, word, rpc_timeout=CALL)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                # The run has ended: an earlier try arrived, or else its result will tell.
                return ""
            return word

        if word := await self._try(signal):
            self._ack("signal", name, word=word)

    async def _update(self, name: str) -> None:
        async def update(client: Client) -> str:
            return await self._handle(client, name).execute_update(
                Tally.add, "word", id="add", rpc_timeout=CALL
            )

        self._ack("update", name, answer=await self._try(update))

    async def _try(self, call: Callable[[Client], Awaitable[T]]) -> T:
        while True:
            try:
                return await call(self._clients[next(self._turn) % len(self._clients)])
            except (
                RPCError,
                WorkflowUpdateRPCTimeoutOrCancelledError,
                WorkflowUpdateFailedError,
            ) as error:
                self._ack("refused", "", error=f"{type(error).__name__}: {error}")
                await asyncio.sleep(PAUSE_S)

    def _handle(self, client: Client, name: str) -> WorkflowHandle[Any, Any]:
        return client.get_workflow_handle(name)

    def _ack(self, what: str, name: str, **fields: Any) -> None:
        os.write(self._acks, (json.dumps({"what": what, "id": name, **fields}) + "\n").encode())


async def main() -> None:
    """Load until told to stop; say how many orders did not come to their end."""
    file, at_once, *addresses = sys.argv[1:]
    clients = [
        await Client.connect(address, lazy=True, retry_config=RETRIES) for address in addresses
    ]
    load = Load(clients, file)
    drivers = [asyncio.ensure_future(load.drive()) for _ in range(int(at_once))]
    line = await asyncio.to_thread(sys.stdin.readline)
    load.stopping.set()
    _, stuck = await asyncio.wait(drivers, timeout=float(line or "0"))
    failed = [driver.exception() for driver in drivers if driver.done() and driver.exception()]
    print(json.dumps({"stuck": len(stuck), "failed": [repr(error) for error in failed]}))
    sys.stdout.flush()


if __name__ == "__main__":
    quiet_runtime()
    with asyncio.Runner() as runner:
        runner.run(main())
        # The SDK's threads may crash a Python that shuts down.
        os._exit(0)
