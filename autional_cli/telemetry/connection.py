"""HTTP/1.1 with an end to what a client may send: the head of a request has a size and a time, its body goes on coming.

Beyond that it is answered with 431 (RFC 6585, 5) or 408 (RFC 9110, 15.5.9). Nothing of the workspace is imported: what
is edited there must not end the telemetry process.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES, HEAD_FIELDS = 32 * 1024, 100
ARRIVAL_S = 10.0  # from the first byte of a head to its last, and from one part of a body to the next
LINGER_S = 2.0  # a refused sender is given so long to read why
MALFORMED, TOO_SLOW, TOO_LARGE = 400, 408, 431


class HeadTooLargeError(Exception):
    """Ends the parser's work on a head."""


class Connection(HttpToolsProtocol):
    """One connection."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.in_head, self.is_whole, self.is_refused = True, True, False
        self.head = self.untold = 0  # bytes of the head: what the parser has told of, and what it still keeps
        self.has_told = False
        self.refusal = MALFORMED
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own
        super().connection_made(transport)
        self.expect(ARRIVAL_S)

    def connection_lost(self, exc: Exception | None) -> None:
        self.expect(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.is_over():
            return
        self.has_told = False
        super().data_received(data)
        if self.is_over():
            return
        if self.in_head:
            self.untold += 0 if self.has_told else len(data)
            if self.head + self.untold > HEAD_BYTES:
                self.refuse(TOO_LARGE)
            elif self.timer is None:
                self.expect(ARRIVAL_S)
        elif not self.is_whole:
            self.expect(ARRIVAL_S)

    def is_over(self) -> bool:
        """Tell whether nothing that comes is a request any more."""
        return self.is_refused or self.transport.is_closing()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.in_head, self.is_whole, self.has_told = True, False, True
        self.head = self.untold = 0

    def on_url(self, url: bytes) -> None:
        self.count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.count(len(name) + len(value) + 4)  # with colon, space and end of line
        if len(self.headers) >= HEAD_FIELDS:
            self.refusal = TOO_LARGE
            raise HeadTooLargeError
        super().on_header(name, value)

    def count(self, size: int) -> None:
        """Add to the head in hand."""
        self.head += size
        self.untold, self.has_told = 0, True
        if self.head > HEAD_BYTES:
            self.refusal = TOO_LARGE
            raise HeadTooLargeError

    def on_headers_complete(self) -> None:
        self.in_head = False
        self.expect(None)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.is_whole = True
        self.expect(None)
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read, or is too large."""
        self.refuse(self.refusal)

    def expect(self, seconds: float | None) -> None:
        """Give what is to arrive next so long; None: nothing is waited for."""
        if self.timer is not None:
            self.timer.cancel()
        self.timer = None if seconds is None else self.loop.call_later(seconds, self.give_up)

    def give_up(self) -> None:
        """End a connection on which nothing came in time."""
        self.timer = None
        if self.is_refused or (self.in_head and self.head == 0):
            self.transport.close()
        else:
            self.refuse(TOO_SLOW)

    def refuse(self, status: int) -> None:
        """Answer with an error unless that would break into another answer; what still comes is thrown away."""
        self.is_refused = True
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or (cycle.response_complete if self.in_head else not cycle.response_started):
            self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.write_eof()
            self.expect(LINGER_S)
        else:
            self.transport.close()
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True  # whoever reads the body is told that the sender is gone
            cycle.message_event.set()
