"""Cron: jobs as users of cron libraries know them, each a durable schedule of the service.

`settings.py` has what a job may be told, `request.py` writes that for the service, `declared.py`
keeps what a program declares, `jobs.py` is how jobs are changed while they run (`blocking.py` for
code that blocks), `views.py` how they are shown. Knows the SDK and canvases, nothing below.
"""

from polyrhythm.dialects.cron.declared import Declared, JobDecorator, Schedules, put_declared
from polyrhythm.dialects.cron.jobs import Jobs, at_spec, every_spec
from polyrhythm.dialects.cron.settings import JobSettings
from polyrhythm.dialects.cron.views import JobRun, JobView

__all__ = [
    "Declared",
    "JobDecorator",
    "JobRun",
    "JobSettings",
    "JobView",
    "Jobs",
    "Schedules",
    "at_spec",
    "every_spec",
    "put_declared",
]
