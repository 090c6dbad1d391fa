"""`/metrics`: figures in the text format of Prometheus (0.0.4).

Those of the service are the answer of GetMetrics, so they are the owner's whichever process is
asked, and only for whoever may read the whole server. Those of the process are its own.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterable

from polyrhythm.api import service as api
from polyrhythm.service.methods import METHODS
from polyrhythm.transports.http.calls import Caller
from polyrhythm.transports.http.exchange import Exchange
from polyrhythm.transports.http.streams import Streams

METHOD = METHODS["/polyrhythm.api.v1.PolyrhythmService/GetMetrics"]
TEXT_FORMAT = b"text/plain; version=0.0.4; charset=utf-8"
COUNTER, GAUGE = "counter", "gauge"
# What each name means; names without `polyrhythm_` are the Temporal server's or Prometheus' own.
FAMILIES = {
    "service_requests": (COUNTER, "Calls, by method"),
    "service_error_with_type": (COUNTER, "Refusals, by method and kind of error"),
    "approximate_backlog_count": (GAUGE, "Tasks that wait for a worker, by queue"),
    "approximate_backlog_age_seconds": (GAUGE, "How long the oldest of them has waited"),
    "polyrhythm_log_position": (COUNTER, "Rows ever written to the log"),
    "polyrhythm_calls_queued": (GAUGE, "Calls that wait for a turn"),
    "polyrhythm_calls_waiting": (GAUGE, "Polls and other calls that wait for something to happen"),
    "polyrhythm_runs_cached": (GAUGE, "Runs whose state is in memory"),
    "polyrhythm_namespaces": (GAUGE, "Registered namespaces"),
    "polyrhythm_store_full": (GAUGE, "1 while new work is refused for want of space"),
    "polyrhythm_event_streams": (GAUGE, "Event streams of this process"),
    "process_cpu_seconds_total": (COUNTER, "Processor time of this process"),
    "process_resident_memory_bytes": (GAUGE, "Memory of this process"),
    "process_open_fds": (GAUGE, "Open files and connections of this process"),
    "process_max_fds": (GAUGE, "How many it may have"),
    "process_start_time_seconds": (GAUGE, "When it began to serve HTTP, seconds since 1970"),
}
ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class MetricsRoute:
    """Answers `/metrics`."""

    def __init__(self, caller: Caller, streams: Streams) -> None:
        self._caller = caller
        self._streams = streams
        self._began_s = time.time()

    def take(self, exchange: Exchange) -> None:
        """Ask for the figures. Raises StatusError or a PolyrhythmError to refuse it."""
        self._caller.ask(METHOD, api.GetMetricsRequest(), exchange, self._answer)

    def _answer(self, exchange: Exchange, response: api.GetMetricsResponse) -> None:
        _add(response, "polyrhythm_event_streams", len(self._streams))
        _add(response, "process_start_time_seconds", self._began_s)
        _add_process(response)
        exchange.answer(200, TEXT_FORMAT, _lines(response.metrics).encode())


def _add(response: api.GetMetricsResponse, name: str, value: float) -> None:
    metric = response.metrics.add()
    metric.name = name
    metric.value = value


def _add_process(response: api.GetMetricsResponse) -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _add(response, "process_cpu_seconds_total", usage.ru_utime + usage.ru_stime)
    _add(response, "process_max_fds", resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
        open_files = len(os.listdir("/proc/self/fd"))
    except OSError:
        # Not Linux: what only /proc tells is left out.
        return
    _add(response, "process_resident_memory_bytes", pages * resource.getpagesize())
    _add(response, "process_open_fds", open_files)


def _lines(metrics: Iterable[api.Metric]) -> str:
    """Return the text; the lines of a name stand together, as the format asks."""
    families: dict[str, list[str]] = {}
    for metric in metrics:
        pairs = (
            f'{key}="{metric.labels[key].translate(ESCAPES)}"' for key in sorted(metric.labels)
        )
        labels = ",".join(pairs)
        line = f"{metric.name}{{{labels}}}" if labels else metric.name
        families.setdefault(metric.name, []).append(f"{line} {metric.value!r}\n")
    parts: list[str] = []
    for name, lines in families.items():
        kind, text = FAMILIES.get(name, ("untyped", name))
        parts.append(f"# HELP {name} {text}\n# TYPE {name} {kind}\n")
        parts += lines
    return "".join(parts)
