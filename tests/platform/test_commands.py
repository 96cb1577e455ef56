"""The commands on a running platform: what they print, and how they end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from autional_cli.environment import environment
from autional_cli.instance import Instance
from autional_cli.main import COMMANDS
from autional_cli.supervisor.topology import all_resources
from autional_cli.workspace.discover import discover
from autional_cli.workspace.load import load_stack
from tests.guard import guarded
from tests.platform.running import ROOT, Platform


def test_help_lists_every_command_and_each_has_help_of_its_own(platform: Platform) -> None:
    listed = platform.run("--help").stdout
    for name in COMMANDS:
        assert re.search(rf"^  {name}\b", listed, re.MULTILINE)
        own = platform.run(name, "--help")
        assert own.returncode == 0
        assert "--help" in own.stdout


def test_a_mistyped_command_and_option_are_usage_errors(platform: Platform) -> None:
    assert platform.run("upp").returncode == 2
    assert platform.run("ps", "--bogus").returncode == 2
    assert platform.run("why").returncode == 2


def test_ps_in_json_has_the_documented_shape(platform: Platform) -> None:
    status = platform.status()
    assert (status["schema"], status["state"], status["driver"]) == (1, "ready", "embedded")
    assert {service["name"] for service in status["services"]} == {
        "gateway", "identity", "session", "mfa", "profile", "audit", "notification",
    }  # fmt: skip
    for service in status["services"]:
        assert service["state"] == "ready"
        assert service["url"].startswith("http://127.0.0.1:")
        assert {"pid", "state", "restarts"} <= set(service["replicas"][0])
    versions = {resource["name"]: resource["version"] for resource in status["resources"]}
    assert set(versions) == {"postgres", "redis", "cache", "mongo", "mailbox"}
    assert all(versions.values())


def test_no_password_is_shown_by_ps_or_in_any_process_s_arguments(platform: Platform) -> None:
    secrets = json.loads((platform.home / "secrets.json").read_text())
    words = {secrets["operator"], *(value for held in secrets["services"].values() for value in held.values())}
    shown = platform.run("ps").stdout + platform.run("ps", "--format", "json").stdout
    arguments = subprocess.run(["ps", "-axww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    logs = "".join(log.read_text() for log in (platform.home / "logs").glob("*") if log.is_file())
    for word in words:
        assert word not in shown
        assert word not in arguments
        assert word not in logs


def test_secrets_and_keys_are_readable_by_the_owner_alone(platform: Platform) -> None:
    for path in (platform.home / "secrets.json", *(platform.home / "keys").glob("*.pem")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_identity_s_role_cannot_connect_to_session_s_database(platform: Platform) -> None:
    psql = platform.run("db", "shell", "identity", "-c", r"\connect session")
    assert psql.returncode != 0
    assert "not permitted" in psql.stderr or "denied" in psql.stderr or "no pg_hba.conf entry" in psql.stderr


def test_db_shell_is_read_only_unless_asked(platform: Platform) -> None:
    refused = platform.run("db", "shell", "identity", "-c", "DELETE FROM users")
    assert refused.returncode != 0
    assert "read-only" in refused.stderr
    assert platform.run("db", "shell", "gateway").returncode == 2


def test_migrate_status_and_up_agree_that_nothing_is_pending(platform: Platform) -> None:
    for command in ("status", "up"):
        services = platform.json("migrate", command)["services"]
        assert {service["name"] for service in services} == {"identity", "session", "mfa", "profile", "notification"}
        assert all(service["current"] for service in services)
    assert platform.run("migrate", "status", "audit").returncode == 2


def test_wait_returns_at_once_when_ready_and_with_5_when_the_time_is_up(platform: Platform) -> None:
    assert platform.run("wait", "identity", "session").returncode == 0
    assert platform.run("wait", "identity", "--for", "stopped", "--timeout", "0.3").returncode == 5


def test_restart_replaces_a_process_and_reports_it(platform: Platform) -> None:
    before = platform.pid("profile")
    assert platform.run("restart", "profile").returncode == 0
    assert platform.pid("profile") != before
    assert platform.run("restart", "nobody").returncode == 2


def test_why_says_that_a_ready_service_is_ready(platform: Platform) -> None:
    told = platform.run("why", "identity")
    assert told.returncode == 0
    assert "ready" in told.stdout
    unknown = platform.run("why", "identiti")
    assert unknown.returncode == 2
    assert "identity" in unknown.stderr


def test_logs_are_merged_in_order_and_can_be_filtered(platform: Platform) -> None:
    platform.json("smoke")
    lines = [json.loads(line) for line in platform.run("logs", "-n", "200", "--format", "json").stdout.splitlines()]
    times = [line["timestamp"] for line in lines]
    assert times == sorted(times)
    assert len({line["service"] for line in lines}) > 3
    mails = platform.run("logs", "mailbox", "-n", "50").stdout
    assert "New sign-in" in mails


def test_doctor_finds_this_machine_fit(platform: Platform) -> None:
    done = platform.run("doctor", "--format", "json")
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_unknown_trace_and_an_empty_list(platform: Platform) -> None:
    assert platform.run("trace", "ffffffffffffffffffffffffffffffff").returncode == 2
    assert platform.json("trace", "--errors", "--since", "1s", "--service", "notification") == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("version: 1\nservicez: {}\n", "stacks/bad.yaml:2:1"),
        ("version: 1\nservices:\n  identty: {}\n", "identity"),
        ("version: 1\nextends: bad\nservices: {identity: {}}\n", "bad"),
        (
            "version: 1\nservices:\n  identity: {needs: [session]}\n  session: {needs: [identity]}\n  mfa: {}\n",
            "identity → session → identity",
        ),
        ("version: 1\nservices: [\n", "stacks/bad.yaml:"),
        ("version: 1\nservices: {identity: {replicas: many}}\n", "stacks/bad.yaml:2"),
    ],
)
def test_a_wrong_stack_file_ends_with_3_and_the_place(tmp_path: Path, text: str, told: str) -> None:
    for folder in ("services", "migrations"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "bad.yaml").write_text(text)
    other = Platform(instance="bad", root=tmp_path)
    refused = other.run("up", "--stack", "bad")
    assert refused.returncode == 3, refused.stderr
    assert "stacks/bad.yaml:" in refused.stderr
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr
    Instance.open(tmp_path, "bad").discard_run_dir()


def test_an_unknown_name_is_refused_by_every_command_that_takes_one(platform: Platform) -> None:
    before = platform.status()["services"]
    for command in (
        ("up", "profle"),
        ("restart", "profle"),
        ("drain", "profle", "--prove"),
        ("scale", "profle=2"),
        ("wait", "profle"),
        ("why", "profle"),
        ("logs", "profle"),
        ("trace", "last", "--service", "profle"),
        ("chaos", "kill", "profle"),
        ("chaos", "latency", "profle", "--users", "0"),
        ("drift", "profle"),
        ("migrate", "status", "profle"),
        ("migrate", "up", "profle"),
        ("migrate", "down", "profle", "--yes"),
        ("migrate", "rehearse", "profle"),
        ("migrate", "new", "-s", "profle", "-m", "x"),
        ("db", "shell", "profle"),
        ("events", "dlq", "list", "notificaton"),
        ("events", "dlq", "drop", "--service", "notificaton", "--yes"),
        ("events", "tail", "user.creatd"),
    ):
        refused = platform.run(*command)
        assert refused.returncode == 2, (command, refused.stdout, refused.stderr)
        assert "did you mean" in refused.stderr, (command, refused.stderr)
    assert platform.status()["services"] == before


def test_one_service_runs_alone_under_any_supervisor(platform: Platform) -> None:
    specs = discover(ROOT)
    instance = Instance.open(ROOT, platform.instance)
    told = environment(instance, specs["profile"], load_stack(ROOT, "full", specs), all_resources(instance))
    told |= {"AUTIONAL_HTTP_PORT": "29911", "AUTIONAL_REPLICA": "profile-alone", "AUTIONAL_LOG_FILE": ""}
    told = {key: value for key, value in told.items() if value}
    argv = [sys.executable, "-m", "services.chassis", "profile"]
    words, keep = guarded(argv)
    alone = subprocess.Popen(
        words, cwd=ROOT, env={**os.environ, **told}, stdout=subprocess.PIPE, text=True, pass_fds=keep
    )
    try:
        assert alone.stdout is not None
        ready = next(line for line in alone.stdout if '"event":"ready"' in line)
        assert json.loads(ready)["http_port"] == 29911
    finally:
        alone.terminate()
        rest, _ = alone.communicate(timeout=35)
    assert alone.returncode == 0
    assert '"drained"' in rest


def test_a_service_without_its_environment_says_which_variables_it_lacks() -> None:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("AUTIONAL_")}
    argv = [sys.executable, "-m", "services.chassis", "identity"]
    done = subprocess.run(argv, cwd=ROOT, env=clean, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 78
    assert "AUTIONAL_BUS_URL" in done.stderr
