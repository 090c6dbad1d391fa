"""A worker of Machinery's queue, for tests that kill it.

python machinery_worker.py FILE URL RESULTS_URL EFFECTS
"""

import sys

from polyrhythm import App, Machinery

file, url, results, effects = sys.argv[1:]
app = App("worker", url=file, durability="normal")
work = Machinery(url, results, app=app, lease=1)


@app.task(timeout="2s")
def add(a: int, b: int) -> int:
    with open(effects, "a", encoding="utf-8") as log:
        log.write(f"{a}\n")
    return a + b


@app.task(timeout="2s")
def total(values: list[int]) -> int:
    return sum(values)


work.serve(add)
work.serve(total, collect=True)

if __name__ == "__main__":
    app.run(told=lambda line: print(line, flush=True))
