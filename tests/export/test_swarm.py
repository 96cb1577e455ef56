"""An exported stack on a real Swarm of two nodes: it serves, is rolled without a failed request, outlives a node."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from autional_cli.load.crowd import Crowd, Shape
from autional_cli.load.proof import prove
from tests.export.backing import Backing
from tests.export.deployed import Deployed
from tests.export.nodes import MISSING, Cluster, run

pytestmark = [
    pytest.mark.docker,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(bool(MISSING) or os.geteuid() != 0, reason=f"needs root, and on PATH: {', '.join(MISSING)}"),
]

# No registry has them: a node asks one before each task, and nobody at port 9 says no at once.
FIRST, SECOND = "127.0.0.1:9/autional-test:1", "127.0.0.1:9/autional-test:2"
LOAD = Shape(users=12, rate=6.0, newcomers=1, step_s=20.0)  # two cores carry two nodes, a roll and the users


@pytest.fixture(scope="module")
def deployed(image: dict[str, Any], backing: Backing, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The stack on two nodes, running."""
    for tag in (FIRST, SECOND):
        run("docker", "tag", image["tag"], tag)
    cluster = Cluster(2)
    found = Deployed(cluster, backing, tmp_path_factory.mktemp("swarm"))
    try:
        cluster.start()
        found.open()
        found.hand_out([FIRST, SECOND])
        found.deploy(FIRST)
        took = found.await_running()
        print(f"\ndeployed to two nodes in {took:.1f} s")
        yield found
    finally:
        found.close()
        cluster.close()
        run("docker", "rmi", FIRST, SECOND)


async def test_users_are_served_across_two_nodes(deployed: Deployed) -> None:
    assert all(node.docker("ps", "-q") for node in deployed.cluster.nodes)
    await deployed.smoke()


async def test_a_release_is_rolled_out_under_load_and_no_request_fails(deployed: Deployed) -> None:
    async def release(_: Crowd) -> float:
        return await asyncio.to_thread(deployed.roll, SECOND)

    proof = await prove(deployed.target, LOAD, release, before_s=3.0, after_s=5.0, settle_s=60.0)
    counted = proof.records.count()
    print(f"\nrolled in {proof.result:.1f} s: {counted}; lost messages {proof.lost_messages}")
    assert proof.lost_requests == 0, proof.to_json()["failed_requests"]
    assert proof.lost_messages == 0, proof.to_json()["messages"]
    assert deployed.images() == {SECOND}


async def test_a_lost_node_is_made_up_for_by_the_other(deployed: Deployed) -> None:
    lost = deployed.cluster.nodes[1]
    began = time.monotonic()
    await asyncio.to_thread(lost.kill)
    await asyncio.to_thread(deployed.await_node, "Down", 1)
    await asyncio.to_thread(deployed.await_running)
    print(f"\nrecovered {time.monotonic() - began:.1f} s after the node was lost")
    await deployed.smoke()
