"""A filter between Swift's s3api and tempauth: an access key as S3 has it, without Swift's account before it."""

from __future__ import annotations

from typing import Any


def filter_factory(global_conf: Any, **local: Any) -> Any:
    """Return the filter (Paste Deploy)."""

    def wrap(app: Any) -> Any:
        def call(environ: dict[str, Any], start_response: Any) -> Any:
            details = environ.get("s3api.auth_details")
            if details and ":" not in details["access_key"]:
                name = details["access_key"]
                details["access_key"] = f"{name}:{name}"
                environ["PATH_INFO"] = environ["PATH_INFO"].replace(f"/v1/{name}", f"/v1/{name}:{name}", 1)
            return app(environ, start_response)

        return call

    return wrap
