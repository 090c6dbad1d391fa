"""The program under kill -9: an App on a file, its orders under way, and whoever waits for them.

    python bench/native_kill9/program.py FOLDER SLOT      # the work comes as one line on stdin

Everything that the outside learns is a line in `acks.jsonl`, everything that a task does is one in
`effects.log`: single appends, so that a kill leaves whole lines. An order is three tasks in a
thread or on the loop, a timer, a signal, an update, a local task and now and then a child.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import os
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

from plan import LEAF_STEP, has_child, value_of

from polyrhythm import (
    AlreadyStarted,
    App,
    IdConflict,
    IdReuse,
    NotFound,
    Retry,
    Signal,
    Update,
    task,
    wf,
)

FOLDER = Path(sys.argv[1])
SLOT = sys.argv[2] if len(sys.argv) > 2 else "0"
FILE = FOLDER / "native.db"
ACKS = FOLDER / "acks.jsonl"
EFFECTS = FOLDER / "effects.log"
SLOW_START_S = 5.0
# An attempt that died with its process is made again after this.
ATTEMPT = "1s"

app = App("orders", url=str(FILE), stop="1s")
WORD = Signal("word", str)
MARK = Update("mark", str, str)
again = Retry(initial="10ms")


def append(file: Path, line: str) -> None:
    """Write one line in one call: it is there as a whole, or not at all."""
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, (line + "\n").encode())
    os.close(handle)


def effect() -> None:
    """Leave a trace in the world."""
    info = task.info()
    append(EFFECTS, f"{info.run_id} {info.task_id} {info.attempt} {info.task} {time.time_ns()}")


@app.task(timeout=ATTEMPT, retry=again)
def in_thread(number: int, step: int) -> int:
    """A plain function."""
    effect()
    return value_of(number, step)


@app.task(timeout=ATTEMPT, retry=again)
async def on_loop(number: int, step: int) -> int:
    """A coroutine; its first attempt of every seventh order fails."""
    effect()
    await asyncio.sleep(0)
    if number % 7 == 0 and step == 2 and task.info().attempt == 1:
        raise ConnectionError("once")
    return value_of(number, step)


@app.task(timeout=ATTEMPT, retry=again)
async def local_step(number: int, step: int) -> int:
    """A coroutine inside the workflow task."""
    effect()
    return value_of(number, step)


@app.workflow
async def leaf(number: int) -> int:
    """The child of some orders."""
    return await on_loop(number, LEAF_STEP)


@app.workflow
async def order(number: int) -> dict[str, Any]:
    """An order: tasks one after another and at once, waits, messages."""
    marks: list[str] = []

    def mark(text: str) -> str:
        marks.append(text)
        return f"{text}!"

    MARK.handler(mark)
    steps = [await in_thread(number, 1)]
    steps += await wf.gather(on_loop(number, 2), in_thread(number, 3))
    await wf.sleep("5ms")
    word = await WORD.next()
    await wf.wait_for(lambda: len(marks) > 0)
    steps.append(await local_step.local(number, 4))
    below = 0
    if has_child(number):
        below = await wf.child(leaf.options(id=f"{wf.info().workflow_id}-leaf"), number)
    steps.append(await in_thread(number, 5))
    return {"steps": steps, "leaf": below, "word": word, "marked": marks[0]}


def tell(what: str, name: str, **more: object) -> None:
    """Acknowledge."""
    append(ACKS, json.dumps({"what": what, "id": name, **more}))


async def drive(name: str, number: int, done: list[str]) -> None:
    """Take one order to its end, from wherever it stood when its last driver died."""
    workflow = order.options(id=name, id_conflict=IdConflict.JOIN, id_reuse=IdReuse.REJECT)
    tell("try", name, number=number)
    try:
        run = await workflow.aio.start(number)
    except AlreadyStarted:
        run = app.aio.run(name)
    else:
        if "start" not in done:
            tell("start", name, run=run.run_id)
    if "signal" not in done:
        word = f"{name}/{os.getpid()}"
        tell("sending", name, word=word)
        try:
            await run.send(WORD, word)
        except NotFound:
            pass  # one that was not acknowledged has arrived, and the order has ended
        else:
            tell("signal", name, word=word)
    if "update" not in done:
        await update(run, name)
    told = await run.result()
    tell("result", name, told=told)


async def update(run: Any, name: str) -> None:
    """Have the order marked, unless one that was not acknowledged has let it end."""
    try:
        answer = await run.update(MARK, name)
    except NotFound:
        return
    tell("update", name, answer=answer)


async def main() -> None:
    """Work on what is left and, unless it is to come to an end, on more and more."""
    plan = json.loads(sys.stdin.readline())
    left = deque(plan["left"])
    number = plan["next"]

    async def work() -> None:
        nonlocal number
        while left or not plan["drain"]:
            if left:
                await drive(*left.popleft())
            else:
                number += 1
                await drive(f"order-{SLOT}-{number}", number, [])

    # A start that takes long leaves the stacks of its threads in the log.
    faulthandler.dump_traceback_later(SLOW_START_S)
    async with app:
        faulthandler.cancel_dump_traceback_later()
        print("ready", flush=True)
        async with asyncio.TaskGroup() as group:
            for _ in range(plan["at_once"]):
                group.create_task(work())


if __name__ == "__main__":
    asyncio.run(main())
