"""Delivers one alert by one channel; blocks, and runs as a task in a thread.

Whoever refuses for good (a status 4xx, a mail that no recipient takes) fails the task at once; who
is away or busy is asked again later.
"""

from __future__ import annotations

import json
import logging
import smtplib
import urllib.error
import urllib.request
from dataclasses import asdict
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

from polyrhythm.sdk.alerts.alert import Alert, AlertFacts
from polyrhythm.sdk.errors import Permanent

LOG = logging.getLogger("polyrhythm.alert")
# Of one try; below the timeout of the task, which also says how soon a killed try is made again.
ANSWER_S = 10.0
# Refusals that may be over soon: too early, too many, timed out.
BUSY = (408, 425, 429)
SUBJECT_CHARACTERS_MAX = 200


def deliver(alert: Alert, channel: str, facts: AlertFacts) -> None:
    """Tell one of the alert's channels. Raises Permanent, OSError, smtplib.SMTPException."""
    if channel == "webhook":
        body = {**asdict(facts), "text": facts.text}
        del body["channels"]
        _post(alert.webhook, body, facts.key, alert.headers)
    elif channel == "chat":
        _post(alert.chat, {"text": facts.text}, facts.key, alert.headers)
    elif channel == "email":
        _mail(alert, facts)
    elif channel == "log":
        LOG.error("%s", facts.text, extra={"fingerprint": facts.fingerprint, "key": facts.key})
    else:
        raise Permanent(f"this program's alert has no channel {channel!r}", type="AlertChannel")


def _post(url: str, body: dict[str, Any], key: str, headers: dict[str, str]) -> None:
    request = urllib.request.Request(  # noqa: S310 - http and https only, checked by Alert
        url,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Idempotency-Key": key, **headers},
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_S):  # noqa: S310 - as above
            pass
    except urllib.error.HTTPError as error:
        with error:
            # The url may carry a secret: only its host is told.
            text = f"{urlsplit(url).hostname} answered {error.code} {error.reason}"
        if 400 <= error.code < 500 and error.code not in BUSY:
            raise Permanent(text, type="AlertRefused") from None
        raise OSError(text) from None


def _mail(alert: Alert, facts: AlertFacts) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"] = alert.sender, ", ".join(alert.recipients)
    subject = f"{facts.app}: {facts.kind} {facts.name} failed: {facts.error}"
    mail["Subject"] = " ".join(subject.split())[:SUBJECT_CHARACTERS_MAX]
    mail["Message-ID"] = f"<{facts.key}@polyrhythm.invalid>"
    facts_text = "\n".join(f"{name}: {value}" for name, value in asdict(facts).items())
    mail.set_content(f"{facts.text}\n\n{facts_text}\n")
    url = urlsplit(alert.smtp)
    connect = smtplib.SMTP_SSL if url.scheme == "smtps" else smtplib.SMTP
    with connect(url.hostname or "", url.port or 0, timeout=ANSWER_S) as server:
        if url.scheme == "smtp":
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls()
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))
        try:
            server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            raise Permanent(f"no recipient was taken: {error}", type="AlertRefused") from error
