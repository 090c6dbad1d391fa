"""Settings of a worker: what it does at once, how long it waits, and why.

Counts bound what a worker holds: everything past them stays with the service, where another worker
can take it. Times are seconds.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field

from polyrhythm.sdk.intercept.chain import Chain
from polyrhythm.sdk.values import Codec, Converter
from polyrhythm.sdk.worker.slots import Slots


def default_identity() -> str:
    """Return who this process is in histories and lists: process id and host."""
    return f"{os.getpid()}@{socket.gethostname()}"


@dataclass(slots=True)
class WorkerSettings:
    """How one worker works."""

    identity: str = field(default_factory=default_identity)
    # Values to payloads, and what is done to payloads before they leave.
    converter: Converter = field(default_factory=Converter)
    codec: Codec | None = None
    # Interceptors, in order.
    chain: Chain = field(default_factory=Chain)
    # Attempts of tasks at once: coroutines, threads and processes together.
    tasks_max: int = 100
    # Shared with the workers of this process at other queues.
    slots: Slots | None = None
    # Child processes for tasks with process=True.
    processes_max: int = field(default_factory=lambda: os.cpu_count() or 1)
    # Threads that workflow code runs in, when it does not run on the service's own loop. Workflow
    # code only decides: it holds a thread for a millisecond.
    workflow_threads_max: int = 4
    # Runs whose live code is kept between their workflow tasks; one takes about 20 kB.
    cached_runs_max: int = 1000
    # Polls in flight, a kind. One answers about 1/RTT tasks a second.
    workflow_polls: int = 4
    task_polls: int = 4
    # A long poll is answered by the service within a minute; past this the connection is dead.
    poll_s: float = 70.0
    # What waits on the sticky queue longer than this goes to any worker.
    sticky_s: float = 10.0
    # Workflow code that holds its thread for longer is stuck: it fails its workflow task.
    stuck_s: float = 2.0
    # What attempts in hand get to finish when the worker is told to stop, and then to clean up.
    stop_s: float = 10.0
    cleanup_s: float = 2.0
    # Details of heartbeats are sent at most once in this time, or in 0.8 of the heartbeat timeout.
    heartbeat_s: float = 30.0
    # How long an answer is offered to a service that is away. The task has a timeout of its own.
    answer_s: float = 60.0
    # Threads of attempts that ran past their timeout and never ended; each holds a slot again
    # once there are so many.
    abandoned_max: int = 16
