from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Note(_message.Message):
    __slots__ = ("at_event_id", "time_ns", "silent", "run_created", "workflow_task", "sticky", "activity", "buffered", "buffer_flushed", "buffer_dropped", "signal_requested", "cancel_requested", "close_attempted", "owed", "settled", "received", "batch", "forked", "reset_to", "update_admitted", "updates_sent", "update_dropped", "standalone_created", "standalone_changed", "batch_begun", "batch_advanced", "batch_stopped", "schedule_set", "schedule_paused", "schedule_step", "schedule_run_closed", "schedule_ended", "schedule_followed", "version_transition", "target_version_seen")
    AT_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    SILENT_FIELD_NUMBER: _ClassVar[int]
    RUN_CREATED_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_TASK_FIELD_NUMBER: _ClassVar[int]
    STICKY_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_FIELD_NUMBER: _ClassVar[int]
    BUFFERED_FIELD_NUMBER: _ClassVar[int]
    BUFFER_FLUSHED_FIELD_NUMBER: _ClassVar[int]
    BUFFER_DROPPED_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    CLOSE_ATTEMPTED_FIELD_NUMBER: _ClassVar[int]
    OWED_FIELD_NUMBER: _ClassVar[int]
    SETTLED_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    FORKED_FIELD_NUMBER: _ClassVar[int]
    RESET_TO_FIELD_NUMBER: _ClassVar[int]
    UPDATE_ADMITTED_FIELD_NUMBER: _ClassVar[int]
    UPDATES_SENT_FIELD_NUMBER: _ClassVar[int]
    UPDATE_DROPPED_FIELD_NUMBER: _ClassVar[int]
    STANDALONE_CREATED_FIELD_NUMBER: _ClassVar[int]
    STANDALONE_CHANGED_FIELD_NUMBER: _ClassVar[int]
    BATCH_BEGUN_FIELD_NUMBER: _ClassVar[int]
    BATCH_ADVANCED_FIELD_NUMBER: _ClassVar[int]
    BATCH_STOPPED_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_SET_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_PAUSED_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_STEP_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_RUN_CLOSED_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_ENDED_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FOLLOWED_FIELD_NUMBER: _ClassVar[int]
    VERSION_TRANSITION_FIELD_NUMBER: _ClassVar[int]
    TARGET_VERSION_SEEN_FIELD_NUMBER: _ClassVar[int]
    at_event_id: int
    time_ns: int
    silent: bool
    run_created: RunCreated
    workflow_task: WorkflowTask
    sticky: Sticky
    activity: Activity
    buffered: Buffered
    buffer_flushed: BufferFlushed
    buffer_dropped: BufferDropped
    signal_requested: SignalRequested
    cancel_requested: CancelRequested
    close_attempted: CloseAttempted
    owed: Owed
    settled: Settled
    received: Received
    batch: Batch
    forked: Forked
    reset_to: ResetTo
    update_admitted: UpdateAdmitted
    updates_sent: UpdatesSent
    update_dropped: UpdateDropped
    standalone_created: StandaloneCreated
    standalone_changed: StandaloneChanged
    batch_begun: BatchBegun
    batch_advanced: BatchAdvanced
    batch_stopped: BatchStopped
    schedule_set: ScheduleSet
    schedule_paused: SchedulePaused
    schedule_step: ScheduleStep
    schedule_run_closed: ScheduleRunClosed
    schedule_ended: ScheduleEnded
    schedule_followed: ScheduleFollowed
    version_transition: VersionTransition
    target_version_seen: TargetVersionSeen
    def __init__(self, at_event_id: _Optional[int] = ..., time_ns: _Optional[int] = ..., silent: _Optional[bool] = ..., run_created: _Optional[_Union[RunCreated, _Mapping]] = ..., workflow_task: _Optional[_Union[WorkflowTask, _Mapping]] = ..., sticky: _Optional[_Union[Sticky, _Mapping]] = ..., activity: _Optional[_Union[Activity, _Mapping]] = ..., buffered: _Optional[_Union[Buffered, _Mapping]] = ..., buffer_flushed: _Optional[_Union[BufferFlushed, _Mapping]] = ..., buffer_dropped: _Optional[_Union[BufferDropped, _Mapping]] = ..., signal_requested: _Optional[_Union[SignalRequested, _Mapping]] = ..., cancel_requested: _Optional[_Union[CancelRequested, _Mapping]] = ..., close_attempted: _Optional[_Union[CloseAttempted, _Mapping]] = ..., owed: _Optional[_Union[Owed, _Mapping]] = ..., settled: _Optional[_Union[Settled, _Mapping]] = ..., received: _Optional[_Union[Received, _Mapping]] = ..., batch: _Optional[_Union[Batch, _Mapping]] = ..., forked: _Optional[_Union[Forked, _Mapping]] = ..., reset_to: _Optional[_Union[ResetTo, _Mapping]] = ..., update_admitted: _Optional[_Union[UpdateAdmitted, _Mapping]] = ..., updates_sent: _Optional[_Union[UpdatesSent, _Mapping]] = ..., update_dropped: _Optional[_Union[UpdateDropped, _Mapping]] = ..., standalone_created: _Optional[_Union[StandaloneCreated, _Mapping]] = ..., standalone_changed: _Optional[_Union[StandaloneChanged, _Mapping]] = ..., batch_begun: _Optional[_Union[BatchBegun, _Mapping]] = ..., batch_advanced: _Optional[_Union[BatchAdvanced, _Mapping]] = ..., batch_stopped: _Optional[_Union[BatchStopped, _Mapping]] = ..., schedule_set: _Optional[_Union[ScheduleSet, _Mapping]] = ..., schedule_paused: _Optional[_Union[SchedulePaused, _Mapping]] = ..., schedule_step: _Optional[_Union[ScheduleStep, _Mapping]] = ..., schedule_run_closed: _Optional[_Union[ScheduleRunClosed, _Mapping]] = ..., schedule_ended: _Optional[_Union[ScheduleEnded, _Mapping]] = ..., schedule_followed: _Optional[_Union[ScheduleFollowed, _Mapping]] = ..., version_transition: _Optional[_Union[VersionTransition, _Mapping]] = ..., target_version_seen: _Optional[_Union[TargetVersionSeen, _Mapping]] = ...) -> None: ...

