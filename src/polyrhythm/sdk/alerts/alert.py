"""Where the news of a failure goes, as a value of a task or a workflow; and the news itself.

Addresses and passwords stay in the program: a history has the facts and the channels' names only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from polyrhythm.sdk.errors import MisuseError

WEB = ("http", "https")
MAIL = ("smtp", "smtps")


@dataclass(slots=True)
class Alert:
    """Tells people, once, that a task or a run has failed and nothing follows.

        @app.task(retry=3, alert=Alert(webhook="https://example.org/hooks/orders"))
        @app.workflow(alert=Alert(chat=CHAT_URL, email="ops@example.org", smtp="smtp://mail:25"))

    `webhook` gets all facts as JSON by POST, with an `Idempotency-Key`; `chat` gets
    `{"text": "..."}`, as chat systems take it; `email` one mail to an address or several, through
    `smtp` (smtp:// or smtps://, user:password@host:port) from `sender`; `log` one line at level
    ERROR of the logger `polyrhythm.alert`. Several may be given.

    A task's alert is due when its last attempt has failed: a Permanent error, a final type, all
    attempts used up. A run's is due when it fails and is not retried. Time that runs out,
    terminations and cancellations raise none, since no worker sees them, nor does a task that was
    called as `task.local(...)`. A run that is about to fail and gets a message in that very moment
    looks again, and may go on: its alert has been given by then.

    The alert is itself a durable run (`polyrhythm.alert`) that is started before the failure is
    answered, with an id made of its fingerprint: it survives restarts, is tried again for a day
    while the receiver is away, and no second one is made of the same failure. If the process dies
    between a delivery and its record, that one is delivered again with the same key.
    """

    webhook: str = ""
    chat: str = ""
    email: str | tuple[str, ...] = ()
    smtp: str = "smtp://localhost:25"
    sender: str = "polyrhythm@localhost"
    log: bool = False
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what can reach nobody. Raises MisuseError."""
        for name, url, schemes in (
            ("webhook", self.webhook, WEB),
            ("chat", self.chat, WEB),
            ("smtp", self.smtp, MAIL),
        ):
            parts = urlsplit(url)
            if url and (parts.scheme not in schemes or not parts.hostname):
                raise MisuseError(f"Alert({name}=...) wants a url of {' or '.join(schemes)}")
        if not self.channels:
            raise MisuseError("an Alert tells somebody: give webhook=, chat=, email= or log=True")

    @property
    def recipients(self) -> tuple[str, ...]:
        """The addresses of the mail."""
        return (self.email,) if isinstance(self.email, str) and self.email else tuple(self.email)

    @property
    def channels(self) -> list[str]:
        """The names of the ways that it goes."""
        given = (
            ("webhook", self.webhook),
            ("chat", self.chat),
            ("email", self.email),
            ("log", self.log),
        )
        return [name for name, value in given if value]


@dataclass(slots=True)
class AlertFacts:
    """What is told. `kind` is task or workflow, `name` its name, `at` the time in ISO 8601.

    `fingerprint` is the same for every failure of one kind, for receivers that group them; `key` is
    of this one.
    """

    key: str
    fingerprint: str
    app: str
    kind: str
    name: str
    error: str
    message: str
    namespace: str
    workflow: str
    workflow_id: str
    run_id: str
    task_id: str
    attempt: int
    at: str
    channels: list[str]

    @property
    def text(self) -> str:
        """All of it in a line or two, for people."""
        where = f"run {self.workflow_id} ({self.run_id})"
        what = f"{self.kind} {self.name}"
        if self.kind == "task":
            what += f", attempt {self.attempt},"
        return f"{self.app}: {what} failed in {where}: {self.error}: {self.message}"
