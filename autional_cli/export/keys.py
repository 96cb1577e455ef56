"""Fresh keys for a deployment: signing and sealing keys of each service, and the public halves that all trust."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError
from autional_cli.instance import write_private
from autional_cli.secrets import generate, new_key
from autional_cli.trust import trust_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from services.chassis.spec import ServiceSpec

TRUST = "trust.json"


def make(folder: Path, specs: Iterable[ServiceSpec]) -> list[str]:
    """Create `<service>/private_key` and `<service>/secret` where missing (mode 0600), and `trust.json` of them all.

    Keys that are there are kept: data is sealed with them. Returns the paths that were written.
    """
    written = []
    known = list(specs)
    private_keys = {}
    try:
        for name in (spec.name for spec in known):
            for kind, fresh in (("private_key", new_key), ("secret", generate)):
                path = folder / name / kind
                if not path.exists():
                    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    write_private(path, fresh())
                    written.append(f"{name}/{kind}")
            private_keys[name] = (folder / name / "private_key").read_bytes()
        (folder / TRUST).write_text(trust_text(private_keys, known), encoding="utf-8")
    except OSError as failure:
        raise AutionalError(f"{folder}: keys cannot be written: {failure}", hint="-o another folder") from failure
    return [*written, TRUST]
