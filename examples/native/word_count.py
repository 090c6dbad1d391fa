"""Many files at once, a few at a time: worker processes count words, heartbeats tell how far.

    python examples/native/word_count.py [FOLDER]

Without a folder it reads the documents of this repository. `wf.each` runs a task per file, at most
four at a time; a file that fails for good ends the others. `process=True` gives each attempt a
process of its own pool: counting keeps no other task waiting.
"""

import re
import sys
from collections import Counter
from pathlib import Path

from polyrhythm import App, task, wf

INPUT = Path(__file__).parent.parent.parent / "docs"
AT_ONCE_MAX = 4
WORD = re.compile(r"[^\W\d_]{4,}")

app = App("word-count", processes_max=2)


@app.task
def list_files(folder: str) -> list[str]:
    return sorted(str(path) for path in Path(folder).rglob("*.md"))


@app.task(process=True, timeout="5m", heartbeat="10s", retry=3)
def count_words(file: str) -> dict[str, int]:
    size = max(Path(file).stat().st_size, 1)
    counts: Counter[str] = Counter()
    with open(file, encoding="utf-8") as lines:
        for number, line in enumerate(iter(lines.readline, ""), 1):
            counts.update(WORD.findall(line.lower()))
            if number % 100 == 0:
                task.progress(lines.tell() / size, Path(file).name)
    return counts


@app.workflow
async def count(folder: str) -> dict[str, int]:
    files = await list_files(folder)
    total: Counter[str] = Counter()
    for counts in await wf.each(count_words, files, limit=AT_ONCE_MAX):
        total.update(counts)
    wf.set_details(f"{len(files)} files")
    return dict(total.most_common(10))


def main(folder: Path = INPUT) -> None:
    with app:
        for word, times in count.execute(str(folder.resolve())).items():
            print(f"{times:>6} {word}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
