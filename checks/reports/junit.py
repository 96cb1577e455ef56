"""Findings for test viewers: JUnit XML, one test case per rule."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from checks.engine import Report

# XML 1.0 can hold no other control characters, not even escaped.
UNPRINTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(report: Report) -> str:
    """Return the report as XML."""
    failing = {one.code for one in report.findings}
    broken = {code for code, _, _ in report.incomplete}
    counts = {
        "tests": str(len(report.rules)),
        "failures": str(len(failing)),
        "errors": str(len(broken)),
        "skipped": "0",
    }
    seconds = f"{report.elapsed_ms / 1000:.3f}"
    root = ElementTree.Element("testsuites", counts | {"name": "autional check", "time": seconds})
    del root.attrib["skipped"]
    suite = ElementTree.SubElement(root, "testsuite", counts | {"name": "autional check", "time": seconds})
    for rule in report.rules:
        attributes = {"classname": f"autional.check.{rule.code[:3]}", "name": f"{rule.code} {rule.title}", "time": "0"}
        case = ElementTree.SubElement(suite, "testcase", attributes)
        found = [one for one in report.findings if one.code == rule.code]
        if found:
            places = "\n".join(f"{one.place}: {one.message}" for one in found)
            failure = ElementTree.SubElement(case, "failure", {"message": f"{len(found)} findings", "type": rule.tier})
            failure.text = UNPRINTABLE.sub("?", places)
        for why in (told(why, hint) for code, why, hint in report.incomplete if code == rule.code):
            ElementTree.SubElement(case, "error", {"message": UNPRINTABLE.sub("?", why), "type": "incomplete"})
    for code, why, hint in report.incomplete:
        if code not in {rule.code for rule in report.rules}:
            case = ElementTree.SubElement(suite, "testcase", {"classname": "autional.check", "name": code, "time": "0"})
            ElementTree.SubElement(
                case, "error", {"message": UNPRINTABLE.sub("?", told(why, hint)), "type": "incomplete"}
            )
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def told(why: str, hint: str) -> str:
    """Return why a rule could not look, and what helps."""
    return f"{why}; next: {hint}" if hint else why
