"""An audit: what a run was, and what was known, at any moment of its life.

    python examples/native/audit.py [CLAIMS.json]

Insurance claims are assessed, perhaps looked at by a person, and paid. Afterwards the auditor asks
the engine how each claim stood at the moments that matter: nothing had to be written down for that,
since a run is its log. `run.at(time)` is the run right after the last commit before that time.
"""

import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from polyrhythm import App, Retry, Run, Signal, task, wf

INPUT = Path(__file__).parent / "input" / "claims.json"
PAID_UNSEEN_MAX = 1000.0

app = App("audit")


@dataclass
class Claim:
    id: str
    amount: float
    bank_failures: int = 0


LOOKED_AT = Signal("looked_at", str)


@app.task
def assess(claim: Claim) -> float:
    return round(claim.amount * 0.9, 2)


@app.task
def ask(claim: Claim, amount: float) -> None:
    print(f"  somebody has to look at {claim.id}, {amount:.2f}")


@app.task(retry=Retry(initial="50ms", max_attempts=5))
def pay(claim: Claim, amount: float) -> str:
    if task.info().attempt <= claim.bank_failures:
        raise ConnectionError("the bank is closed")
    return f"{amount:.2f} to the holder of {claim.id}"


@app.workflow
async def settle(claim: Claim) -> str:
    wf.upsert_memo({"stage": "assessing"})
    amount = await assess(claim)
    if amount > PAID_UNSEEN_MAX:
        wf.upsert_memo({"stage": "waiting for a person", "amount": amount})
        await ask(claim, amount)
        wf.upsert_memo({"seen_by": await LOOKED_AT.next()})
    wf.upsert_memo({"stage": "paying", "amount": amount})
    paid = await pay(claim, amount)
    wf.upsert_memo({"stage": "paid"})
    return paid


def report(run: Run[str]) -> list[str]:
    """One line for every moment at which something was different."""
    lines: list[str] = []
    for event_id in range(1, len(run.history()) + 1):
        then = run.at(event_id=event_id)
        memo = then.description.summary.memo
        known = ", ".join(f"{key}: {memo[key]}" for key in sorted(memo))
        tasks = ", ".join(f"{one.task} pending" for one in then.description.pending_tasks)
        line = f"{then.status.name.lower()}; {known or 'nothing known'}; {tasks or 'no task'}"
        if not lines or lines[-1] != line:
            lines.append(line)
    return lines


def at(run: Run[str], time: datetime) -> str:
    """What was known at a time."""
    then = run.at(time)
    stage = then.description.summary.memo.get("stage", "new")
    return f"at {time:%H:%M:%S.%f} it was {stage!r}, {then.last_event_id} events long"


def main(file: Path = INPUT) -> None:
    with app:
        for row in json.loads(file.read_text()):
            person = row.pop("looked_at_by", None)
            claim = Claim(**row)
            run = settle.options(id=claim.id).start(claim)
            if person is not None:
                run.send(LOOKED_AT, person)
            print(f"{claim.id}: {run.result()}")
            for line in report(run):
                print(f"  {line}")
            middle = run.history().events[len(run.history()) // 2]
            print(f"  {at(run, middle.event_time.ToDatetime(UTC))}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
