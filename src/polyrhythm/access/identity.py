"""Who calls: the caller of a request as far as it is known.

Nobody has to prove anything yet, so every caller is the anonymous identity with its peer's address
for logs. What a transport learns of a caller later (a token's subject, a certificate's name) is a
field here, and nothing else in the program changes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Identity:
    """A caller. `subject` is empty for an anonymous one; `peer` is its address, for logs."""

    subject: str = ""
    peer: str = ""

    @property
    def is_anonymous(self) -> bool:
        """True when the caller has proved nothing."""
        return not self.subject


def anonymous(peer: str = "") -> Identity:
    """Return the identity of a caller that has proved nothing."""
    return Identity(peer=peer)
