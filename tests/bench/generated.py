"""A repository of sixteen services, 500 files and 40,000 lines in which no rule has anything to say.

This workspace's services and migrations, the nine that are reserved written by the scaffold, and modules with tests on
top. `python -m tests.bench.generated FOLDER` writes it. The same every time.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from autional_cli.scaffold.formatting import formatted
from checks import registry
from checks.architecture import MARK, current
from checks.engine import Options, run
from checks.fixing import apply
from checks.model import Lane
from tests.bench.padding import modules
from tests.scaffold.workspaces import ROOT, scaffold

_FOLDERS = ("services", "migrations", "stacks", "tests/chassis", "tests/services", "tests/platform")
_MODULES_EACH = 4
_WISHES: dict[str, dict[str, Any]] = {
    "tenant": {"publishes": ("tenant.created", "tenant.closed"), "consumes": ("user.deleted",)},
    "oauth": {"database": "none", "calls": ("profile",)},
    "wallet": {"publishes": ("wallet.credited",), "consumes": ("user.created", "user.deleted")},
    "point": {"consumes": ("wallet.credited", "user.deleted"), "calls": ("profile", "wallet")},
    "communication": {"publishes": ("communication.sent",), "consumes": ("user.created",)},
    "storage": {"database": "mongo"},
    "billing": {"publishes": ("billing.issued",), "calls": ("wallet", "tenant")},
    "compliance": {"database": "mongo", "consumes": ("user.deleted",)},
    "rbac": {"publishes": ("rbac.granted", "rbac.revoked"), "consumes": ("tenant.created", "user.deleted")},
}
_MAP = """# The map

Sixteen services, generated to measure the checks.

"""
_CALLED = '"arrange", "Pending", "open_store"'  # of autional_cli/journeys.py, of gRPC, of who stores objects
_GIT_S = 60.0


def generate(root: Path) -> Path:
    """Write the repository, committed on `main`, and return its root."""
    for name in _FOLDERS:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "AGENTS.md", ".gitignore"):
        shutil.copy2(ROOT / name, root / name)
    (root / "tests/__init__.py").write_text("", encoding="ascii")
    for name, wishes in _WISHES.items():
        scaffold(root, name, **wishes)
    pad(root)
    write_map(root)
    configure(root)
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Sixteen services")
    register(root)
    git(root, "add", "-A")
    git(root, "commit", "-q", "--amend", "-m", "Sixteen services")
    return root


def pad(root: Path) -> None:
    """Add modules and tests to every service."""
    names = sorted(path.parent.name for path in root.glob("services/*/service.py"))
    files = {path: text for module in modules(names, _MODULES_EACH) for path, text in module.files()}
    files |= {f"tests/services/{name}/__init__.py": "" for name in names}
    for path, text in formatted(root, files).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def write_map(root: Path) -> None:
    """Reduce AGENTS.md to the table of services, under the digest of what there is now."""
    lines = (root / "AGENTS.md").read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if MARK.search(line))
    end = next(number for number, line in enumerate(lines[start:], start) if not line)
    table = "\n".join(lines[start + 1 : end])
    text = f"{_MAP}<!-- architecture: {current(root)} -->\n{table}\n"
    (root / "AGENTS.md").write_text(text, encoding="utf-8")


def configure(root: Path) -> None:
    """Tell the checks what the command line, which is not here, calls; without it those would be dead code."""
    place = root / "pyproject.toml"
    before = place.read_text(encoding="utf-8")
    after = before.replace("called_by_name = [", f"called_by_name = [{_CALLED}, ", 1)
    if after == before:
        raise ValueError("pyproject.toml has no list called_by_name to add to")
    place.write_text(after, encoding="utf-8")


def register(root: Path) -> None:
    """Write the OpenAPI documents and the registered events, as `--fix` does."""
    report = run(root, list(registry.rules().values()), Options(frozenset({Lane.STATIC, Lane.CONTRACT}), cache=False))
    apply(root, report.findings)


def git(root: Path, *arguments: str) -> None:
    """Run git, whoever the person at this machine is."""
    identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.test", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True, timeout=_GIT_S)


if __name__ == "__main__":
    print(generate(Path(sys.argv[1])))
