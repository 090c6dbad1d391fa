"""The `poly` command."""

from polyrhythm.cli.program import main

__all__ = ["main"]
