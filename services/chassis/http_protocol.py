"""HTTP/1.1 as uvicorn reads it, with an end to everything that a client may send: size, number and time.

uvicorn bounds neither the head of a request nor the time it takes to arrive, and waits for a reader that does not read.
A head beyond its bounds is answered with 431 (RFC 6585, 5), one that does not arrive with 408 (RFC 9110, 15.5.9).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from services.chassis.dto import error_body
from services.chassis.errors import HEAD_TOO_LARGE, MALFORMED, REQUEST_TIMEOUT, ErrorCode


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a client may send: bytes of a request's line and fields, number of fields; times are seconds.

    `head_s` from a connection, or the first byte of a request, to the end of its head; `body_s` from one part of a body
    to the next; `rest_s` for the rest of a body that was answered already; `reader_s` that an answer may stay unread.
    """

    size: int
    fields: int
    head_s: float = 10.0
    body_s: float = 10.0
    rest_s: float = 2.0
    reader_s: float = 30.0


OUTSIDE = Bounds(size=32 * 1024, fields=100)
INSIDE = Bounds(size=48 * 1024, fields=128)  # what passed the gateway fits, with what the gateway adds


class _TooLargeError(Exception):
    """The head in hand is beyond its limits."""


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    def __init__(self, bounds: Bounds, **given: Any) -> None:
        super().__init__(**given)
        self._bounds = bounds
        self._in_head = True  # what comes next belongs to a head
        self._complete = True  # the request in hand has arrived as a whole
        self._head = 0  # bytes of the head in hand that the parser has told of
        self._untold = 0  # bytes that it keeps until a field is complete
        self._began = False
        self._upgraded = False
        self._refused = False
        self._refusal: ErrorCode = MALFORMED
        self._arrival: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own
        super().connection_made(transport)
        self._expect(self._bounds.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect(None)
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_over():
            return  # what was sent after the connection was given up
        self._began = False
        super().data_received(data)
        if self._is_over():
            return
        if self._in_head:  # a head that came as a whole needs no clock
            self._untold += 0 if self._began else len(data)
            if self._untold > self._bounds.size:
                self._refuse(HEAD_TOO_LARGE)
            elif self._arrival is None:
                self._expect(self._bounds.head_s)
        elif not self._complete and not self.cycle.response_complete:
            self._expect(self._bounds.body_s)
        elif self._idle and self._arrival is None:
            self._expect(self._bounds.head_s)  # line ends alone, which have ended the time of a kept connection

    def _is_over(self) -> bool:
        """Whether nothing that comes is a request any more."""
        return self._upgraded or self._refused or self.transport.is_closing()

    @property
    def _idle(self) -> bool:
        return self._complete and not self._in_head and self.cycle.response_complete

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = self._began = True
        self._complete = False
        self._head = self._untold = 0

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)  # with colon, space and line end
        if len(self.headers) >= self._bounds.fields:
            self._refusal = HEAD_TOO_LARGE
            raise _TooLargeError
        super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._head += size
        self._untold = 0
        if self._head > self._bounds.size:
            self._refusal = HEAD_TOO_LARGE
            raise _TooLargeError

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._expect(None)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._complete = True
        self._expect(None)
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._upgraded = True  # another protocol has the connection from now on
        self._expect(None)
        super().handle_websocket_upgrade()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._complete and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self._expect(self._bounds.rest_s)

    def send_400_response(self, msg: str) -> None:
        """Answer what cannot be read, in the envelope."""
        self._refuse(self._refusal)

    def _expect(self, seconds: float | None) -> None:
        """Give what is to arrive next so long; None: nothing is waited for."""
        if self._arrival is not None:
            self._arrival.cancel()
        self._arrival = None if seconds is None else self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        self._arrival = None
        if self.transport.is_closing():
            return
        if self._refused or (self._head == 0 and self._in_head):  # nothing was asked
            self.transport.close()
        else:
            self._refuse(REQUEST_TIMEOUT)

    def _refuse(self, code: ErrorCode) -> None:
        """Answer with an error unless that would break into another answer, and close.

        What still comes is read and thrown away for a moment: closing at once would reset the connection before the
        client has read why (RFC 9112, 9.6).
        """
        # Of the request in hand, or, while its head is not complete, of the one before.
        cycle: RequestResponseCycle | None = self.cycle
        quiet = cycle is None or (cycle.response_complete if self._in_head else not cycle.response_started)
        self._refused = True
        if quiet and not self.pipeline:
            body = error_body(code)
            fields = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[code.status] + fields.encode("ascii") + body)
            self.transport.write_eof()
            self._expect(self._bounds.rest_s)
        else:
            self.transport.close()
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True  # whoever works on it is told that the client is gone
            cycle.message_event.set()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading = self.loop.call_later(self._bounds.reader_s, self.transport.abort)

    def resume_writing(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        super().resume_writing()
