"""A canvas over a folder of real files: each is read, checked and indexed; one that fails is told.

    python examples/native/index_files.py [FOLDER]

Without a folder it reads the documents of this repository. `each` makes one chain for every file
that the first task finds; the body of the chord gets the results of all of them. A file that is no
text fails the canvas, and the error callback says which, in a run of its own.
"""

import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

from polyrhythm import App, Permanent, WorkflowFailed
from polyrhythm.canvas import Problem, each

INPUT = Path(__file__).parent.parent.parent / "docs"

app = App("index-files")


@dataclass
class File:
    path: str
    digest: str
    titles: list[str]


@app.task
def list_files(folder: str) -> list[str]:
    return sorted(str(path) for path in Path(folder).rglob("*.md"))


@app.task(retry=3, timeout="1m")
def read(path: str) -> File:
    data = Path(path).read_bytes()
    try:
        lines = data.decode().splitlines()
    except UnicodeDecodeError as error:
        raise Permanent(f"{Path(path).name} is no text", type="NoText") from error
    titles = [line.removeprefix("# ") for line in lines if line.startswith("# ")]
    return File(path, hashlib.sha256(data).hexdigest(), titles)


@app.task
def check(file: File) -> File:
    if hashlib.sha256(Path(file.path).read_bytes()).hexdigest() != file.digest:
        raise Permanent(f"{Path(file.path).name} has changed meanwhile", type="Changed")
    return file


@app.task
def index(files: list[File]) -> list[str]:
    return [f"{Path(file.path).name}: {file.titles[0]}" for file in files if file.titles]


@app.task
def complain(problem: Problem) -> str:
    return f"not indexed: {problem.message}"


def main(folder: Path = INPUT) -> None:
    canvas = list_files.s(str(folder.resolve())) | each(read.s() | check.s()) | index.s()
    with app:
        run = canvas.on_error(complain.s()).start()
        try:
            print("\n".join(run.result()))
        except WorkflowFailed:
            for told in app.client.list(f"WorkflowId STARTS_WITH '{run.workflow_id}/on-error'"):
                print(app.client.run(told.workflow_id).result())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
