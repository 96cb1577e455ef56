"""Where mails are kept, whoever took them: a Maildir, and a line in the log for each."""

from __future__ import annotations

import json
import mailbox
import os
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from autional_cli.resources.mailbox import RECIPIENTS_HEADER, SENDER_HEADER, Mail, parse

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MAX_LOGGED_CHARACTERS = 64 << 10
TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")  # W3C Trace Context


class MailStore:
    """Stores every mail, then says so in the log."""

    def __init__(self, folder: Path, log_file: Path | None) -> None:
        self.maildir = mailbox.Maildir(folder, create=True)
        self.log_file = log_file

    def keep(self, sender: str, recipients: Iterable[str], content: bytes) -> None:
        """Store a mail with its envelope. OSError when there is no room."""
        headers = f"{SENDER_HEADER}: {sender}\r\n{RECIPIENTS_HEADER}: {', '.join(recipients)}\r\n"
        whole = headers.encode("utf-8") + content
        key = self.maildir.add(whole)
        self.log(parse(whole), key)

    def log(self, mail: Mail, key: str) -> None:
        """Append the mail to the structured log."""
        if self.log_file is None:
            return
        line: dict[str, Any] = {
            "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "level": "info",
            "service": "mailbox",
            "instance": "mailbox-0",
            "event": "mail received",
            "from": mail.sender,
            "to": list(mail.to),
            "subject": mail.subject,
            "text": mail.text[:MAX_LOGGED_CHARACTERS],
            "mail_id": key,
        }
        context = TRACEPARENT.fullmatch(str(mail.message.get("traceparent", "")))
        if context:
            line["trace_id"], line["span_id"] = context.groups()
        descriptor = os.open(self.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
