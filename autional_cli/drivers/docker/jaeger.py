"""Jaeger in a container: takes the services' spans (OTLP) and answers `autional trace` (v3 API)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from autional_cli.drivers.docker.contained import SOON_S, Contained
from autional_cli.drivers.docker.container import Container
from autional_cli.ports import LOOPBACK
from autional_cli.resources import probe


@dataclass(frozen=True, kw_only=True)
class Jaeger(Contained):
    """One server. It keeps traces in memory, so that they are gone when it stops. `query_port` serves the v3 API."""

    query_port: int

    def container(self) -> Container:
        """Return the container of the official image."""
        return Container(
            image=self.image,
            env=self.env(OTEL_TRACES_SAMPLER="always_off"),  # of what Jaeger itself is asked
            ports={4318: self.port, 16686: self.query_port},
        )

    async def wait_ready(self, timeout_s: float) -> None:
        """Return once both ports answer."""

        async def answer() -> None:
            await asyncio.gather(probe.http(self.query_port, "/api/v3/services"), probe.http(self.port, "/"))

        what = f"jaeger on {LOOPBACK}:{self.query_port}"
        await probe.until(answer, what=what, timeout_s=timeout_s, longest_pause_s=SOON_S)

    @property
    def otlp(self) -> str:
        """Where spans are sent."""
        return f"http://{LOOPBACK}:{self.port}"

    def admin_url(self) -> str:
        """Return the URL of its page and its API."""
        return f"http://{LOOPBACK}:{self.query_port}"
