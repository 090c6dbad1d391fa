"""The second half of the script: chapters of everything that is no single workflow.

`$LAST` in a command is the newest id that any command has printed: a job's, mostly.
"""

from __future__ import annotations

from temporal_cli.step import Step, lead, say

DAILY = "schedule create --schedule-id daily --task-queue orders --type Double --workflow-id day"
BULK = "--query 'WorkflowId STARTS_WITH \"bulk-\"' --reason bulk --yes"
MORE: dict[str, list[Step]] = {
    "schedules": [
        say(f"{DAILY} --interval 24h/6h --input 4 --notes 'each day' --overlap-policy BufferOne"),
        say(f"{DAILY} --interval 24h"),
        say("schedule describe --schedule-id daily"),
        say("schedule describe --schedule-id daily --output json"),
        say("schedule toggle --schedule-id daily --pause --reason holidays"),
        say("schedule describe --schedule-id daily"),
        say("schedule toggle --schedule-id daily --unpause --reason back"),
        say("schedule trigger --schedule-id daily"),
        lead("schedule describe --schedule-id daily -o json", until='"actionCount": "1"'),
        say("schedule list", until="daily"),
        say(
            "schedule update --schedule-id daily --task-queue orders --type Fails"
            " --workflow-id other --interval 12h --pause-on-failure --catchup-window 5m"
        ),
        lead("schedule describe --schedule-id daily -o json", until='"Fails"'),
        say("schedule describe --schedule-id daily -o json"),
        say(
            "schedule create --schedule-id weekly --task-queue orders --type Double -w week"
            " --input 5 --paused --remaining-actions 3 --jitter 10s"
            """ --calendar '{"dayOfWeek":"Fri","hour":"17","minute":"5"}'"""
        ),
        say("schedule describe --schedule-id weekly --output json"),
        say(
            "schedule backfill --schedule-id weekly --overlap-policy AllowAll"
            " --start-time 2024-01-01T00:00:00Z --end-time 2024-01-20T00:00:00Z"
        ),
        lead("schedule describe --schedule-id weekly -o json", until='"actionCount": "3"'),
        say(
            "workflow list --query 'WorkflowId STARTS_WITH \"week-2024\"'", until="week-2024-01-19"
        ),
        say(
            "schedule create --schedule-id bad --task-queue orders --type Double -w b --cron '9 9'"
        ),
        say("schedule describe --schedule-id nobody"),
        say("schedule toggle --schedule-id nobody --pause"),
        say("schedule delete --schedule-id weekly"),
        say("schedule describe --schedule-id weekly", until="not found"),
        say("schedule delete --schedule-id nobody"),
        lead("schedule delete --schedule-id daily"),
    ],
    "batches": [
        lead("workflow start --type Order --task-queue orders -w bulk-1"),
        lead("workflow start --type Order --task-queue orders -w bulk-2"),
        lead("workflow count --query 'WorkflowId STARTS_WITH \"bulk-\"'", until="Total: 2"),
        say(f"workflow signal --name add --input 3 {BULK}"),
        say("batch describe --job-id $LAST", until="2/2"),
        say("workflow query -w bulk-1 --type state", until="3"),
        say("batch list", until="Completed"),
        say(f"workflow cancel {BULK}"),
        lead("batch describe --job-id $LAST", until="2/2"),
        say("workflow result -w bulk-1"),
        say("batch describe --job-id nobody"),
        say("batch terminate --job-id nobody --reason why"),
    ],
    "attributes": [
        say("operator search-attribute create --name Fruit --type Keyword"),
        say("operator search-attribute create --name Fruit --type Keyword"),
        say("operator search-attribute create --name Fruit --type Int"),
        lead("operator search-attribute list", until="Fruit"),
        lead(
            "workflow start --type Order --task-queue orders -w fruit-1"
            """ --search-attribute 'Fruit="plum"'""",
            until="RunId",
        ),
        say("workflow list --query 'Fruit=\"plum\"'", until="fruit-1"),
        say("workflow start --type Order --task-queue orders -w fruit-2 --search-attribute 'No=1'"),
        lead("workflow terminate -w fruit-1"),
        say("operator search-attribute remove --name Fruit --yes"),
        say("operator search-attribute remove --name Nobody --yes"),
        say("operator search-attribute remove --name WorkflowId --yes"),
    ],
    "namespaces": [
        lead("operator namespace create -n gone"),
        lead("workflow list -n gone", until="exit 0"),
        say("operator namespace delete -n gone --yes"),
        say("operator namespace describe -n gone", until="not found"),
        say("operator namespace delete -n nowhere --yes"),
    ],
    "queues": [
        say("task-queue config get --task-queue orders --task-queue-type activity"),
        say(
            "task-queue config set --task-queue orders --task-queue-type activity"
            " --queue-rps-limit 5 --queue-rps-limit-reason busy"
            " --fairness-key-rps-limit-default 2.5 --fairness-key-rps-limit-reason fair"
        ),
        say("task-queue config get --task-queue orders --task-queue-type activity"),
        say("task-queue config get --task-queue orders --task-queue-type activity -o json"),
        say(
            "task-queue config set --task-queue orders --task-queue-type activity"
            " --queue-rps-limit default --fairness-key-rps-limit-default default"
        ),
        say("task-queue config get --task-queue orders --task-queue-type activity"),
        say(
            "task-queue config set --task-queue orders --task-queue-type workflow"
            " --queue-rps-limit 5"
        ),
        say(
            "task-queue config set --task-queue orders --task-queue-type activity"
            " --queue-rps-limit -1"
        ),
        say("task-queue list-partition --task-queue orders"),
        say("worker list --query 'TaskQueue = \"nobody\"'"),
        say("worker list --query 'TaskQueue ='"),
    ],
    "deployments": [
        say("worker deployment list"),
        say("worker deployment describe -d nobody"),
        say("worker deployment describe-version --deployment-name nobody --build-id 1"),
        say("worker deployment delete -d nobody"),
        say(
            "workflow start-update-with-start --type Order --task-queue orders -w order-7"
            " --update-name rename --update-input '\"figs\"' --update-wait-for-stage accepted"
            " --update-id u7 --id-conflict-policy Fail"
        ),
        say(
            "workflow execute-update-with-start --type Order --task-queue orders -w order-7"
            " --update-name rename --update-input '\"dates\"' --update-id u8"
            " --id-conflict-policy UseExisting"
        ),
        say(
            "workflow update-options -w order-7 --versioning-override-behavior pinned"
            " --versioning-override-deployment-name shop --versioning-override-build-id 1"
        ),
        say("workflow update-options -w order-7 --versioning-override-behavior auto_upgrade"),
        lead("workflow describe -w order-7", until="RunId"),
        lead("workflow terminate -w order-7"),
    ],
    "versions": [
        lead("worker deployment list", until="shop"),
        say("worker deployment list"),
        say("worker deployment describe --name shop"),
        say("worker deployment describe-version --deployment-name shop --build-id v1"),
        say(
            "worker deployment set-ramping-version --deployment-name shop --build-id v1"
            " --percentage 30 --yes"
        ),
        say("worker deployment describe --name shop"),
        say("worker deployment set-current-version --deployment-name shop --build-id v1 --yes"),
        say("worker deployment describe --name shop --output json"),
        say("worker deployment describe-version --deployment-name shop --build-id v1"),
        say(
            "worker deployment update-metadata-version --deployment-name shop --build-id v1"
            """ --metadata 'team="fruit"'"""
        ),
        say("worker deployment describe-version --deployment-name shop --build-id v1 -o json"),
        lead("workflow start --type Order --task-queue shop -w shop-1"),
        lead("workflow describe -w shop-1 -o json", until='"v1"'),
        say("workflow describe -w shop-1"),
        say(
            "workflow update-options -w shop-1 --versioning-override-behavior pinned"
            " --versioning-override-deployment-name shop --versioning-override-build-id v1"
        ),
        say("workflow describe -w shop-1"),
        say("worker deployment delete-version --deployment-name shop --build-id v1"),
        say("worker deployment set-current-version --deployment-name shop --unversioned --yes"),
        say("worker deployment set-current-version --deployment-name shop --build-id v9 --yes"),
        say("worker deployment delete --name shop"),
        lead("workflow terminate -w shop-1"),
    ],
}
