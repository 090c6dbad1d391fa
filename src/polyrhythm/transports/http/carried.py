"""Bytes of our own service that are messages of Temporal's, by the field that carries them.

Their .proto files are on no package index, so ours name them in comments and carry them serialized.
As JSON they are written as what they are. A test holds that every such field is here.
"""

from __future__ import annotations

from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from temporalio.api.common.v1 import Payloads
from temporalio.api.history.v1 import History
from temporalio.api.schedule.v1 import Schedule
from temporalio.api.taskqueue.v1 import TaskQueueConfig
from temporalio.api.workflowservice.v1 import (
    DescribeScheduleResponse,
    DescribeWorkflowExecutionResponse,
    StartActivityExecutionRequest,
)

CARRIED: dict[str, type[Message]] = {
    "polyrhythm.api.v1.GetRunAtResponse.description": DescribeWorkflowExecutionResponse,
    "polyrhythm.api.v1.GetRunAtResponse.history": History,
    "polyrhythm.api.v1.JobEntry.description": DescribeScheduleResponse,
    "polyrhythm.api.v1.LogEntry.events": History,
    "polyrhythm.api.v1.PostponeActivityTaskRequest.details": Payloads,
    "polyrhythm.api.v1.PutJobRequest.schedule": Schedule,
    "polyrhythm.api.v1.QueueSettings.config": TaskQueueConfig,
    "polyrhythm.api.v1.TaskStart.request": StartActivityExecutionRequest,
    "polyrhythm.api.v1.TaskStarted.error": Status,
}
# Bytes that are nothing but bytes to this server.
OPAQUE = frozenset(
    (
        "polyrhythm.api.v1.PostponeActivityTaskRequest.task_token",
        "polyrhythm.api.v1.Projection.body",
        "polyrhythm.api.v1.PutProjectionRequest.body",
    )
)