class NoteList(_message.Message):
    __slots__ = ("notes", "more_transitions")
    NOTES_FIELD_NUMBER: _ClassVar[int]
    MORE_TRANSITIONS_FIELD_NUMBER: _ClassVar[int]
    notes: _containers.RepeatedCompositeFieldContainer[Note]
    more_transitions: int
    def __init__(self, notes: _Optional[_Iterable[_Union[Note, _Mapping]]] = ..., more_transitions: _Optional[int] = ...) -> None: ...

class RunCreated(_message.Message):
    __slots__ = ("namespace_key", "workflow_id", "run_id", "request_id", "first_task_due_ns", "watcher")
    NAMESPACE_KEY_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_TASK_DUE_NS_FIELD_NUMBER: _ClassVar[int]
    WATCHER_FIELD_NUMBER: _ClassVar[int]
    namespace_key: int
    workflow_id: str
    run_id: str
    request_id: str
    first_task_due_ns: int
    watcher: Watcher
    def __init__(self, namespace_key: _Optional[int] = ..., workflow_id: _Optional[str] = ..., run_id: _Optional[str] = ..., request_id: _Optional[str] = ..., first_task_due_ns: _Optional[int] = ..., watcher: _Optional[_Union[Watcher, _Mapping]] = ...) -> None: ...

class Watcher(_message.Message):
    __slots__ = ("kind", "entity_id", "run_id")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ENTITY_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    kind: int
    entity_id: str
    run_id: str
    def __init__(self, kind: _Optional[int] = ..., entity_id: _Optional[str] = ..., run_id: _Optional[str] = ...) -> None: ...

