"""An application with tasks to put together, and what they did."""

import asyncio
from collections import Counter
from dataclasses import dataclass

from polyrhythm import App, Permanent, task
from polyrhythm.canvas import Problem


@dataclass
class Page:
    url: str
    words: int


class Shop:
    """The tasks, how often each ran, and what error callbacks were told."""

    def __init__(self) -> None:
        self.app = app = App("canvas")
        self.ran: Counter[str] = Counter()
        self.told: list[Problem] = []
        self.noted: list[object] = []
        self.entered = asyncio.Event()

        @app.task
        def add(one: int, two: int = 1) -> int:
            self.ran["add"] += 1
            return one + two

        @app.task
        async def total(numbers: list[int]) -> int:
            self.ran["total"] += 1
            return sum(numbers)

        @app.task(retry=1)
        def fail(number: int) -> int:
            raise Permanent(f"{number} cannot be", type="Impossible")

        @app.task
        def tell(problem: Problem) -> None:
            self.told.append(problem)

        @app.task
        def note(value: object) -> None:
            self.noted.append(value)

        @app.task
        def numbers(count: int) -> list[int]:
            return list(range(count))

        @app.task
        def fetch(url: str) -> Page:
            return Page(url, len(url))

        @app.task
        def words(pages: list[Page]) -> int:
            return sum(page.words for page in pages)

        @app.task
        def shout(text: bytes) -> bytes:
            return text + b"!"

        @app.task(timeout="1h", heartbeat="10m")
        async def wait(word: str) -> str:
            self.entered.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.noted.append(f"{word} ended")
            return word

        @app.task(retry=3, timeout="1m")
        def flaky(number: int) -> int:
            self.ran["flaky"] += 1
            if number == 3 and task.info().attempt < 2:
                raise ConnectionError("the line is busy")
            return number * 10

        self.add, self.total, self.fail, self.tell, self.note = add, total, fail, tell, note
        self.numbers, self.fetch, self.words, self.shout = numbers, fetch, words, shout
        self.wait, self.flaky = wait, flaky


def nothing_left(shop: Shop) -> bool:
    """Whether no run of the application is open."""
    return shop.app.client.count("ExecutionStatus = 'Running'") == 0
