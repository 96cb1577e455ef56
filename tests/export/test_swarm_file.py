"""The stack file for Swarm, as data."""

from __future__ import annotations

import pytest
import yaml

from autional_cli.export import swarm
from tests.export.stacks import IMAGE, STACKS, described


@pytest.mark.parametrize("stack", STACKS)
def test_every_service_can_be_rolled_and_rolled_back(stack: str) -> None:
    found = swarm.stack(described(stack), encrypted=False)
    for unit in described(stack).units:
        service = found["services"][unit.name]
        update = service["deploy"]["update_config"]
        assert update["failure_action"] == "rollback"
        assert update["order"] == ("stop-first" if unit.is_edge else "start-first")
        assert service["image"] == IMAGE
        assert service["read_only"]
        assert int(service["stop_grace_period"].removesuffix("s")) >= 35
        assert service["healthcheck"]["test"][0] == "CMD"


def test_secrets_are_the_engines_and_read_from_files() -> None:
    found = swarm.stack(described(), encrypted=False)
    identity = found["services"]["identity"]
    assert {secret["target"] for secret in identity["secrets"]} == {
        "database_url",
        "bus_url",
        "cache_url",
        "secret",
        "private_key",
    }
    for service in found["services"].values():
        for secret in service["secrets"]:
            assert found["secrets"][secret["source"]]["external"]
            assert any(value == f"/run/secrets/{secret['target']}" for value in service["environment"].values())


def test_only_the_gateway_publishes_a_port() -> None:
    found = swarm.stack(described(), encrypted=False)
    published = {name: service["ports"] for name, service in found["services"].items() if "ports" in service}
    assert published == {"gateway": [{"target": 11000, "published": 8080, "protocol": "tcp", "mode": "host"}]}


def test_a_replica_is_named_after_its_task() -> None:
    """Old and new task of one slot run at the same time; the registry and the bus must tell them apart."""
    found = swarm.stack(described(), encrypted=False)
    assert found["services"]["session"]["environment"]["AUTIONAL_REPLICA"] == "{{.Task.Name}}"


def test_traffic_between_nodes_is_encrypted_on_demand() -> None:
    assert swarm.stack(described(), encrypted=True)["networks"]["platform"]["driver_opts"] == {"encrypted": "true"}
    assert "driver_opts" not in swarm.stack(described(), encrypted=False)["networks"]["platform"]


def test_the_readme_lists_every_secret_that_the_file_wants() -> None:
    written = swarm.ours(described(), encrypted=False)
    for secret in yaml.safe_load(written["stack.yaml"])["secrets"].values():
        assert secret["name"] in written["README.md"]
