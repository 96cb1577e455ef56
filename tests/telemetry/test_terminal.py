"""What may reach a terminal: everything that can be seen, our own colours, and nothing else."""

from __future__ import annotations

import ast
import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autional_cli import terminal

ROOT = Path(__file__).parents[2]
ANYTHING = st.text(st.characters(exclude_categories=()))
HIDDEN = {"Cc", "Cf", "Zl", "Zp", "Cs"}


def unseen(text: str, allowed: str = "") -> list[str]:
    return [each for each in text if unicodedata.category(each) in HIDDEN and each not in allowed]


def test_every_character_that_unicode_calls_a_control_or_a_format_is_written_out() -> None:
    everything = "".join(map(chr, range(0x110000)))
    assert unseen(terminal.escape(everything)) == []
    assert unseen(terminal.escape_lines(everything), "\n") == []


@given(ANYTHING)
def test_what_can_be_seen_is_left_as_it_is(text: str) -> None:
    visible = "".join(each for each in text if each.isprintable())
    shown = terminal.escape(visible)
    assert shown == visible or any(each in terminal.UNSAFE.pattern for each in visible) or "\\" in shown
    assert terminal.escape("用户 naïve café 🚀 a\\x1b") == "用户 naïve café 🚀 a\\x1b"


@given(ANYTHING)
def test_json_is_read_back_as_it_was(text: str) -> None:
    document = terminal.escape_json(json.dumps({"text": text}, ensure_ascii=False))
    assert json.loads(document) == {"text": text}
    assert unseen(document) == []


@given(ANYTHING, st.sampled_from(["1", "31", "38;5;39"]))
def test_our_own_styles_come_out_and_nobody_elses(text: str, style: str) -> None:
    shown = terminal.reveal(terminal.paint(text, style))
    assert shown == f"\x1b[{style}m{terminal.escape(text)}\x1b[0m"


def test_a_mark_that_was_guessed_wrong_is_text() -> None:
    assert terminal.reveal("\x00" + "0" * 16 + ":31\x00") == "\\x00" + "0" * 16 + ":31\\x00"


# Module → why what it writes is no terminal's: it runs in a process whose output is a log, or is read by its parent.
WRITERS = {
    "autional_cli/render.py": "the printer",
    "autional_cli/resources/template.py": "the supervisor's log",
    "autional_cli/supervisor/child.py": "a child's log",
    "autional_cli/supervisor/control.py": "the supervisor's log",
    "autional_cli/supervisor/schema.py": "the supervisor's log",
    "autional_cli/supervisor/units.py": "the supervisor's log",
    "autional_cli/supervisor/upkeep.py": "the supervisor's log",
    "autional_cli/migrations/runner.py": "the log of the migrations",
    "autional_cli/drivers/docker/keeper.py": "the log of a container",
    "autional_cli/pytest_plugin/warden.py": "what `autional down` printed, by the printer",
    "checks/lanes/contract.py": "an answer to the engine",
    "checks/lanes/data.py": "an answer to the engine",
    "checks/lanes/live.py": "an answer to the engine",
    "checks/lanes/locks.py": "an answer to the engine",
    "checks/lanes/roundtrip.py": "an answer to the engine",
}
PRINTERS = {"print", "pprint", "echo", "secho", "echo_via_pager", "style", "confirm", "prompt", "rprint", "input"}
CONSOLES = {"Console", "print_exc", "print_exception", "print_stack", "showwarning"}


def prints(tree: ast.AST) -> list[int]:
    """Return the lines that write to stdout or stderr, or could."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            base = ast.unparse(node.func)
            is_write = base.startswith(("sys.stdout.", "sys.stderr.", "sys.__std")) and name.startswith("write")
            is_os_write = base == "os.write" and ast.unparse(node.args[0]) in ("1", "2")
            given = [ast.unparse(each) for each in (*node.args, *(keyword.value for keyword in node.keywords))]
            is_handed_on = name in ("dump", "StreamHandler", "print") and {"sys.stdout", "sys.stderr"} & set(given)
            own = base in ("render.print", "typer.Option", "typer.Argument")
            if not own and (name in PRINTERS | CONSOLES or is_write or is_os_write or is_handed_on):
                found.append(node.lineno)
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.stdout.buffer", "sys.stderr.buffer"):
            found.append(node.lineno)
    return found


@pytest.mark.parametrize("folder", ["autional_cli", "checks"])
def test_nobody_prints_past_the_printer(folder: str) -> None:
    found = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        name = str(path.relative_to(ROOT))
        if "templates" not in path.parts and name not in WRITERS and (lines := prints(ast.parse(path.read_text()))):
            found[name] = lines
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "print(x)",
        "sys.stdout.write(x)",
        "sys.stderr.writelines(x)",
        "sys.stdout.buffer.write(x)",
        "typer.echo(x)",
        "json.dump(x, sys.stdout)",
        "os.write(2, x)",
        "rich.console.Console().log(x)",
        "traceback.print_exc()",
    ],
)
def test_that_test_sees_the_ways_to_print(source: str) -> None:
    assert set(prints(ast.parse(source))) == {1}


@pytest.mark.parametrize("source", ["render.out(x)", "file.write(x)", "os.write(descriptor, x)", "json.dump(x, file)"])
def test_that_test_leaves_other_writing_alone(source: str) -> None:
    assert prints(ast.parse(source)) == []
