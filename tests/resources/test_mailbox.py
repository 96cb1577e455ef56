"""The development mailbox, as a real process, fed by a real SMTP client."""

from __future__ import annotations

import asyncio
import smtplib
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.resources.mailbox import MailboxReader

from .running import IDENTITY, running

if TYPE_CHECKING:
    from autional_cli.drivers.base import Resource
    from autional_cli.instance import Instance

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def mail(to: str, subject: str, text: str = "hello\n", **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Autional <no-reply@autional.localhost>", to, subject
    for name, value in headers.items():
        message[name] = value
    message.set_content(text)
    return message


async def send(mailbox: Resource, message: EmailMessage) -> Any:
    def call() -> Any:
        with smtplib.SMTP("127.0.0.1", mailbox.ports[0], timeout=10) as client:
            return client.send_message(message)

    return await asyncio.to_thread(call)


async def test_waiting_for_a_mail_that_never_comes_says_which(empty: dict[str, Resource], instance: Instance) -> None:
    await empty["mailbox"].prepare()
    reader = MailboxReader(instance.data_dir / "mailbox")
    with pytest.raises(
        AutionalError, match=r"no mail to ada@example\.com about 'Code' arrived within 0\.1 s"
    ) as caught:
        await reader.wait_for(to="ada@example.com", subject="Code", timeout_s=0.1)
    assert caught.value.exit_code is ExitCode.WAIT_TIMED_OUT


async def test_a_mail_of_more_than_ten_megabytes_is_refused_and_the_next_one_is_kept(
    empty: dict[str, Resource], instance: Instance
) -> None:
    async with running(empty["mailbox"]):
        with pytest.raises((smtplib.SMTPSenderRefused, smtplib.SMTPDataError)) as caught:
            await send(empty["mailbox"], mail("ada@example.com", "large", "x" * 70 + ("\n" + "x" * 70) * 150_000))
        assert caught.value.smtp_code == 552
        await send(empty["mailbox"], mail("ada@example.com", "small"))
        found = await MailboxReader(instance.data_dir / "mailbox").wait_for(to="ada@example.com", timeout_s=5)
        assert found.subject == "small"


async def test_stops_while_a_client_is_connected(empty: dict[str, Resource]) -> None:
    async with running(empty["mailbox"]) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", empty["mailbox"].ports[0])
        assert await server.stop() == 0
        writer.close()


async def test_mails_survive_a_restart_and_kill_9(empty: dict[str, Resource], instance: Instance) -> None:
    async with running(empty["mailbox"]) as server:
        await send(empty["mailbox"], mail("ada@example.com", "kept"))
        await server.kill()
    async with running(empty["mailbox"]):
        found = await MailboxReader(instance.data_dir / "mailbox").wait_for(to="ada@example.com", timeout_s=5)
        assert found.subject == "kept"


async def test_the_url_is_the_same_for_every_service(empty: dict[str, Resource]) -> None:
    assert empty["mailbox"].url_for(IDENTITY) == f"smtp://127.0.0.1:{empty['mailbox'].ports[0]}"


async def test_a_foreign_directory_is_refused(empty: dict[str, Resource], instance: Instance) -> None:
    (instance.data_dir / "mailbox").mkdir()
    (instance.data_dir / "mailbox" / "letter.odt").write_text("dear")
    with pytest.raises(AutionalError, match="is not a mailbox of ours"):
        empty["mailbox"].inspect()
