"""The unified envelope: the shape of every answer, good or bad.

Success: `{code: 0, message, data, trace_id}`. Failure: `{code, error, message, details, trace_id}` with the HTTP status
that fits. `trace_id` is 32 hex digits (W3C Trace Context) or empty outside a request.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from services.chassis.errors import BAD_CURSOR, ErrorCode, ServiceError
from services.chassis.tracing import current_trace_id

T = TypeVar("T")


class Dto(BaseModel):
    """Base of wire types: unknown fields are refused, so that a typo is an error and not silence.

    So are texts that cannot be kept: JSON can carry half of a surrogate pair and the character NUL, but UTF-8 has no
    form for the one and PostgreSQL none for the other.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def refuse_half_characters(cls, value: object) -> object:
        """Raise `ValueError` for a lone surrogate or a NUL, however deep."""
        _check_text(value)
        return value


def _check_text(value: object) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("holds the character NUL")
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError("holds half of a surrogate pair")
    elif isinstance(value, Mapping):
        for key, part in value.items():
            _check_text(key)
            _check_text(part)
    elif isinstance(value, list):
        for part in value:
            _check_text(part)


def _in_utc(value: datetime) -> datetime:
    """Return a moment in UTC; one without an offset is in UTC. Raises `ValueError` beyond the years 1 to 9999."""
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the years 1 to 9999 in UTC") from error


# A moment that a client gives (RFC 3339), in UTC whatever its offset was.
Instant = Annotated[datetime, AfterValidator(_in_utc)]


class Envelope(BaseModel, Generic[T]):
    """A successful answer."""

    code: int = 0
    message: str = "ok"
    data: T
    trace_id: str = ""


class ErrorEnvelope(BaseModel):
    """A failed answer."""

    code: int
    error: str
    message: str
    details: dict[str, Any] = Field(default_factory=dict)
    trace_id: str = ""


class Page(BaseModel, Generic[T]):
    """One page of a listing; `next_cursor` is empty on the last."""

    items: list[T]
    next_cursor: str = ""


def ok(data: T, message: str = "ok") -> Envelope[T]:
    """Wrap `data` for the wire."""
    return Envelope(data=data, message=message, trace_id=current_trace_id())


def error_body(code: ErrorCode, message: str | None = None, details: Mapping[str, Any] | None = None) -> bytes:
    """Return the JSON bytes of a failed answer."""
    body = {
        "code": code.number,
        "error": code.name,
        "message": message or code.message,
        "details": dict(details or {}),
        "trace_id": current_trace_id(),
    }
    try:
        return orjson.dumps(body, default=str)
    except TypeError:  # half of a surrogate pair in what the client sent
        return json.dumps(body, default=str, ensure_ascii=False).encode(errors="replace")


def encode_cursor(*parts: str | int) -> str:
    """Return an opaque cursor for the position `parts`."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def uuid_cursor(cursor: str) -> UUID | None:
    """Return the id a listing goes on after, None for an empty cursor. Raises `ServiceError(BAD_CURSOR)`."""
    if not cursor:
        return None
    try:
        return UUID(hex=str(decode_cursor(cursor, 1)[0]))
    except ValueError as error:
        raise ServiceError(BAD_CURSOR) from error


def decode_cursor(cursor: str, length: int) -> list[Any]:
    """Return the position in `cursor`. Raises `ServiceError(BAD_CURSOR)` for anything this service did not give."""
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as error:
        raise ServiceError(BAD_CURSOR) from error
    if not isinstance(parts, list) or len(parts) != length or not all(map(_is_position, parts)):
        raise ServiceError(BAD_CURSOR)
    return parts


def _is_position(part: object) -> bool:
    """Whether a cursor may hold `part`: a text, or an integer that a database can hold (signed, 64 bits)."""
    if isinstance(part, bool):
        return False
    return isinstance(part, str) if not isinstance(part, int) else -(2**63) <= part < 2**63
