"""The fenced blocks of a document, in order, with the heading they stand under.

What documents promise is run: programs as they are printed, and what they print is compared.
"""

import re
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(slots=True)
class Block:
    """One fenced block. `before`: the sentence that it follows."""

    language: str
    text: str
    heading: str
    before: str


def blocks(path: Path) -> list[Block]:
    """All blocks of a Markdown file."""
    document = path.read_text(encoding="utf-8")
    found, last = [], 0
    heading = ""
    for fence in FENCE.finditer(document):
        prose = document[last : fence.start()]
        heading = (HEADING.findall(prose) or [heading])[-1]
        before = prose.strip().rpartition("\n\n")[2]
        found.append(Block(fence["language"], fence["text"], heading, before))
        last = fence.end()
    return found
