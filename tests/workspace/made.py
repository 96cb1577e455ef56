"""Small workspaces in a temporary folder."""

from __future__ import annotations

from textwrap import dedent
from typing import TYPE_CHECKING

from services.chassis.spec import ServiceSpec

if TYPE_CHECKING:
    from pathlib import Path

SERVICE = """\
from services.chassis.spec import ServiceSpec

SPEC = ServiceSpec(
    name="{name}",
    summary="test",
    port={port},
    error_codes=range({port}0, {port}9),
    calls={calls},
)
"""


def spec(name: str, port: int, *calls: str) -> ServiceSpec:
    """Return a spec that needs nothing but what it calls."""
    return ServiceSpec(name=name, summary="test", port=port, error_codes=range(port * 10, port * 10 + 9), calls=calls)


SPECS = {
    "gateway": spec("gateway", 11000, "identity"),
    "identity": spec("identity", 11001, "session"),
    "session": spec("session", 11002),
    "mfa": spec("mfa", 11003),
}


def write_stack(root: Path, name: str, text: str) -> Path:
    """Write `stacks/<name>.yaml`; the text may be indented."""
    path = root / "stacks" / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(dedent(text), encoding="utf-8")
    return path


def write_service(root: Path, name: str, port: int, *, calls: tuple[str, ...] = (), text: str | None = None) -> Path:
    """Write `services/<name>/service.py`."""
    path = root / "services" / name / "service.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if text is not None else SERVICE.format(name=name, port=port, calls=calls), encoding="utf-8")
    return path
