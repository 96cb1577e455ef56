"""What a process is told: variables, files for secrets, and the address under which others find it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.chassis.address import advertised, bracketed
from services.chassis.container import NoServiceError, served, service_pid
from services.chassis.settings import Settings, SettingsError, load_settings
from tests.chassis.servers import PROBE, ROOT


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment that is complete, with every secret in a file; the folder of the files."""
    for name in [name for name in os.environ if name.startswith("AUTIONAL_")]:
        monkeypatch.delenv(name)
    for name in ("bus_url", "cache_url", "secret"):
        (tmp_path / name).write_text(f"the-{name}\n")
        monkeypatch.setenv(f"AUTIONAL_{name.upper()}_FILE", str(tmp_path / name))
    monkeypatch.setenv("AUTIONAL_PRIVATE_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("AUTIONAL_TRUST_FILE", str(tmp_path / "trust"))
    return tmp_path


def test_a_secret_may_be_a_file_without_its_last_newline(told: Path) -> None:
    found = load_settings(PROBE)
    assert found.bus_url.get_secret_value() == "the-bus_url"
    assert found.secret.get_secret_value() == "the-secret"
    assert "the-secret" not in repr(found)


def test_a_variable_comes_before_a_file(told: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTIONAL_BUS_URL", "redis://given")
    assert load_settings(PROBE).bus_url.get_secret_value() == "redis://given"


def test_a_file_that_cannot_be_read_is_named_and_its_content_is_not(told: Path) -> None:
    (told / "secret").unlink()
    with pytest.raises(SettingsError, match=r"AUTIONAL_SECRET_FILE: .*/secret cannot be read"):
        load_settings(PROBE)


def test_others_are_told_what_is_bound_unless_something_else_is_advertised(told: Path) -> None:
    assert advertised(load_settings(PROBE)) == "127.0.0.1"
    assert advertised(with_hosts("0.0.0.0", "10.1.2.3")) == "10.1.2.3"
    assert advertised(with_hosts("::", "fd00::1")) == "[fd00::1]"


def with_hosts(host: str, advertise_host: str) -> Settings:
    """Return settings with other hosts."""
    return load_settings(PROBE).model_copy(update={"host": host, "advertise_host": advertise_host})


def test_only_addresses_with_colons_are_put_in_brackets() -> None:
    assert [bracketed(host) for host in ("::1", "[::1]", "identity", "10.0.0.1")] == [
        "[::1]",
        "[::1]",
        "identity",
        "10.0.0.1",
    ]


def process(proc: Path, pid: int, *words: str) -> None:
    """Write what /proc says of a process."""
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in words))


def test_the_service_of_a_container_is_found_with_an_init_before_it_as_well(tmp_path: Path) -> None:
    process(tmp_path, 1, "/sbin/docker-init", "--", "python", "-m", "services.chassis", "identity")
    process(tmp_path, 7, "python", "-m", "services.chassis", "identity")
    process(tmp_path, 9, "python", "-m", "services.chassis", "drain")
    assert served(tmp_path) == "identity"
    assert service_pid(tmp_path) == 7


def test_a_container_of_something_else_is_said_to_be_one(tmp_path: Path) -> None:
    process(tmp_path, 1, "/usr/bin/postgres", "-D", "/data")
    with pytest.raises(NoServiceError, match="postgres"):
        served(tmp_path)


def test_health_says_why_a_service_is_not_healthy() -> None:
    environment = {**os.environ, "AUTIONAL_SERVICE": "identity", "AUTIONAL_HTTP_PORT": "9"}
    command = [sys.executable, "-m", "services.chassis", "health"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "refused" in done.stderr
