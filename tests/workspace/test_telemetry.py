"""`telemetry:` of a stack file: how much is taken and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.instance import Instance
from autional_cli.supervisor.topology import telemetry
from autional_cli.telemetry.limits import ENVIRONMENT, Limits, read_limits
from autional_cli.workspace.load import load_stack

from .made import SPECS, write_stack

if TYPE_CHECKING:
    from pathlib import Path

VALID = "version: 1\nservices: {gateway: {}, identity: {}, session: {}, mfa: {}}\n"


def test_a_stack_bounds_what_telemetry_keeps_key_by_key(tmp_path: Path) -> None:
    write_stack(tmp_path, "base", VALID + "telemetry: {size: 64m, age: 12h, attributes: 64}\n")
    write_stack(tmp_path, "x", "version: 1\nextends: base\ntelemetry: {size: 1g, request_size: 2m}\n")
    stack = load_stack(tmp_path, "x", SPECS)
    assert stack.telemetry.limits() == {
        "size_bytes": 1 << 30,
        "age_s": 12 * 3600,
        "attributes": 64,
        "request_bytes": 2 << 20,
    }
    process = telemetry(Instance(tmp_path, "default"), stack).process
    assert process is not None
    limits = read_limits(process.env[ENVIRONMENT])
    assert (limits.size_bytes, limits.age_s, limits.events) == (1 << 30, 43200, Limits().events)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("telemetry: {size: 4m}", "stacks/x.yaml:3:19: telemetry.size: the trace store needs at least 16m, not '4m'"),
        ("telemetry: {size: much}", "stacks/x.yaml:3:19: telemetry.size: not a size such as 512m or 2g, not 'much'"),
        ("telemetry: {age: 1y}", "stacks/x.yaml:3:18: telemetry.age: not an age such as 90m, 12h or 7d, not '1y'"),
        ("telemetry: {atributes: 3}", "stacks/x.yaml:3:13: unknown key 'atributes'; did you mean 'attributes'?"),
        ("telemetry: {links: -1}", "stacks/x.yaml:3:20: telemetry.links: "),
        ("telemetry: 3", "stacks/x.yaml:3:12: telemetry: "),
    ],
)
def test_a_wrong_bound_of_telemetry_is_named_with_its_place(tmp_path: Path, line: str, message: str) -> None:
    write_stack(tmp_path, "x", f"{VALID}{line}\n")
    with pytest.raises(AutionalError) as failure:
        load_stack(tmp_path, "x", SPECS)
    assert failure.value.message.startswith(message)
    assert failure.value.exit_code == ExitCode.CONFIGURATION
