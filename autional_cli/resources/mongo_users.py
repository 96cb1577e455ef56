"""Users of the MongoDB-protocol server: each service reads and writes its own database and no other."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.ports import LOOPBACK
from autional_cli.resources import mongo_wire
from autional_cli.resources.connection import NotReadyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pymongo import MongoClient

    from autional_cli.resources.logins import Logins
    from services.chassis.spec import ServiceSpec

ANSWER_MS = 5000
OPTIONS = "authSource=admin&directConnection=true"


async def create_first(port: int, operator: str, operator_password: str, services: Mapping[str, str]) -> None:
    """Create the operator and the services' users on a new server that asks for no password yet."""
    users = [mongo_wire.create_user(operator, operator_password, "root", "admin")]
    users += [mongo_wire.create_user(name, password, "readWrite", name) for name, password in services.items()]
    try:
        await mongo_wire.call(port, *users)
    except (OSError, EOFError, NotReadyError) as failure:
        raise refused(port, failure) from failure


def provision(
    port: int, operator: str, operator_password: str, services: Mapping[str, str], *, host: str = LOOPBACK
) -> None:
    """Create or update one user per service; `services` maps name to password. Idempotent."""
    with client(port, host, username=operator, password=operator_password, authSource="admin") as server:
        known = {user["user"] for user in server.admin.command("usersInfo")["users"]}
        for name, password in services.items():
            verb = "updateUser" if name in known else "createUser"
            server.admin.command(verb, name, pwd=password, roles=[{"role": "readWrite", "db": name}])


@contextmanager
def client(port: int, host: str = LOOPBACK, **options: Any) -> Iterator[MongoClient[dict[str, Any]]]:
    """Yield a client; what the server refuses becomes an AutionalError (exit 4)."""
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    try:
        with MongoClient[dict[str, Any]](
            host,
            port,
            directConnection=True,
            serverSelectionTimeoutMS=ANSWER_MS,
            socketTimeoutMS=ANSWER_MS,
            **options,
        ) as server:
            yield server
    except PyMongoError as failure:
        raise refused(port, failure) from failure


def service_url(logins: Logins, service: ServiceSpec) -> str:
    """Return the URL of a service's own database; AutionalError when it has none."""
    return f"mongodb://{logins.of(service)}/{service.name}?{OPTIONS}"


def operator_url(logins: Logins) -> str:
    """Return the operator's URL."""
    return f"mongodb://{logins.operator}/?{OPTIONS}"


def refused(port: int, failure: Exception) -> AutionalError:
    """Return the error for users that could not be made."""
    return AutionalError(
        f"mongo on port {port} could not be provisioned: {failure}",
        hint="autional logs mongo",
        exit_code=ExitCode.BACKEND_UNAVAILABLE,
    )


def fingerprint(services: Mapping[str, str]) -> str:
    """Return a digest of the wanted users; the passwords are 32 random bytes, so it gives nothing away."""
    return hashlib.sha256(repr(sorted(services.items())).encode()).hexdigest()
