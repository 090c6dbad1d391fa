from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetMetricsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetMetricsResponse(_message.Message):
    __slots__ = ("metrics",)
    METRICS_FIELD_NUMBER: _ClassVar[int]
    metrics: _containers.RepeatedCompositeFieldContainer[Metric]
    def __init__(self, metrics: _Optional[_Iterable[_Union[Metric, _Mapping]]] = ...) -> None: ...

class Metric(_message.Message):
    __slots__ = ("name", "labels", "value")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    labels: _containers.ScalarMap[str, str]
    value: float
    def __init__(self, name: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., value: _Optional[float] = ...) -> None: ...

class GetRunAtRequest(_message.Message):
    __slots__ = ("namespace", "workflow_id", "run_id", "time_ns", "event_id")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    workflow_id: str
    run_id: str
    time_ns: int
    event_id: int
    def __init__(self, namespace: _Optional[str] = ..., workflow_id: _Optional[str] = ..., run_id: _Optional[str] = ..., time_ns: _Optional[int] = ..., event_id: _Optional[int] = ...) -> None: ...

class GetRunAtResponse(_message.Message):
    __slots__ = ("description", "history", "committed_ns", "last_event_id")
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_NS_FIELD_NUMBER: _ClassVar[int]
    LAST_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    description: bytes
    history: bytes
    committed_ns: int
    last_event_id: int
    def __init__(self, description: _Optional[bytes] = ..., history: _Optional[bytes] = ..., committed_ns: _Optional[int] = ..., last_event_id: _Optional[int] = ...) -> None: ...

class ReadLogRequest(_message.Message):
    __slots__ = ("namespace", "after_position", "limit")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    AFTER_POSITION_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    after_position: int
    limit: int
    def __init__(self, namespace: _Optional[str] = ..., after_position: _Optional[int] = ..., limit: _Optional[int] = ...) -> None: ...

class ReadLogResponse(_message.Message):
    __slots__ = ("entries", "next_position", "last_position")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_POSITION_FIELD_NUMBER: _ClassVar[int]
    LAST_POSITION_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[LogEntry]
    next_position: int
    last_position: int
    def __init__(self, entries: _Optional[_Iterable[_Union[LogEntry, _Mapping]]] = ..., next_position: _Optional[int] = ..., last_position: _Optional[int] = ...) -> None: ...

class LogEntry(_message.Message):
    __slots__ = ("position", "committed_ns", "workflow_id", "run_id", "workflow_type", "first_event_id", "events")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_NS_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TYPE_FIELD_NUMBER: _ClassVar[int]
    FIRST_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    position: int
    committed_ns: int
    workflow_id: str
    run_id: str
    workflow_type: str
    first_event_id: int
    events: bytes
    def __init__(self, position: _Optional[int] = ..., committed_ns: _Optional[int] = ..., workflow_id: _Optional[str] = ..., run_id: _Optional[str] = ..., workflow_type: _Optional[str] = ..., first_event_id: _Optional[int] = ..., events: _Optional[bytes] = ...) -> None: ...

class Projection(_message.Message):
    __slots__ = ("name", "position", "body", "updated_ns")
    NAME_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    UPDATED_NS_FIELD_NUMBER: _ClassVar[int]
    name: str
    position: int
    body: bytes
    updated_ns: int
    def __init__(self, name: _Optional[str] = ..., position: _Optional[int] = ..., body: _Optional[bytes] = ..., updated_ns: _Optional[int] = ...) -> None: ...

class GetProjectionRequest(_message.Message):
    __slots__ = ("namespace", "name")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class GetProjectionResponse(_message.Message):
    __slots__ = ("projection",)
    PROJECTION_FIELD_NUMBER: _ClassVar[int]
    projection: Projection
    def __init__(self, projection: _Optional[_Union[Projection, _Mapping]] = ...) -> None: ...

class PutProjectionRequest(_message.Message):
    __slots__ = ("namespace", "name", "expected_position", "position", "body")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_POSITION_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    expected_position: int
    position: int
    body: bytes
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ..., expected_position: _Optional[int] = ..., position: _Optional[int] = ..., body: _Optional[bytes] = ...) -> None: ...

class PutProjectionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DeleteProjectionRequest(_message.Message):
    __slots__ = ("namespace", "name")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    name: str
    def __init__(self, namespace: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class DeleteProjectionResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListProjectionsRequest(_message.Message):
    __slots__ = ("namespace", "after")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    after: str
    def __init__(self, namespace: _Optional[str] = ..., after: _Optional[str] = ...) -> None: ...

class ListProjectionsResponse(_message.Message):
    __slots__ = ("projections",)
    PROJECTIONS_FIELD_NUMBER: _ClassVar[int]
    projections: _containers.RepeatedCompositeFieldContainer[Projection]
    def __init__(self, projections: _Optional[_Iterable[_Union[Projection, _Mapping]]] = ...) -> None: ...

class ReservePermitRequest(_message.Message):
    __slots__ = ("namespace", "key", "count", "per_ns", "burst", "cost")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    PER_NS_FIELD_NUMBER: _ClassVar[int]
    BURST_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    key: str
    count: float
    per_ns: int
    burst: int
    cost: int
    def __init__(self, namespace: _Optional[str] = ..., key: _Optional[str] = ..., count: _Optional[float] = ..., per_ns: _Optional[int] = ..., burst: _Optional[int] = ..., cost: _Optional[int] = ...) -> None: ...

class ReservePermitResponse(_message.Message):
    __slots__ = ("delay_ns",)
    DELAY_NS_FIELD_NUMBER: _ClassVar[int]
    delay_ns: int
    def __init__(self, delay_ns: _Optional[int] = ...) -> None: ...

class Bucket(_message.Message):
    __slots__ = ("full_ns",)
    FULL_NS_FIELD_NUMBER: _ClassVar[int]
    full_ns: int
    def __init__(self, full_ns: _Optional[int] = ...) -> None: ...

class AcquireLeaseRequest(_message.Message):
    __slots__ = ("namespace", "key", "holder", "limit", "ttl_ns")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    TTL_NS_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    key: str
    holder: str
    limit: int
    ttl_ns: int
    def __init__(self, namespace: _Optional[str] = ..., key: _Optional[str] = ..., holder: _Optional[str] = ..., limit: _Optional[int] = ..., ttl_ns: _Optional[int] = ...) -> None: ...

class AcquireLeaseResponse(_message.Message):
    __slots__ = ("granted", "retry_after_ns")
    GRANTED_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_NS_FIELD_NUMBER: _ClassVar[int]
    granted: bool
    retry_after_ns: int
    def __init__(self, granted: _Optional[bool] = ..., retry_after_ns: _Optional[int] = ...) -> None: ...

class ReleaseLeaseRequest(_message.Message):
    __slots__ = ("namespace", "key", "holder")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    HOLDER_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    key: str
    holder: str
    def __init__(self, namespace: _Optional[str] = ..., key: _Optional[str] = ..., holder: _Optional[str] = ...) -> None: ...

class ReleaseLeaseResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Leases(_message.Message):
    __slots__ = ("holders",)
    class HoldersEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    HOLDERS_FIELD_NUMBER: _ClassVar[int]
    holders: _containers.ScalarMap[str, int]
    def __init__(self, holders: _Optional[_Mapping[str, int]] = ...) -> None: ...

class StartTasksRequest(_message.Message):
    __slots__ = ("namespace", "tasks")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    tasks: _containers.RepeatedCompositeFieldContainer[TaskStart]
    def __init__(self, namespace: _Optional[str] = ..., tasks: _Optional[_Iterable[_Union[TaskStart, _Mapping]]] = ...) -> None: ...

class TaskStart(_message.Message):
    __slots__ = ("request", "due_ns")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    DUE_NS_FIELD_NUMBER: _ClassVar[int]
    request: bytes
    due_ns: int
    def __init__(self, request: _Optional[bytes] = ..., due_ns: _Optional[int] = ...) -> None: ...

class StartTasksResponse(_message.Message):
    __slots__ = ("answers",)
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedCompositeFieldContainer[TaskStarted]
    def __init__(self, answers: _Optional[_Iterable[_Union[TaskStarted, _Mapping]]] = ...) -> None: ...

class TaskStarted(_message.Message):
    __slots__ = ("run_id", "started", "error")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    started: bool
    error: bytes
    def __init__(self, run_id: _Optional[str] = ..., started: _Optional[bool] = ..., error: _Optional[bytes] = ...) -> None: ...

class PostponeActivityTaskRequest(_message.Message):
    __slots__ = ("namespace", "task_token", "delay_ns", "details")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    TASK_TOKEN_FIELD_NUMBER: _ClassVar[int]
    DELAY_NS_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    task_token: bytes
    delay_ns: int
    details: bytes
    def __init__(self, namespace: _Optional[str] = ..., task_token: _Optional[bytes] = ..., delay_ns: _Optional[int] = ..., details: _Optional[bytes] = ...) -> None: ...

class PostponeActivityTaskResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class QueueSettings(_message.Message):
    __slots__ = ("config", "key_rates")
    class KeyRatesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    KEY_RATES_FIELD_NUMBER: _ClassVar[int]
    config: bytes
    key_rates: _containers.ScalarMap[str, float]
    def __init__(self, config: _Optional[bytes] = ..., key_rates: _Optional[_Mapping[str, float]] = ...) -> None: ...

class UpdateKeyLimitsRequest(_message.Message):
    __slots__ = ("namespace", "task_queue", "task_queue_type", "set", "unset", "identity")
    class SetEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_TYPE_FIELD_NUMBER: _ClassVar[int]
    SET_FIELD_NUMBER: _ClassVar[int]
    UNSET_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    task_queue: str
    task_queue_type: int
    set: _containers.ScalarMap[str, float]
    unset: _containers.RepeatedScalarFieldContainer[str]
    identity: str
    def __init__(self, namespace: _Optional[str] = ..., task_queue: _Optional[str] = ..., task_queue_type: _Optional[int] = ..., set: _Optional[_Mapping[str, float]] = ..., unset: _Optional[_Iterable[str]] = ..., identity: _Optional[str] = ...) -> None: ...

class UpdateKeyLimitsResponse(_message.Message):
    __slots__ = ("key_rates",)
    class KeyRatesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    KEY_RATES_FIELD_NUMBER: _ClassVar[int]
    key_rates: _containers.ScalarMap[str, float]
    def __init__(self, key_rates: _Optional[_Mapping[str, float]] = ...) -> None: ...

class Job(_message.Message):
    __slots__ = ("spec", "dialect", "time_zone", "switches", "seconds", "anchor_ns", "start_ns", "end_ns", "jitter_ns", "missed_max", "grace_ns", "runs_max", "tags", "owner", "after", "after_always", "summary")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    DIALECT_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    SWITCHES_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_NS_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    END_NS_FIELD_NUMBER: _ClassVar[int]
    JITTER_NS_FIELD_NUMBER: _ClassVar[int]
    MISSED_MAX_FIELD_NUMBER: _ClassVar[int]
    GRACE_NS_FIELD_NUMBER: _ClassVar[int]
    RUNS_MAX_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    AFTER_ALWAYS_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    spec: str
    dialect: str
    time_zone: str
    switches: str
    seconds: bool
    anchor_ns: int
    start_ns: int
    end_ns: int
    jitter_ns: int
    missed_max: int
    grace_ns: int
    runs_max: int
    tags: _containers.RepeatedScalarFieldContainer[str]
    owner: str
    after: _containers.RepeatedScalarFieldContainer[str]
    after_always: bool
    summary: str
    def __init__(self, spec: _Optional[str] = ..., dialect: _Optional[str] = ..., time_zone: _Optional[str] = ..., switches: _Optional[str] = ..., seconds: _Optional[bool] = ..., anchor_ns: _Optional[int] = ..., start_ns: _Optional[int] = ..., end_ns: _Optional[int] = ..., jitter_ns: _Optional[int] = ..., missed_max: _Optional[int] = ..., grace_ns: _Optional[int] = ..., runs_max: _Optional[int] = ..., tags: _Optional[_Iterable[str]] = ..., owner: _Optional[str] = ..., after: _Optional[_Iterable[str]] = ..., after_always: _Optional[bool] = ..., summary: _Optional[str] = ...) -> None: ...

class PutJobRequest(_message.Message):
    __slots__ = ("namespace", "job_id", "job", "schedule", "only_new", "request_id", "identity")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    ONLY_NEW_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    job_id: str
    job: Job
    schedule: bytes
    only_new: bool
    request_id: str
    identity: str
    def __init__(self, namespace: _Optional[str] = ..., job_id: _Optional[str] = ..., job: _Optional[_Union[Job, _Mapping]] = ..., schedule: _Optional[bytes] = ..., only_new: _Optional[bool] = ..., request_id: _Optional[str] = ..., identity: _Optional[str] = ...) -> None: ...

class PutJobResponse(_message.Message):
    __slots__ = ("created", "changed")
    CREATED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    created: bool
    changed: bool
    def __init__(self, created: _Optional[bool] = ..., changed: _Optional[bool] = ...) -> None: ...

class PatchJobsRequest(_message.Message):
    __slots__ = ("namespace", "verb", "job_ids", "tags", "owner", "kept_ids", "reason", "identity")
    class Verb(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        VERB_UNSPECIFIED: _ClassVar[PatchJobsRequest.Verb]
        VERB_PAUSE: _ClassVar[PatchJobsRequest.Verb]
        VERB_RESUME: _ClassVar[PatchJobsRequest.Verb]
        VERB_RUN: _ClassVar[PatchJobsRequest.Verb]
        VERB_REMOVE: _ClassVar[PatchJobsRequest.Verb]
    VERB_UNSPECIFIED: PatchJobsRequest.Verb
    VERB_PAUSE: PatchJobsRequest.Verb
    VERB_RESUME: PatchJobsRequest.Verb
    VERB_RUN: PatchJobsRequest.Verb
    VERB_REMOVE: PatchJobsRequest.Verb
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    VERB_FIELD_NUMBER: _ClassVar[int]
    JOB_IDS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    KEPT_IDS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    verb: PatchJobsRequest.Verb
    job_ids: _containers.RepeatedScalarFieldContainer[str]
    tags: _containers.RepeatedScalarFieldContainer[str]
    owner: str
    kept_ids: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    identity: str
    def __init__(self, namespace: _Optional[str] = ..., verb: _Optional[_Union[PatchJobsRequest.Verb, str]] = ..., job_ids: _Optional[_Iterable[str]] = ..., tags: _Optional[_Iterable[str]] = ..., owner: _Optional[str] = ..., kept_ids: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ..., identity: _Optional[str] = ...) -> None: ...

class PatchJobsResponse(_message.Message):
    __slots__ = ("job_ids",)
    JOB_IDS_FIELD_NUMBER: _ClassVar[int]
    job_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, job_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ListJobsRequest(_message.Message):
    __slots__ = ("namespace", "job_ids", "tags")
    NAMESPACE_FIELD_NUMBER: _ClassVar[int]
    JOB_IDS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    namespace: str
    job_ids: _containers.RepeatedScalarFieldContainer[str]
    tags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, namespace: _Optional[str] = ..., job_ids: _Optional[_Iterable[str]] = ..., tags: _Optional[_Iterable[str]] = ...) -> None: ...

class JobEntry(_message.Message):
    __slots__ = ("job_id", "job", "description")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    job: Job
    description: bytes
    def __init__(self, job_id: _Optional[str] = ..., job: _Optional[_Union[Job, _Mapping]] = ..., description: _Optional[bytes] = ...) -> None: ...

class ListJobsResponse(_message.Message):
    __slots__ = ("jobs",)
    JOBS_FIELD_NUMBER: _ClassVar[int]
    jobs: _containers.RepeatedCompositeFieldContainer[JobEntry]
    def __init__(self, jobs: _Optional[_Iterable[_Union[JobEntry, _Mapping]]] = ...) -> None: ...