class WorkflowTask(_message.Message):
    __slots__ = ("pending", "attempt", "scheduled_event_id", "started_event_id", "scheduled_ns", "started_ns", "original_scheduled_ns", "timeout_ns", "request_id", "identity", "suggest_continue_as_new", "history_bytes", "suggest_reasons", "speculative", "start_within_ns", "target_changed")
    PENDING_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    STARTED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_NS_FIELD_NUMBER: _ClassVar[int]
    STARTED_NS_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_SCHEDULED_NS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_NS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    SUGGEST_CONTINUE_AS_NEW_FIELD_NUMBER: _ClassVar[int]
    HISTORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    SUGGEST_REASONS_FIELD_NUMBER: _ClassVar[int]
    SPECULATIVE_FIELD_NUMBER: _ClassVar[int]
    START_WITHIN_NS_FIELD_NUMBER: _ClassVar[int]
    TARGET_CHANGED_FIELD_NUMBER: _ClassVar[int]
    pending: bool
    attempt: int
    scheduled_event_id: int
    started_event_id: int
    scheduled_ns: int
    started_ns: int
    original_scheduled_ns: int
    timeout_ns: int
    request_id: str
    identity: str
    suggest_continue_as_new: bool
    history_bytes: int
    suggest_reasons: _containers.RepeatedScalarFieldContainer[int]
    speculative: bool
    start_within_ns: int
    target_changed: bool
    def __init__(self, pending: _Optional[bool] = ..., attempt: _Optional[int] = ..., scheduled_event_id: _Optional[int] = ..., started_event_id: _Optional[int] = ..., scheduled_ns: _Optional[int] = ..., started_ns: _Optional[int] = ..., original_scheduled_ns: _Optional[int] = ..., timeout_ns: _Optional[int] = ..., request_id: _Optional[str] = ..., identity: _Optional[str] = ..., suggest_continue_as_new: _Optional[bool] = ..., history_bytes: _Optional[int] = ..., suggest_reasons: _Optional[_Iterable[int]] = ..., speculative: _Optional[bool] = ..., start_within_ns: _Optional[int] = ..., target_changed: _Optional[bool] = ...) -> None: ...

class Version(_message.Message):
    __slots__ = ("deployment_name", "build_id")
    DEPLOYMENT_NAME_FIELD_NUMBER: _ClassVar[int]
    BUILD_ID_FIELD_NUMBER: _ClassVar[int]
    deployment_name: str
    build_id: str
    def __init__(self, deployment_name: _Optional[str] = ..., build_id: _Optional[str] = ...) -> None: ...

class VersionTransition(_message.Message):
    __slots__ = ("target", "revision")
    TARGET_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    target: Version
    revision: int
    def __init__(self, target: _Optional[_Union[Version, _Mapping]] = ..., revision: _Optional[int] = ...) -> None: ...

class TargetVersionSeen(_message.Message):
    __slots__ = ("is_notified", "notified", "is_declined", "declined")
    IS_NOTIFIED_FIELD_NUMBER: _ClassVar[int]
    NOTIFIED_FIELD_NUMBER: _ClassVar[int]
    IS_DECLINED_FIELD_NUMBER: _ClassVar[int]
    DECLINED_FIELD_NUMBER: _ClassVar[int]
    is_notified: bool
    notified: Version
    is_declined: bool
    declined: Version
    def __init__(self, is_notified: _Optional[bool] = ..., notified: _Optional[_Union[Version, _Mapping]] = ..., is_declined: _Optional[bool] = ..., declined: _Optional[_Union[Version, _Mapping]] = ...) -> None: ...

class Deployment(_message.Message):
    __slots__ = ("info", "versions", "create_request_id", "conflict_token")
    INFO_FIELD_NUMBER: _ClassVar[int]
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    CREATE_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CONFLICT_TOKEN_FIELD_NUMBER: _ClassVar[int]
    info: bytes
    versions: _containers.RepeatedCompositeFieldContainer[DeploymentVersion]
    create_request_id: str
    conflict_token: bytes
    def __init__(self, info: _Optional[bytes] = ..., versions: _Optional[_Iterable[_Union[DeploymentVersion, _Mapping]]] = ..., create_request_id: _Optional[str] = ..., conflict_token: _Optional[bytes] = ...) -> None: ...

class DeploymentVersion(_message.Message):
    __slots__ = ("info", "create_request_id")
    INFO_FIELD_NUMBER: _ClassVar[int]
    CREATE_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    info: bytes
    create_request_id: str
    def __init__(self, info: _Optional[bytes] = ..., create_request_id: _Optional[str] = ...) -> None: ...

