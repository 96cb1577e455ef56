"""What an operator may tune, as environment variables `AUTIONAL_AUDIT_…`."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class AuditOptions(BaseSettings):
    """How long records are kept, in days; 0 keeps them for ever."""

    model_config = SettingsConfigDict(env_prefix="AUTIONAL_AUDIT_", frozen=True, extra="ignore")

    retention_days: int = Field(default=365, ge=0)
