"""Durable tasks without a workflow: each line of a list is one task, done once whatever happens.

    python examples/native/plain_tasks.py [CLAIMS.json]

Starts one task a claim, under the claim's own id: start the program twice, or kill it and start it
again, and no claim is paid twice. Whatever is left from the last time goes on by itself. Waits for
all of them and prints what became of each.
"""

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from polyrhythm import ActivityAlreadyStarted, App, IdReuse, Permanent, Retry, TaskError, task

INPUT = Path(__file__).parent / "input" / "claims.json"
LEDGER = Path("paid.sqlite")
LIMIT = 5_000

app = App("plain-tasks", stop="10s")


@app.task(timeout="10s", retry=Retry(initial="50ms", max_attempts=5))
def pay(claim: str, amount: int) -> str:
    if amount > LIMIT:
        raise Permanent(f"{amount} is more than {LIMIT}", type="TooMuch")
    with closing(sqlite3.connect(LEDGER)) as db, db:
        db.execute("CREATE TABLE IF NOT EXISTS paid (claim PRIMARY KEY, amount, attempt)")
        # An attempt whose answer was lost comes again: the claim is the key.
        row = (claim, amount, task.info().attempt)
        db.execute("INSERT OR IGNORE INTO paid VALUES (?, ?, ?)", row)
    return f"paid {amount}"


def main(path: Path) -> None:
    with app:
        runs = []
        for claim in json.loads(path.read_text(encoding="utf-8")):
            task_id = f"pay-{claim['id']}"
            try:
                named = pay.options(id=task_id, id_reuse=IdReuse.REJECT, summary=claim["id"])
                runs.append(named.start(claim["id"], claim["amount"]))
            except ActivityAlreadyStarted:
                runs.append(app.client.task_run(task_id, result=str))
        for run in runs:
            try:
                print(f"{run.task_id}: {run.result(timeout='1m')}")
            except TaskError as error:
                print(f"{run.task_id}: refused, {error.__cause__}")
        failed = app.client.count_tasks("ActivityType = 'pay' AND ExecutionStatus = 'Failed'")
        print(f"{len(runs)} claims, {failed} refused")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else INPUT)
