"""Stands in for Mailpit: SMTP on 1025, and of its HTTP interface on 8025 what the driver asks for.

Listing `GET /api/v1/messages` (newest first, `start`, `limit`), source `GET /api/v1/message/ID/raw`, `GET /readyz`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sqlite3
import threading
import uuid
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import getaddresses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.smtp import SMTP

LIMIT = 50


class Store:
    """All mails, in a file."""

    def __init__(self, path: str) -> None:
        self.lock = threading.Lock()
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.execute("CREATE TABLE IF NOT EXISTS mails (n INTEGER PRIMARY KEY, id TEXT, summary TEXT, raw BLOB)")

    def add(self, summary: dict[str, Any], raw: bytes) -> None:
        with self.lock:
            row = (summary["ID"], json.dumps(summary), raw)
            self.db.execute("INSERT INTO mails (id, summary, raw) VALUES (?, ?, ?)", row)

    def list(self, start: int, limit: int) -> dict[str, Any]:
        with self.lock:
            total = self.db.execute("SELECT count(*) FROM mails").fetchone()[0]
            rows = self.db.execute("SELECT summary FROM mails ORDER BY n DESC LIMIT ? OFFSET ?", (limit, start))
            found = [json.loads(row[0]) for row in rows]
        counts = {"total": total, "unread": total, "count": len(found), "messages_count": total}
        return {**counts, "messages_unread": total, "start": start, "tags": [], "messages": found}

    def raw(self, key: str) -> bytes | None:
        with self.lock:
            row = self.db.execute("SELECT raw FROM mails WHERE id = ?", (key,)).fetchone()
        return row[0] if row else None


class Keeper:
    """Takes mails from SMTP."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd calls it
        raw = bytes(envelope.original_content or b"")
        message = message_from_bytes(raw, policy=policy.default)
        named = {kind: people(message, kind) for kind in ("To", "Cc")}
        known = {person["Address"].lower() for each in named.values() for person in each}
        blind = [{"Name": "", "Address": to} for to in envelope.rcpt_tos if to.lower() not in known]
        summary = {
            "ID": uuid.uuid4().hex[:22],
            "MessageID": str(message.get("Message-ID", "")).strip("<>"),
            "Read": False,
            "From": (people(message, "From") or [{"Name": "", "Address": envelope.mail_from}])[0],
            **named,
            "Bcc": blind,
            "ReplyTo": [],
            "Subject": str(message.get("Subject", "")),
            "Created": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "Tags": [],
            "Size": len(raw),
            "Attachments": 0,
            "Snippet": "",
        }
        self.store.add(summary, raw)
        print(f'level=debug msg="[smtpd] received from:{envelope.mail_from}"', flush=True)
        return "250 2.0.0 Ok: queued"


def people(message: Any, header: str) -> list[dict[str, str]]:
    """Return the addresses of a header."""
    return [{"Name": name, "Address": to} for name, to in getaddresses(map(str, message.get_all(header, []))) if to]


def handler(store: Store) -> type[BaseHTTPRequestHandler]:
    """Return the class that answers HTTP requests."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            if parts.path == "/readyz":
                return self.answer(200, b"ok", "text/plain")
            if parts.path == "/api/v1/messages":
                found = store.list(int(query.get("start", 0)), int(query.get("limit", LIMIT)))
                return self.answer(200, json.dumps(found).encode(), "application/json")
            if match := re.fullmatch(r"/api/v1/message/([^/]+)/raw", parts.path):
                raw = store.raw(match[1])
                if raw is not None:
                    return self.answer(200, raw, "text/plain; charset=utf-8")
            return self.answer(404, b"404 page not found", "text/plain")

        def answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Say nothing, as Mailpit does unless it is asked to."""

    return Handler


async def main() -> None:
    """Serve until SIGTERM."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    store = Store(os.environ.get("MP_DATABASE", "/tmp/mailpit.db"))
    web = ThreadingHTTPServer(("0.0.0.0", 8025), handler(store))
    threading.Thread(target=web.serve_forever, daemon=True).start()

    def session() -> SMTP:
        return SMTP(Keeper(store), enable_SMTPUTF8=True, hostname="mailpit", loop=loop)

    server = await loop.create_server(session, "0.0.0.0", 1025)
    await stop.wait()
    server.close()


asyncio.run(main())
