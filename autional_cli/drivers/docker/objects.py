"""Object storage in a container: an S3 server with a bucket and a key of its own for each service."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli.drivers.docker import container
from autional_cli.drivers.docker.contained import SOON_S, Contained
from autional_cli.drivers.docker.container import Container
from autional_cli.ports import LOOPBACK
from autional_cli.resources import probe, s3_wire, tools
from autional_cli.resources.connection import NotReadyError
from autional_cli.secrets import OPERATOR

if TYPE_CHECKING:
    from services.chassis.spec import ServiceSpec

DATA, PORT, USERS_DIR = "/data", 9000, "/etc/autional/users"
MINIO = "minio"


@dataclass(frozen=True, kw_only=True)
class Objects(Contained):
    """Versity's S3 gateway over a volume; or MinIO, if the stack names an image of it.

    MinIO takes no users from a file, and making them is no part of S3: there the services share the operator's key.
    """

    @property
    def is_minio(self) -> bool:
        """Whether the image is one of MinIO, from whichever registry."""
        return MINIO in self.image.partition("@")[0].rpartition("/")[2]

    def container(self) -> Container:
        """Return the container; its users are a file that can change while it runs."""
        if self.is_minio:
            return Container(
                image=self.image,
                command=("server", DATA),
                env=self.env(MINIO_ROOT_USER=OPERATOR, MINIO_ROOT_PASSWORD=self.secrets.operator),
                ports={PORT: self.port},
                volume=DATA,
            )
        return Container(
            image=self.image,
            command=("posix", DATA),
            env=self.env(
                ROOT_ACCESS_KEY=OPERATOR,
                ROOT_SECRET_KEY=self.secrets.operator,
                VGW_PORT=f":{PORT}",
                VGW_REGION=s3_wire.REGION,
                VGW_IAM_DIR=USERS_DIR,
                VGW_QUIET="true",
            ),
            ports={PORT: self.port},
            live_files=self.users,
            volume=DATA,
        )

    @property
    def users(self) -> dict[str, str]:
        """The file of users by its path; each may make buckets and use its own alone."""
        accounts = {name: {"access": name, "secret": self.secret(name), "role": "userplus"} for name in self.services}
        return {f"{USERS_DIR}/users.json": json.dumps({"accessAccounts": accounts})}

    def key(self, service: str) -> str:
        """Return the access key of a service."""
        return OPERATOR if self.is_minio else service

    def secret(self, service: str) -> str:
        """Return the secret key of a service."""
        return self.secrets.operator if self.is_minio else self.secrets.password(service, self.name)

    async def wait_ready(self, timeout_s: float) -> None:
        """Return once it answers a request with anything but an error of its own."""
        what = f"objects on {LOOPBACK}:{self.port}"
        await probe.until(lambda: probe.http(self.port, "/"), what=what, timeout_s=timeout_s, longest_pause_s=SOON_S)

    def wishes(self) -> object:
        """Return users and buckets."""
        return [(bucket(name), self.secret(name)) for name in self.services]

    async def grant(self) -> None:
        """Make the users known, and each service's bucket with its own key: who makes a bucket owns it."""
        if not self.is_minio:
            await asyncio.to_thread(container.write, container.engine(), self.place, self.name, self.users)
        for name in self.services:
            try:
                await asyncio.to_thread(s3_wire.make_bucket, self.port, bucket(name), self.key(name), self.secret(name))
            except (OSError, NotReadyError) as failure:
                raise tools.failed(f"the bucket of {name} could not be made: {failure}", self.state_dir) from failure

    def url_for(self, service: ServiceSpec) -> str:
        """Return the URL of a service's bucket, for `services.chassis.objects.open_store`."""
        login = f"{self.key(service.name)}:{self.secret(service.name)}"
        return f"s3+http://{login}@{LOOPBACK}:{self.port}/{bucket(service.name)}?region={s3_wire.REGION}"

    def admin_url(self) -> str:
        """Return the operator's URL."""
        return f"s3+http://{OPERATOR}:{self.secrets.operator}@{LOOPBACK}:{self.port}"


def bucket(service: str) -> str:
    """Return the name of a service's bucket."""
    return f"autional-{service}"
