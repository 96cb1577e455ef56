"""A connection to the bus of an instance, with the operator's rights."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from autional_cli.instance import Instance


@asynccontextmanager
async def opened(instance: Instance) -> AsyncIterator[Any]:
    """Yield a client of the bus. AutionalError (exit 4) if it does not answer, now or later."""
    from autional_cli.supervisor.topology import reachable_resources
    from services.chassis.redis import connect

    urls = [resource.admin_url() for resource in reachable_resources(instance) if resource.name == "redis"]
    if not urls:
        raise unreachable(instance, "the stack has no service, and so no bus")
    client: Any = connect(urls[0], name="autional-events")
    try:
        yield client
    except (OSError, RedisError) as failure:
        raise unreachable(instance, str(failure)) from failure
    finally:
        await client.aclose()


def unreachable(instance: Instance, reason: str) -> AutionalError:
    """Return the error for a bus that cannot be asked."""
    return AutionalError(
        f"the bus of instance {instance.name} cannot be read: {reason}",
        hint=f"autional up --instance {instance.name}; or, if it runs: autional why redis",
        exit_code=ExitCode.BACKEND_UNAVAILABLE,
    )


def position(entry: str) -> tuple[int, int]:
    """Return where an entry of a stream stands; positions compare as their entries follow each other."""
    milliseconds, _, number = entry.partition("-")
    return int(milliseconds), int(number)