class Sticky(_message.Message):
    __slots__ = ("queue", "schedule_to_start_timeout_ns")
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_TO_START_TIMEOUT_NS_FIELD_NUMBER: _ClassVar[int]
    queue: str
    schedule_to_start_timeout_ns: int
    def __init__(self, queue: _Optional[str] = ..., schedule_to_start_timeout_ns: _Optional[int] = ...) -> None: ...

class Activity(_message.Message):
    __slots__ = ("scheduled_event_id", "attempt", "stamp", "available_ns", "started_ns", "request_id", "identity", "last_failure", "heartbeat_details", "heartbeat_ns", "last_identity", "last_attempt_complete_ns", "last_started_ns", "retry_interval_ns", "pause", "reset", "reset_heartbeat", "options", "last_version")
    SCHEDULED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    STAMP_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_NS_FIELD_NUMBER: _ClassVar[int]
    STARTED_NS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    LAST_FAILURE_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_DETAILS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_NS_FIELD_NUMBER: _ClassVar[int]
    LAST_IDENTITY_FIELD_NUMBER: _ClassVar[int]
    LAST_ATTEMPT_COMPLETE_NS_FIELD_NUMBER: _ClassVar[int]
    LAST_STARTED_NS_FIELD_NUMBER: _ClassVar[int]
    RETRY_INTERVAL_NS_FIELD_NUMBER: _ClassVar[int]
    PAUSE_FIELD_NUMBER: _ClassVar[int]
    RESET_FIELD_NUMBER: _ClassVar[int]
    RESET_HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    LAST_VERSION_FIELD_NUMBER: _ClassVar[int]
    scheduled_event_id: int
    attempt: int
    stamp: int
    available_ns: int
    started_ns: int
    request_id: str
    identity: str
    last_failure: bytes
    heartbeat_details: bytes
    heartbeat_ns: int
    last_identity: str
    last_attempt_complete_ns: int
    last_started_ns: int
    retry_interval_ns: int
    pause: bytes
    reset: bool
    reset_heartbeat: bool
    options: bytes
    last_version: Version
    def __init__(self, scheduled_event_id: _Optional[int] = ..., attempt: _Optional[int] = ..., stamp: _Optional[int] = ..., available_ns: _Optional[int] = ..., started_ns: _Optional[int] = ..., request_id: _Optional[str] = ..., identity: _Optional[str] = ..., last_failure: _Optional[bytes] = ..., heartbeat_details: _Optional[bytes] = ..., heartbeat_ns: _Optional[int] = ..., last_identity: _Optional[str] = ..., last_attempt_complete_ns: _Optional[int] = ..., last_started_ns: _Optional[int] = ..., retry_interval_ns: _Optional[int] = ..., pause: _Optional[bytes] = ..., reset: _Optional[bool] = ..., reset_heartbeat: _Optional[bool] = ..., options: _Optional[bytes] = ..., last_version: _Optional[_Union[Version, _Mapping]] = ...) -> None: ...

class StandaloneCreated(_message.Message):
    __slots__ = ("namespace_key", "activity_id", "run_id", "request", "available_ns")
    NAMESPACE_KEY_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_NS_FIELD_NUMBER: _ClassVar[int]
    namespace_key: int
    activity_id: str
    run_id: str
    request: bytes
    available_ns: int
    def __init__(self, namespace_key: _Optional[int] = ..., activity_id: _Optional[str] = ..., run_id: _Optional[str] = ..., request: _Optional[bytes] = ..., available_ns: _Optional[int] = ...) -> None: ...

class StandaloneChanged(_message.Message):
    __slots__ = ("attempt", "status", "outcome", "cancel", "terminate_request_id")
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    TERMINATE_REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    attempt: Activity
    status: int
    outcome: bytes
    cancel: CancelAsked
    terminate_request_id: str
    def __init__(self, attempt: _Optional[_Union[Activity, _Mapping]] = ..., status: _Optional[int] = ..., outcome: _Optional[bytes] = ..., cancel: _Optional[_Union[CancelAsked, _Mapping]] = ..., terminate_request_id: _Optional[str] = ...) -> None: ...

