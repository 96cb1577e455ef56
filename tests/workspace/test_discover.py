"""Discovery of services by their SPEC."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.workspace.discover import discover
from autional_cli.workspace.locate import find_root

from .made import SERVICE, write_service

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "from services.chassis.spec import ServiceSpec\n"


def test_services_are_found_in_the_order_of_their_ports(tmp_path: Path) -> None:
    write_service(tmp_path, "session", 11002)
    write_service(tmp_path, "identity", 11001, calls=("session",))
    (tmp_path / "services" / "chassis").mkdir()
    found = discover(tmp_path)
    assert list(found) == ["identity", "session"]
    assert found["identity"].calls == ("session",)


def test_an_empty_workspace_has_no_services(tmp_path: Path) -> None:
    assert discover(tmp_path) == {}


def test_an_edit_is_seen_by_the_next_discovery(tmp_path: Path) -> None:
    write_service(tmp_path, "mfa", 11003)
    assert discover(tmp_path)["mfa"].port == 11003
    write_service(tmp_path, "mfa", 11013)
    assert discover(tmp_path)["mfa"].port == 11013


# what is written to services/mfa/service.py → what the error must say; identity (11001) exists beside it
WRONG = {
    "a syntax error": ("x = (\n", "services/mfa/service.py:1: SyntaxError: '(' was never closed"),
    "an import that fails": (HEAD + "import nothing_of_that_name\n", "services/mfa/service.py:2: ModuleNotFoundError"),
    "an error while it runs": ("\n\nboom()\n", "services/mfa/service.py:3: NameError: name 'boom'"),
    "an unknown field": (
        HEAD + "SPEC = ServiceSpec(name='mfa', colour='red')\n",
        "services/mfa/service.py:2: TypeError: ",
    ),
    "no SPEC": ("x = 1\n", "services/mfa/service.py:1: no SPEC; declare SPEC = ServiceSpec("),
    "a SPEC that is none": ("x = 1\nSPEC = {}\n", "services/mfa/service.py:2: SPEC is a dict, not a ServiceSpec"),
    "another name than the folder's": (
        SERVICE.format(name="mfb", port=11003, calls=()),
        "services/mfa/service.py:4: SPEC.name is 'mfb', but the folder is 'mfa'",
    ),
    "a port that is taken": (
        SERVICE.format(name="mfa", port=11001, calls=()),
        "services/mfa/service.py:6: port 11001 belongs to identity already",
    ),
    "a port outside the block": (
        SERVICE.format(name="mfa", port=11032, calls=()),
        "services/mfa/service.py:6: port 11032 is not within 11000 to 11031",
    ),
    "error codes that overlap": (
        SERVICE.format(name="mfa", port=11003, calls=()).replace("range(110030, 110039)", "range(110011, 110012)"),
        "services/mfa/service.py:7: error_codes range(110011, 110012) overlaps range(110010, 110019) of identity",
    ),
    "no error codes": (
        SERVICE.format(name="mfa", port=11003, calls=()).replace("range(110030, 110039)", "range(0)"),
        "services/mfa/service.py:7: error_codes is range(0, 0); give a range(first, after_last)",
    ),
    "a call to nobody": (
        SERVICE.format(name="mfa", port=11003, calls=("identify",)),
        "services/mfa/service.py:8: calls unknown service 'identify'; did you mean 'identity'?",
    ),
    "a call to itself": (
        SERVICE.format(name="mfa", port=11003, calls=("mfa",)),
        "services/mfa/service.py:8: services call each other in a circle: mfa → mfa",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_mistake_is_named_with_its_file_and_line(tmp_path: Path, case: str) -> None:
    text, message = WRONG[case]
    write_service(tmp_path, "identity", 11001)
    write_service(tmp_path, "mfa", 11003, text=text)
    with pytest.raises(AutionalError) as caught:
        discover(tmp_path)
    assert caught.value.exit_code is ExitCode.CONFIGURATION
    assert caught.value.message.startswith(message)


def test_a_circle_of_calls_is_refused_and_named(tmp_path: Path) -> None:
    write_service(tmp_path, "a", 11001, calls=("b",))
    write_service(tmp_path, "b", 11002, calls=("c",))
    write_service(tmp_path, "c", 11003, calls=("a",))
    with pytest.raises(AutionalError, match=r"services/a/service\.py:8: services call .* circle: a → b → c → a"):
        discover(tmp_path)


def test_discovering_the_services_of_this_repository_loads_no_framework() -> None:
    root = find_root()
    program = f"""
import sys
from pathlib import Path
from autional_cli.workspace.discover import discover
assert discover(Path({str(root)!r})), "no services"
heavy = {{"fastapi", "starlette", "sqlalchemy", "grpc", "redis", "opentelemetry", "asyncpg", "pymongo", "aiohttp"}}
print(",".join(sorted(heavy & set(sys.modules))))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""


def test_importing_fastapi_inside_build_costs_discovery_nothing(tmp_path: Path) -> None:
    text = SERVICE.format(name="mfa", port=11003, calls=()) + "\n\ndef build(settings):\n    import fastapi\n"
    write_service(tmp_path, "mfa", 11003, text=text)
    program = (
        "import sys; from pathlib import Path; from autional_cli.workspace.discover import discover; "
        f"discover(Path({str(tmp_path)!r})); print('fastapi' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
