"""`GET /docs`: every service's operations on one page, from their live OpenAPI documents; no outside script."""

from __future__ import annotations

import asyncio
from html import escape
from typing import Any

from services.chassis.client import ServiceClient
from services.chassis.errors import ServiceError
from services.chassis.registry import Directory

_STYLE = (
    "body{font:15px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{background:#eee;padding:0 .3rem}td{padding:.1rem .8rem .1rem 0}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}code{background:#333}a{color:#8bf}}"
)


async def page(client: ServiceClient, directory: Directory) -> bytes:
    """Return the page as UTF-8 HTML."""
    names = [name for name in directory.services() if name != "gateway"]
    documents = await asyncio.gather(*(_document(client, name) for name in names))
    sections = "".join(_section(name, document) for name, document in zip(names, documents, strict=True))
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Autional API</title><style>{_STYLE}</style>"
        f"<h1>Autional API</h1><p>Joined view: <code>GET /api/v1/me</code></p>{sections}</html>"
    ).encode()


async def _document(client: ServiceClient, service: str) -> dict[str, Any] | None:
    try:
        return await client.document(service, "GET", "/openapi.json", timeout_s=2)
    except ServiceError:
        return None


def _section(service: str, document: dict[str, Any] | None) -> str:
    if document is None:
        return f"<h2>{escape(service)}</h2><p>not answering</p>"
    link = f"/api/v1/{escape(service)}/openapi.json"
    operations = [
        (method.upper(), _public(service, path), operation.get("description", ""))
        for path, methods in document.get("paths", {}).items()
        if "/internal/" not in path
        for method, operation in methods.items()
    ]
    rows = "".join(f"<tr><td><code>{m} {escape(p)}</code><td>{escape(text)}" for m, p, text in operations)
    summary = escape(document.get("info", {}).get("description", ""))
    return f"<h2>{escape(service)}</h2><p>{summary} · <a href={link}>OpenAPI</a></p><table>{rows}</table>"


def _public(service: str, path: str) -> str:
    return f"/api/v1/{service}{path.removeprefix('/v1')}"
