"""Instances: directories, blocks of ports, and who holds a port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autional_cli import ports
from autional_cli.block import PortBlock
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.instance import BASES, Instance, claim_block, runtime_root
from autional_cli.workspace.model import ServiceEntry, Stack

from .made import SPECS, spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from services.chassis.spec import ServiceSpec

# Far from what a developer's own instances use.
SPARE, NEXT = BASES[50], BASES[51]  # away from both ends, where platforms and servers of other tests begin


def instance(root: Path, name: str = "test", base: int = SPARE) -> Instance:
    """Return an instance that had a block before."""
    opened = Instance.open(root, name)
    opened.home.mkdir(parents=True, exist_ok=True)
    opened.remember(block=base)
    return opened


@contextmanager
def listening(port: int = 0) -> Iterator[int]:
    """Listen on a port of the loopback interface, in a process of its own."""
    program = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); "
        "print(s.getsockname()[1], flush=True); sys.stdin.read()"
    )
    argv = [sys.executable, "-c", program, str(port)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


@pytest.mark.parametrize("name", ["default", "a", "7-up", "x" * 32])
def test_a_name_of_small_letters_digits_and_hyphens_is_valid(tmp_path: Path, name: str) -> None:
    assert Instance.open(tmp_path, name).name == name


@pytest.mark.parametrize("name", ["-a", "A", "a_b", "x" * 33, "../up", "a b", "ä", "a\n"])
def test_any_other_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AutionalError, match="is not valid") as caught:
        Instance.open(tmp_path, name)
    assert caught.value.exit_code is ExitCode.USAGE


def test_the_environment_names_the_instance_unless_the_caller_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUTIONAL_INSTANCE", raising=False)
    assert Instance.open(tmp_path).name == "default"
    monkeypatch.setenv("AUTIONAL_INSTANCE", "other")
    assert Instance.open(tmp_path).name == "other"
    assert Instance.open(tmp_path, "mine").name == "mine"


def test_opening_creates_nothing_and_creating_makes_private_directories(tmp_path: Path) -> None:
    opened = Instance.open(tmp_path, "test")
    assert not list(tmp_path.iterdir())
    opened.create()
    opened.create()
    for path in (opened.home, opened.data_dir, opened.logs_dir, opened.keys_dir, opened.run_dir):
        assert path.stat().st_mode & 0o777 == 0o700
    assert opened.home == tmp_path / ".autional" / "test"
    opened.discard_run_dir()
    assert not opened.run_dir.exists()


def test_sockets_move_to_a_short_path_when_the_workspace_lies_deep(tmp_path: Path) -> None:
    shallow, deep = Instance.open(Path("/srv/a"), "test"), Instance.open(tmp_path / ("x" * 90), "test")
    assert shallow.run_dir == Path("/srv/a/.autional/test/run")
    assert deep.run_dir.parent == runtime_root()
    assert deep.run_dir != Instance.open(tmp_path / ("x" * 90), "other").run_dir
    assert len(str(deep.run_dir)) < 60


def test_ports_follow_the_block() -> None:
    block = PortBlock(13200)
    identity = SPECS["identity"]
    assert (block.http(identity), block.grpc(identity)) == (13201, 14201)
    assert (block.resource("postgres"), block.resource("mailbox"), block.telemetry) == (13250, 13254, 13299)


def thirty_two(replicas: Callable[[int], int]) -> tuple[list[ServiceSpec], Stack]:
    """Return as many services as a block takes, and a stack that runs number n `replicas(n)` times."""
    specs = [spec(f"s{number}", 11000 + number) for number in range(32)]
    entries = {each.name: ServiceEntry(replicas=replicas(number)) for number, each in enumerate(specs)}
    return specs, Stack(name="wide", path=Path("stacks/wide.yaml"), services=entries, resources={})


def http_ports(specs: list[ServiceSpec], stack: Stack) -> list[int]:
    """Return the HTTP ports of all replicas."""
    block = PortBlock().arranged_for(stack, specs)
    return [block.http(each, replica) for each in specs for replica in range(stack.services[each.name].replicas)]


@pytest.mark.parametrize(
    "replicas",
    [lambda _: 1, lambda _: 2, lambda n: 5 if n < 14 else 1, lambda n: 5 if n in {0, 1, 15, 16, 30, 31} else 2],
)
def test_no_two_replicas_or_resources_share_a_port(replicas: Callable[[int], int]) -> None:
    block = PortBlock()
    specs, stack = thirty_two(replicas)
    others = [block.telemetry, *(block.resource(name) for name in ("postgres", "redis", "cache", "mongo", "mailbox"))]
    everything = [*http_ports(specs, stack), *others]
    assert len(set(everything)) == len(everything)
    assert all(11000 <= port < 11100 for port in everything)


def test_scaling_one_service_moves_no_other() -> None:
    specs, pairs = thirty_two(lambda _: 2)
    _, scaled = thirty_two(lambda n: 5 if n == 1 else 2)
    before = dict(zip([each.name for each in specs for _ in range(2)], http_ports(specs, pairs), strict=True))
    block = PortBlock().arranged_for(scaled, specs)
    assert {each.name: block.http(each, 1) for each in specs} == before


def test_more_replicas_than_a_block_holds_are_refused_with_the_file_to_change() -> None:
    specs, stack = thirty_two(lambda n: 5 if n < 15 else 1)
    with pytest.raises(AutionalError, match=r"stack wide has 60 replicas beyond the first ones.*room for 57"):
        http_ports(specs, stack)


def test_a_block_is_kept_across_claims(tmp_path: Path) -> None:
    for _ in range(2):
        with claim_block(instance(tmp_path)) as claim:
            assert claim.block.base == SPARE
    assert Instance.open(tmp_path, "test").block.base == SPARE


def test_a_second_instance_gets_another_block_by_itself(tmp_path: Path) -> None:
    with claim_block(instance(tmp_path, "one")) as first, claim_block(instance(tmp_path, "two")) as second:
        assert first.block.base == SPARE
        assert second.block.base != SPARE
        assert Instance.open(tmp_path, "two").block == second.block


def test_a_claim_ends_with_its_process_however_it_ends(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from autional_cli.instance import Instance, claim_block; "
        "claim = claim_block(Instance.open(Path(sys.argv[1]), 'test')); print(claim.block.base, flush=True); input()"
    )
    instance(tmp_path)
    argv = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == str(SPARE)
        with claim_block(instance(tmp_path, "other")) as claim:
            assert claim.block.base != SPARE
        process.send_signal(signal.SIGKILL)
    with claim_block(instance(tmp_path)) as claim:
        assert claim.block.base == SPARE


def test_a_taken_port_is_an_error_that_names_the_process(tmp_path: Path) -> None:
    with listening(NEXT + 1) as port:
        with pytest.raises(AutionalError) as caught:
            claim_block(instance(tmp_path, base=NEXT), SPECS.values())
        assert caught.value.exit_code is ExitCode.BACKEND_UNAVAILABLE
        assert f"port {port} is needed by instance test but is held by" in caught.value.message
        assert "pid " in caught.value.message
        assert "kill " in (caught.value.hint or "")
    with claim_block(instance(tmp_path, base=NEXT), SPECS.values()) as claim:
        assert claim.block.base == NEXT


def test_a_taken_port_that_these_services_do_not_need_is_no_error(tmp_path: Path) -> None:
    with listening(NEXT + 9), claim_block(instance(tmp_path, base=NEXT), SPECS.values()) as claim:
        assert claim.block.base == NEXT


def test_the_holder_of_a_port_is_described(tmp_path: Path) -> None:
    with listening() as port:
        found = ports.holder(port)
        assert found is not None
        assert found.pid is not None
        assert found.pid != os.getpid()
        assert "python" in str(found)
        assert len(found.command or "") <= 60
    assert ports.holder(port) is None


def test_a_listener_on_every_interface_counts_as_well() -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert not ports.is_free(server.getsockname()[1])


def test_a_port_whose_last_connection_is_still_closing_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            accepted.close()  # the server closes first, so its side stays in TIME_WAIT
            client.recv(1)
    assert ports.is_free(port)


def test_a_state_file_that_cannot_be_read_counts_as_none(tmp_path: Path) -> None:
    opened = instance(tmp_path)
    for content in ("", "{", "[]", '{"block": "x"}', '{"block": 80}'):
        opened.state_file.write_text(content)
        assert opened.block.base == 11000


def test_what_is_remembered_is_joined(tmp_path: Path) -> None:
    opened = instance(tmp_path)
    opened.remember(stack="login")
    assert opened.recall() == {"version": 1, "block": SPARE, "stack": "login"}
