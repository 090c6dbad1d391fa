"""Crash-point enumeration: every moment a power cut can come, tried on the SQLite store.

    python -m polyrhythm.testing.crash --points 100000 --seed 1 --json FILE

A workload of commits runs over a VFS that records each write, truncation, sync and deletion. For
every operation the disk is rebuilt as a power cut may have left it (everything synced, any part
of what was not, torn anywhere), opened by the store, checked, and compared with what had been
acknowledged. Limits of the model: a new file's name is durable with its first sync, and bytes
outside a write are never harmed (SQLite's "powersafe overwrite").
"""

from polyrhythm.testing.crash.enumeration import Outcome, Plan, enumerate_points
from polyrhythm.testing.crash.recording import Recorder, install

__all__ = ["Outcome", "Plan", "Recorder", "enumerate_points", "install"]
