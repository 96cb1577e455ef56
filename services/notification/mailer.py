"""Mail over SMTP (RFC 5321)."""

from __future__ import annotations

import asyncio
import contextlib
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import urlsplit
from uuid import UUID

import aiosmtplib
from opentelemetry.trace import SpanKind

from services.chassis.settings import Settings
from services.chassis.tracing import span

_TIMEOUT_S = 10


class RefusedError(Exception):
    """The mail server will never take this message."""


class NotNowError(Exception):
    """The mail server cannot be reached or asks to try again."""


class Mailer:
    """Sends plain-text mail through the server that the settings name."""

    def __init__(self, settings: Settings) -> None:
        url = urlsplit(settings.smtp_url)
        self._host = url.hostname or "127.0.0.1"
        self._port = url.port or 25
        self._username = url.username
        self._password = url.password
        self._tls = url.scheme == "smtps"
        self._from = settings.mail_from
        self._client: aiosmtplib.SMTP | None = None
        self._turn = asyncio.Lock()  # one message at a time on the connection

    async def send(self, delivery_id: UUID, to: str, subject: str, body: str) -> None:
        """Send one message; its Message-ID is made of `delivery_id`, so a repeated one can be told.

        Raises `RefusedError` for a permanent refusal (5yz), `NotNowError` for everything else.
        """
        message = EmailMessage()
        message["From"] = self._from
        message["To"] = to
        message["Subject"] = subject
        message["Date"] = formatdate(usegmt=True)
        message["Message-ID"] = f"<{delivery_id}@autional>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: vacation responders stay silent
        message.set_content(body)
        attributes: dict[str, str | int] = {"server.address": self._host, "server.port": self._port}
        try:
            with span("smtp send", SpanKind.CLIENT, {**attributes, "network.protocol.name": "smtp"}):
                async with self._turn:
                    await (await self._connection()).send_message(message)
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPResponseException) as error:
            code = getattr(error, "code", 550)
            raise (RefusedError if 500 <= code < 600 else NotNowError)(str(error)) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            await self.hang_up()
            raise NotNowError(str(error)) from error

    async def _connection(self) -> aiosmtplib.SMTP:
        """Return the connection, made anew if there is none; one serves all messages until `hang_up`."""
        if self._client is None or not self._client.is_connected:
            self._client = aiosmtplib.SMTP(
                hostname=self._host,
                port=self._port,
                username=self._username,
                password=self._password,
                use_tls=self._tls,
                timeout=_TIMEOUT_S,
            )
            await self._client.connect()
        return self._client

    async def hang_up(self) -> None:
        """Say goodbye to the mail server."""
        client, self._client = self._client, None
        if client is not None and client.is_connected:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
