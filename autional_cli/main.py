"""The command tree and the one error boundary.

A command's module is imported only when that command runs; the help page is drawn from the table below.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command as build_command

from autional_cli import render
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.plain_command import use_plain_values
from autional_cli.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

# name → (help panel, one line). The order is the order of the help page.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "up": ("Platform", "Start the platform, or the named services and what they need."),
    "down": ("Platform", "Drain and stop everything, and prove that nothing survives."),
    "ps": ("Platform", "Show every service and resource with its state."),
    "wait": ("Platform", "Block until services are ready; for scripts and CI."),
    "restart": ("Platform", "Replace services by new processes."),
    "scale": ("Platform", "Run more or fewer replicas of a service."),
    "logs": ("Platform", "Merged, time-ordered logs of all services."),
    "why": ("Platform", "Why a service is not ready, and the command that fixes it."),
    "doctor": ("Platform", "Check this machine: interpreter, servers, ports, disk, clock."),
    "smoke": ("Platform", "A real user's journey through the gateway, then the login's trace."),
    "chaos": ("Debug", "Break one thing on purpose, under load, and report what the platform did."),
    "trace": ("Debug", "One request through all services: waterfall, critical path, root cause."),
    "events": ("Debug", "What is on the bus, and the dead letters: list, show, replay, drop."),
    "db": ("Debug", "Open a shell on a service's database."),
    "new": ("Build", "Write a service that starts, is migrated and tested at once."),
    "check": ("Build", "Contracts, error codes, schemas, events, encoding, architecture, debt: one pass."),
    "migrate": ("Build", "Apply, undo, write and rehearse schema migrations of all services."),
    "drift": ("Build", "Compare the models of all services with their live databases."),
    "test": ("Build", "pytest on a platform of its own; or the same behaviour on two drivers."),
    "drain": ("Deploy", "Stop or roll services so that nothing in flight is lost, and report it."),
    "image": ("Deploy", "Build the one image of all services."),
    "export": ("Deploy", "Write what Kubernetes or Docker Swarm needs to run a stack."),
}


class LazyGroup(TyperGroup):
    """Knows every command by name and loads the one that is asked for."""

    def get_params(self, ctx: Any) -> Any:
        """Convert options without pydantic, which would double the time of a quick command."""
        return use_plain_values(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands under the headings of their groups."""
        for heading in dict.fromkeys(panel for panel, _ in COMMANDS.values()):
            with formatter.section(heading):
                formatter.write_dl([(name, text) for name, (panel, text) in COMMANDS.items() if panel == heading])

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a stand-in with name and summary: enough for help and completion of command names."""
        if cmd_name not in COMMANDS:
            return None
        panel, summary = COMMANDS[cmd_name]
        if ctx.resilient_parsing and not ctx.args:  # completing the arguments of a command needs the real one
            return TyperCommand(cmd_name, help=summary, rich_help_panel=panel)
        wants_help = not getattr(ctx, "_protected_args", None)
        return TyperCommand(cmd_name, help=summary, rich_help_panel=panel) if wants_help else load(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        if args and args[0] in COMMANDS:
            return args[0], load(args[0]), args[1:]
        return super().resolve_command(ctx, args)


def load(name: str) -> Any:
    """Import the module of one command and return its command tree."""
    command = build_command(importlib.import_module(f"autional_cli.commands.{name}").app)
    command.name = name
    return command


app = typer.Typer(
    cls=LazyGroup,
    name="autional",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with `autional up`, then `autional smoke` and `autional trace last`.",
)


def print_version(value: bool) -> None:
    """Print the version and stop."""
    if value:
        from importlib.metadata import version

        render.out(f"autional {version('autional')}")
        raise typer.Exit


@app.callback()
def root(
    debug: bool = typer.Option(False, "--debug", help="Show tracebacks of internal errors.", envvar="AUTIONAL_DEBUG"),
    version: bool = typer.Option(False, "--version", callback=print_version, is_eager=True, help="Show the version."),
) -> None:
    """Run the whole identity platform on this machine: start, watch, trace, check and drain it."""
    if debug:
        os.environ["AUTIONAL_DEBUG"] = "1"


def main() -> int:
    """Run the command line and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that is no UTF-8, or a terminal that is none
            stream.reconfigure(errors="backslashreplace")
    try:
        result = build_command(app)(standalone_mode=False)
        return int(result) if isinstance(result, int) else 0
    except AutionalError as failure:
        render.error(failure, as_json="json" in sys.argv)
        return int(failure.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        render.note("interrupted")
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader left: `autional logs | head`
        return 0
    except Exception as failure:  # noqa: BLE001 - the boundary: no traceback reaches a user unasked
        return report_unexpected(failure)


def report_unexpected(failure: Exception) -> int:
    """Turn a usage error into text, and an internal one into a short line unless a traceback was asked for."""
    format_message = getattr(failure, "format_message", None)
    if callable(format_message):  # a usage error of the option parser
        context = getattr(failure, "ctx", None)
        if context is not None:
            render.note(context.get_usage())
            render.note(f"Try '{context.command_path} --help' for help.")
            render.note()
        render.note(f"Error: {format_message()}")
        return int(getattr(failure, "exit_code", ExitCode.USAGE))
    if os.environ.get("AUTIONAL_DEBUG"):
        render.note(redact("".join(traceback.format_exception(failure))))
        return int(ExitCode.FINDINGS)
    render.note(redact(f"error: internal: {type(failure).__name__}: {failure}"))
    render.note("  next: run the same command with `autional --debug …` and report the traceback")
    return int(ExitCode.FINDINGS)
