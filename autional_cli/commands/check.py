"""`autional check`: the rules that keep all services one platform."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autional_cli import render
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.plain_command import PlainCommand
from autional_cli.supervisor.target import instance_of

if TYPE_CHECKING:
    from checks.engine import Options, Report
    from checks.rule import Rule

FORMATS = ("text", "json", "sarif", "github", "junit")
LANES = ("static", "contract", "data", "live")
app = typer.Typer()


@app.command(cls=PlainCommand)
def check(
    paths: Annotated[list[str] | None, typer.Argument(help="Show findings of these files and folders only.")] = None,
    rule: Annotated[list[str] | None, typer.Option(help="A code, a family such as CON, or an alias.")] = None,
    lane: Annotated[
        list[str] | None, typer.Option(help="static, contract, data; none: these three. live: nightly.")
    ] = None,
    changed: Annotated[
        bool, typer.Option("--changed", help="Only what differs from the base branch; static lane.")
    ] = False,
    base: Annotated[str, typer.Option(help="The branch to compare with; also AUTIONAL_BASE, GITHUB_BASE_REF.")] = "",
    fix: Annotated[bool, typer.Option("--fix", help="Apply the safe fixes, then check again.")] = False,
    explain: Annotated[str | None, typer.Option(help="Why a rule is there, and how to satisfy it.")] = None,
    listing: Annotated[bool, typer.Option("--list", help="Every rule with its tier and lane.")] = False,
    debt: Annotated[bool, typer.Option("--debt", help="All debt: findings, baseline, suppressions, TODOs.")] = False,
    baseline: Annotated[bool, typer.Option("--baseline", help="Accept today's P1 findings; needs --reason.")] = False,
    reason: Annotated[str, typer.Option(help="Why the baseline may grow.")] = "",
    instance: Annotated[str, typer.Option(help="The running instance whose databases are asked.")] = "",
    cache: Annotated[bool, typer.Option("--cache/--no-cache", help="Use what earlier runs know of each file.")] = True,
    output: Annotated[str, typer.Option("--format", help=" or ".join(FORMATS))] = "text",
) -> None:
    """Check contracts, error codes, schemas, events, encoding, architecture and debt of the whole platform.

    Examples: autional check · autional check --changed · autional check --rule CON --fix
    autional check --explain DAT06
    """
    if explain is not None:
        render.block(explained(explain))
        return
    rules = chosen(rule or [])
    if listing:
        render.table(("CODE", "TIER", "LANE", "DEMANDS"), [(r.code, r.tier, r.lane, r.title) for r in rules])
        return
    from autional_cli.workspace.locate import find_root

    options = options_of(rule, lane, changed, tuple(paths or ()), base, instance, cache)
    root = find_root()
    report = look(root, rules, options)
    if fix:
        report = mend(root, rules, options, report)
    if baseline:
        accept(root, report, reason)
        return
    shrink(root, options, report)
    if debt:
        from autional_cli.debt import show

        show(report, as_json=output == "json")
    else:
        show_report(report, output)
    raise typer.Exit(exit_code(report))


def chosen(names: list[str]) -> list[Rule]:
    """Return the rules of these names, all for none. AutionalError for a rule that there is not."""
    from checks import registry

    try:
        return registry.pick(names) if names else list(registry.rules().values())
    except registry.RegistryError as failure:
        raise AutionalError(str(failure), hint="autional check --list") from None


def explained(code: str) -> str:
    """Return the explanation of a rule."""
    from checks import registry

    try:
        return registry.explain(code)
    except registry.RegistryError as failure:
        raise AutionalError(str(failure), hint="autional check --list") from None


def options_of(
    rule: list[str] | None,
    lane: list[str] | None,
    changed: bool,
    paths: tuple[str, ...],
    base: str,
    instance: str,
    cache: bool,
) -> Options:
    """Return what a run looks at. A rule that is asked for by name runs, whatever its lane."""
    from checks.base import named
    from checks.engine import Options
    from checks.model import Lane

    if base.startswith("-"):
        raise AutionalError(f"{base!r} is no name of a branch or commit", hint="--base main")
    if instance:
        instance_of(instance)
    unknown = sorted(set(lane or ()) - set(LANES))
    if unknown:
        raise AutionalError(f"there is no lane {unknown[0]!r}", hint=f"--lane {' or '.join(LANES)}")
    if lane:
        lanes = {Lane(each) for each in lane}
    elif rule:
        lanes = set(Lane)
    else:
        lanes = {Lane.STATIC} if changed else {Lane.STATIC, Lane.CONTRACT, Lane.DATA}
    return Options(frozenset(lanes), paths, changed, base or named(), instance, cache)


def look(root: Path, rules: list[Rule], options: Options) -> Report:
    """Run the checks, showing which is at work."""
    from checks.config import ConfigError
    from checks.engine import run

    missing = [path for path in options.paths if not (root / path).exists()]
    if missing:
        raise AutionalError(f"{missing[0]} is not in {root}", hint="paths are relative to the workspace")
    try:
        with render.status("autional check") as shown:
            options.progress = shown
            return run(root, rules, options)
    except ConfigError as failure:
        raise AutionalError(str(failure), exit_code=ExitCode.CONFIGURATION) from None


def mend(root: Path, rules: list[Rule], options: Options, report: Report) -> Report:
    """Apply the safe fixes and check again."""
    from checks.fixing import apply

    mended = apply(root, report.findings)
    for one in mended:
        render.note(f"fixed {one.place}: {one.fix.description if one.fix else ''} [{one.code}]")
    return look(root, rules, options) if mended else report


def shrink(root: Path, options: Options, report: Report) -> None:
    """Take out of the baseline what its rules looked for and no longer find; a look at a part says nothing of it."""
    from checks.baseline import Baseline

    if options.paths or options.changed:
        return
    before = Baseline.load(root)
    after = before.shrunk([*report.baselined, *report.findings], report.looked())
    if after.entries != before.entries:
        after.save(root)
        render.note(f"{len(before.entries) - len(after.entries)} entries left the baseline: mended; commit the file")


def accept(root: Path, report: Report, reason: str) -> None:
    """Write the baseline: smaller by itself, larger only with a reason."""
    from checks.baseline import Baseline
    from checks.model import Tier

    before = Baseline.load(root)
    still = before.shrunk([*report.baselined, *report.findings], report.looked())
    new = [one for one in report.findings if one.tier is Tier.P1]
    if new and not reason.strip():
        raise AutionalError(f"the baseline would grow by {len(new)} findings", hint='give a reason: --reason "…"')
    after = still.grown(new, " ".join(reason.split()))
    after.save(root)
    left = [one for one in report.findings if one.tier is not Tier.P1]
    render.out(f"{len(after.entries)} findings accepted (before: {len(before.entries)}); {len(left)} others are left")


def show_report(report: Report, output: str) -> None:
    """Print the report in the form that was asked for."""
    from checks.reports import github, junit, sarif, text
    from checks.reports import json as json_report

    if output == "json":
        render.data(json_report.document(report))
    elif output == "sarif":
        render.data(sarif.document(report))
    elif output == "junit":
        render.block(junit.document(report).rstrip())
    elif output in ("github", "text"):
        for line in github.lines(report) if output == "github" else text.lines(report):
            render.out(line)
    else:
        raise AutionalError(f"there is no format {output!r}", hint=f"--format {' or '.join(FORMATS)}")
    render.note(text.summary(report))


def exit_code(report: Report) -> int:
    """Return how the process ends: a rule that could not look outweighs what others found."""
    if report.incomplete:
        return int(ExitCode.USAGE)
    return int(ExitCode.FINDINGS if report.blocking() else ExitCode.OK)
