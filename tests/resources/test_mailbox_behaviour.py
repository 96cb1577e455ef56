"""What the mailbox must do whichever driver runs it."""

from __future__ import annotations

import asyncio
import json
import smtplib
from typing import TYPE_CHECKING

from autional_cli.resources.mailbox import MailboxReader

from .running import running
from .test_mailbox import TRACE, mail, send

if TYPE_CHECKING:
    from .running import Either


async def test_a_mail_is_kept_and_can_be_waited_for(either: Either) -> None:
    resources = either.build()
    mailbox = resources["mailbox"]
    reader = MailboxReader(either.instance.data_dir / "mailbox")
    async with running(mailbox) as server:
        waiting = asyncio.create_task(reader.wait_for(to="ada@example.com", subject="Grüße", timeout_s=10))
        await send(mailbox, mail("bob@example.com", "Grüße"))
        await send(mailbox, mail("Ada@example.com", "Grüße aus Köln", "Ihr Code: 123 ✓\n"))
        found = await waiting
        assert await server.stop() == 0
    assert (found.subject, found.text.strip(), found.to) == ("Grüße aus Köln", "Ihr Code: 123 ✓", ("Ada@example.com",))
    assert found.sender == "no-reply@autional.localhost"


async def test_mails_that_arrived_before_are_found_oldest_first_and_each_once(either: Either) -> None:
    resources = either.build()
    async with running(resources["mailbox"]):
        for number in (1, 2):
            await send(resources["mailbox"], mail("ada@example.com", f"mail {number}"))
        reader = MailboxReader(either.instance.data_dir / "mailbox")
        subjects = [(await reader.wait_for(to="ada@example.com", timeout_s=5)).subject for _ in range(2)]
        assert subjects == ["mail 1", "mail 2"]


async def test_each_mail_is_one_event_in_the_log_with_its_trace(either: Either) -> None:
    resources = either.build()
    async with running(resources["mailbox"]):
        await send(
            resources["mailbox"],
            mail("ada@example.com", "Welcome", "line one\nline two\n", traceparent=f"00-{TRACE}-00f067aa0ba902b7-01"),
        )
        await MailboxReader(either.instance.data_dir / "mailbox").wait_for(to="ada@example.com", timeout_s=5)
    log = either.instance.logs_dir / "mailbox.jsonl"
    [line] = [json.loads(text) for text in log.read_text().splitlines()]
    assert line["event"] == "mail received"
    assert line["from"] == "no-reply@autional.localhost"
    assert line["to"] == ["ada@example.com"]
    assert line["subject"] == "Welcome"
    assert line["text"].splitlines() == ["line one", "line two"]
    assert (line["trace_id"], line["span_id"]) == (TRACE, "00f067aa0ba902b7")
    assert line["timestamp"].endswith("Z")
    assert log.stat().st_mode & 0o777 == 0o600


async def test_a_broken_mail_is_kept_all_the_same(either: Either) -> None:
    resources = either.build()
    async with running(resources["mailbox"]):

        def call() -> None:
            with smtplib.SMTP("127.0.0.1", resources["mailbox"].ports[0], timeout=10) as client:
                client.sendmail(
                    "a@b", ["ada@example.com"], b"Subject: =?utf-8?q?=ff?=\r\nContent-Type: x/\r\n\r\n\xff\xfe"
                )

        await asyncio.to_thread(call)
        await MailboxReader(either.instance.data_dir / "mailbox").wait_for(to="ada@example.com", timeout_s=5)
