"""`autional doctor`: what works on this machine, what does not, and the fix."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from autional_cli import render
from autional_cli.errors import ExitCode
from autional_cli.supervisor.target import FORMAT_HELP, HELP, instance_of

app = typer.Typer()
MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL"}


@app.command()
def doctor(
    instance: Annotated[str | None, typer.Option(help=HELP)] = None,
    output: Annotated[str, typer.Option("--format", help=FORMAT_HELP)] = "table",
) -> int:
    """Check interpreter, packages, servers, ports, disk and clock; each line says how to mend what is wrong.

    Exit 4 when something that is needed does not work.
    """
    from autional_cli.supervisor.examine import examine

    findings = []
    for finding in examine(instance_of(instance)):
        findings.append(finding)
        if output != "json":
            render.out(f"{MARKS[finding.level]}  {finding.name:<16} {finding.detail}")
            if finding.fix:
                render.out(f"      {'fix':<16} {finding.fix}")
    failed = [finding for finding in findings if finding.level == "fail"]
    if output == "json":
        render.data({"schema": 1, "ok": not failed, "findings": [asdict(finding) for finding in findings]})
    elif not failed:
        render.out("everything that is needed works")
    return int(ExitCode.BACKEND_UNAVAILABLE) if failed else 0
