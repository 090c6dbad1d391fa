"""A step of the script: one command, and how its output is compared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Step:
    """One command, without the word `temporal`."""

    command: str
    until: str = ""
    quiet: bool = False
    ordered: bool = True


def say(command: str, until: str = "") -> Step:
    """Return a step that is compared."""
    return Step(command, until)


def lead(command: str, until: str = "") -> Step:
    """Return a step that only leads on."""
    return Step(command, until, quiet=True)
