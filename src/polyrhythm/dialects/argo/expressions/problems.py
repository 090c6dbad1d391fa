"""The one error of this package: a tag or an expression that cannot be resolved, read or computed.

`missing` says that a name is not known (yet), which some callers wait for.
"""

from __future__ import annotations

from polyrhythm.base.errors import PolyrhythmError


class ExpressionError(PolyrhythmError):
    """A tag or an expression without a value; the text is Argo's where it has one."""

    code = "expression"

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing
