"""A Python worker for Go producers: every file that a Go program names is counted durably.

    redis-server &                                   # or REDIS_URL=redis://host:port
    python examples/machinery/worker.py              # works until SIGTERM
    cd examples/machinery/producer && go run . 127.0.0.1:6379 ../../..

The producer sends one call for each Markdown file below a folder, as a chord: when all are counted,
`report` gets the counts. Kill the worker in between and start it again: nothing is counted twice in
the report, and nothing is missing.
"""

import os

from polyrhythm import App, Machinery

app = App("words")
work = Machinery(os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"), app=app, lease="5s")


@app.task(timeout="1m")
def count_words(path: str) -> int:
    with open(path, encoding="utf-8") as file:
        return len(file.read().split())


@app.task
def report(counts: list[int]) -> str:
    return f"{len(counts)} files, {sum(counts)} words, {max(counts)} in the longest"


work.serve(count_words)
work.serve(report, collect=True)

if __name__ == "__main__":
    app.run(told=lambda line: print(line, flush=True))
