"""What `autional migrate` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli import render

if TYPE_CHECKING:
    from autional_cli.instance import Instance
    from autional_cli.migrations.apply import Status
    from autional_cli.migrations.rehearsal import Rehearsal
    from autional_cli.migrations.writing import Written


def show_rehearsals(found: list[Rehearsal]) -> None:
    """Print what each revision did to the copy."""
    for one in found:
        if not one.steps and not one.failure:
            render.out(f"{one.service}: nothing is pending at {one.revision or 'no revision'}")
            continue
        render.out(f"{one.service}: {one.revision or 'no revision'} → {one.head}, {one.bytes / 1024:.0f} kB of tables")
        for step in one.steps:
            render.out(f"  {step.revision}  {step.elapsed_ms:.0f} ms")
            for lock in step.locks:
                blocked = " and ".join(
                    word for word, blocks in (("reads", lock.blocks_reads), ("writes", lock.blocks_writes)) if blocks
                )
                effect = f"blocks {blocked}" if blocked else "blocks neither reads nor writes"
                render.out(f"    {lock.mode} on {lock.table} ({lock.bytes / 1024:.0f} kB): {effect}")
        for broken in one.broken:
            render.out(f"  {'breaks' if broken.certain else 'may break'}  {broken.statement}")
            render.out(f"    {broken.why}")
        if one.failure:
            render.out(f"  failed  {one.failure}")


def show_status(results: list[Status], output: str) -> None:
    """Print where the schemas stand."""
    if output == "json":
        services = [{"name": r.service, "revision": r.revision, "head": r.head, "current": r.current} for r in results]
        render.data({"schema": 1, "services": services})
    else:
        rows = [(r.service, r.revision or "-", r.head, "ok" if r.current else "pending") for r in results]
        render.table(("SERVICE", "REVISION", "HEAD", "STATE"), rows)


def show_sql(texts: list[tuple[str, str]], output: str) -> None:
    """Print SQL by service."""
    if output == "json":
        render.data({"schema": 1, "services": [{"name": name, "sql": text} for name, text in texts]})
        return
    for name, text in texts:
        render.block(f"-- {name}\n{text.strip()}\n")
    if not texts:
        render.note("nothing to do")


def show_written(target: Instance, service: str, written: Written | None, output: str) -> None:
    """Print which files were written and what to review in them."""
    if output == "json":
        entry = written and {
            "name": service,
            "revision": written.revision,
            "path": str(written.path.relative_to(target.root)),
            "hints": list(written.hints),
            **({"before": [str(path.relative_to(target.root)) for path in written.before]} if written.before else {}),
        }
        render.data({"schema": 1, "services": [entry] if entry else []})
    elif written:
        for path in (*written.before, written.path):
            render.out(str(path.relative_to(target.root)))
    if not written:
        render.note(f"{service}: the models say nothing that the revisions do not; nothing written")
        return
    for hint in written.hints:
        render.note(f"review: {hint}")
    render.note(f"next: read it, then autional migrate rehearse {service}, then autional migrate up {service}")
