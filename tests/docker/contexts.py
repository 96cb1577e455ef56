"""Contexts as `docker context create` and `docker context use` leave them behind."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def use(folder: Path, name: str, host: str) -> None:
    """Make a context and choose it; `folder` is what DOCKER_CONFIG names."""
    meta = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))
    (folder / "config.json").write_text(json.dumps({"currentContext": name}))
