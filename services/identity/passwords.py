"""Password hashing: argon2id (RFC 9106) with explicit parameters, on as many threads as the machine has cores.

The hash releases the interpreter lock, so more threads than cores only make everyone wait longer. Beyond a bounded
queue callers are refused at once instead of timing out.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import argon2
from opentelemetry.trace import SpanKind

from services.chassis.errors import ServiceError
from services.chassis.tracing import span
from services.identity.errors import BUSY

_QUEUE = 200
_MEMORY_KIB, _PASSES = 19 * 1024, 2
_SALT, _DIGEST = 16, 32  # bytes
T = TypeVar("T")


class PasswordHasher:
    """Hashes and verifies passwords. Parameters: m = 19 MiB, t = 2, p = 1 (OWASP Password Storage Cheat Sheet)."""

    def __init__(self) -> None:
        self._argon = argon2.PasswordHasher(
            time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=1, hash_len=_DIGEST, salt_len=_SALT
        )
        cores = os.cpu_count() or 1
        self._pool = ThreadPoolExecutor(max_workers=cores, thread_name_prefix="argon2")
        self._waiting = 0
        # Verified against when there is no such account, so that an unknown address takes as long as a known one.
        # No password has it, and making it costs nothing: a random salt and a random digest under today's parameters.
        self._nobody = f"$argon2id$v=19$m={_MEMORY_KIB},t={_PASSES},p=1${_base64(_SALT)}${_base64(_DIGEST)}"

    async def hash(self, password: str) -> str:
        """Return the encoded hash of `password`. Raises `ServiceError(BUSY)` when the queue is full."""
        return await self._run("argon2id hash", lambda: self._argon.hash(password))

    async def verify(self, encoded: str | None, password: str) -> bool:
        """Return whether `password` matches; takes the same time when `encoded` is None (no such account)."""

        def check() -> bool:
            try:
                self._argon.verify(encoded or self._nobody, password)
            except (argon2.exceptions.VerifyMismatchError, argon2.exceptions.InvalidHashError):
                return False
            return encoded is not None

        return await self._run("argon2id verify", check)

    def outdated(self, encoded: str) -> bool:
        """Return whether `encoded` was made with other parameters than today's."""
        return self._argon.check_needs_rehash(encoded)

    async def _run(self, name: str, work: Callable[[], T]) -> T:
        if self._waiting >= _QUEUE:
            raise ServiceError(BUSY, headers={"Retry-After": "1"})
        self._waiting += 1
        try:
            with span(name, SpanKind.INTERNAL, {"autional.queue_length": self._waiting - 1}):
                return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Stop the threads once their work is done."""
        self._pool.shutdown(wait=True)


def _base64(size: int) -> str:
    """Return random bytes as the encoded form of argon2 writes them: without padding."""
    return base64.b64encode(os.urandom(size)).rstrip(b"=").decode()
