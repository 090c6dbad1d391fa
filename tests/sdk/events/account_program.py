"""A program of accounts, killed and started again by test_projections.py."""

import os
import sys
import threading
from dataclasses import dataclass

from polyrhythm import App, events, wf

app = App("bank", url=os.environ["BANK_FILE"], durability="full")


@events.event("program.Deposited")
@dataclass
class Deposited:
    amount: int


@app.workflow
async def account(amount: int) -> int:
    wf.record(Deposited(amount))
    return amount


total = app.projection("total", of=account, initial=0)


@total.on(Deposited)
def count(model: int, event: Deposited, meta: events.EventMeta) -> int:
    return model + event.amount


if __name__ == "__main__":
    verb = sys.argv[1]
    with app:
        if verb == "deposit":
            for _ in range(int(sys.argv[2])):
                account.execute(1)
                print("deposited", flush=True)
        elif verb == "follow":
            threading.Event().wait()
        else:
            open_runs = "WorkflowType = 'account' AND ExecutionStatus = 'Running'"
            for run in app.client.list(open_runs):
                app.client.run(run.workflow_id, run.run_id).result()
            wanted = app.client.count("WorkflowType = 'account'")
            while total.read() < wanted:
                pass
            print(wanted, total.read(), total.read(fresh=True))
