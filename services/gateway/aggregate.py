"""Joined views: several services asked in parallel; a part that fails is named and the rest is served."""

from __future__ import annotations

import asyncio
from typing import Any

from services.chassis.auth import Principal
from services.chassis.client import ServiceClient
from services.chassis.errors import ServiceError

# part of `/api/v1/me` → (service, path)
ME = {
    "identity": ("identity", "/v1/me"),
    "profile": ("profile", "/v1/me"),
}
_PART_TIMEOUT_S = 2.0


async def me(client: ServiceClient, principal: Principal) -> dict[str, Any]:
    """Return the signed-in user's view: a key per part, and `failed` with the parts that are missing and why."""
    answers = await asyncio.gather(*(_part(client, principal, *where) for where in ME.values()))
    parts: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for name, answer in zip(ME, answers, strict=True):
        if isinstance(answer, ServiceError):
            failed[name] = answer.code.name
        else:
            parts[name] = answer
    return {**parts, "failed": failed}


async def _part(client: ServiceClient, principal: Principal, service: str, path: str) -> Any:
    try:
        return await client.call(service, "GET", path, principal=principal, timeout_s=_PART_TIMEOUT_S)
    except ServiceError as error:
        return error
