"""What an auditor raises: a rule that was broken, and by what.

A rule's name is stable, so that planted bugs can say which rule must catch them. The text names
the run and the values that contradict each other.
"""

from __future__ import annotations


class Finding(Exception):
    """A broken rule. `rule` is a short stable name, `text` says what was seen."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"{rule}: {text}")
        self.rule = rule
        self.text = text


def require(holds: object, rule: str, text: object) -> None:
    """Raise a Finding unless the rule holds; `text` is turned into words only then."""
    if not holds:
        raise Finding(rule, str(text))
