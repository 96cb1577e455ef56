"""The baseline: accepts P1 alone, shrinks by itself, grows with a reason."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from checks.baseline import PLACE, Baseline, Entry
from tests.checks.conftest import Write
from tests.checks.workspace import look

LONG = "def f() -> None:\n" + "    print()\n" * 60


def command(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `autional check` as a person does."""
    argv = [sys.executable, "-m", "autional_cli", "check", *arguments]
    environment = {
        "PATH": "/usr/bin:/bin",
        "AUTIONAL_WORKSPACE": str(root),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    return subprocess.run(argv, cwd=root, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_p1_finding_is_accepted_with_a_reason_and_leaves_by_itself(root: Path, write: Write) -> None:
    path = write("services/a/x.py", LONG)
    assert command(root, "--rule", "ARC08").returncode == 1
    refused = command(root, "--rule", "ARC08", "--baseline")
    assert refused.returncode == 2
    assert 'give a reason: --reason "…"' in refused.stderr
    assert not (root / PLACE).exists()
    assert command(root, "--rule", "ARC08", "--baseline", "--reason", "split in spring").returncode == 0
    assert (root / PLACE).read_text().splitlines()[1].endswith("split in spring")
    accepted = command(root, "--rule", "ARC08", "--format", "json")
    assert accepted.returncode == 0
    assert len(json.loads(accepted.stdout)["baselined"]) == 1
    path.write_text("A = 1\n")
    assert command(root, "--rule", "DOC01").returncode == 0
    assert (root / PLACE).exists(), "a rule that did not run says nothing about its entries"
    assert command(root, "docs", "--rule", "ARC08").returncode == 2
    assert command(root, "services", "--rule", "ARC08").returncode == 0
    assert (root / PLACE).exists(), "a look at some paths is not a whole one"
    mended = command(root, "--rule", "ARC08")
    assert mended.returncode == 0
    assert "1 entries left the baseline" in mended.stderr
    assert not (root / PLACE).exists()


def test_a_rule_that_could_not_look_keeps_its_entries(root: Path, write: Write) -> None:
    write(
        "services/a/service.py", 'SPEC = ServiceSpec(name="a", port=1, error_codes=range(1, 2), publishes=("a.b",))\n'
    )
    write(PLACE, f"DAT03 services/a/service.py {'1' * 16} later\n")
    write("services/a/__init__.py", "")
    done = command(root, "--rule", "DAT03")
    assert done.returncode == 2
    assert (root / PLACE).exists()


def test_a_p0_finding_is_never_accepted(root: Path, write: Write) -> None:
    write("services/a/x.py", "import time\n\n\nasync def f() -> None:\n    time.sleep(1)\n")
    command(root, "--rule", "RUN01", "--baseline", "--reason", "we know")
    assert command(root, "--rule", "RUN01").returncode == 1
    finding = look(root, ["RUN01"]).findings[0]
    write(PLACE, f"RUN01 services/a/x.py {finding.fingerprint} by hand\n")
    assert command(root, "--rule", "RUN01").returncode == 1


def test_entries_are_sorted_one_a_line_and_survive_a_round_trip() -> None:
    entries = [Entry("RUN07", "b.py", "2" * 16, "why not"), Entry("ARC08", "a.py", "1" * 16)]
    text = "".join(f"{entry}\n" for entry in Baseline(entries).entries)
    assert text == f"ARC08 a.py {'1' * 16}\nRUN07 b.py {'2' * 16} why not\n"
    assert Baseline.parse(f"# head\n\n{text}").entries == Baseline(entries).entries
