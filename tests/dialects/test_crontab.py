"""Crontabs: what their lines mean, and what of them is refused."""

import pytest

from polyrhythm.base.errors import InvalidArgument
from polyrhythm.dialects.cron.crontab import CrontabLine, read_crontab

CRONTAB = """
# of the shop
SHELL=/bin/bash
MAILTO=""
PATH = "/usr/local/bin:/usr/bin"
*/5 * * * *   /usr/local/bin/sync-stock --all  # each
CRON_TZ=Europe/Berlin
@daily LANG=C /opt/report.sh > /tmp/report\\%1
0 9 * * mon-fri sync-stock morning
"""


def test_lines_with_their_times_variables_and_zone():
    path = {"PATH": "/usr/local/bin:/usr/bin"}
    berlin = "Europe/Berlin"
    assert list(read_crontab(CRONTAB)) == [
        CrontabLine(
            "sync-stock", 6, "*/5 * * * *", "/usr/local/bin/sync-stock --all  # each", "", path
        ),
        CrontabLine(
            "report.sh", 8, "@daily", "LANG=C /opt/report.sh > /tmp/report%1", berlin, path
        ),
        CrontabLine("sync-stock-2", 9, "0 9 * * mon-fri", "sync-stock morning", berlin, path),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("* * * * *", "line 1 has no command"),
        ("\n@daily", "line 2 has no command"),
        ("@reboot start", "@reboot is no time"),
        ("@every start", "cron has no @every"),
        ("0 0 * * * cat%in", "standard input"),
    ],
)
def test_what_is_refused(line, said):
    with pytest.raises(InvalidArgument, match=said):
        list(read_crontab(line))
