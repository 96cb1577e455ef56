"""What can be said wrongly is refused before any test runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from autional_cli.pytest_plugin.options import KEPT, kept_name
from tests.pytest_plugin.scratch import Scratch

USAGE = pytest.ExitCode.USAGE_ERROR
PASSING = "def test_nothing():\n    pass\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--platform-driver", "podman"), "argument --platform-driver: invalid choice: 'podman'"),
        (("--platform-stack", "nonesuch"), "has only full"),
        (("-o", "autional_driver=podman"), "autional_driver = podman: choose from embedded, docker"),
        (("-o", "autional_timeout=soon"), "autional_timeout = soon: give seconds"),
        (("-o", "autional_workspace=nowhere"), "nowhere is no workspace of Autional: it lacks stacks/ or services/"),
    ],
    ids=["driver", "stack", "ini-driver", "ini-timeout", "ini-workspace"],
)
def test_a_wrong_option_is_a_usage_error_that_says_what_is_right(
    scratch: Scratch, arguments: tuple[str, ...], said: str
) -> None:
    scratch.write("test_nothing.py", PASSING)
    run = scratch.run(*arguments)
    assert run.code == USAGE
    assert said in run.output
    assert "Traceback" not in run.output


def test_a_run_that_does_not_ask_for_a_platform_starts_none_and_imports_nothing_of_ours(scratch: Scratch) -> None:
    scratch.write(
        "test_nothing.py",
        "import sys\n\n\ndef test_nothing():\n"
        "    ours = {name for name in sys.modules if name.startswith(('autional_cli', 'services'))}\n"
        "    assert ours <= {'autional_cli', 'autional_cli.pytest_plugin', 'autional_cli.pytest_plugin.options',\n"
        "                    'autional_cli.pytest_plugin.fixtures'}, ours\n",
    )
    run = scratch.run()
    assert run.outcomes() == {"test_nothing": "passed"}, run.output
    assert scratch.instances() == []


def test_a_kept_platform_is_named_after_stack_and_driver_so_that_runs_do_not_mix() -> None:
    names = [kept_name(None, None), kept_name("login", None), kept_name(None, "docker"), kept_name("Odd_" * 12, None)]
    assert names[:3] == [KEPT, f"{KEPT}-login", f"{KEPT}-docker"]
    assert len(set(names)) == 4
    assert all(len(name) <= 32 for name in names)


def test_the_warden_needs_the_standard_library_alone() -> None:
    """It lives as long as a test session, so it should be small; and it is run by its path."""
    from autional_cli.pytest_plugin import warden

    lines = Path(warden.__file__).read_text(encoding="utf-8").splitlines()
    imported = {line.split()[1].partition(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imported <= sys.stdlib_module_names


def test_a_wrong_workspace_in_the_environment_is_nothing_to_a_run_without_a_platform(
    scratch: Scratch,
) -> None:
    scratch.write("test_nothing.py", PASSING)
    (scratch.folder / "pytest.ini").unlink()
    run = scratch.run(environment={"AUTIONAL_WORKSPACE": "/nowhere"})
    assert run.code == pytest.ExitCode.OK, run.output
    assert "the platform" not in run.output
    asked = "def test_it(platform):\n    pass\n"
    scratch.write("test_nothing.py", asked)
    run = scratch.run(environment={"AUTIONAL_WORKSPACE": "/nowhere"})
    assert "AUTIONAL_WORKSPACE: /nowhere is no workspace of Autional" in run.output
