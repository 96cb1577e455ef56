"""One run: list, scan, judge, suppress. Lanes that need processes of their own are started first and asked last."""

from __future__ import annotations

import datetime
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from checks import registry
from checks.baseline import Baseline
from checks.cache import Cache
from checks.config import load
from checks.facts import FileRecord
from checks.facts.every import COLLECTORS
from checks.lanes.start import start
from checks.model import Finding, Fix, IncompleteError, Lane, Tier
from checks.project import Project
from checks.rule import Collector, Rule
from checks.scan import scan
from checks.sources import below, listing, printable, shown
from checks.suppressions import Suppression

SUPPRESSION_RULES = ("DEB02", "DEB03")


@dataclass(slots=True)
class Options:
    """What a run looks at. `today` decides which suppressions have expired; `progress` hears of each stage."""

    lanes: frozenset[Lane] = frozenset({Lane.STATIC})
    paths: tuple[str, ...] = ()
    changed: bool = False
    base: str = ""
    instance: str = ""
    cache: bool = True
    today: datetime.date = field(default_factory=lambda: datetime.datetime.now(datetime.UTC).date())
    given: dict[str, Any] = field(default_factory=dict)
    progress: Callable[[str], None] = lambda _: None


@dataclass(slots=True)
class Report:
    """What a run found. `incomplete` are rules that could not look: (code, why, hint)."""

    rules: list[Rule]
    files: int
    findings: list[Finding]
    suppressed: list[Finding]
    baselined: list[Finding]
    incomplete: list[tuple[str, str, str]]
    subjects: dict[str, int]
    elapsed_ms: int
    project: Project

    def looked(self) -> list[str]:
        """Return the rules that could look: what the others would find is not known."""
        return sorted({rule.code for rule in self.rules} - {code for code, _, _ in self.incomplete})

    def blocking(self) -> list[Finding]:
        """Return the findings that fail the run: P0, P1, and P2 beyond their budget."""
        minor = [one for one in self.findings if one.tier is Tier.P2]
        over = minor if len(minor) > self.project.config.p2_budget else []
        return [one for one in self.findings if one.tier is not Tier.P2] + over


def run(root: Path, rules: Sequence[Rule], options: Options) -> Report:
    """Check a workspace with some rules, or all of them."""
    began = time.monotonic()
    config = load(root)
    if options.base:
        config = replace(config, base=options.base)
    rules = [rule for rule in rules if rule.lane in options.lanes]
    entries = [entry for entry in listing(root) if not config.leaves_out(entry.path)]
    options.progress("reading")
    cache = cache_for(root, rules, options)
    pending = start(root, entries, rules, options, cache, config)
    try:
        project = Project(root, scan(root, entries, collectors(rules), cache), config, pending, cache)
        findings, incomplete = judge(project, rules, options)
    finally:
        for lane in pending.values():
            lane.close()
    cache.save({entry.path: entry for entry in entries})
    open_ones, suppressed = sort_out(project, rules, findings, incomplete, options)
    try:
        chosen = chosen_paths(project, options)
    except IncompleteError as failure:  # then all is shown: nobody knows what has changed
        incomplete.append(("--changed", failure.message, failure.hint))
        chosen = None
    if chosen is not None:
        open_ones = [one for one in open_ones if one.path in chosen or one.code == "CHK00"]
    open_ones = [one for one in open_ones if one.tier is Tier.P0 or not config.excludes(one.path)]
    baseline = Baseline.load(root)
    baselined = [one for one in open_ones if one.tier is Tier.P1 and baseline.holds(one)]
    left = sorted((one for one in open_ones if one not in baselined), key=order)
    elapsed = round((time.monotonic() - began) * 1000)
    return Report(
        list(rules), len(project.files), left, suppressed, baselined, incomplete, project.subjects, elapsed, project
    )


def order(finding: Finding) -> tuple[str, int, str, str]:
    """Return where a finding stands in a report."""
    return finding.path, finding.line, finding.code, finding.message


def cache_for(root: Path, rules: Sequence[Rule], options: Options) -> Cache:
    """Return the cache; a rule that is not one of ours finds nothing of itself in it, so then there is none."""
    known = registry.rules()
    strangers = any(known.get(rule.code) is not rule for rule in rules)
    return Cache(root, forget=not options.cache or strangers)


def collectors(rules: Iterable[Rule]) -> list[Collector]:
    """Return what sees each file: always all there is, so that what is kept of a file serves every later run."""
    return [*COLLECTORS, *{**registry.rules(), **{rule.code: rule for rule in rules}}.values()]


def chosen_paths(project: Project, options: Options) -> set[str] | None:
    """Return the paths that findings are shown of; None for all."""
    if not options.paths and not options.changed:
        return None
    chosen = below(project.files, options.paths) if options.paths else set(project.files)
    return chosen & project.base.changed if options.changed else chosen


