"""Exporting again: what is ours is replaced, what is a person's is kept, what is neither is never touched."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from autional_cli.errors import AutionalError
from autional_cli.export import keys
from autional_cli.export.deployment import version_of
from autional_cli.export.folder import MARKER, write
from tests.platform.running import AUTIONAL, ROOT
from tests.workspace.made import spec

OURS = {"base/a.yaml": "a: 1\n", "base/b.yaml": "b: 1\n"}
THEIRS = {"overlays/example/kustomization.yaml": "resources: []\n"}


def actions(folder: Path, ours: dict[str, str], theirs: dict[str, str] | None = None) -> dict[str, str]:
    """Export and return what became of each file."""
    return {file.path: file.action for file in write(folder, "kubernetes", ours, THEIRS if theirs is None else theirs)}


def test_a_second_export_changes_nothing(tmp_path: Path) -> None:
    assert set(actions(tmp_path / "out", OURS).values()) == {"written"}
    assert actions(tmp_path / "out", OURS) == dict.fromkeys(OURS, "unchanged") | dict.fromkeys(THEIRS, "kept")


def test_what_the_operator_changed_in_an_overlay_stays(tmp_path: Path) -> None:
    actions(tmp_path, OURS)
    overlay = tmp_path / "overlays/example/kustomization.yaml"
    overlay.write_text("resources: [mine]\n")
    (tmp_path / "overlays/production").mkdir()
    actions(tmp_path, OURS | {"base/a.yaml": "a: 2\n"})
    assert overlay.read_text() == "resources: [mine]\n"
    assert (tmp_path / "overlays/production").is_dir()
    assert (tmp_path / "base/a.yaml").read_text() == "a: 2\n"


def test_a_service_that_is_gone_takes_its_file_along(tmp_path: Path) -> None:
    actions(tmp_path, OURS)
    assert actions(tmp_path, {"base/a.yaml": "a: 1\n"})["base/b.yaml"] == "removed"
    assert not (tmp_path / "base/b.yaml").exists()


def test_an_edited_file_of_ours_is_not_overwritten(tmp_path: Path) -> None:
    actions(tmp_path, OURS)
    (tmp_path / "base/a.yaml").write_text("a: by hand\n")
    with pytest.raises(AutionalError, match=r"base/a\.yaml") as refused:
        actions(tmp_path, OURS | {"base/b.yaml": "b: 2\n"})
    assert "overlay" in str(refused.value.hint)
    assert (tmp_path / "base/b.yaml").read_text() == "b: 1\n"


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(AutionalError, match="not empty"):
        actions(tmp_path, OURS)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_export_for_another_engine_is_left_alone(tmp_path: Path) -> None:
    actions(tmp_path, OURS)
    with pytest.raises(AutionalError, match="for kubernetes"):
        write(tmp_path, "swarm", {"stack.yaml": ""}, {})


@pytest.mark.parametrize("image", ["autional", "autional:latest", "registry:5000/autional", "Not An Image:1"])
def test_an_image_without_a_fixed_version_is_refused(image: str) -> None:
    with pytest.raises(AutionalError):
        version_of(image)


def test_a_digest_is_a_version() -> None:
    assert version_of("registry:5000/autional@sha256:" + "a1" * 32) == "a1a1a1a1a1a1"
    assert version_of("registry:5000/autional:1.4.0") == "1.4.0"


def test_keys_are_private_and_kept(tmp_path: Path) -> None:
    known = [spec(name, port) for name, port in (("identity", 11001), ("session", 11004), ("mfa", 11005))]
    written = keys.make(tmp_path, known[:2])
    before = (tmp_path / "identity/private_key").read_text()
    assert (tmp_path / "identity/private_key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "identity/secret").stat().st_mode & 0o777 == 0o600
    assert keys.make(tmp_path, known) == ["mfa/private_key", "mfa/secret", "trust.json"]
    assert (tmp_path / "identity/private_key").read_text() == before
    trusted = [key["kid"] for key in json.loads((tmp_path / "trust.json").read_text())["keys"]]
    assert trusted == ["identity", "mfa", "session"]
    assert "trust.json" in written


@pytest.mark.parametrize("target", ["kubernetes", "swarm"])
def test_the_command_lists_its_files_and_gives_no_secret_away(tmp_path: Path, target: str) -> None:
    command = [str(AUTIONAL), "export", target, "-o", str(tmp_path / "out"), "--stack", "login", "--format", "json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    paths = {file["path"] for file in report["files"]}
    assert {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file()} == {
        *paths,
        MARKER,
    }
    secrets = [json.loads(path.read_text()) for path in (ROOT / ".autional").glob("*/secrets.json")]
    known = [value for each in secrets for service in each["services"].values() for value in service.values()]
    written = "".join(path.read_text() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert not [value for value in known if value in written]
