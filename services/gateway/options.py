"""What an operator may tune at the edge, as environment variables `AUTIONAL_GATEWAY_…`."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class GatewayOptions(BaseSettings):
    """Limits are requests per minute; 0 switches one off. Origins are those that browsers may call from (CORS).

    `trusted_proxies` are networks whose word about the client's address counts, as JSON: `["10.0.0.0/8"]`.
    """

    model_config = SettingsConfigDict(env_prefix="AUTIONAL_GATEWAY_", frozen=True, extra="ignore")

    per_ip: int = Field(default=12_000, ge=0)
    per_user: int = Field(default=6_000, ge=0)
    per_sensitive_route: int = Field(default=3_000, ge=0)
    trusted_proxies: list[IPv4Network | IPv6Network] = Field(default_factory=list)
    cors_origins: list[str] = Field(default_factory=list)
    upstream_timeout_s: float = Field(default=15.0, gt=0)