class CancelAsked(_message.Message):
    __slots__ = ("request_id", "identity", "reason")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    identity: str
    reason: str
    def __init__(self, request_id: _Optional[str] = ..., identity: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class Buffered(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: bytes
    def __init__(self, event: _Optional[bytes] = ...) -> None: ...

class BufferFlushed(_message.Message):
    __slots__ = ("count",)
    COUNT_FIELD_NUMBER: _ClassVar[int]
    count: int
    def __init__(self, count: _Optional[int] = ...) -> None: ...

class BufferDropped(_message.Message):
    __slots__ = ("index",)
    INDEX_FIELD_NUMBER: _ClassVar[int]
    index: int
    def __init__(self, index: _Optional[int] = ...) -> None: ...

class SignalRequested(_message.Message):
    __slots__ = ("request_id",)
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    def __init__(self, request_id: _Optional[str] = ...) -> None: ...

class CancelRequested(_message.Message):
    __slots__ = ("request_id",)
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    def __init__(self, request_id: _Optional[str] = ...) -> None: ...

class UpdateAdmitted(_message.Message):
    __slots__ = ("update_id", "request")
    UPDATE_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    update_id: str
    request: bytes
    def __init__(self, update_id: _Optional[str] = ..., request: _Optional[bytes] = ...) -> None: ...

class UpdatesSent(_message.Message):
    __slots__ = ("update_ids", "withdrawn")
    UPDATE_IDS_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_FIELD_NUMBER: _ClassVar[int]
    update_ids: _containers.RepeatedScalarFieldContainer[str]
    withdrawn: bool
    def __init__(self, update_ids: _Optional[_Iterable[str]] = ..., withdrawn: _Optional[bool] = ...) -> None: ...

class UpdateDropped(_message.Message):
    __slots__ = ("update_id",)
    UPDATE_ID_FIELD_NUMBER: _ClassVar[int]
    update_id: str
    def __init__(self, update_id: _Optional[str] = ...) -> None: ...

class CloseAttempted(_message.Message):
    __slots__ = ("value",)
    VALUE_FIELD_NUMBER: _ClassVar[int]
    value: bool
    def __init__(self, value: _Optional[bool] = ...) -> None: ...

class Owed(_message.Message):
    __slots__ = ("sequence", "message")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    message: Message
    def __init__(self, sequence: _Optional[int] = ..., message: _Optional[_Union[Message, _Mapping]] = ...) -> None: ...

class Settled(_message.Message):
    __slots__ = ("sequence", "failed_cause", "run_id", "error")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    FAILED_CAUSE_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    failed_cause: int
    run_id: str
    error: str
    def __init__(self, sequence: _Optional[int] = ..., failed_cause: _Optional[int] = ..., run_id: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class Received(_message.Message):
    __slots__ = ("sender_run_key", "sequence")
    SENDER_RUN_KEY_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    sender_run_key: int
    sequence: int
    def __init__(self, sender_run_key: _Optional[int] = ..., sequence: _Optional[int] = ...) -> None: ...

class Batch(_message.Message):
    __slots__ = ("first_event_ids",)
    FIRST_EVENT_IDS_FIELD_NUMBER: _ClassVar[int]
    first_event_ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, first_event_ids: _Optional[_Iterable[int]] = ...) -> None: ...

class Forked(_message.Message):
    __slots__ = ("base_run_id",)
    BASE_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    base_run_id: str
    def __init__(self, base_run_id: _Optional[str] = ...) -> None: ...

class ResetTo(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class BatchBegun(_message.Message):
    __slots__ = ("namespace_key", "job_id", "run_id", "request", "operation", "identity", "filter", "total", "run_key_last", "request_id")
    NAMESPACE_KEY_FIELD_NUMBER: _ClassVar[int]
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    RUN_KEY_LAST_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    namespace_key: int
    job_id: str
    run_id: str
    request: bytes
    operation: int
    identity: str
    filter: bytes
    total: int
    run_key_last: int
    request_id: str
    def __init__(self, namespace_key: _Optional[int] = ..., job_id: _Optional[str] = ..., run_id: _Optional[str] = ..., request: _Optional[bytes] = ..., operation: _Optional[int] = ..., identity: _Optional[str] = ..., filter: _Optional[bytes] = ..., total: _Optional[int] = ..., run_key_last: _Optional[int] = ..., request_id: _Optional[str] = ...) -> None: ...

class BatchAdvanced(_message.Message):
    __slots__ = ("cursor", "completed", "failed", "again", "attempt", "due_ns", "over")
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    AGAIN_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    DUE_NS_FIELD_NUMBER: _ClassVar[int]
    OVER_FIELD_NUMBER: _ClassVar[int]
    cursor: int
    completed: int
    failed: int
    again: _containers.RepeatedScalarFieldContainer[int]
    attempt: int
    due_ns: int
    over: bool
    def __init__(self, cursor: _Optional[int] = ..., completed: _Optional[int] = ..., failed: _Optional[int] = ..., again: _Optional[_Iterable[int]] = ..., attempt: _Optional[int] = ..., due_ns: _Optional[int] = ..., over: _Optional[bool] = ...) -> None: ...

class BatchStopped(_message.Message):
    __slots__ = ("identity", "reason")
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    identity: str
    reason: str
    def __init__(self, identity: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class Message(_message.Message):
    __slots__ = ("namespace_key", "workflow_id", "run_id", "sender_event_id", "request_id", "sender_workflow_id", "sender_run_id", "child_workflow_only", "first_run_id", "receiver_kind", "signal", "cancel", "report", "start_child", "child_closed", "terminate", "start_workflow", "scheduled_start", "job_ended")
    NAMESPACE_KEY_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SENDER_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SENDER_WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    SENDER_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CHILD_WORKFLOW_ONLY_FIELD_NUMBER: _ClassVar[int]
    FIRST_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    RECEIVER_KIND_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    START_CHILD_FIELD_NUMBER: _ClassVar[int]
    CHILD_CLOSED_FIELD_NUMBER: _ClassVar[int]
    TERMINATE_FIELD_NUMBER: _ClassVar[int]
    START_WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_START_FIELD_NUMBER: _ClassVar[int]
    JOB_ENDED_FIELD_NUMBER: _ClassVar[int]
    namespace_key: int
    workflow_id: str
    run_id: str
    sender_event_id: int
    request_id: str
    sender_workflow_id: str
    sender_run_id: str
    child_workflow_only: bool
    first_run_id: str
    receiver_kind: int
    signal: bytes
    cancel: bytes
    report: DeliveryReport
    start_child: StartChild
    child_closed: ChildClosed
    terminate: bytes
    start_workflow: bytes
    scheduled_start: ScheduledStart
    job_ended: JobEnded
    def __init__(self, namespace_key: _Optional[int] = ..., workflow_id: _Optional[str] = ..., run_id: _Optional[str] = ..., sender_event_id: _Optional[int] = ..., request_id: _Optional[str] = ..., sender_workflow_id: _Optional[str] = ..., sender_run_id: _Optional[str] = ..., child_workflow_only: _Optional[bool] = ..., first_run_id: _Optional[str] = ..., receiver_kind: _Optional[int] = ..., signal: _Optional[bytes] = ..., cancel: _Optional[bytes] = ..., report: _Optional[_Union[DeliveryReport, _Mapping]] = ..., start_child: _Optional[_Union[StartChild, _Mapping]] = ..., child_closed: _Optional[_Union[ChildClosed, _Mapping]] = ..., terminate: _Optional[bytes] = ..., start_workflow: _Optional[bytes] = ..., scheduled_start: _Optional[_Union[ScheduledStart, _Mapping]] = ..., job_ended: _Optional[_Union[JobEnded, _Mapping]] = ...) -> None: ...

class StartChild(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ChildClosed(_message.Message):
    __slots__ = ("initiated_event_id", "first_run_id", "close_event")
    INITIATED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CLOSE_EVENT_FIELD_NUMBER: _ClassVar[int]
    initiated_event_id: int
    first_run_id: str
    close_event: bytes
    def __init__(self, initiated_event_id: _Optional[int] = ..., first_run_id: _Optional[str] = ..., close_event: _Optional[bytes] = ...) -> None: ...

class ScheduleSet(_message.Message):
    __slots__ = ("schedule", "memo", "search_attributes", "update", "job")
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    MEMO_FIELD_NUMBER: _ClassVar[int]
    SEARCH_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    UPDATE_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    schedule: bytes
    memo: bytes
    search_attributes: bytes
    update: bool
    job: bytes
    def __init__(self, schedule: _Optional[bytes] = ..., memo: _Optional[bytes] = ..., search_attributes: _Optional[bytes] = ..., update: _Optional[bool] = ..., job: _Optional[bytes] = ...) -> None: ...

class ScheduleFollowed(_message.Message):
    __slots__ = ("job_id", "no_more")
    JOB_ID_FIELD_NUMBER: _ClassVar[int]
    NO_MORE_FIELD_NUMBER: _ClassVar[int]
    job_id: str
    no_more: bool
    def __init__(self, job_id: _Optional[str] = ..., no_more: _Optional[bool] = ...) -> None: ...

class JobEnded(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: int
    def __init__(self, status: _Optional[int] = ...) -> None: ...

class SchedulePaused(_message.Message):
    __slots__ = ("paused", "notes")
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    paused: bool
    notes: str
    def __init__(self, paused: _Optional[bool] = ..., notes: _Optional[str] = ...) -> None: ...

class ScheduledStart(_message.Message):
    __slots__ = ("nominal_ns", "actual_ns", "overlap", "manual", "workflow_id", "tracked", "triggered")
    NOMINAL_NS_FIELD_NUMBER: _ClassVar[int]
    ACTUAL_NS_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_FIELD_NUMBER: _ClassVar[int]
    MANUAL_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    TRACKED_FIELD_NUMBER: _ClassVar[int]
    TRIGGERED_FIELD_NUMBER: _ClassVar[int]
    nominal_ns: int
    actual_ns: int
    overlap: int
    manual: bool
    workflow_id: str
    tracked: bool
    triggered: bool
    def __init__(self, nominal_ns: _Optional[int] = ..., actual_ns: _Optional[int] = ..., overlap: _Optional[int] = ..., manual: _Optional[bool] = ..., workflow_id: _Optional[str] = ..., tracked: _Optional[bool] = ..., triggered: _Optional[bool] = ...) -> None: ...

class ScheduleBackfill(_message.Message):
    __slots__ = ("start_ns", "end_ns", "overlap")
    START_NS_FIELD_NUMBER: _ClassVar[int]
    END_NS_FIELD_NUMBER: _ClassVar[int]
    OVERLAP_FIELD_NUMBER: _ClassVar[int]
    start_ns: int
    end_ns: int
    overlap: int
    def __init__(self, start_ns: _Optional[int] = ..., end_ns: _Optional[int] = ..., overlap: _Optional[int] = ...) -> None: ...

class ScheduleStep(_message.Message):
    __slots__ = ("processed_ns", "due_ns", "removed", "added", "starts", "backfills_added", "backfills_done", "backfill_from_ns", "missed", "skipped", "dropped", "used")
    PROCESSED_NS_FIELD_NUMBER: _ClassVar[int]
    DUE_NS_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    ADDED_FIELD_NUMBER: _ClassVar[int]
    STARTS_FIELD_NUMBER: _ClassVar[int]
    BACKFILLS_ADDED_FIELD_NUMBER: _ClassVar[int]
    BACKFILLS_DONE_FIELD_NUMBER: _ClassVar[int]
    BACKFILL_FROM_NS_FIELD_NUMBER: _ClassVar[int]
    MISSED_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    processed_ns: int
    due_ns: int
    removed: _containers.RepeatedScalarFieldContainer[int]
    added: _containers.RepeatedCompositeFieldContainer[ScheduledStart]
    starts: _containers.RepeatedCompositeFieldContainer[ScheduledStart]
    backfills_added: _containers.RepeatedCompositeFieldContainer[ScheduleBackfill]
    backfills_done: int
    backfill_from_ns: int
    missed: int
    skipped: int
    dropped: int
    used: int
    def __init__(self, processed_ns: _Optional[int] = ..., due_ns: _Optional[int] = ..., removed: _Optional[_Iterable[int]] = ..., added: _Optional[_Iterable[_Union[ScheduledStart, _Mapping]]] = ..., starts: _Optional[_Iterable[_Union[ScheduledStart, _Mapping]]] = ..., backfills_added: _Optional[_Iterable[_Union[ScheduleBackfill, _Mapping]]] = ..., backfills_done: _Optional[int] = ..., backfill_from_ns: _Optional[int] = ..., missed: _Optional[int] = ..., skipped: _Optional[int] = ..., dropped: _Optional[int] = ..., used: _Optional[int] = ...) -> None: ...

class ScheduleRunClosed(_message.Message):
    __slots__ = ("workflow_id", "first_run_id", "status", "result", "failure")
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_RUN_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    workflow_id: str
    first_run_id: str
    status: int
    result: bytes
    failure: bytes
    def __init__(self, workflow_id: _Optional[str] = ..., first_run_id: _Optional[str] = ..., status: _Optional[int] = ..., result: _Optional[bytes] = ..., failure: _Optional[bytes] = ...) -> None: ...

class ScheduleEnded(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: int
    def __init__(self, status: _Optional[int] = ...) -> None: ...

class DeliveryReport(_message.Message):
    __slots__ = ("initiated_event_id", "kind", "failed_cause")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        KIND_UNSPECIFIED: _ClassVar[DeliveryReport.Kind]
        KIND_SIGNAL: _ClassVar[DeliveryReport.Kind]
        KIND_CANCEL: _ClassVar[DeliveryReport.Kind]
    KIND_UNSPECIFIED: DeliveryReport.Kind
    KIND_SIGNAL: DeliveryReport.Kind
    KIND_CANCEL: DeliveryReport.Kind
    INITIATED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    FAILED_CAUSE_FIELD_NUMBER: _ClassVar[int]
    initiated_event_id: int
    kind: DeliveryReport.Kind
    failed_cause: int
    def __init__(self, initiated_event_id: _Optional[int] = ..., kind: _Optional[_Union[DeliveryReport.Kind, str]] = ..., failed_cause: _Optional[int] = ...) -> None: ...

class TaskToken(_message.Message):
    __slots__ = ("namespace_key", "run_key", "workflow_id", "run_id", "scheduled_event_id", "started_event_id", "started_ns", "attempt", "activity_id", "query_id", "task_queue", "stamp", "kind")
    NAMESPACE_KEY_FIELD_NUMBER: _ClassVar[int]
    RUN_KEY_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SCHEDULED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    STARTED_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    STARTED_NS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_ID_FIELD_NUMBER: _ClassVar[int]
    QUERY_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_QUEUE_FIELD_NUMBER: _ClassVar[int]
    STAMP_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    namespace_key: int
    run_key: int
    workflow_id: str
    run_id: str
    scheduled_event_id: int
    started_event_id: int
    started_ns: int
    attempt: int
    activity_id: str
    query_id: str
    task_queue: str
    stamp: int
    kind: int
    def __init__(self, namespace_key: _Optional[int] = ..., run_key: _Optional[int] = ..., workflow_id: _Optional[str] = ..., run_id: _Optional[str] = ..., scheduled_event_id: _Optional[int] = ..., started_event_id: _Optional[int] = ..., started_ns: _Optional[int] = ..., attempt: _Optional[int] = ..., activity_id: _Optional[str] = ..., query_id: _Optional[str] = ..., task_queue: _Optional[str] = ..., stamp: _Optional[int] = ..., kind: _Optional[int] = ...) -> None: ...

class StandaloneSeen(_message.Message):
    __slots__ = ("run_key", "run_id", "changes")
    RUN_KEY_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    run_key: int
    run_id: str
    changes: int
    def __init__(self, run_key: _Optional[int] = ..., run_id: _Optional[str] = ..., changes: _Optional[int] = ...) -> None: ...

class HistoryToken(_message.Message):
    __slots__ = ("run_key", "run_id", "next_event_id", "wait", "end_event_id")
    RUN_KEY_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    NEXT_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    END_EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    run_key: int
    run_id: str
    next_event_id: int
    wait: bool
    end_event_id: int
    def __init__(self, run_key: _Optional[int] = ..., run_id: _Optional[str] = ..., next_event_id: _Optional[int] = ..., wait: _Optional[bool] = ..., end_event_id: _Optional[int] = ...) -> None: ...

class ListToken(_message.Message):
    __slots__ = ("close_ns", "start_ns", "run_key")
    CLOSE_NS_FIELD_NUMBER: _ClassVar[int]
    START_NS_FIELD_NUMBER: _ClassVar[int]
    RUN_KEY_FIELD_NUMBER: _ClassVar[int]
    close_ns: int
    start_ns: int
    run_key: int
    def __init__(self, close_ns: _Optional[int] = ..., start_ns: _Optional[int] = ..., run_key: _Optional[int] = ...) -> None: ...
