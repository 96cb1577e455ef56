"""The command line's only exception root.

Every error says what happened and where (`message`), the next command to run (`hint`), and how the process ends
(`exit_code`). `main.py` is the one place that turns it into text.
"""

from __future__ import annotations

from enum import IntEnum

from autional_cli.redaction import redact


class ExitCode(IntEnum):
    """Exit codes of every command; scripts depend on them (design: CLI)."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    CONFIGURATION = 3
    BACKEND_UNAVAILABLE = 4
    WAIT_TIMED_OUT = 5
    SERVICE_FAILED = 6
    SCHEMA_DRIFT = 7
    DRAIN_INCOMPLETE = 8
    INTERRUPTED = 130


class AutionalError(Exception):
    """What a user is told when a command cannot do its work. It holds no secret, whatever it is made of."""

    def __init__(self, message: str, *, hint: str | None = None, exit_code: ExitCode = ExitCode.USAGE) -> None:
        message = redact(message)
        super().__init__(message)
        self.message = message
        self.hint = redact(hint) if hint else hint
        self.exit_code = exit_code
