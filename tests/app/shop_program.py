"""A program of its own for tests of processes: `python shop_program.py FILE VERB [WORD]`.

    work           App.run(), until a signal
    client N       starts N runs through whoever owns the file, waits for their results
    start ID       starts one run and says so
    result ID      waits for a run's result

What the tasks did is written down, a line each, in FILE.done.
"""

import os
import sys

from polyrhythm.app.application import App
from polyrhythm.sdk import wf
from polyrhythm.sdk.task import TASK

URL = os.environ.get("SHOP_URL") or sys.argv[1]
DONE = sys.argv[1] + ".done"
app = App("shop", url=URL, stop="5s")


@app.task(timeout="20s")
def note(word: str) -> str:
    line = f"{word} {TASK.info().attempt}\n"
    descriptor = os.open(DONE, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, line.encode())
    os.close(descriptor)
    return word


@app.task(process=True, timeout="20s")
def where() -> int:
    return os.getpid()


@app.workflow
async def steps(name: str) -> str:
    for number in range(3):
        await note(f"{name}-{number}")
        await wf.sleep(0.05)
    return name


@app.workflow
async def elsewhere() -> int:
    return await where()


def say(*words: object) -> None:
    print(*words, flush=True)


def main() -> None:
    verb = sys.argv[2]
    if verb == "work":
        app.run(say)
        say("ended")
        return
    with app:
        if verb == "client":
            runs = [steps.start(f"{os.getpid()}-{n}") for n in range(int(sys.argv[3]))]
            say("started", len(runs))
            for run in runs:
                run.result()
            say("finished", len(runs))
        elif verb == "start":
            steps.options(id=sys.argv[3]).start(sys.argv[3])
            say("started", sys.argv[3])
        elif verb == "result":
            say("result", app.client.run(sys.argv[3], result=str).result())
        elif verb == "elsewhere":
            say("elsewhere", elsewhere.execute() != os.getpid())


if __name__ == "__main__":
    main()
