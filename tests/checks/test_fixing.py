"""Safe fixes: applied whole or not at all, and what they mend is gone."""

from __future__ import annotations

from pathlib import Path

from checks.fixing import apply
from checks.model import Edit, Finding, Fix, Tier
from tests.checks.conftest import Write
from tests.checks.workspace import look


def finding(*edits: Edit) -> Finding:
    return Finding("TST01", Tier.P1, edits[0].path, 1, "x", symbol=str(edits[0].start), fix=Fix("mend", edits))


def test_fixes_of_a_bom_and_of_spoilt_text_leave_nothing_to_find(root: Path, write: Write) -> None:
    spoilt = "登录成功".encode().decode("gbk")
    path = write("docs/a.md", b"\xef\xbb\xbf" + f"first\n{spoilt} and {spoilt}\n".encode())
    report = look(root, ["DOC01"])
    assert len(report.findings) == 3
    assert len(apply(root, report.findings)) == 3
    assert path.read_text(encoding="utf-8") == "first\n登录成功 and 登录成功\n"
    assert look(root, ["DOC01"]).findings == []


def test_an_unused_code_is_retired_and_an_unused_suppression_removed(root: Path, write: Write) -> None:
    head = 'CODES = ErrorCodes("a", range(1, 9))\nUSED = CODES.register(\n    1, "USED", 404, "x"\n)\n'
    unused = 'UNUSED = CODES.register(\n    2, "UNUSED", 404, "x"\n)\n'
    path = write("services/a/errors.py", head + unused + "LAST = USED\n")
    held = write("services/a/x.py", 'A = 1  # autional: ignore[RUN07] reason="x" until=2027-01-01\n')
    apply(root, look(root, ["CON08", "DEB03", "RUN07"]).findings)
    assert path.read_text() == head + 'CODES.retire(2, "UNUSED")\nLAST = USED\n'
    assert held.read_text() == "A = 1\n"


def test_a_fix_that_would_not_parse_is_not_applied(root: Path, write: Write) -> None:
    path = write("services/a/x.py", "A = 1\n")
    assert apply(root, [finding(Edit("services/a/x.py", 0, 1, "def ("))]) == []
    assert path.read_text() == "A = 1\n"


def test_of_two_fixes_of_the_same_bytes_one_waits(root: Path, write: Write) -> None:
    path = write("services/a/x.py", "A = 1\n")
    fixes = [finding(Edit("services/a/x.py", 0, 1, "B")), finding(Edit("services/a/x.py", 0, 1, "C"))]
    assert len(apply(root, fixes)) == 1
    assert path.read_text() == "B = 1\n"


def test_nothing_outside_the_workspace_is_written(root: Path, tmp_path: Path) -> None:
    assert apply(root, [finding(Edit("../outside.py", 0, 0, "A = 1\n"))]) == []
    assert not (tmp_path / "outside.py").exists()


def test_the_mode_of_a_file_stays(root: Path, write: Write) -> None:
    path = write("run", "#!/bin/sh\ntrue\n")
    path.chmod(0o755)
    apply(root, [finding(Edit("run", 10, 14, "false"))])
    assert path.stat().st_mode & 0o777 == 0o755
