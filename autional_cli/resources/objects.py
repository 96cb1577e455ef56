"""Object storage: a directory. The services reach it through obstore, which speaks S3 as well, so nothing runs here."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.resources import tools
from autional_cli.resources.storage import explained, refuse_full_disk

if TYPE_CHECKING:
    from services.chassis.spec import ServiceSpec


@dataclass(frozen=True, kw_only=True)
class Objects:
    """A directory that its owner alone may read."""

    data_dir: Path
    name: str = "objects"
    driver: str = "embedded"

    @property
    def version(self) -> str:
        return tools.version_of("obstore", 3)

    @property
    def ports(self) -> tuple[int, ...]:
        return ()

    def inspect(self) -> None:
        refuse_full_disk(self.data_dir)

    async def prepare(self) -> None:
        with explained(self.data_dir):
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.data_dir.chmod(0o700)

    def process(self) -> None:
        return None

    async def wait_ready(self, timeout_s: float) -> None:
        """Return at once: a directory is always ready."""

    async def provision(self) -> None:
        """Do nothing: the services share the directory, each under its own prefix."""

    def url_for(self, service: ServiceSpec) -> str:
        return self.data_dir.as_uri()

    def admin_url(self) -> str:
        return self.data_dir.as_uri()

    async def remove(self) -> None:
        with explained(self.data_dir):
            if self.data_dir.exists():
                shutil.rmtree(self.data_dir)
