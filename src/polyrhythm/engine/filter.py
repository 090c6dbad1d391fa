"""The filter of a list of runs, for rooms that may not import the store's port.

The engine hands lists to its store as they are, so the store's filter is the engine's too; the
service builds it from a query without knowing that there is a store.
"""

from __future__ import annotations

from polyrhythm.base.entities import EntityKind
from polyrhythm.stores.port import RunFilter

__all__ = ["EntityKind", "RunFilter"]
