"""Where a service keeps files: a directory or a bucket, told by AUTIONAL_OBJECTS_URL, behind one interface."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from obstore.store import LocalStore, S3Store

S3 = {"s3+http": "http", "s3+https": "https"}
REGION = "us-east-1"


def open_store(url: str) -> LocalStore | S3Store:
    """Return the store at `file:///folder`, or in the bucket at `s3+http://host:port/bucket?region=…` (with key and
    secret before the host; `s3+https` over TLS).

    ValueError for a URL of another kind. Nothing is asked of the server yet.
    """
    from obstore.store import LocalStore, S3Store

    parts = urlsplit(url)
    if parts.scheme == "file":
        return LocalStore(unquote(parts.path), mkdir=True)
    if parts.scheme not in S3:
        raise ValueError(f"no object store has a URL that begins with {parts.scheme}://")
    query = parse_qs(parts.query)
    return S3Store(
        parts.path.strip("/"),
        endpoint=f"{S3[parts.scheme]}://{parts.hostname}:{parts.port or 443}",
        access_key_id=unquote(parts.username or ""),
        secret_access_key=unquote(parts.password or ""),
        region=query.get("region", [REGION])[0],
        client_options={"allow_http": parts.scheme == "s3+http"},
    )
