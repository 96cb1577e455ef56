"""No run changes what a later run says: what is kept depends on each file's bytes and the engine, on nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks import registry
from checks.cache import PLACE
from checks.engine import Options, Report, run
from checks.model import Lane
from tests.checks.conftest import Write
from tests.checks.workspace import git

SLOW = {"ARC07"}  # deptry takes a second each time; tests/checks/test_memory.py is about it
RULES = [
    rule for rule in registry.rules().values() if rule.code not in SLOW and rule.lane in (Lane.STATIC, Lane.CONTRACT)
]
SERVICE = 'SPEC = ServiceSpec(name="{0}", port=1100{1}, error_codes=range({1}00, {1}99), calls={2}, serves_grpc=True)\n'
CONTRACT: dict[str, Any] = {
    "services": [{"service": name, "openapi": {"paths": {}}, "operations": []} for name in ("alpha", "beta")]
}
PLACES = ("services/alpha/peers.py", "services/beta/store.py", "services/alpha/clock.py", "docs/notes.md", "made.yaml")
TEXTS = (
    'async def ask(app):\n    return app.grpc_client("beta", Stub)\n',
    'async def ask(app):\n    return app.grpc_client("betta", Stub)\n',
    'async def ask(peers):\n    return await peers.call("beta", "GET", "/v1/things")\n',
    "import datetime\n\nNOW = datetime.datetime.now()\n",
    "from services.beta import store\n\nSTORE = store\n",
    "from services.gamma import store\n\nSTORE = store\n",
    "A = (\n",
    "# TODO: something\nA = 1\n",
    '# autional: ignore[RUN07] reason="held" until=2026-12-24\nA = 1\n',
    "def f() -> None:\n" + "    print()\n" * 60,
    "",
)
edits = st.tuples(
    st.sampled_from(("write", "alike", "delete", "rename")), st.sampled_from(PLACES), st.sampled_from(TEXTS)
)
looks = st.tuples(
    st.sampled_from((("static",), ("contract",), ("static", "contract"))),
    st.sampled_from(((), ("services/alpha",), ("docs", "services/beta/store.py"))),
    st.booleans(),
    st.sampled_from((None, None, None, "ARC", "CON10", "DEB")),
)
steps = st.lists(st.tuples(edits, looks), min_size=2, max_size=6)


def lay_out(root: Path) -> None:
    """Make a workspace of two services, one of which calls the other, with one commit."""
    for name, number, calls in (("alpha", 1, '("beta",)'), ("beta", 2, "()")):
        (root / "services" / name).mkdir(parents=True)
        (root / "services" / name / "__init__.py").write_text("")
        (root / "services" / name / "service.py").write_text(SERVICE.format(name, number, calls))
    (root / "services/__init__.py").write_text("")
    (root / "services/alpha/peers.py").write_text(TEXTS[0])
    (root / ".gitignore").write_text(".autional/\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "base")


def edit(root: Path, kind: str, place: str, text: str) -> None:
    """Change one file. `alike` leaves its size and its time of change as they were."""
    path = root / place
    if kind == "write" or not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    elif kind == "alike":
        before = path.stat()
        path.write_text(text.ljust(before.st_size, "#")[: before.st_size])
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif kind == "delete":
        path.unlink()
    else:
        path.rename(path.with_name(f"other{path.suffix}"))


def look(root: Path, lanes: tuple[str, ...], *, cache: bool, rule: str | None = None, **options: Any) -> Report:
    """Run some lanes or rules, the contract lane with what `CONTRACT` says."""
    rules = [one for one in RULES if rule is None or one.code.startswith(rule)]
    chosen = frozenset(Lane(each) for each in lanes)
    return run(root, rules, Options(chosen, given={"contract": CONTRACT}, cache=cache, **options))


def said(report: Report) -> dict[str, Any]:
    """Return all that a report says, but for its time."""
    return {
        "findings": [one.to_json() for one in report.findings],
        "suppressed": [one.to_json() for one in report.suppressed],
        "incomplete": report.incomplete,
        "subjects": report.subjects,
        "files": report.files,
    }


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(steps)
def test_whatever_ran_before_a_run_says_what_it_would_say_without_a_cache(
    todo: list[tuple[tuple[str, str, str], tuple[tuple[str, ...], tuple[str, ...], bool, str | None]]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        lay_out(root)
        for change, (lanes, paths, changed, rule) in todo:
            edit(root, *change)
            options: dict[str, Any] = {"paths": paths, "changed": changed, "rule": rule}
            cached = said(look(root, lanes, cache=True, **options))
            assert cached == said(look(root, lanes, cache=False, **options))


def codes(report: Report, code: str) -> list[tuple[str, str]]:
    return [(one.path, one.message) for one in report.findings if one.code == code]


def test_a_run_of_the_static_lane_leaves_the_contract_lane_nothing_to_miss(root: Path) -> None:
    lay_out(root)
    look(root, ("static",), cache=True)
    report = look(root, ("static", "contract"), cache=True)
    assert "CON10" not in {one.symbol for one in report.findings if one.code == "CHK00"}
    assert report.subjects["CON10"] == 1


def test_a_misspelt_service_is_found_after_a_look_at_what_has_changed(root: Path) -> None:
    lay_out(root)
    edit(root, "write", "services/alpha/peers.py", TEXTS[1])
    look(root, ("static",), cache=True, changed=True)
    edit(root, "write", "services/beta/store.py", "A = 1\n")
    found = codes(look(root, ("static", "contract"), cache=True), "CON10")
    assert found == [("services/alpha/peers.py", "there is no service betta")]


def test_a_rule_that_is_blind_is_named_by_a_look_at_a_part_as_well(root: Path) -> None:
    lay_out(root)
    edit(root, "write", "services/alpha/peers.py", "A = 1\n")  # alpha declares a call, and makes none
    (root / "docs").mkdir()
    choices: tuple[dict[str, Any], ...] = ({}, {"paths": ("docs",)}, {"changed": True})
    for options in choices:
        report = look(root, ("static", "contract"), cache=False, rule="C", **options)
        assert "CON10" in {one.symbol for one in report.findings if one.code == "CHK00"}


def spoil(data: bytes) -> dict[str, bytes]:
    """Return ways in which the cache's file is not as it was written."""
    seal, _, kept = data.partition(b"\n")
    document = json.loads(kept)
    document["engine"] = "of yesterday"
    other = json.dumps(document).encode()
    return {
        "cut": data[: len(data) // 2],
        "empty": b"",
        "one finding less": data.replace(b'"ARC08"', b'"ARC99"'),
        "not sealed": kept,
        "another engine": seal + b"\n" + other,
        "rubbish": b"\xff\x00" * 100,
        "a list": b"[]",
    }


@pytest.mark.parametrize(
    "how", ["cut", "empty", "one finding less", "not sealed", "another engine", "rubbish", "a list"]
)
def test_a_damaged_cache_costs_time_and_nothing_else(root: Path, how: str) -> None:
    lay_out(root)
    edit(root, "write", "services/beta/store.py", TEXTS[9])
    before = look(root, ("static",), cache=True)
    place = root / PLACE
    place.write_bytes(spoil(place.read_bytes())[how])
    again = look(root, ("static",), cache=True)
    assert codes(again, "ARC08") == codes(before, "ARC08") != []
    assert said(again) == said(look(root, ("static",), cache=False))


@pytest.mark.parametrize("replace", [lambda place: place.mkdir(), lambda place: place.symlink_to(place.name)])
def test_a_cache_that_cannot_be_read_or_written_is_no_failure(root: Path, replace: Callable[[Path], None]) -> None:
    lay_out(root)
    place = root / PLACE
    place.parent.mkdir(parents=True)
    replace(place)
    edit(root, "write", "services/beta/store.py", TEXTS[9])
    assert codes(look(root, ("static",), cache=True), "ARC08")
    assert len(list(place.parent.iterdir())) == 1


def test_two_runs_at_once_say_the_same_and_leave_a_cache_that_is_right(root: Path) -> None:
    lay_out(root)
    edit(root, "write", "services/beta/store.py", TEXTS[9])
    edit(root, "write", "services/alpha/peers.py", TEXTS[1])
    argv = [sys.executable, "-m", "autional_cli", "check", "--rule", "ARC08", "--format", "json"]
    (root / "stacks").mkdir(exist_ok=True)
    environment = os.environ | {"AUTIONAL_WORKSPACE": str(root)}

    def once(_: int) -> list[str]:
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 1, done.stderr
        return [one["code"] for one in json.loads(done.stdout)["findings"]]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(once, range(4))) == [["ARC08"]] * 4
    assert sorted(path.name for path in (root / PLACE).parent.iterdir()) == ["files.json"]
    lanes = ("static", "contract")
    assert said(look(root, lanes, cache=True)) == said(look(root, lanes, cache=False))


def test_a_file_that_could_not_be_read_once_is_examined_when_it_can(root: Path, write: Write) -> None:
    lay_out(root)
    path = write("services/beta/store.py", TEXTS[9])
    look(root, ("static",), cache=True)
    path.unlink()
    path.symlink_to("nowhere.py")
    assert codes(look(root, ("static",), cache=True), "CHK01")
    path.unlink()
    path.write_text(TEXTS[9])
    assert codes(look(root, ("static",), cache=True), "ARC08")
