"""What an engine or a registry refuses, as errors that name the fix. Each offers the driver that needs neither."""

from __future__ import annotations

import errno

from autional_cli.errors import AutionalError, ExitCode

WITHOUT = "or run without an engine: autional up --driver embedded"
LIMITED = ("toomanyrequests", "too many requests", "rate limit", "429")
ABSENT = ("not found", "manifest unknown", "does not exist", "repository name not known", "name unknown")
DENIED = ("denied", "unauthorized", "authentication required", "401", "403")
UNREACHED = ("dial tcp", "timeout", "no such host", "connection refused", "deadline exceeded", "network", "eof")


def no_engine(address: str, failure: OSError) -> AutionalError:
    """Return the error for an engine that does not answer, or that one may not ask."""
    if failure.errno in (errno.EACCES, errno.EPERM):
        return backend(
            f"no permission to use the Docker engine at {address}",
            "let your user in, then log in again: sudo usermod -aG docker $USER",
        )
    if isinstance(failure, TimeoutError):
        why = "it did not answer in time"
    else:
        why = failure.strerror or str(failure) or type(failure).__name__
    return backend(
        f"no Docker engine answers at {address} ({why})",
        "start it: sudo systemctl start docker (or Docker Desktop), and see `docker info`",
    )


def elsewhere(address: str) -> AutionalError:
    """Return the error for an engine that is not on this machine."""
    return backend(
        f"the Docker engine at {address} is not on this machine; what runs here reaches containers on 127.0.0.1 alone",
        "use the local one: docker context use default; unset DOCKER_HOST",
    )


def no_sdk(failure: ImportError) -> AutionalError:
    """Return the error for an environment without the driver's packages."""
    what = f"the driver docker needs a package that is not installed: {failure.name}"
    return backend(what, "pip install 'autional[docker]'")


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


def refused(what: str, words: str) -> AutionalError:
    """Return the error for anything else that the engine does not do."""
    return backend(f"{what}: the Docker engine refuses: {words}", "docker info; autional doctor")


def backend(message: str, fix: str) -> AutionalError:
    """Return an error of the backend with its fix, and with the way around it."""
    return AutionalError(message, hint=f"{fix} — {WITHOUT}", exit_code=ExitCode.BACKEND_UNAVAILABLE)
