"""Tasks as a Celery module has them; only its import was changed."""

import logging
import random

from polyrhythm.celery import Celery, MaxRetriesExceededError, SoftTimeLimitExceeded, chain, group

app = Celery("mailer", broker="redis://localhost:6379/0", backend="redis://localhost:6379/1")
app.conf.update(
    task_serializer="json",
    accept_content=["json"],
    result_expires=3600,
    task_routes={"celery_module.render_*": {"queue": "mailer"}},
)
logger = logging.getLogger(__name__)
random.seed(7)
OUTBOX = []
FAILURES = []
TRIES = {}


class MailboxBusy(Exception):
    pass


@app.task
def add(x, y=1):
    return x + y


@app.task(name="mailer.total")
def total(numbers):
    return sum(numbers)


@app.task(bind=True, max_retries=3, default_retry_delay=0)
def send_mail(self, to, *, subject="hello", **headers):
    TRIES[self.request.id] = self.request.retries
    try:
        if "busy" in to and self.request.retries < 2:
            raise MailboxBusy(to)
        if "gone" in to:
            raise MailboxBusy(to)
    except MailboxBusy as exc:
        raise self.retry(exc=exc, countdown=0) from exc
    OUTBOX.append((to, subject, headers))
    return {"to": to, "retries": self.request.retries}


@app.task(autoretry_for=(ConnectionError,), retry_kwargs={"max_retries": 2, "countdown": 0})
def fetch(url):
    TRIES[url] = TRIES.get(url, 0) + 1
    if "down" in url:
        raise ConnectionError(url)
    return f"page of {url}"


@app.task(bind=True, max_retries=0)
def give_up(self):
    try:
        self.retry()
    except MaxRetriesExceededError:
        return "gave up"


@app.task
def divide(x, y):
    return x / y


@app.task
def on_failure(request, exc, traceback):
    FAILURES.append((request.id, str(exc)))


@app.task(soft_time_limit=0.05)
def slow():
    try:
        while True:
            pass
    except SoftTimeLimitExceeded:
        return "cleaned up"


@app.task(bind=True)
def report(self, steps):
    for step in range(steps):
        self.update_state(state="PROGRESS", meta={"done": step + 1})
    return "reported"


@app.task
def render_page(number, size="A4"):
    return f"{number}:{size}"


def newsletter(people):
    return chain(group(send_mail.s(to, subject="news") for to in people), count_sent.s())


@app.task
def count_sent(reports):
    return len(reports)
