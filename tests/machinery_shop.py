"""An App that serves tasks to a broker, and what tests of every broker ask of it."""

import asyncio

from polyrhythm import App
from polyrhythm.app.machinery import Machinery

WAIT_S = 20
QUEUE = "machinery_tasks"


async def until(condition):
    """Ask again until it holds."""
    async with asyncio.timeout(WAIT_S):
        while not await condition():
            await asyncio.wait([asyncio.Future()], timeout=0.02)


class Shop:
    """An App that serves a few tasks, and counts their runs."""

    def __init__(self, url, results="", **settings):
        self.runs = []
        self.app = App("shop", durability="memory")
        self.work = Machinery(url, results, app=self.app, **settings)

        @self.app.task
        def add(a: int, b: int) -> int:
            self.runs.append((a, b))
            return a + b

        @self.app.task
        def total(values: list[int]) -> int:
            return sum(values)

        @self.app.task
        def fail(text: str) -> int:
            self.runs.append(text)
            raise ValueError(text)

        self.work.serve(add)
        self.work.serve(total, collect=True)
        self.work.serve(fail)

    async def __aenter__(self):
        await self.app.__aenter__()
        self.broker = self.work._ledger.broker
        return self

    async def __aexit__(self, *error):
        await self.app.__aexit__(*error)

    @property
    def client(self):
        return self.broker.client

    async def push(self, body):
        await self.client.rpush(QUEUE, body)

    async def dead(self, count=1):
        async def buried():
            return len(await self.work.dead_messages()) == count

        await until(buried)
        return [one.reason for one in await self.work.dead_messages()]


def run(scenario):
    async def bounded():
        async with asyncio.timeout(60):
            await scenario

    asyncio.run(bounded())
