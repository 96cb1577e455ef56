"""What the zygote imports before it forks: the third-party stack, and of our own code the chassis.

What most services import from site-packages belongs into STACK, and nothing that starts a thread when imported. What is
not installed is left out.
"""

STACK = (
    "asyncio",
    "faulthandler",
    "uvloop",
    "httptools",
    "orjson",
    "uvicorn",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.http.httptools_impl",
    "fastapi",
    "fastapi.responses",
    "pydantic",
    "pydantic.v1",
    "pydantic_settings",
    "email_validator",
    "sqlalchemy.ext.asyncio",
    "sqlalchemy.orm",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "asyncpg",
    "redis.asyncio",
    "grpc.aio",
    "grpc._utilities",
    "google.protobuf.runtime_version",
    "aiohttp",
    "opentelemetry.trace",
    "structlog",
    "prometheus_client",
    "joserfc.jwk",
    "joserfc.jwt",
    "cryptography.hazmat.primitives.asymmetric.ec",
    "cryptography.hazmat.primitives.ciphers.aead",
    "purgatory",
    "uuid_utils",
)

# What the stack imports if it is there, and no child wants: structlog draws tracebacks with it, services write JSON.
WITHOUT = ("rich",)

# An edit of the chassis or the contracts makes a new zygote, so these are never stale.
CHASSIS = (
    "services.chassis.app",
    "services.chassis.db",
    "services.chassis.cache",
    "services.chassis.runner",
    "services.chassis.sealing",
)

# What a single service needs: at the first start it imports that itself, beside the others, instead of all waiting for
# it here. Imported while nothing is asked of the zygote, so that a later re-fork finds it.
LATER = (
    "argon2",
    "pyotp",
    "limits.aio",
    "limits.aio.storage",
    "limits.aio.strategies",
    "pymongo",
    "pymongo.asynchronous.auth",
    "pymongo.asynchronous.mongo_client",
    "aiosmtplib",
    "sqlite3",
    "starlette.middleware.cors",
)
