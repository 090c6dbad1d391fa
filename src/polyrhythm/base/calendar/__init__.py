"""Recurring times: cron specs, `@every` and time zones, on plain numbers.

Owns what a spec means and when it fires next. Refuses clocks: every question brings its instant,
and the answer is recorded by whoever asked, so nothing here has to give it twice. Instants are
nanoseconds since 1970 in UTC, 0 is never.
"""
