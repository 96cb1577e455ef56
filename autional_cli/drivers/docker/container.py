"""A container as it should be, and how it gets there: kept when nothing about it changed, or made anew."""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autional_cli.drivers.docker import images, sdk, trouble
from autional_cli.drivers.docker.engine import Engine, EngineError, address
from autional_cli.drivers.telling import tell
from autional_cli.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autional_cli.instance import Instance

WORKSPACE, INSTANCE, RESOURCE, CONFIG = (f"autional.{name}" for name in ("workspace", "instance", "resource", "config"))
PIDS = 512
LAYOUT = 1  # raise it when what `create` asks for changes
HOST = {"network_mode": "host", "read_only": True, "tmpfs": {"/tmp": "size=16m"}}  # noqa: S108 - its own
LOCAL = ("unix://", "tcp://127.0.0.1", "tcp://localhost", "http://127.0.0.1", "http://localhost")


@dataclass(frozen=True, kw_only=True)
class Place:
    """An instance as an engine knows it: names and labels of what belongs to it."""

    workspace: Path
    instance: str
    used: Path  # the note that an engine has something of it

    @classmethod
    def of(cls, instance: Instance) -> Place:
        """Return the place of an instance."""
        return cls(workspace=instance.root.resolve(), instance=instance.name, used=instance.engine_note)

    @property
    def prefix(self) -> str:
        """The beginning of every name; two workspaces may have instances of the same name."""
        return f"autional-{hashlib.sha256(str(self.workspace).encode()).hexdigest()[:8]}-{self.instance}"

    @property
    def labels(self) -> dict[str, str]:
        """What everything of this instance is labelled with."""
        return {WORKSPACE: str(self.workspace), INSTANCE: self.instance}


@dataclass(frozen=True, kw_only=True)
class Container:
    """What a container is made of. `ports` maps its own to those of the loopback interface, `files` paths to contents.

    `volume` is where its data is; `capabilities` are the only ones it has. `live_files` may change without a new one.
    `binds` maps paths of this machine, which are the same inside, to `ro` or `rw`. `on_host`: it has no network of its
    own and a file system that nothing can write to, as in production.
    """

    image: str
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[int, int] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    live_files: Mapping[str, str] = field(default_factory=dict)
    volume: str = ""
    user: str = ""
    capabilities: tuple[str, ...] = ()
    stop_signal: str = "SIGTERM"
    memory: str = "1g"
    shm: str = "64m"
    binds: Mapping[str, str] = field(default_factory=dict)
    on_host: bool = False

    def digest(self, image_id: str) -> str:
        """Return what tells this container from another one."""
        parts = {key: value for key, value in asdict(self).items() if key != "live_files"}
        return hashlib.sha256(json.dumps([LAYOUT, image_id, parts], sort_keys=True).encode()).hexdigest()[:32]


def engine() -> Engine:
    """Return the engine of this machine; AutionalError when it is another's."""
    where = address()
    if not where.startswith(LOCAL):
        raise trouble.elsewhere(where)
    return Engine(where)


def settle(asked: Engine, place: Place, name: str, wanted: Container, memory: str | None = None) -> bool:
    """Have the container there, not necessarily running; return whether its volume is new."""
    wanted = replace(wanted, memory=memory) if memory else wanted
    with trouble.explained(asked.address, name):
        digest = wanted.digest(images.ensure(asked, wanted.image))
        found = asked.container(f"{place.prefix}-{name}")
        if found and found["Config"]["Labels"].get(CONFIG) == digest:
            if wanted.live_files:
                write(asked, place, name, wanted.live_files)
            return False
        if found:
            tell("replacing the container: its configuration has changed")
            asked.stop(found["Id"], 10)
            asked.remove(f"/containers/{found['Id']}", force=1, v=1)
        tell(f"creating a container of {wanted.image}")
        return create(asked, place, name, wanted, digest)


