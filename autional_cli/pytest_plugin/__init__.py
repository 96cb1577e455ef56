"""The pytest plugin: a whole platform for a test session, and what a test asks of it.

It is loaded into every pytest run of the environment, so this module and those it imports need pytest and the standard
library alone; everything else is imported by the fixture that is asked for. docs/pytest.md is for its users.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from autional_cli.pytest_plugin import options

if TYPE_CHECKING:
    from collections.abc import Generator

pytest_plugins = ("autional_cli.pytest_plugin.fixtures",)


@pytest.hookimpl
def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what can be said about the platform on the command line and in the ini file."""
    options.add(parser)


@pytest.hookimpl
def pytest_configure(config: pytest.Config) -> None:
    """Refuse options that cannot work before a test runs."""
    options.check(config)
    is_worker = hasattr(config, "workerinput")  # it ends with the process that started it
    if options.PARENT in os.environ and not is_worker:
        from autional_cli.pytest_plugin import parent

        parent.follow(os.environ[options.PARENT])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    """Give the report of a failed test its requests' traces and log lines."""
    report = yield
    if report.failed:
        from autional_cli.pytest_plugin.failure import illustrate

        illustrate(report, item, call)
    return report


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say which platform was kept, and how to end it."""
    if not options.keeps(config):
        return
    chosen = options.chosen(config)
    if chosen.home().exists():
        terminalreporter.write_line(
            f"platform kept: instance {chosen.instance} of {chosen.root}; "
            f"to end it: autional down --volumes --instance {chosen.instance}"
        )
