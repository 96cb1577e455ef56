"""What an operator may tune at the edge, as environment variables `AUTIONAL_GATEWAY_…`."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class GatewayOptions(BaseSettings):
    """Limits are requests per minute; 0 switches one off. Origins are those that browsers may call from (CORS)."""

    model_config = SettingsConfigDict(env_prefix="AUTIONAL_GATEWAY_", frozen=True, extra="ignore")

    per_ip: int = Field(default=12_000, ge=0)
    per_user: int = Field(default=6_000, ge=0)
    per_sensitive_route: int = Field(default=3_000, ge=0)
    cors_origins: list[str] = Field(default_factory=list)
    upstream_timeout_s: float = Field(default=15.0, gt=0)
