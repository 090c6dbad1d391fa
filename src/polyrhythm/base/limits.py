"""Every limit of the engine, with its unit and its reason.

Values that clients can observe are Temporal's defaults (its dynamic configuration), so that what
fits there fits here. A limit is changed by passing another `Limits`, never by editing state.
"""

from __future__ import annotations

from dataclasses import dataclass

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
DAY_NS = 24 * 3600 * SECOND_NS
# How long past an attempt's start-to-close timeout its answer is waited for: one that was sent in
# time may be on its way. The server this follows strikes up to a second late.
ANSWER_GRACE_NS = SECOND_NS // 10

# The server's own bounds that no setting changes here.
# Search attributes of a run: names, bytes of one value, bytes of all; they are kept in its row.
SEARCH_KEYS_MAX = 100
SEARCH_VALUE_BYTES_MAX = 2 * 1024
SEARCH_BYTES_MAX = 40 * 1024
# Comparisons of one query on visibility: each may be asked of every run of a namespace.
QUERY_TESTS_MAX = 1000
# The fairness key is an index key of the matching queue.
FAIRNESS_KEY_BYTES_MAX = 64
# Weights and rates of single fairness keys that a queue may set, all in one object.
FAIRNESS_OVERRIDES_MAX = 1000
BUILD_ID_BYTES_MAX = 255
# Worker deployments of a namespace, versions of one, task queues of a version: each is written
# whole when it changes.
DEPLOYMENTS_MAX = 100
VERSIONS_PER_DEPLOYMENT_MAX = 100
VERSION_QUEUES_MAX = 100
# Last heartbeats of all workers of a lane, about 1 kB each; what one says is its own choice.
FLEET_BYTES_MAX = 64 * 1024 * 1024
# How often a draining version's open runs are counted at most.
DRAINAGE_CHECK_NS = 180 * SECOND_NS
# Builds that a chain of runs remembers as points to reset to.
RESET_POINTS_MAX = 20
# Links of one event; a link may hold a workflow id and a namespace of a thousand bytes each.
LINKS_MAX = 10
LINK_BYTES_MAX = 4000
# Messages from other runs that a run remembers. Receipt and settlement are one commit, so a key
# counts for a turn at most; a run gets 10,000 signals in its life, and every snapshot has the keys.
RECEIVED_KEYS_MAX = 64
# What is kept of an oversize failure: the size at which the server only warns, and causes no
# deeper than this.
FAILURE_CUT_BYTES = 512 * 1024
FAILURE_CAUSES_MAX = 20
# Notes of a pause; calendars and intervals of one spec: each is looked at for every next time.
SCHEDULE_NOTES_BYTES_MAX = 1000
SCHEDULE_SPECS_MAX = 500
# The text of a job's times; a part of it costs microseconds. Below the interval a job would only
# queue behind its own commits.
SPEC_LENGTH_MAX = 1000
EVERY_NS_MIN = SECOND_NS // 100
# Events held back behind a workflow task in an application's own file, where the server has 100: a
# replay of a wide fan-out takes longer than 100 of its tasks, and would be given up every time.
BUFFERED_EVENTS_IN_PROCESS_MAX = 10_000
# Jobs of a namespace: each look at their tags goes through all of them, at 0.1 ms a job. Tags of a
# job, and jobs it acts after.
JOBS_MAX = 10_000
# Activities that one call starts.
TASK_STARTS_MAX = 100
JOB_TAGS_MAX = 50
JOB_AFTER_MAX = 50
# What is kept of the output of a command, or of the body of an answer.
JOB_OUTPUT_BYTES_MAX = 65_536
# One message of a broker: RabbitMQ's documents advise against more, and it is held in memory.
MESSAGE_BYTES_MAX = 8 * 1024 * 1024
# Signatures within signatures, as a chain is: Python's JSON reader stops near 500.
SIGNATURE_DEPTH_MAX = 200
# Dead messages that a queue of Redis keeps: at the size limit of a message they fill a disk, at the
# usual one 10 MB of memory. Delayed messages that are moved in one step.
DEAD_MESSAGES_MAX = 10_000
DELAYED_BATCH_MAX = 100
# A canvas: tasks that one run of it calls (about 6 events each, of the 50,000 that a run may have;
# what is past them goes to runs of its own), how many of them at once, how deep it is nested.
CANVAS_RUN_STEPS_MAX = 1000
CANVAS_STEPS_AT_ONCE_MAX = 500
CANVAS_DEPTH_MAX = 50
# A shorter retention would delete runs that clients still ask about.
RETENTION_NS_MIN = 3600 * SECOND_NS
# A manifest of Argo: bytes (etcd takes 1.5 MB), depth, aliases, documents, and values after aliases
# are expanded; all are counted before anything is built.
MANIFEST_BYTES_MAX = 3 * 1024 * 1024
MANIFEST_DEPTH_MAX = 100
MANIFEST_ALIASES_MAX = 1000
MANIFEST_DOCUMENTS_MAX = 1000
MANIFEST_NODES_MAX = 500_000
# Argo workflows: a text with its values, an expression and its steps, items of one loop (each is a
# node), nested templates (Argo's own bound), pods of one run at work at once.
SUBSTITUTED_BYTES_MAX = 1024 * 1024
EXPRESSION_BYTES_MAX = 64 * 1024
EXPRESSION_STEPS_MAX = 100_000
# Each level is up to twelve calls of Python, whose own limit is 1,000.
EXPRESSION_DEPTH_MAX = 50
LOOP_ITEMS_MAX = 100_000
RECURSION_MAX = 100
NODES_IN_FLIGHT_MAX = 500
# An artifact's archive as it is unpacked (what an executor copies out is bounded alike), and the
# log of one container on disk.
ARCHIVE_MEMBERS_MAX = 100_000
ARCHIVE_BYTES_MAX = 10 * 1024**3
POD_LOG_BYTES_MAX = 256 * 1024 * 1024
# Namespaces asked for expired runs in one turn: an index seek of 0.005 ms each.
RETENTION_SPACES_MAX = 100
# Steps of executors. Output that nobody has read yet: past it a reader is waited for, and without
# one the oldest is dropped. A longer line is handed on in parts of this size.
LOG_BUFFER_BYTES_MAX = 1024 * 1024
LOG_LINE_BYTES_MAX = 256 * 1024
# The end of stdout that is kept whether it is read or not: what Argo keeps as a step's result.
LOG_TAIL_BYTES_MAX = 256 * 1024
# Stdin and script of a step: they travel in payloads, which are no larger.
STEP_BYTES_MAX = 2 * 1024 * 1024
# Command, arguments and environment: what Linux takes for one string, and in all (of 2 MiB).
STEP_WORD_BYTES_MAX = 128 * 1024
STEP_WORDS_BYTES_MAX = 1024 * 1024
STEP_VARIABLES_MAX = 2000  # bubblewrap takes 9,000 words, three for each variable
# Directories copied out of a step or into it: entries, levels and bytes, so that one step cannot
# fill the disk that all others need, or recurse without end.
COPY_ENTRIES_MAX = 100_000
COPY_DEPTH_MAX = 100
COPY_BYTES_MAX = 10 * 1024 * 1024 * 1024
# Free space below which steps that run are killed: the store's own reserve is far smaller.
STEP_DISK_FREE_BYTES_MIN = 256 * 1024 * 1024
# When the memory of a step and the disk under it are measured: after its start, then this often,
# and this often when its memory is limited. One look costs 0.05 ms a process.
STEP_CHECK_FIRST_NS = SECOND_NS // 20
STEP_CHECK_NS = SECOND_NS
STEP_CHECK_LIMIT_NS = SECOND_NS // 10


