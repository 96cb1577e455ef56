"""The migrations as a task of the platform, and clusters that begin as copies of a migrated template."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli.drivers.base import ProcessSpec
from autional_cli.errors import AutionalError
from autional_cli.instance import write_private
from autional_cli.migrations.files import inspect, several_heads
from autional_cli.migrations.plan import fingerprint
from autional_cli.plan import UnitDef
from autional_cli.resources.postgres import Postgres
from autional_cli.resources.template import Template

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from autional_cli.drivers.base import Resource
    from autional_cli.instance import Instance
    from autional_cli.plan import Task
    from services.chassis.spec import ServiceSpec

MIGRATIONS = "migrations"
ENTRY = "autional_cli.migrations.runner:main"
MARKER = ".migrated"
NEW = "new"  # a cluster made from nothing, which no service has written to
START_S = 300.0


@dataclass(frozen=True, kw_only=True)
class TemplatedPostgres(Postgres):
    """A cluster that is copied from a template where there is one. `marker` says which migrations it has."""

    template: Template
    marker: Path
    schema: str

    async def prepare(self) -> None:
        """Copy the template or run initdb when there is no data yet; then as every cluster."""
        if not self.data.exists:
            self.marker.unlink(missing_ok=True)
            restored = await asyncio.to_thread(self.template.restore, self.data_dir)
            write_private(self.marker, self.schema if restored else NEW)
        await super().prepare()


@dataclass(frozen=True, kw_only=True)
class PlainMigrations:
    """Bring every schema to its head. `marker` is a note of it that goes with the data; None: nobody keeps one."""

    marker: Path | None
    schema: str

    def is_done(self) -> bool:
        """Whether the server has the migrations that the workspace has now."""
        return (
            self.marker is not None and self.marker.is_file() and self.marker.read_text(encoding="ascii") == self.schema
        )

    async def finish(self, pause: Callable[[str, Callable[[], Awaitable[None]]], Awaitable[None]]) -> None:
        """Record the migrations."""
        if self.marker:
            write_private(self.marker, self.schema)


@dataclass(frozen=True, kw_only=True)
class Migrations:
    """Bring every schema to its head; afterwards keep the cluster as a template if it was made from nothing."""

    cluster: TemplatedPostgres

    def is_done(self) -> bool:
        """Whether the cluster has the migrations that the workspace has now."""
        try:
            return self._noted() == self.cluster.schema
        except OSError:
            return False

    def _noted(self) -> str:
        return self.cluster.marker.read_text(encoding="ascii")

    async def finish(self, pause: Callable[[str, Callable[[], Awaitable[None]]], Awaitable[None]]) -> None:
        """Record the migrations. A new cluster holds nobody's data yet, so it becomes a template."""
        marker, template = self.cluster.marker, self.cluster.template
        is_new = marker.exists() and self._noted() == NEW
        write_private(marker, self.cluster.schema)
        if is_new and not template.exists:

            async def save() -> None:
                try:
                    await asyncio.to_thread(template.save, self.cluster.data_dir)
                except AutionalError as failure:  # the next instance is made from nothing as well, which is slower
                    sys.stderr.write(f"no template was kept: {failure.message}\n")

            await pause(self.cluster.name, save)


def templated(resource: Resource, instance: Instance, root: Path, specs: list[ServiceSpec]) -> Resource:
    """Return PostgreSQL as a TemplatedPostgres, and any other resource as it is."""
    if not isinstance(resource, Postgres):
        return resource
    schema = fingerprint(root, [spec.name for spec in specs])
    fields = {field.name: getattr(resource, field.name) for field in dataclasses.fields(resource)}
    template = Template.of(resource.version, schema)
    return TemplatedPostgres(**fields, template=template, marker=instance.data_dir / MARKER, schema=schema)


def migrations(instance: Instance, root: Path, resources: list[Resource], specs: list[ServiceSpec]) -> UnitDef:
    """Return the unit that migrates the databases of `specs`. AutionalError (exit 3) for files that could not be."""
    for spec in specs:
        heads = inspect(root, spec.name)
        if len(heads) > 1:
            raise several_heads(spec.name, heads)
    cluster = next(resource for resource in resources if resource.name == "postgres")
    targets = [{"service": spec.name, "url": cluster.url_for(spec)} for spec in specs]
    process = ProcessSpec(
        name=MIGRATIONS,
        entry=ENTRY,
        env={"AUTIONAL_MIGRATIONS": json.dumps(targets), "AUTIONAL_WORKSPACE": str(root)},
        cwd=root,
        log=instance.logs_dir / f"{MIGRATIONS}.out",
    )
    return UnitDef(
        name=MIGRATIONS,
        kind="task",
        process=process,
        task=task(cluster, root, specs),
        needs=(cluster.name,),
        start_timeout_s=START_S,
    )


def task(cluster: Resource, root: Path, specs: list[ServiceSpec]) -> Task:
    """Return how the migrations of a server are remembered."""
    if isinstance(cluster, TemplatedPostgres):
        return Migrations(cluster=cluster)
    notes: Path | None = getattr(cluster, "state_dir", None)
    schema = fingerprint(root, [spec.name for spec in specs])
    return PlainMigrations(marker=notes / MARKER if notes else None, schema=schema)
