"""Error codes: one registry, a number range per service, and the one exception that carries them.

A code is a number that never changes meaning, a symbolic name, an HTTP status (RFC 9110) and a default message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One kind of failure that a client can tell from the others."""

    number: int
    name: str
    status: int
    message: str


class ErrorCodes:
    """The codes of one owner; refuses numbers outside its range and duplicates."""

    def __init__(self, owner: str, numbers: range) -> None:
        self.owner = owner
        self._numbers = numbers
        self._codes: dict[int, ErrorCode] = {}
        self._retired: dict[int, str] = {}

    def __iter__(self) -> Iterator[ErrorCode]:
        return iter(self._codes.values())

    def register(self, number: int, name: str, status: int, message: str) -> ErrorCode:
        """Add a code and return it. Raises `ValueError` for a number or name that is taken or out of range."""
        self._check_free(number, name)
        code = ErrorCode(number, name, status, message)
        self._codes[number] = code
        return code

    def retire(self, number: int, name: str) -> None:
        """Keep a number and a name that clients may know from being given again. Raises `ValueError` as `register`."""
        self._check_free(number, name)
        self._retired[number] = name

    def _check_free(self, number: int, name: str) -> None:
        if number not in self._numbers:
            raise ValueError(f"{self.owner}: error {number} {name} is outside {self._numbers}")
        if number in self._codes or any(code.name == name for code in self):
            raise ValueError(f"{self.owner}: error {number} {name} is registered twice")
        if number in self._retired or name in self._retired.values():
            raise ValueError(f"{self.owner}: error {number} {name} is retired")


class ServiceError(Exception):
    """A failure that a client is meant to see: the services' only exception root."""

    def __init__(
        self,
        code: ErrorCode,
        message: str | None = None,
        *,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message or code.message)
        self.code = code
        self.message = message or code.message
        self.details = dict(details or {})
        self.headers = dict(headers or {})


class ResourceUnavailableError(ServiceError):
    """A backing resource cannot be reached, or others hold it: later the same work will go through."""

    def __init__(self, resource: str) -> None:
        super().__init__(UNAVAILABLE, details={"resource": resource}, headers={"Retry-After": "1"})


CODES = ErrorCodes("chassis", range(1000, 1100))
INTERNAL = CODES.register(1000, "INTERNAL", 500, "Something failed on our side; quote the trace id")
VALIDATION = CODES.register(1001, "VALIDATION", 422, "The request is not valid")
MALFORMED = CODES.register(1002, "MALFORMED", 400, "The request body cannot be read")
TOO_LARGE = CODES.register(1003, "TOO_LARGE", 413, "The request body is too large")
NOT_FOUND = CODES.register(1004, "NOT_FOUND", 404, "There is nothing at this address")
METHOD_NOT_ALLOWED = CODES.register(1005, "METHOD_NOT_ALLOWED", 405, "This address does not take that method")
UNAUTHENTICATED = CODES.register(1006, "UNAUTHENTICATED", 401, "A valid token is needed")
FORBIDDEN = CODES.register(1007, "FORBIDDEN", 403, "The caller may not do this")
UNAVAILABLE = CODES.register(1008, "UNAVAILABLE", 503, "A part this needs is not available; try again")
TIMED_OUT = CODES.register(1009, "TIMED_OUT", 504, "A part this needs did not answer in time")
TOO_MANY_REQUESTS = CODES.register(1010, "TOO_MANY_REQUESTS", 429, "Too many requests; slow down")
HEAD_TOO_LARGE = CODES.register(1013, "HEAD_TOO_LARGE", 431, "The header of the request is too large")
REQUEST_TIMEOUT = CODES.register(1014, "REQUEST_TIMEOUT", 408, "The request did not arrive in time")
WRONG_HOST = CODES.register(1015, "WRONG_HOST", 421, "This host name is not served here")
BAD_CURSOR = CODES.register(1012, "BAD_CURSOR", 400, "The cursor is not one that this service gave")

# Statuses that frameworks raise on their own → the code that stands for them.
BY_STATUS: Mapping[int, ErrorCode] = {
    400: MALFORMED,
    401: UNAUTHENTICATED,
    403: FORBIDDEN,
    404: NOT_FOUND,
    405: METHOD_NOT_ALLOWED,
    408: REQUEST_TIMEOUT,
    413: TOO_LARGE,
    421: WRONG_HOST,
    422: VALIDATION,
    429: TOO_MANY_REQUESTS,
    431: HEAD_TOO_LARGE,
    503: UNAVAILABLE,
    504: TIMED_OUT,
}