@dataclass(slots=True)
class Limits:
    """Sizes in bytes, times in nanoseconds, everything else a count."""

    # Ids longer than this are refused: they are index keys.
    id_bytes_max: int = 1000
    # One payload field; past it a completion fails and a workflow is terminated.
    blob_bytes_max: int = 2 * 1024 * 1024
    memo_bytes_max: int = 2 * 1024 * 1024
    # A failure kept in state for a retry is cut to this.
    failure_bytes_max: int = 4 * 1024
    # User metadata of a start or a command: the server's settings, enforced nowhere by its release
    # 1.31 and therefore not here.
    summary_bytes_max: int = 400
    details_bytes_max: int = 20_000
    # Histories: workers are told to continue as new, then the run is terminated.
    history_events_suggest: int = 4096
    history_bytes_suggest: int = 4 * 1024 * 1024
    history_events_max: int = 51_200
    history_bytes_max: int = 50 * 1024 * 1024
    # What a run keeps beside its history: details, failures, memo and the like. Past it the run is
    # terminated too.
    state_bytes_max: int = 8 * 1024 * 1024
    # What one run may have open at once.
    pending_activities_max: int = 2000
    pending_children_max: int = 2000
    pending_signals_max: int = 2000
    pending_cancels_max: int = 2000
    signals_max: int = 10_000
    # Events held back while a worker has the workflow task.
    buffered_events_max: int = 100
    buffered_bytes_max: int = 2 * 1024 * 1024
    # Workflow tasks.
    task_timeout_ns: int = 10 * SECOND_NS
    task_timeout_ns_max: int = 120 * SECOND_NS
    task_retry_backoff_attempts: int = 3
    task_retry_initial_ns: int = 5 * SECOND_NS
    task_retry_max_ns: int = 10 * MINUTE_NS
    task_heartbeat_total_ns: int = 30 * MINUTE_NS
    # A sticky queue that nobody polled for this long has lost its worker.
    sticky_unavailable_ns: int = 10 * SECOND_NS
    # A speculative task that no worker took within this becomes a normal one; one with more events
    # than this before it is written even when it changed nothing.
    speculative_start_ns: int = 5 * SECOND_NS
    speculative_events_max: int = 10
    # Updates of one run: at work at once, in all, in bytes; how many suggest to continue as new.
    updates_in_flight_max: int = 10
    updates_max: int = 2000
    updates_bytes_max: int = 20 * 1024 * 1024
    updates_suggest: int = 1800
    # Schedules: starts that wait, and backfills still to act for; past it they are dropped.
    schedule_buffer_max: int = 1000
    # What one look at a schedule takes of its times (20 us each), counts of missed ones, and takes
    # of its backfills; those go on after a while, so that a long one starts no flood.
    schedule_times_max: int = 256
    schedule_missed_max: int = 2000
    backfill_starts_max: int = 10
    backfill_pause_ns: int = SECOND_NS
    # How late a scheduled action may be taken, and how long a schedule with nothing to do is kept.
    catchup_ns: int = 365 * DAY_NS
    catchup_ns_min: int = 10 * SECOND_NS
    schedule_idle_ns: int = 7 * DAY_NS
    # Activity retries when the policy says nothing.
    retry_initial_ns: int = SECOND_NS
    retry_coefficient: float = 2.0
    retry_max_intervals: float = 100.0
    # The least time between a run and its successor.
    run_interval_ns_min: int = SECOND_NS
    # Durations are cut to this: 100 years keeps every sum within 64 bits.
    duration_ns_max: int = 100 * 365 * DAY_NS
    # Long polls.
    task_poll_ns: int = 60 * SECOND_NS
    history_poll_ns: int = 20 * SECOND_NS
    query_ns: int = 10 * SECOND_NS
    update_wait_ns: int = 20 * SECOND_NS
    buffered_queries_max: int = 1
    # A turn of the lane: items decided before one commit, and steps they may cause among them.
    turn_items_max: int = 512
    turn_steps_max: int = 8192
    # Memory: states kept for runs that may act soon, as many and as much; offers of one queue,
    # armed timers. 20,000 runs that sleep take 80 MB, so that bytes count only where payloads are
    # large.
    cached_runs_max: int = 20_000
    cached_bytes_max: int = 256 * 1024 * 1024
    cached_history_bytes_max: int = 64 * 1024
    offers_in_memory_max: int = 10_000
    # Lines of one queue (a priority and a fairness key each) that take their turns at once, 0.3 kB
    # each; the keys past it wait until one of them is empty.
    lines_in_memory_max: int = 100_000
    timers_in_memory_max: int = 100_000
    # Closed runs past their namespace's retention: how often they are looked for (the server
    # spreads deletions over half an hour) and how many are deleted in one turn, 0.1 ms each.
    retention_scan_ns: int = 5 * MINUTE_NS
    retention_runs_max: int = 50
    # Batch operations: how many of a namespace are at work; what all of one do in a second when
    # they ask for no less (the server's 50 would take half an hour for 100,000 runs); how many runs
    # of one are handled in a turn, and how many rows are looked through for them.
    batches_open_max: int = 1
    batch_rate_max: int = 500
    batch_step_runs: int = 50
    batch_step_rows: int = 20_000
    # A snapshot is written when a run's log has grown by this many rows.
    snapshot_rows: int = 256
    # Requests that wait for a turn; past it callers are told to come back.
    inbox_max: int = 50_000
    # Calls that wait for something at once (polls, long polls, queries).
    waiters_max: int = 100_000
