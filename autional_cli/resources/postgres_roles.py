"""Roles and databases in PostgreSQL: each service owns one database and may connect to no other."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Mapping

    import asyncpg

    from autional_cli.resources.logins import Logins
    from services.chassis.spec import ServiceSpec

SCRAM_ITERATIONS = 4096
SALT_BYTES = 16
CONNECT_S = 5.0
COMMAND_S = 30.0
LIMITS = {"statement_timeout": "60s", "lock_timeout": "15s", "idle_in_transaction_session_timeout": "60s"}
SHARED_DATABASES = ("postgres", "template1")


async def provision(
    port: int,
    operator: str,
    password: str,
    services: Mapping[str, str],
    *,
    host: str = LOOPBACK,
    tls: bool | None = False,
) -> None:
    """Create or update a role and a database per service; `services` maps name to password. Idempotent.

    `tls` None: where the server has it.
    """
    import asyncpg

    try:
        connection = await asyncpg.connect(
            host=host,
            port=port,
            user=operator,
            password=password,
            database="postgres",
            timeout=CONNECT_S,
            command_timeout=COMMAND_S,
            ssl=tls,
            statement_cache_size=0,
            server_settings={"log_min_error_statement": "panic"},  # its statements hold verifiers
        )
        try:
            await apply(connection, services)
        finally:
            await connection.close(timeout=CONNECT_S)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as failure:
        raise AutionalError(
            f"postgres on {host}:{port} could not be provisioned: {failure}",
            hint="autional logs postgres",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        ) from failure


async def apply(connection: asyncpg.Connection, services: Mapping[str, str]) -> None:
    """Bring roles and databases to the wanted state."""
    roles = {row[0] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
    databases = {row[0] for row in await connection.fetch("SELECT datname FROM pg_database")}
    statements = [f"REVOKE ALL ON DATABASE {name} FROM PUBLIC" for name in SHARED_DATABASES]
    for name, password in services.items():
        role = identifier(name)
        verb = "ALTER" if name in roles else "CREATE"
        statements.append(f"{verb} ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {verifier(password)}")
        statements.extend(f"ALTER ROLE {role} SET {key} = '{value}'" for key, value in LIMITS.items())
    async with connection.transaction():
        await connection.execute(";\n".join(statements))
    for name in services:
        if (
            name not in databases
        ):  # cannot be part of a transaction; copying files keeps the log, and so templates, short
            create = f"CREATE DATABASE {identifier(name)} OWNER {identifier(name)} STRATEGY = FILE_COPY"
            await connection.execute(create)
        await connection.execute(f"REVOKE ALL ON DATABASE {identifier(name)} FROM PUBLIC")


def service_url(logins: Logins, service: ServiceSpec) -> str:
    """Return the URL of a service's own database; AutionalError when it has none."""
    return f"postgresql+asyncpg://{logins.of(service)}/{service.name}"


def operator_url(logins: Logins) -> str:
    """Return the operator's URL."""
    return f"postgresql://{logins.operator}/postgres"


def verifier(password: str) -> str:
    """Return a password as a SCRAM-SHA-256 secret (RFC 5803), an SQL literal; no log ever sees the password."""
    salt = secrets.token_bytes(SALT_BYTES)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, SCRAM_ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt_text, stored_text, server_text = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"'SCRAM-SHA-256${SCRAM_ITERATIONS}:{salt_text}${stored_text}:{server_text}'"


def identifier(name: str) -> str:
    """Return a name quoted as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'
