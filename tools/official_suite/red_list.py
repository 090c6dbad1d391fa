"""The red list: tests of the official SDK that do not pass here, a reason each.

A line is `test id  # reason`; a line that starts with `#` heads the ones below it. The list is
exact: a test that fails and is not listed is wrong, and so is a listed one that passes, is skipped
or is gone. A reason that starts with `wavers:` marks a test whose outcome is chance on the real
server too: it may end either way.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from official_suite.outcomes import FileRun, Outcome

SEPARATOR = "  # "
WAVERS = "wavers:"


class BadRedListError(Exception):
    """A line of the list that cannot be meant."""


@dataclass(slots=True)
class Verdict:
    """What a run says that the list does not."""

    unlisted: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """True when the list is exact."""
        return not (self.unlisted or self.mended or self.gone)


def parse_red_list(text: str) -> dict[str, str]:
    """Return test id -> reason. Raises BadRedListError for a line without a reason or a repeat."""
    reasons: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, separator, reason = line.partition(SEPARATOR)
        if not separator or not reason.strip() or "::" not in name:
            raise BadRedListError(f"line {number} is not `test id{SEPARATOR}reason`: {line}")
        if name in reasons:
            raise BadRedListError(f"line {number} repeats {name}")
        reasons[name] = reason.strip()
    return reasons


def compare(runs: Iterable[FileRun], reasons: dict[str, str]) -> Verdict:
    """Compare whole files that ran with the list; lines of other files are left alone."""
    verdict = Verdict()
    for run in runs:
        failed = set(run.having(Outcome.FAILED))
        verdict.unlisted += [name for name in run.outcomes if name in failed - reasons.keys()]
        listed = [name for name in reasons if name.partition("::")[0] == run.path]
        for name in listed:
            if name not in run.outcomes:
                verdict.gone.append(name)
            elif name not in failed and not reasons[name].startswith(WAVERS):
                verdict.mended.append(name)
    return verdict
