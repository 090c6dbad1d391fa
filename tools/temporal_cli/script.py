"""The script: what is typed, in order, a chapter a file of recordings.

A chapter begins with nothing but what chapters before it left. `until` repeats a command until its
output has a text, where a server may need a moment (lists of the real one are behind); what is
compared is the last output. `quiet` commands only lead on. Those of RED are known to differ.
"""

from __future__ import annotations

from temporal_cli.nouns import MORE
from temporal_cli.step import Step, lead, say

START = "workflow start --type Order --task-queue orders"
CHAPTERS: dict[str, list[Step]] = {
    "start": [
        say(f"{START} -w order-1 --input '\"apples\"'"),
        say(f"{START} -w order-1 --input '\"apples\"'"),
        say(f"{START} -w order-1 --id-conflict-policy UseExisting"),
        say(f"{START} -w order-1 --id-conflict-policy Fail"),
        say("workflow query -w order-1 --type state"),
        say("workflow query -w order-1 --type nothing"),
        say("workflow query -w nobody --type state"),
        say("workflow start --type Order --task-queue orders -w order-1 --output json"),
        say(f"{START} -w order-5 --memo 'note=\"hello\"' --static-summary short --start-delay 1h"),
        say("workflow describe -w order-5", until="Memo"),
    ],
    "messages": [
        say("workflow signal -w order-1 --name add --input 2"),
        say("workflow query -w order-1 --type state", until="2"),
        say("workflow update execute -w order-1 --name rename --input '\"pears\"'"),
        say("workflow update execute -w order-1 --name rename --input '\"\"'"),
        say(
            "workflow update start -w order-1 --name rename --input '\"figs\"' --update-id u1"
            " --wait-for-stage accepted"
        ),
        say("workflow update describe -w order-1 --update-id u1"),
        say("workflow update result -w order-1 --update-id u1"),
        say("workflow signal -w nobody --name add --input 2"),
        say(
            "workflow signal-with-start -w order-6 --type Order --task-queue orders"
            " --input '\"plums\"' --signal-name add --signal-input 7"
        ),
        say("workflow query -w order-6 --type state", until="7"),
        say("workflow metadata -w order-1"),
        # Its tasks are a set of the worker's: in any order.
        lead("workflow stack -w order-1", until="Stack for"),
    ],
    "look": [
        say("workflow describe -w order-1"),
        say("workflow describe -w order-1 --output json"),
        say("workflow describe -w order-1 --reset-points"),
        say("workflow describe -w nobody"),
        say("workflow show -w order-1"),
        say("workflow show -w order-1 --detailed"),
        say("workflow show -w order-1 --output json"),
        say("workflow show -w nobody"),
    ],
    "ends": [
        say("workflow execute --type Double --task-queue orders -w double-1 --input 21"),
        say("workflow execute --type Double --task-queue orders -w double-2 --input 21 -o json"),
        say("workflow execute --type Fails --task-queue orders -w fails-1"),
        say("workflow result -w double-1"),
        say("workflow result -w fails-1"),
        say("workflow describe -w double-1"),
        say("workflow describe -w fails-1"),
        say("workflow cancel -w order-1"),
        say("workflow result -w order-1"),
        say("workflow terminate -w order-6 --reason enough"),
        say("workflow describe -w order-6"),
        say("workflow terminate -w order-6 --reason again"),
        say("workflow cancel -w order-6"),
        say("workflow signal -w order-6 --name add --input 1"),
        say("workflow show -w double-1 --follow"),
        say("workflow trace -w double-1"),
    ],
    "reset": [
        say("workflow reset -w double-1 --type FirstWorkflowTask --reason again"),
        lead("workflow result -w double-1"),
        say("workflow describe -w double-1", until="COMPLETED"),
        say("workflow reset -w double-2 --event-id 4 --reason 'from its first task'"),
        say("workflow reset -w double-2 --event-id 99 --reason nowhere"),
        say("workflow reset -w nobody --event-id 4 --reason nobody"),
    ],
    "lists": [
        say("workflow count", until="Total: 8"),
        say("workflow list --query 'WorkflowType=\"Fails\"'", until="fails-1"),
        say("workflow list --query 'WorkflowId STARTS_WITH \"order-\"' --limit 2"),
        say(
            "workflow list --query 'ExecutionStatus=\"Terminated\"' --output json", until="order-6"
        ),
        say("workflow count --query 'ExecutionStatus=\"Running\"'"),
        say("workflow count --query 'GROUP BY ExecutionStatus'"),
        say("workflow list --query 'Nonsense=1'"),
        say("workflow list --query 'WorkflowType ='"),
        say("workflow list --query 'WorkflowId=\"nobody\"'"),
    ],
    "activities": [
        lead("workflow start --type Hands --task-queue orders -w hands-1"),
        lead("workflow describe -w hands-1 -o json", until='"PENDING_ACTIVITY_STATE_STARTED"'),
        say("workflow describe -w hands-1"),
        say("activity complete -w hands-1 --activity-id 1 --result '\"by hand\"'"),
        say("workflow result -w hands-1"),
        lead("workflow start --type Hands --task-queue orders -w hands-2"),
        lead("workflow describe -w hands-2 -o json", until='"PENDING_ACTIVITY_STATE_STARTED"'),
        say("activity fail -w hands-2 --activity-id 1 --reason broken --detail '\"why\"'"),
        say("workflow result -w hands-2"),
        say("activity complete -w hands-2 --activity-id 1 --result 1"),
        lead("workflow start --type Hands --task-queue orders -w hands-3"),
        lead("workflow describe -w hands-3 -o json", until='"PENDING_ACTIVITY_STATE_STARTED"'),
        say("activity pause -w hands-3 --activity-id 1 --reason wait"),
        say("activity unpause -w hands-3 --activity-id 1"),
        say("activity update-options -w hands-3 --activity-id 1 --heartbeat-timeout 40s"),
        say("activity reset -w hands-3 --activity-id 1"),
        say("activity pause -w hands-3 --activity-id 9"),
        lead("workflow terminate -w hands-3"),
    ],
    "delete": [
        say("workflow delete -w order-6"),
        say("workflow describe -w order-6", until="not found"),
        say("workflow delete -w nobody"),
    ],
    "operator": [
        say("operator cluster health"),
        say("operator cluster system"),
        say("operator namespace create -n shop --retention 48h --description 'a shop'"),
        say("operator namespace create -n shop --retention 48h"),
        say("operator namespace describe -n shop", until="shop"),
        say("operator namespace update -n shop --retention 72h --email me@example.com"),
        say("operator namespace describe -n shop --output json", until="259200s"),
        say("operator namespace describe -n nowhere"),
        say("workflow list --namespace nowhere"),
        say("workflow list --namespace shop"),
        Step("operator search-attribute list", ordered=False),
        say("task-queue describe --task-queue orders --legacy-mode"),
        Step("task-queue describe --task-queue orders", ordered=False),
        say("task-queue describe --task-queue nobody-polls --legacy-mode"),
    ],
}
CHAPTERS |= MORE
# Commands that answer otherwise here, and why. Has to be exact.
RED = {"task-queue list-partition --task-queue orders": "a queue is one partition"}
# Commands without a chapter yet; Nexus is not built.
NOT_YET = (
    "operator nexus ...",
    "task-queue versioning ...",
)
