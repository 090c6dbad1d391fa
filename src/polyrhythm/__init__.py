"""Polyrhythm: a durable workflow engine that official Temporal SDKs can be pointed at.

Importing this package imports nothing else of ours; the rooms are described in
docs/ARCHITECTURE.md.
"""

__version__ = "0.1.0"
