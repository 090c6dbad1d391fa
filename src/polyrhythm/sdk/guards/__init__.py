"""Keeps workflow code deterministic: a look at its source, and a guard while it runs.

The look is taken when a workflow is declared and warns; the guard refuses. Neither is a sandbox:
both are there to tell a user early and in clear words what replay would tell late.
"""

from polyrhythm.sdk.guards.audit import NotInWorkflows, allowed, guarded, install
from polyrhythm.sdk.guards.source import DeterminismWarning, Suspect, find_suspects, warn_of

__all__ = [
    "DeterminismWarning",
    "NotInWorkflows",
    "Suspect",
    "allowed",
    "find_suspects",
    "guarded",
    "install",
    "warn_of",
]
