"""Jobs: commands and calls as jobs, and how jobs are shown.

`app.every`, `app.cron`, `app.at`, `app.after` and `app.jobs` are of the App. Beside them a program
may need the names below; docs/jobs.md has all of it.
"""

from polyrhythm.dialects.cron import JobRun, JobSettings, JobView
from polyrhythm.dialects.cron.commands import Commands
from polyrhythm.dialects.cron.running import (
    CallFailed,
    CallResult,
    CommandFailed,
    CommandResult,
    WordFound,
)

__all__ = [
    "CallFailed",
    "CallResult",
    "CommandFailed",
    "CommandResult",
    "Commands",
    "JobRun",
    "JobSettings",
    "JobView",
    "WordFound",
]
