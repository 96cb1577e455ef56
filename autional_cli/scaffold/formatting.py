"""Generated code in the form that `make check` asks for: ruff orders its imports, drops unused ones and lays it out."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping

DEADLINE_S = 30.0
WIDTH = 120
DOCSTRING = re.compile(r'( *)"""(.+?[.;]) (.+)"""\n')
OURS = 'lint.isort.known-first-party = ["autional_cli", "services", "migrations", "tests"]'  # they are not there to see


def formatted(root: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Return Python files, by path in the workspace `root`, formatted as its pyproject.toml says."""
    with tempfile.TemporaryDirectory(prefix="autional-new-") as folder:
        scratch = Path(folder)
        (scratch / "pyproject.toml").write_bytes((root / "pyproject.toml").read_bytes())
        for path, text in files.items():
            (scratch / path).parent.mkdir(parents=True, exist_ok=True)
            (scratch / path).write_text(with_short_docstrings(text), encoding="utf-8")
        ruff(scratch, "check", "--quiet", "--select", "I,F401", "--fix-only", "--config", OURS, ".")
        ruff(scratch, "format", "--quiet", ".")
        return {path: (scratch / path).read_text(encoding="utf-8") for path in files}


def with_short_docstrings(text: str) -> str:
    """Return code in which a docstring of one line that is too long has its first sentence alone on that line.

    Long names make them; ruff moves code, not prose.
    """
    return "".join(map(shortened, text.splitlines(keepends=True)))


def shortened(line: str) -> str:
    """Return a line, or the lines that a docstring becomes."""
    found = DOCSTRING.fullmatch(line)
    if found is None or len(line) <= WIDTH + 1:
        return line
    indent, sentence, rest = found.groups()
    below = textwrap.fill(rest, WIDTH, initial_indent=indent, subsequent_indent=indent)
    return f'{indent}"""{sentence}\n\n{below}\n{indent}"""\n'


def ruff(folder: Path, *arguments: str) -> None:
    """Run ruff in `folder`. Raises AutionalError if it is missing or refuses."""
    program = Path(sys.executable).with_name("ruff")
    try:
        done = subprocess.run(  # noqa: S603 - our own ruff, with our own words
            [program, *arguments, "--no-cache"],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise AutionalError(
            f"ruff, which lays out the generated code, does not run: {failure}",
            hint="make up installs what requirements.lock names",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        ) from failure
    if done.returncode:
        raise AutionalError(
            f"ruff refuses the generated code: {(done.stderr or done.stdout).strip()}",
            hint="this is a mistake of the templates; please report it with the command you ran",
            exit_code=ExitCode.FINDINGS,
        )
