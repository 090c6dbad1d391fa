"""What is left of a command's output when two servers can have the same: names for ids, no times.

Ids become names in order of appearance over the whole script. Times, sizes, rates, and whatever
names a process or a machine become words. Two counts are left out: task ids, which only the real
server gives, and transitions of a state, which a commit is not the same measure of. Runs of spaces
become one, because columns are as wide as their widest value.
"""

from __future__ import annotations

import re
from itertools import groupby

UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
UNIT = r"(?:(?:milli)?second|minute|hour|day|month|year)s?"
# In this order: what is looked for, and what stands there instead.
RULES = tuple(
    (re.compile(pattern, re.MULTILINE), word)
    for pattern, word in (
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| \+0000 UTC)?", "TIME"),
        (rf"\b\d+ {UNIT} (ago|from now)|\bin \d+ {UNIT}|\bnow\b", "WHEN"),
        (r"temporal-cli:\S+?@[\w.-]+", "CLI"),
        (r"\b\d+@[\w.-]+@?", "PROCESS"),
        (r"-[0-9a-f]{32}\b", "-STICKY"),
        (r"127\.0\.0\.1:\d+", "ADDRESS"),
        (r"((?:H|h)istorySize(?:Bytes)?\"?:?\s+)\"?\d+\"?", r"\1SIZE"),
        (r"^\s*\"?(taskId|[Ss]tateTransitionCount)\"?:?\s+\"?\d+\"?,?$", ""),
        (r"(RunTime\s+|[Dd]uration(?:Millis)?\"?:?\s+)\"?[\d.]+(ms|µs|s|m\d*s?)?\"?", r"\1SPAN"),
        (r"\(\d+(?:\.\d+)?(?:ms|µs|s)\)", "(SPAN)"),
        (r"(UsedFlags\[\d+\]): \d+", r"\1: FLAG"),
        (r"(UNVERSIONED\s+\w+\s+\d+\s+\S+)(\s+-?[\d.e+-]+){3}$", r"\1 RATE RATE RATE"),
        (r"-?\b\d+\.\d{4,}(e[+-]\d+)?", "RATE"),
        (r"(?:/[^/\s\"\\]+)+/(\w+\.py)", r"\1"),
        (r"(\.py)(:\d+|\\\", line \d+)", r"\1"),
        (r"[ \t]+", " "),
    )
)


class Names:
    """Names of the ids seen so far."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def normal(self, text: str, ordered: bool = True) -> list[str]:
        """Return the lines of an output; sorted where a server has them in no order."""
        text = UUID.sub(self._name, text)
        for pattern, word in RULES:
            text = pattern.sub(word, text)
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return _sort_numbers(lines) if ordered else sorted(lines)

    def _name(self, found: re.Match[str]) -> str:
        return self._names.setdefault(found[0], f"id-{len(self._names) + 1}")


def _sort_numbers(lines: list[str]) -> list[str]:
    """Sort lines of nothing but a number where several follow each other: sets, in JSON."""
    made: list[str] = []
    for is_number, group in groupby(lines, lambda line: line.rstrip(",").isdigit()):
        found = list(group)
        made += sorted(line.rstrip(",") for line in found) if is_number else found
    return made
