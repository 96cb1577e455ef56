"""Everything a service process is told from outside, as typed environment variables (`AUTIONAL_…`).

The supervisor, systemd, Docker and Kubernetes all start a service the same way: by these variables alone. What is
secret among them may be the content of a file instead, named by `AUTIONAL_…_FILE`, as engines hand secrets out.
"""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.chassis.spec import ServiceSpec


class Settings(BaseSettings):
    """Settings of one service process. Times are seconds."""

    model_config = SettingsConfigDict(env_prefix="AUTIONAL_", frozen=True, extra="ignore")

    service: str
    replica: str
    host: str = "127.0.0.1"
    advertise_host: str = ""  # where others reach what `host` binds; `services/chassis/address.py` finds it unless told
    http_port: int = Field(ge=1, le=65535)
    grpc_port: int = Field(ge=0, le=65535)  # 0: any free one; callers read it in the registry
    listen_fd: int | None = None  # an inherited listening socket for `http_port`
    database_url: SecretStr = SecretStr("")
    bus_url: SecretStr
    cache_url: SecretStr
    smtp_url: str = "smtp://127.0.0.1:25"
    otlp_endpoint: str = ""
    log_file: Path | None = None
    log_level: str = "INFO"
    private_key_file: Path
    trust_file: Path
    secret: SecretStr
    lame_duck_s: float = Field(default=3.0, ge=0)
    lame_duck_early: bool = False  # callers follow the registry alone: no need to wait once none is connected
    shutdown_timeout_s: float = Field(default=30.0, gt=0)
    fault_socket: Path | None = None  # given to development instances alone: where drills may ask for faults
    schema_wait_s: float = Field(default=0.0, ge=0)  # for migrations that are applied beside it; 0: they are already
    public_url: str = "http://127.0.0.1:11000"
    # Host names that are served beside addresses, localhost, `advertise_host` and that of `public_url`, as JSON.
    allowed_hosts: list[str] = Field(default_factory=list)
    mail_from: str = "Autional <no-reply@autional.localhost>"


class SettingsError(Exception):
    """The environment does not describe a service process; the text names each variable."""


_SECRET = ("database_url", "bus_url", "cache_url", "smtp_url", "secret")


def load_settings(spec: ServiceSpec) -> Settings:
    """Read the environment for `spec`; names and ports default to the spec's.

    Raises `SettingsError` that lists each missing or invalid variable.
    """
    defaults = {
        "service": spec.name,
        "replica": f"{spec.name}-0",
        "http_port": spec.port,
        "grpc_port": spec.port + 1000,
    }
    try:
        given = {key: value for key, value in defaults.items() if not _is_set(key)}
        return Settings(**given, **_from_files())  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [f"  AUTIONAL_{'.'.join(str(p) for p in e['loc']).upper()}: {e['msg']}" for e in error.errors()]
        raise SettingsError(f"{spec.name} cannot start; its environment is incomplete:\n" + "\n".join(lines)) from None


def database_url() -> str:
    """Return the URL of the service's own database, for who needs nothing else. SettingsError where there is none."""
    url = _from_files().get("database_url") or os.environ.get("AUTIONAL_DATABASE_URL", "")
    if not url:
        raise SettingsError("AUTIONAL_DATABASE_URL or AUTIONAL_DATABASE_URL_FILE: Field required")
    return url


def _from_files() -> dict[str, str]:
    """Return what files hold, without the newline that an editor leaves at the end. A variable itself comes first."""
    return {key: _content(f"{key}_file") for key in _SECRET if _is_set(f"{key}_file") and not _is_set(key)}


def _content(key: str) -> str:
    path = Path(os.environ[f"AUTIONAL_{key.upper()}"])
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"AUTIONAL_{key.upper()}: {path} cannot be read: {error}") from None


def _is_set(key: str) -> bool:
    return bool(os.environ.get(f"AUTIONAL_{key.upper()}"))
