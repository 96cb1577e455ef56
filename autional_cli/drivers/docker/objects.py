"""Object storage in a container: MinIO, or another S3 server that takes the same variables. A bucket per service."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli.drivers.docker.contained import SOON_S, Contained
from autional_cli.drivers.docker.container import Container
from autional_cli.ports import LOOPBACK
from autional_cli.resources import probe, s3_wire, tools
from autional_cli.resources.connection import NotReadyError
from autional_cli.secrets import OPERATOR

if TYPE_CHECKING:
    from services.chassis.spec import ServiceSpec


@dataclass(frozen=True, kw_only=True)
class Objects(Contained):
    """One server; the services share its key, since making others is no part of the S3 protocol."""

    def container(self) -> Container:
        """Return the container of the official image."""
        return Container(
            image=self.image,
            command=("server", "/data"),
            env=self.env(MINIO_ROOT_USER=OPERATOR, MINIO_ROOT_PASSWORD=self.secrets.operator),
            ports={9000: self.port},
            volume="/data",
        )

    async def wait_ready(self, timeout_s: float) -> None:
        """Return once it answers a request with anything but an error of its own."""
        what = f"objects on {LOOPBACK}:{self.port}"
        await probe.until(lambda: probe.http(self.port, "/"), what=what, timeout_s=timeout_s, longest_pause_s=SOON_S)

    def wishes(self) -> object:
        """Return the buckets."""
        return [bucket(name) for name in self.services]

    async def grant(self) -> None:
        """Make the buckets."""
        for name in self.services:
            try:
                await asyncio.to_thread(s3_wire.make_bucket, self.port, bucket(name), OPERATOR, self.secrets.operator)
            except (OSError, NotReadyError) as failure:
                raise tools.failed(f"the bucket of {name} could not be made: {failure}", self.state_dir) from failure

    def url_for(self, service: ServiceSpec) -> str:
        """Return the URL of a service's bucket, for `services.chassis.objects.open_store`."""
        return f"{self.admin_url()}/{bucket(service.name)}?region={s3_wire.REGION}"

    def admin_url(self) -> str:
        """Return the operator's URL."""
        return f"s3+http://{OPERATOR}:{self.secrets.operator}@{LOOPBACK}:{self.port}"


def bucket(service: str) -> str:
    """Return the name of a service's bucket."""
    return f"autional-{service}"
