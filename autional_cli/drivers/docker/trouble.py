"""What an engine or a registry refuses, as errors that name the fix. Most offer the driver that needs neither."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

from autional_cli.drivers.docker.engine import EngineError
from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator

WITHOUT = "or run without an engine: autional up --driver embedded"
LIMITED = ("toomanyrequests", "too many requests", "rate limit", "429")
ABSENT = ("not found", "manifest unknown", "does not exist", "repository name not known", "name unknown")
DENIED = ("denied", "unauthorized", "authentication required", "401", "403")
UNREACHED = ("dial tcp", "timeout", "no such host", "connection refused", "deadline exceeded", "network", "eof")


@contextmanager
def explained(address: str, what: str, *, around: str = WITHOUT) -> Iterator[None]:
    """Turn what goes wrong with the engine at `address` into an AutionalError; `around` is the way around it."""
    try:
        yield
    except EngineError as failure:
        raise refused(what, str(failure), around=around) from failure
    except OSError as failure:
        raise no_engine(address, failure, around=around) from failure
    except ImportError as failure:
        raise no_sdk(failure, around=around) from failure


def no_engine(address: str, failure: OSError, *, around: str = WITHOUT) -> AutionalError:
    """Return the error for an engine that does not answer, or that one may not ask."""
    if failure.errno in (errno.EACCES, errno.EPERM):
        return backend(
            f"no permission to use the Docker engine at {address}",
            "let your user in, then log in again: sudo usermod -aG docker $USER",
            around=around,
        )
    if isinstance(failure, TimeoutError):
        why = "it did not answer in time"
    else:
        why = failure.strerror or str(failure) or type(failure).__name__
    return backend(
        f"no Docker engine answers at {address} ({why})",
        "start it: sudo systemctl start docker (or Docker Desktop), and see `docker info`",
        around=around,
    )


def elsewhere(address: str) -> AutionalError:
    """Return the error for an engine that is not on this machine."""
    return backend(
        f"the Docker engine at {address} is not on this machine; what runs here reaches containers on 127.0.0.1 alone",
        "use the local one: docker context use default; unset DOCKER_HOST",
    )


def no_sdk(failure: ImportError, *, around: str = WITHOUT) -> AutionalError:
    """Return the error for an environment without the packages that speak to an engine."""
    what = f"containers need a package that is not installed: {failure.name}"
    return backend(what, "pip install 'autional[docker]'", around=around)


def not_pulled(image: str, words: str) -> AutionalError:
    """Return the error for an image that could not be pulled; `words` are the engine's or the registry's."""
    lower = words.lower()
    if any(part in lower for part in LIMITED):
        return backend(
            f"{image}: the registry limits how much may be pulled ({words})",
            "log in (docker login) or wait, or name a mirror with `image` in the stack file",
        )
    if any(part in lower for part in ABSENT):
        return backend(
            f"{image}: there is no such image ({words})",
            "look at the name and the tag: `image` of the resource in the stack file",
        )
    if any(part in lower for part in DENIED):
        return backend(f"{image}: the registry refuses it ({words})", "docker login")
    if any(part in lower for part in UNREACHED):
        return backend(
            f"{image}: the registry cannot be reached ({words})",
            f"look at the network or the proxy of the engine, then: docker pull {image}",
        )
    return backend(f"{image} could not be pulled: {words}", f"docker pull {image}")


def refused(what: str, words: str, *, around: str = WITHOUT) -> AutionalError:
    """Return the error for anything else that the engine does not do."""
    return backend(f"{what}: the Docker engine refuses: {words}", "docker info; autional doctor", around=around)


def backend(message: str, fix: str, *, around: str = WITHOUT) -> AutionalError:
    """Return an error of the backend with its fix, and with the way around it, if there is one."""
    hint = f"{fix} — {around}" if around else fix
    return AutionalError(message, hint=hint, exit_code=ExitCode.BACKEND_UNAVAILABLE)
