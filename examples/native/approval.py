"""A person decides, or time does: an update that may be refused, a signal, a deadline.

    python examples/native/approval.py [EXPENSES.json]

Each expense waits for its decision. Nobody answers in time: the director is asked as well, and at
the second deadline it is refused. A wait of days costs nothing and outlives the process; two of the
expenses in the input have short deadlines, so that you see both. Mail goes to ./outbox.txt.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polyrhythm import App, Query, Signal, Update, UpdateFailed, wf

INPUT = Path(__file__).parent / "input" / "expenses.json"
OUTBOX = Path("outbox.txt")
MAY_APPROVE = {"lead": 500.0, "director": 20_000.0}

app = App("approval")


@dataclass
class Expense:
    id: str
    employee: str
    amount: float
    deadline: str = "3d"


@dataclass
class Decision:
    role: str
    approved: bool


DECIDE = Update("decide", Decision, str)
WITHDRAW = Signal("withdraw", str)
STATUS = Query("status", str)


@app.task
def mail(to: str, text: str) -> None:
    with OUTBOX.open("a") as outbox:
        outbox.write(f"to {to}: {text}\n")


@app.workflow
async def approve(expense: Expense) -> str:
    status = "waiting for the lead"
    decision: Decision | None = None

    def check(given: Decision) -> None:
        if decision is not None:
            raise ValueError(f"the {decision.role} has decided already")
        if given.approved and expense.amount > MAY_APPROVE.get(given.role, 0):
            raise ValueError(f"{expense.amount:.2f} is more than the {given.role} may approve")

    def decide(given: Decision) -> str:
        nonlocal decision
        decision = given
        return f"noted for {expense.id}"

    STATUS.handler(lambda: status)
    DECIDE.handler(decide, validator=check)
    await mail("lead", f"{expense.employee} asks for {expense.amount:.2f}")
    in_time = await wf.wait_for(lambda: decision or WITHDRAW.pending(), expense.deadline)
    if not in_time:
        status = "waiting for the director"
        await mail("director", f"nobody has answered {expense.employee} on {expense.id}")
        await wf.wait_for(lambda: decision or WITHDRAW.pending(), expense.deadline)
    if decision is not None:
        status = f"{'approved' if decision.approved else 'refused'} by the {decision.role}"
    elif WITHDRAW.pending():
        status = f"withdrawn: {await WITHDRAW.next()}"
    else:
        status = "refused: nobody answered"
    await mail(expense.employee, f"{expense.id} is {status}")
    return status


def play(run: Any, step: dict[str, Any]) -> None:
    """Do what a person does, as the input says."""
    if "withdraw" in step:
        run.send(WITHDRAW, step["withdraw"])
        return
    try:
        print(run.workflow_id, run.update(DECIDE, Decision(**step)))
    except UpdateFailed as error:
        print(run.workflow_id, "not accepted:", error.cause)


def main(file: Path = INPUT) -> None:
    entries = json.loads(file.read_text())
    with app:
        runs = {}
        for entry in entries:
            expense = Expense(**entry["expense"])
            run = runs[expense.id] = approve.options(id=expense.id).start(expense)
            for step in entry["steps"]:
                play(run, step)
        for name, run in runs.items():
            print(f"{name}  {run.result()}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
