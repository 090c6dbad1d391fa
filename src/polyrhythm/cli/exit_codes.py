"""What `poly` tells the shell, one number a kind of ending.

The command line's documentation lists them; scripts may rely on them.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every verb."""

    # It did what was asked; a server ended because it was told to.
    OK = 0
    # It could not: the message says what and why.
    FAILED = 1
    # The command line is wrong (typer's own code for it).
    USAGE = 2
    # Somebody else listens on the wanted address.
    ADDRESS_TAKEN = 3
    # `poly db check` found damage.
    DAMAGED = 4
    # `poly replay`: code does something else than a history says.
    DIVERGED = 5
