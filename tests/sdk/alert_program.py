"""A program whose task fails and raises an alert; killed and started again by test_alerts.py."""

import os
import sys

from polyrhythm import Alert, App, Permanent, WorkflowFailed

app = App("alerting", url=os.environ["ALERT_FILE"], durability="full")


@app.task(retry=1, alert=Alert(webhook=os.environ["ALERT_URL"]))
def charge() -> None:
    raise Permanent("card declined", type="CardDeclined")


@app.workflow
async def checkout() -> None:
    await charge()


if __name__ == "__main__":
    with app:
        if sys.argv[1] == "fail":
            try:
                checkout.execute()
            except WorkflowFailed:
                (run,) = app.client.list("WorkflowType = 'polyrhythm.alert'")
                handle = app.client.run(run.workflow_id)
                while all(task.attempt < 2 for task in handle.describe().pending_tasks):
                    pass
                # The first try is recorded, the next is to come: now this process is killed.
                print("waits", flush=True)
                handle.result()
        else:
            (run,) = app.client.list("WorkflowType = 'polyrhythm.alert'")
            app.client.run(run.workflow_id).result(timeout="50s")
