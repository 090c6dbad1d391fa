"""Steps as plain processes of this machine: the fallback, which isolates nothing and says so."""

from polyrhythm.executors.process.executor import ProcessExecutor

__all__ = ["ProcessExecutor"]
