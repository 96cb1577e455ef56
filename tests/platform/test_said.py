"""Whatever a service says is in every view, whatever way it says it; and no view ever shows a secret."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platform.running import ROOT, Platform
from tests.pytest_plugin.scratch import SMALL

TALKATIVE = """

_build = build


def build(settings: Settings) -> Application:
    import os
    import sys
    import warnings

    print("said by print", settings.bus_url.get_secret_value())
    sys.stderr.write("said to stderr\\n")
    warnings.warn("said as a warning", stacklevel=1)
    os.write(2, b"said by native code\\n")
    return _build(settings)
"""
REFUSING = """
resources:
  postgres:
    settings: {default_transaction_read_only: true, log_statement: all, log_min_error_statement: error}
"""
SAID = ("said by print", "said to stderr", "said as a warning", "said by native code")


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Platform]:
    """A platform in a workspace of its own, with one service that may be changed."""
    shutil.copytree(ROOT / "services", tmp_path / "services", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "migrations").symlink_to(ROOT / "migrations")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "full.yaml").write_text(SMALL, encoding="utf-8")
    own = Platform(instance=f"said-{os.getpid()}", root=tmp_path)
    try:
        yield own
    finally:
        own.down()


def secrets_in(platform: Platform, text: str) -> list[str]:
    """Return what is secret in a text: values of the instance, their keys, verifiers."""
    stored = json.loads((platform.home / "secrets.json").read_bytes())
    values = [stored["operator"], *(value for own in stored["services"].values() for value in own.values())]
    for path in (platform.home / "keys").glob("*.pem"):
        values += path.read_text().splitlines()[1:-1]
    assert len(values) > 8
    return [value for value in values if value[:12] in text] + re.findall(r"SCRAM-SHA-256\$\d+\S+", text)


def test_what_a_service_prints_is_in_every_view_without_its_secrets(private: Platform) -> None:
    with (private.root / "services" / "profile" / "service.py").open("a") as file:
        file.write(TALKATIVE)
    private.up()
    views = [("logs",), ("logs", "profile"), ("logs", "profile", "--format", "json"), ("why", "profile")]
    for view in views:
        shown = private.run(*view)
        assert [said for said in SAID if said not in shown.stdout] == [], (view, shown.stdout)
        assert secrets_in(private, shown.stdout + shown.stderr) == [], view
    assert "redis://profile:***@" in private.run("logs", "profile").stdout


def test_provisioning_that_fails_shows_no_secret_in_any_view(private: Platform) -> None:
    with (private.root / "stacks" / "full.yaml").open("a") as file:
        file.write(REFUSING)
    refused = private.run("up")
    assert refused.returncode == 4, refused.stdout + refused.stderr
    assert "read-only transaction" in refused.stderr
    shown = refused.stdout + refused.stderr
    for view in (
        ("up", "--format", "json"),
        ("--debug", "up"),
        ("why", "postgres"),
        ("why", "postgres", "--format", "json"),
        ("ps", "--format", "json"),
        ("logs",),
        ("logs", "postgres", "-n", "1000"),
        ("logs", "postgres", "-n", "1000", "--format", "json"),
        ("doctor",),
    ):
        done = private.run(*view)
        shown += done.stdout + done.stderr
    shown += (private.home / "logs" / "supervisor.jsonl").read_text()
    assert secrets_in(private, shown) == []
    assert secrets_in(private, (private.home / "secrets.json").read_text()) != []