def judge(
    project: Project, rules: Iterable[Rule], options: Options
) -> tuple[list[Finding], list[tuple[str, str, str]]]:
    """Return all findings before suppression, and the rules that could not look; texts as they can be printed."""
    by_code = {rule.code: rule for rule in rules}
    findings, failures = per_file(project, by_code)
    incomplete = [(code, why, "") for code, why in sorted(failures.items())]
    order = sorted(by_code.values(), key=lambda rule: list(Lane).index(rule.lane))  # what must be waited for comes last
    for rule in order:
        options.progress(f"{rule.code} {rule.title}")
        try:
            for one in rule.judge(project):  # one by one: what was found before a failure stays
                findings.append(with_text(project, one))
        except IncompleteError as failure:
            incomplete.append((rule.code, failure.message, failure.hint))
        except Exception as failure:  # noqa: BLE001 - a rule that raises is reported, and the rest goes on
            incomplete.append((rule.code, f"the rule failed: {type(failure).__name__}: {failure}", ""))
    findings += unexamined(project, by_code, {code for code, _, _ in incomplete})
    told = [(code, printable(why), printable(hint)) for code, why, hint in incomplete]
    return [one if is_plain(one) else in_print(one) for one in findings], told


def is_plain(finding: Finding) -> bool:
    """Whether a finding can be printed and written as it is."""
    texts = f"{finding.message}{finding.path}{finding.symbol}{finding.text}"
    return texts.isascii() and texts.isprintable()


def in_print(finding: Finding) -> Finding:
    """Return a finding whose texts, strangers' names among them, a terminal, UTF-8 and XML can hold."""
    message, symbol = printable(" ".join(finding.message.split())), printable(finding.symbol)
    return replace(finding, message=message, symbol=symbol, path=shown(finding.path), text=printable(finding.text))


def per_file(project: Project, rules: dict[str, Rule]) -> tuple[list[Finding], dict[str, str]]:
    """Return the findings of the scan, count its subjects, and return the rules that raised there."""
    findings: list[Finding] = []
    failures: dict[str, str] = {}
    subjects: Counter[str] = Counter()
    for path, record in project.files.items():
        subjects.update(record.subjects)
        for code, why in record.notes.get("_failed", ()):
            if code in rules or code not in registry.rules():
                failures[code] = f"the rule failed on {path}: {why}"
        findings += [unpack(rules[row[0]], path, row) for row in record.findings if row[0] in rules]
    project.subjects = {code: count for code, count in subjects.items() if code in rules}
    return findings, failures


def unpack(rule: Rule, path: str, row: list[Any]) -> Finding:
    """Return one finding of the scan."""
    code, line, column, message, symbol, fix, text = row
    return Finding(code, rule.tier, path, line, message, column, symbol, Fix.from_json(fix), text)


def with_text(project: Project, finding: Finding) -> Finding:
    """Return the finding with the text of its line, for its fingerprint."""
    if finding.text or not finding.line or finding.path not in project.files:
        return finding
    lines = project.source(finding.path).lines
    return replace(finding, text=lines[finding.line - 1].strip() if finding.line <= len(lines) else "")


def unexamined(project: Project, rules: dict[str, Rule], excused: Collection[str]) -> list[Finding]:
    """Return CHK00 for each rule that had something to look at and looked at nothing."""
    if "CHK00" not in rules:
        return []
    blind = [r for r in rules.values() if r.code not in excused and not project.subjects.get(r.code)]
    project.examined("CHK00", len(rules))
    return [
        Finding("CHK00", Tier.P0, "pyproject.toml", 0, f"{rule.code} examined nothing: {rule.title}", symbol=rule.code)
        for rule in blind
        if rule.applies(project) and rule.code != "CHK00"
    ]


def sort_out(
    project: Project,
    rules: Sequence[Rule],
    findings: list[Finding],
    incomplete: list[tuple[str, str, str]],
    options: Options,
) -> tuple[list[Finding], list[Finding]]:
    """Return what stays and what is suppressed, and report suppressions that are wrong, expired or unused."""
    codes = {rule.code for rule in rules}
    looked = codes - {code for code, _, _ in incomplete}
    used: set[tuple[str, int, str]] = set()
    left: list[Finding] = []
    suppressed: list[Finding] = []
    known = {path: suppressions_of(record) for path, record in project.files.items() if record.suppressions}
    for finding in findings:
        found = [s for s in known.get(finding.path, ()) if s.covers(finding.code, finding.line)]
        used |= {(finding.path, one.line, finding.code) for one in found}
        holds = finding.tier is not Tier.P0 and any(one.holds(options.today) for one in found)
        (suppressed if holds else left).append(finding)
    from checks.rules.deb02 import Deb02
    from checks.rules.deb03 import Deb03

    for path, ones in known.items():
        if "DEB02" in codes:
            left += [with_text(project, one) for one in Deb02.judge_file(path, ones, options.today)]
        if "DEB03" in codes:
            left += [with_text(project, one) for one in Deb03.judge_file(project, path, ones, used, looked)]
    return left, suppressed


def suppressions_of(record: FileRecord) -> list[Suppression]:
    """Return the suppressions of a file."""
    return [Suppression(**each) for each in record.suppressions]
