"""A container engine, and what is said when there is none that can be used."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER_S = 600  # between two signs of life of a build: a layer is compiled, or pulled, without a word
DEFAULT = "unix:///var/run/docker.sock"


@contextmanager
def engine() -> Iterator[Any]:
    """Yield a client of the engine that DOCKER_HOST names, or of this machine's own; AutionalError (exit 4) if none."""
    try:
        import docker
        from docker.errors import DockerException
    except ImportError as missing:
        raise AutionalError(
            "the docker client for Python is not installed",
            hint="pip install 'autional[docker]'",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        ) from missing
    try:
        client = docker.from_env(timeout=ANSWER_S)
    except DockerException as failure:
        raise unusable(str(failure)) from failure
    try:
        try:
            client.ping()
        except (DockerException, OSError) as failure:
            raise unusable(str(failure)) from failure
        yield client
    finally:
        client.close()


def unusable(reason: str) -> AutionalError:
    """Return the error for an engine that does not answer: what it is, and what helps."""
    at = os.environ.get("DOCKER_HOST") or DEFAULT
    if "Permission denied" in reason or "PermissionError" in reason:
        what, hint = (
            f"no permission for the container engine at {at}",
            "add yourself to its group: usermod -aG docker $USER",
        )
    elif "FileNotFoundError" in reason or "No such file" in reason:
        what, hint = f"no container engine at {at}", "start Docker, or set DOCKER_HOST; then: docker info"
    elif "Connection refused" in reason:
        what, hint = f"nobody answers at {at}", "start Docker: systemctl start docker; then: docker info"
    else:
        what, hint = f"the container engine at {at} cannot be used: {reason[:300]}", "docker info"
    return AutionalError(what, hint=hint, exit_code=ExitCode.BACKEND_UNAVAILABLE)
