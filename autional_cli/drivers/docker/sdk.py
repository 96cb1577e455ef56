"""The Docker SDK, for what the standard library is too little for: building, pulling, making a container.

What it raises is turned into what `Engine` raises, so that the same trouble is told in the same words.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from autional_cli.drivers.docker import trouble
from autional_cli.drivers.docker.engine import EngineError, address

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILD_ANSWER_S = 600  # between two signs of life of a build: a layer is compiled, or pulled, without a word


@contextmanager
def connected(timeout_s: float = BUILD_ANSWER_S) -> Iterator[Any]:
    """Yield a client of the engine at `engine.address()`, which may be another machine's.

    It may be silent for `timeout_s` seconds. AutionalError (exit 4) when none answers.
    """
    where = address()
    with trouble.explained(where, "connecting", around=""), spoken():
        import docker

        client = docker.from_env(timeout=timeout_s, environment={**os.environ, "DOCKER_HOST": where})
    try:
        yield client
    finally:
        client.close()


@contextmanager
def spoken() -> Iterator[None]:
    """Turn what the SDK raises into EngineError where the engine refuses, into OSError where nobody answers."""
    from docker.errors import APIError, DockerException

    try:
        yield
    except APIError as failure:
        raise EngineError(failure.status_code or 0, str(failure.explanation or failure)) from failure
    except (DockerException, OSError) as failure:  # what requests raises is an OSError
        raise cause(failure) from failure


def cause(failure: Exception) -> OSError:
    """Return what the system said: the SDK wraps it three times over, and only the innermost has a number."""
    inner: BaseException | None = failure
    while inner is not None:
        if isinstance(inner, TimeoutError):
            return TimeoutError(str(failure))
        if isinstance(inner, OSError) and inner.errno:
            return OSError(inner.errno, inner.strerror)
        inner = inner.__cause__ or inner.__context__
    return ConnectionError(str(failure))
