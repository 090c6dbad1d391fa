"""Every example of the native SDK is run as its first lines say, on its own input."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from tidy.source import ROOT

FOLDER = ROOT / "examples" / "native"
PACE_S = "0.03"  # a row: the sync takes two seconds, time enough to be stopped in


def run(folder: Path, example: str, *words: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, str(FOLDER / example), *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_every_example_says_how_it_is_run_and_is_run_here():
    examples = {path.name for path in FOLDER.glob("*.py")}
    here = Path(__file__).read_text(encoding="utf-8")
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in examples - {"web.py"}:
        text = (FOLDER / name).read_text(encoding="utf-8")
        assert f"python examples/native/{name}" in text
        assert f'"{name}"' in here
    assert all(f"({name})" in page for name in examples)


def test_every_example_is_typed():
    cache = ROOT / ".cache/mypy-of-users"
    mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={cache}"]
    done = subprocess.run([*mypy, str(FOLDER)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_order_saga(tmp_path):
    lines = run(tmp_path, "order_saga.py")
    outcomes = dict(re.findall(r"(order-\d)  (\w+)", "\n".join(lines)))
    sold = {"order-1", "order-2", "order-6"}
    assert {name for name, outcome in outcomes.items() if outcome == "sold"} == sold
    assert len(outcomes) == 7
    assert lines[-1] == "3 of 7 sold; the books add up"
    with closing(sqlite3.connect(tmp_path / "shop.sqlite")) as db:
        assert dict(db.execute("SELECT item, count FROM stock")) == {
            "tea": 9,
            "kettle": 1,
            "cup": 36,
        }
        assert {row[0] for row in db.execute("SELECT id FROM reserved")} == sold
    # A second time nothing is sold twice.
    assert run(tmp_path, "order_saga.py")[-1] == lines[-1]


def test_plain_tasks(tmp_path):
    lines = run(tmp_path, "plain_tasks.py")
    assert lines == [
        "pay-broken-window: paid 240",
        "pay-flooded-cellar: refused, TooMuch: 8000 is more than 5000",
        "2 claims, 1 refused",
    ]
    # A second time nothing is paid, and the answers are those of the first.
    assert run(tmp_path, "plain_tasks.py") == lines
    with closing(sqlite3.connect(tmp_path / "paid.sqlite")) as db:
        assert db.execute("SELECT claim, amount FROM paid").fetchall() == [("broken-window", 240.0)]


def test_approval(tmp_path):
    lines = run(tmp_path, "approval.py")
    assert lines[-5:] == [
        "train-ticket  approved by the lead",
        "new-server  approved by the director",
        "golden-chair  refused by the lead",
        "conference  withdrawn: it is sold out",
        "forgotten  refused: nobody answered",
    ]
    refused = "new-server not accepted: ValueError: 7200.00 is more than the lead may approve"
    assert refused in lines
    outbox = (tmp_path / "outbox.txt").read_text().splitlines()
    assert "to director: nobody has answered night shift on forgotten" in outbox
    assert len(outbox) == len(set(outbox)) == 11


def test_account(tmp_path):
    lines = run(tmp_path, "account.py")
    # Twelve messages at five a run make three runs.
    assert lines[-2:] == ["ada    has 290.00 after 3 runs", "bob    has 0.00 after 1 runs"]
    assert "ada    withdrew     nothing: NotEnough: 84.50 are not enough" in lines


def test_index_files(tmp_path):
    texts = tmp_path / "texts"
    texts.mkdir()
    for number in range(30):
        (texts / f"{number:02}.md").write_text(f"some\n# Title {number}\n# Another\n")
    lines = run(tmp_path, "index_files.py", str(texts))
    assert lines == [f"{number:02}.md: Title {number}" for number in range(30)]
    assert "canvas.md: Canvas: tasks put together" in run(tmp_path, "index_files.py")
    (texts / "17.md").write_bytes(b"\xff\xfe")
    assert run(tmp_path, "index_files.py", str(texts)) == ["not indexed: 17.md is no text"]


def test_cron_like(tmp_path):
    said = [
        "beat three times",
        "paused: quiet, please",
        "swept twice, 0 left",
        "swept once more, by hand",
        "jobs: beat (@every 50ms), nightly (30 2 * * mon-fri)",
    ]
    assert run(tmp_path, "cron_like.py") == said
    assert run(tmp_path, "cron_like.py") == said


def test_word_count(tmp_path):
    texts = tmp_path / "texts"
    texts.mkdir()
    for number in range(9):
        text = "water water leaf\nwater kettle\n" * (number + 1) * 60
        (texts / f"{number}.md").write_text(text)
    lines = [line.split() for line in run(tmp_path, "word_count.py", str(texts))]
    assert lines == [["8100", "water"], ["2700", "leaf"], ["2700", "kettle"]]


def test_word_count_of_the_documents(tmp_path):
    words = re.compile(r"[^\W\d_]{4,}")
    counts: Counter[str] = Counter()
    for path in (ROOT / "docs").rglob("*.md"):
        counts.update(words.findall(path.read_text(encoding="utf-8").lower()))
    lines = [line.split() for line in run(tmp_path, "word_count.py")]
    assert [int(times) for times, _ in lines] == [times for _, times in counts.most_common(10)]


def test_log_pipeline(tmp_path):
    log = (FOLDER / "input" / "access.log").read_text().splitlines()
    statuses = Counter(re.findall(r'" (\d{3}) \d+$', "\n".join(log), re.MULTILINE))
    lines = run(tmp_path, "log_pipeline.py")
    assert lines[0].startswith(f"{len(log)} lines, {len(log) - statuses.total()} unreadable, ")
    told = re.findall(r"(\d+) with status (\d+)", "\n".join(lines))
    assert {status: int(times) for times, status in told} == statuses


def test_audit(tmp_path):
    lines = run(tmp_path, "audit.py")
    second = lines.index("flooded-cellar: 7200.00 to the holder of flooded-cellar")
    told = [line.strip() for line in lines[second + 1 :]]
    # The inspector may come before or after the claim waits without a task.
    waits = "running; amount: 7200.0, stage: waiting for a person; no task"
    assert [line for line in told[:-1] if line != waits] == [
        "running; stage: assessing; assess pending",
        "running; amount: 7200.0, stage: waiting for a person; ask pending",
        "running; amount: 7200.0, seen_by: inspector 12, stage: paying; pay pending",
        "completed; amount: 7200.0, seen_by: inspector 12, stage: paid; no task",
    ]
    at_time = r"at [\d:.]+ it was '(paying|waiting for a person)', \d+ events long"
    assert re.fullmatch(at_time, told[-1])


def test_ledger(tmp_path):
    lines = run(tmp_path, "ledger.py")
    year = ["  ada     964.50, fees 0.00, 3 entries", "  bob       3.00, fees 0.00, 2 entries"]
    now = [
        "  ada    1101.96, fees 0.30, 6 entries",
        "  bob       5.85, fees 0.15, 4 entries",
        "  cleo      3.00, fees 0.00, 1 entries",
    ]
    assert lines == ["before:", *year, "booked:", *now, "rebuilt:", *now]
    # Its file is there: the read model is kept, and nothing is booked twice.
    assert run(tmp_path, "ledger.py") == ["before:", *now, "booked:", *now, "rebuilt:", *now]


def test_the_ledger_of_last_year(tmp_path):
    assert run(tmp_path, "ledger_2025.py") == []
    lines = run(tmp_path, "ledger.py")
    assert lines[:2] == ["before:", "  ada     964.50, fees 0.00, 3 entries"]


class Sync:
    """One process of the sync, in a folder."""

    def __init__(self, folder: Path) -> None:
        source = str(FOLDER / "input" / "stock.csv")
        self.popen = subprocess.Popen(
            [sys.executable, str(FOLDER / "stock_sync.py"), source, PACE_S],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    def until(self, step: int) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            if line.split()[:2] == ["step", str(step)]:
                return
        pytest.fail(f"it ended without step {step}")

    def rest(self, number: int = 0) -> tuple[list[str], int]:
        """What it says until its end, which a signal brings about."""
        if number:
            self.popen.send_signal(number)
        said, _ = self.popen.communicate(timeout=60)
        return said.splitlines(), self.popen.returncode


def test_stock_sync_is_stopped_killed_and_ends(tmp_path):
    first = Sync(tmp_path)
    first.until(2)
    said, code = first.rest(signal.SIGTERM)
    assert code == 0
    assert said[-1] == "stopped in order; start it again to go on"
    second = Sync(tmp_path)
    second.until(5)
    _, code = second.rest(signal.SIGKILL)
    assert code == -signal.SIGKILL
    said, code = Sync(tmp_path).rest()
    assert code == 0
    assert said[-1] == "11 of 12 steps succeeded"
    assert [line for line in said if "failed" in line and "count 'n/a'" in line]
    with closing(sqlite3.connect(tmp_path / "warehouse.sqlite")) as db:
        written = dict(db.execute("SELECT item, written FROM stock"))
    # All rows but the bad one and the three behind it in its batch.
    assert len(written) == 56
    # What was in hand when it was killed may have been written twice, nothing else.
    assert sum(written.values()) - len(written) <= 5