def create(asked: Engine, place: Place, name: str, wanted: Container, digest: str) -> bool:
    """Make the container, and its network and volume where they are missing; return whether the volume is new."""
    from testcontainers.core.docker_client import DockerClient

    labels = {**place.labels, RESOURCE: name}
    place.used.touch(mode=0o600)
    with sdk.spoken():
        client = DockerClient(environment={"DOCKER_HOST": asked.address})
        api = client.client
        is_new = bool(wanted.volume) and not api.volumes.list(filters={"name": f"^{place.prefix}-{name}$"})
        volumes = {}
        if wanted.volume:
            api.volumes.create(f"{place.prefix}-{name}", labels=labels)
            volumes = {f"{place.prefix}-{name}": {"bind": wanted.volume, "mode": "rw"}}
        volumes |= {path: {"bind": path, "mode": mode} for path, mode in wanted.binds.items()}
        container = client.create(
            wanted.image,
            command=list(wanted.command) or None,
            environment=dict(wanted.env),
            labels={**labels, CONFIG: digest},
            name=f"{place.prefix}-{name}",
            **(HOST if wanted.on_host else own_network(api, place, name, wanted)),
            volumes=volumes,
            user=wanted.user or None,
            cap_drop=["ALL"],
            cap_add=list(wanted.capabilities),
            security_opt=["no-new-privileges"],
            mem_limit=wanted.memory,
            pids_limit=PIDS,
            shm_size=wanted.shm,
            stop_signal=wanted.stop_signal,
            log_config={"Type": "json-file", "Config": {"max-size": "10m", "max-file": "1"}},
        )
        if files := {**wanted.files, **wanted.live_files}:
            container.put_archive("/", packed(files))
        api.close()
    return is_new


def own_network(api: Any, place: Place, name: str, wanted: Container) -> dict[str, Any]:
    """Return what joins a container to the instance's network, its ports published on the loopback interface alone."""
    ports = {f"{inside}/tcp": (LOOPBACK, outside) for inside, outside in wanted.ports.items()}
    return {"hostname": name, "network": network(api, place), "ports": ports}


def network(api: Any, place: Place) -> str:
    """Return the instance's network, made if it is missing. An engine would make several of the same name at once."""
    with locked(place.used):
        if not api.networks.list(names=[f"^{place.prefix}$"]):
            api.networks.create(place.prefix, driver="bridge", labels=place.labels)
    return place.prefix


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock against other threads and processes."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def write(asked: Engine, place: Place, name: str, files: Mapping[str, str]) -> None:
    """Replace files in a container, running or not."""
    body = packed(files)
    with trouble.explained(asked.address, name):
        connection = asked.connection()
        try:
            path = f"/containers/{place.prefix}-{name}/archive?path=/"
            connection.request("PUT", path, body=body, headers={"Content-Type": "application/x-tar"})
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status >= 400:
            raise EngineError(response.status, answer.decode(errors="replace"))


def packed(files: Mapping[str, str]) -> bytes:
    """Return files as a tar archive. They are readable inside the container, which holds that one server alone."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(path.lstrip("/"))
            content = text.encode()
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def stop_all(asked: Engine, place: Place, patience_s: float = 10.0) -> None:
    """Stop every container of an instance that runs: what a killed supervisor left."""
    from concurrent.futures import ThreadPoolExecutor

    with trouble.explained(asked.address, place.prefix):
        running = [found["Id"] for found in asked.labelled("containers", place.labels) if found["State"] == "running"]
        if running:
            with ThreadPoolExecutor(len(running)) as pool:
                list(pool.map(lambda each: asked.stop(each, patience_s), running))


def remove(asked: Engine, place: Place, name: str) -> None:
    """Remove one container and its volume."""
    with trouble.explained(asked.address, name):
        asked.remove(f"/containers/{place.prefix}-{name}", force=1, v=1)
        asked.remove(f"/volumes/{place.prefix}-{name}")


def remove_all(asked: Engine, place: Place) -> None:
    """Remove containers, volumes and the network of an instance."""
    stop_all(asked, place)
    with trouble.explained(asked.address, place.prefix):
        for found in asked.labelled("containers", place.labels):
            asked.remove(f"/containers/{found['Id']}", force=1, v=1)
        for found in asked.labelled("volumes", place.labels):
            asked.remove(f"/volumes/{found['Name']}")
        for found in asked.labelled("networks", place.labels):
            asked.remove(f"/networks/{found['Id']}")
    place.used.unlink(missing_ok=True)
