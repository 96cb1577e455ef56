"""Routes as they are served: the contract lane builds the services, and no way to add a route hides it from SEC02."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.checks.workspace import git, look

ROOT = Path(__file__).parents[2]
DOOR = """

from starlette.applications import Starlette as Application_
from starlette.responses import Response as Answer_
from starlette.routing import Route as Route_


def door(_request: object) -> Answer_:
    return Answer_("come in")


"""
WAYS = {
    "add_route": ('router.add_route("/door", door)', "GET /door"),
    "a route in the list": ('router.routes.append(Route_("/door", door, methods=["POST"]))', "POST /door"),
    "a mount": ('router.mount("/sub", Application_(routes=[Route_("/door", door)]))', "ANY /sub"),
    "an API route": ('router.add_api_route("/door", door, methods=["PUT"], response_model=None)', "PUT /v1/door"),
    "the path of a probe": ('router.add_route("/metrics", door, methods=["PATCH"])', "PATCH /metrics"),
}


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """A workspace with one real service; returned are its routes."""
    root = tmp_path / "workspace"
    for name in ("chassis", "contracts", "profile"):
        shutil.copytree(
            ROOT / "services" / name, root / "services" / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copyfile(ROOT / "services/__init__.py", root / "services/__init__.py")
    git(root, "init", "-q", "-b", "main")
    return root / "services/profile/routes.py"


@pytest.mark.parametrize("way", WAYS)
def test_a_door_is_seen_in_the_application_itself(profile: Path, way: str) -> None:
    code, shown = WAYS[way]
    profile.write_text(profile.read_text(encoding="utf-8") + DOOR + code + "\n", encoding="utf-8")
    report = look(profile.parents[2], ["SEC02"])
    assert report.incomplete == []
    told = [one for one in report.findings if one.message.startswith(f"{shown} does not say who may call it")]
    assert told, [one.message for one in report.findings]
    assert told[0].path in ("services/profile/routes.py", "services/profile/service.py")


def test_the_service_as_it_is_has_none(profile: Path) -> None:
    report = look(profile.parents[2], ["SEC02"])
    assert (report.findings, report.incomplete) == ([], [])
    assert report.subjects["SEC02"] >= 3
