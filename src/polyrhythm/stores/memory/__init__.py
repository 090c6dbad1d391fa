"""The store of the simulator and of throw-away servers: dictionaries, lost with the process."""

from polyrhythm.stores.memory.store import Faults, MemoryStore

__all__ = ["Faults", "MemoryStore"]
