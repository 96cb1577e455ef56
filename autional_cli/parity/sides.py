"""A side of the comparison: how it is written, and the platform that it is run on."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError
from autional_cli.pytest_plugin.lease import Lease
from autional_cli.pytest_plugin.options import DRIVERS, Chosen
from autional_cli.pytest_plugin.running import Shown, bring_up, leave

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from autional_cli.pytest_plugin.running import Platform

START_S = 300.0  # containers may have to be fetched


@dataclass(frozen=True, slots=True)
class Side:
    """A driver, and a stack if it is not the default one."""

    driver: str
    stack: str | None = None

    @classmethod
    def parse(cls, text: str) -> Side:
        """Read `DRIVER` or `DRIVER:STACK`; AutionalError (usage) for a driver that there is not."""
        driver, _, stack = text.partition(":")
        if driver not in DRIVERS:
            raise AutionalError(
                f"--side {text}: there is no driver {driver!r}", hint=f"DRIVER[:STACK], with {' or '.join(DRIVERS)}"
            )
        return cls(driver, stack or None)

    def __str__(self) -> str:
        return f"{self.driver}:{self.stack}" if self.stack else self.driver


@contextmanager
def running(root: Path, side: Side, number: int, say: Callable[[str], None]) -> Iterator[Platform]:
    """Start a platform of this side and take it down afterwards, with its data."""
    chosen = Chosen(
        root=root,
        instance=f"test-parity-{os.getpid()}-{number}",
        stack=side.stack,
        driver=side.driver,
        keep=False,
        timeout_s=START_S,
        worker="parity",
    )
    lease = Lease(chosen.home())
    try:
        yield bring_up(chosen, lease, Shown(lambda line: say(f"{side}: {line}"), aloud=True))
    finally:
        leave(chosen, lease)
