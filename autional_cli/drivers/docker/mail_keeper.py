"""The keeper of a mail catcher: it also copies every mail that arrives to where the platform reads mails.

Beside the keeper's arguments it takes AUTIONAL_MAIL_API (the port of Mailpit's HTTP interface), AUTIONAL_MAILBOX_DIR
and AUTIONAL_LOG_FILE. A line of its SMTP server is the sign that there may be a new mail, so nobody polls.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from autional_cli.drivers.docker.keeper import Keeper, complain, main
from autional_cli.ports import LOOPBACK
from autional_cli.resources.mail_store import MailStore

PAGE = 50
ANSWER_S = 5.0
TRIES, TRY_S = 200, 0.05  # until it serves HTTP
SEEN = "copied.json"
REMEMBERED = 2000
SIGN = b"[smtpd]"  # begins what Mailpit says of SMTP


class Mirror:
    """Copies mails that were not copied before, oldest first."""

    def __init__(self, port: int, store: MailStore, seen_file: Path) -> None:
        self.port = port
        self.store = store
        self.seen_file = seen_file
        self.seen: list[str] = json.loads(seen_file.read_bytes()) if seen_file.is_file() else []
        self._news = threading.Event()

    def begin(self) -> None:
        """Copy what is there and what comes, on a thread."""
        self._news.set()
        threading.Thread(target=self._run, name="mirror", daemon=True).start()

    def look(self) -> None:
        """Have a look soon."""
        self._news.set()

    def _run(self) -> None:
        failures = 0
        while True:
            self._news.wait(TRY_S if failures else None)
            self._news.clear()
            try:
                self._copy()
                failures = 0
            except (OSError, http.client.HTTPException, ValueError, KeyError) as failure:
                failures += 1
                if failures > TRIES:
                    complain(f"mails cannot be copied: {failure}")
                    failures = 0

    def _copy(self) -> None:
        for summary in reversed(self._unseen()):
            people = [*(summary.get("To") or ()), *(summary.get("Cc") or ()), *(summary.get("Bcc") or ())]
            sender = (summary.get("From") or {}).get("Address", "")
            content = self._get(f"/api/v1/message/{summary['ID']}/raw")
            self.store.keep(sender, [person["Address"] for person in people], content)
            self.seen.append(summary["ID"])
            self.seen_file.write_text(json.dumps(self.seen[-REMEMBERED:]))

    def _unseen(self) -> list[dict[str, Any]]:
        """Return the summaries of new mails, newest first."""
        found: list[dict[str, Any]] = []
        known = set(self.seen)
        while True:
            page = json.loads(self._get(f"/api/v1/messages?start={len(found)}&limit={PAGE}"))["messages"]
            fresh = [summary for summary in page if summary["ID"] not in known]
            found += fresh
            if len(fresh) < PAGE:
                return found

    def _get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=ANSWER_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise ConnectionError(f"{path} answered {response.status}")
        return body


class MailKeeper(Keeper):
    """A keeper that has a mirror look whenever the container says something of SMTP.

    Not of anything else: it also says that it was asked for its mails, and so each look would bring the next.
    """

    mirror: Mirror | None = None
    tail = b""  # of the output so far: a sign may come in two parts

    def began(self) -> None:
        """Begin to copy."""
        if self.mirror is None:
            folder = Path(os.environ["AUTIONAL_MAILBOX_DIR"])
            store = MailStore(folder, Path(os.environ["AUTIONAL_LOG_FILE"]))
            self.mirror = Mirror(int(os.environ["AUTIONAL_MAIL_API"]), store, folder.parent / SEEN)
            self.mirror.begin()

    def said(self, output: bytes) -> None:
        """Pass output on and have a look."""
        super().said(output)
        seen = self.tail + output
        self.tail = seen[1 - len(SIGN) :]
        if self.mirror and SIGN in seen:
            self.mirror.look()


if __name__ == "__main__":
    sys.exit(main(MailKeeper))
