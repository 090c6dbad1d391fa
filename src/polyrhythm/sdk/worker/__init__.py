"""Runs tasks and workflows: attempts, workflow tasks, polls, and a worker inside a service."""

from polyrhythm.sdk.worker.progress import Progress
from polyrhythm.sdk.worker.settings import WorkerSettings
from polyrhythm.sdk.worker.worker import Worker, WorkerPlan

__all__ = ["Progress", "Worker", "WorkerPlan", "WorkerSettings"]
