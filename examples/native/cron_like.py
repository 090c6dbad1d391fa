"""Jobs as a cron library has them, kept in a file: added, paused, run and removed while it works.

    python examples/native/cron_like.py

Works for about a second and says what it did. Jobs, what they ran and a pause outlive the program:
started again, `beat` goes on where its times were.
"""

from __future__ import annotations

import threading

from polyrhythm import App

app = App("cron_like")
beats = threading.Semaphore(0)
swept = threading.Semaphore(0)


@app.every("50ms", tags=["quick"])
def beat() -> None:
    """Stand for the job that every program has."""
    beats.release()


@app.cron("30 2 * * mon-fri", tz="Europe/Berlin", missed="all", overlap="queue")
def nightly() -> None:
    """Run in the night, once each, also for nights when nobody was there."""


@app.task
def sweep(folder: str) -> str:
    """Is made a job while the program runs."""
    swept.release()
    return f"swept {folder}"


def wait(what: threading.Semaphore, times: int) -> None:
    """Wait until something has happened so often."""
    for _ in range(times):
        what.acquire()


def main() -> None:
    """Change jobs while they run."""
    with app:
        # What a program that was killed has left as it was.
        app.jobs.resume("beat")
        app.jobs.remove(tag="spare")
        wait(beats, 3)
        print("beat three times")
        app.jobs.pause(tag="quick", reason="quiet, please")
        print(f"paused: {app.jobs.get('beat').note}")
        app.jobs.put("sweep", sweep, "@every 40ms", args=["/tmp"], runs=2, tags=["spare"])
        wait(swept, 2)
        print(f"swept twice, {app.jobs.get('sweep').remaining} left")
        app.jobs.run("sweep")
        wait(swept, 1)
        print("swept once more, by hand")
        app.jobs.remove("sweep")
        app.jobs.resume("beat")
        print("jobs:", ", ".join(f"{job.id} ({job.spec})" for job in app.jobs.list()))


if __name__ == "__main__":
    main()
