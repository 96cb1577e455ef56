"""What the templates become: code that the project's own tools have nothing to say about, in every combination."""

from __future__ import annotations

import ast
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from autional_cli.commands.new import new
from autional_cli.scaffold.formatting import formatted
from autional_cli.workspace.discover import discover
from tests.scaffold.workspaces import ROOT, contents, copy_workspace, plan, scaffold, tool

EVENTS = {"publishes": ("{}.earned",), "consumes": ("user.created", "user.deleted"), "calls": ("profile",)}
LONG = "l" * 20
PLANNED = {"onmongo": "oauth", "onnone": "tenant"}  # they have ports of their own; there are but sixteen others


def combinations() -> list[tuple[str, dict[str, Any]]]:
    """Return a name and wishes for each database with and without each option, and some that are unusual."""
    found: list[tuple[str, dict[str, Any]]] = []
    for database, options in product(("postgres", "mongo", "none"), product((False, True), repeat=3)):
        chosen = [key for key, wanted in zip(EVENTS, options, strict=True) if wanted]
        if database == "postgres" or "publishes" not in chosen:
            name = f"on{database}{''.join(key[:2] for key in chosen)}"
            name = PLANNED.get(name, name)
            found.append((name, {"database": database} | {key: filled(EVENTS[key], name) for key in chosen}))
    many = ("archive.created", "archive.changed", "archive.shelved", "archive.burnt_down")
    return [
        *found,
        (
            "archive",
            {"publishes": many, "consumes": ("session.created", "mfa.failed"), "resource": "entry", "stack": "side"},
        ),
        (LONG, {"publishes": (f"{LONG}.{'e' * 40}",), "consumes": ("user.created",), "resource": "r" * 20}),
    ]


def filled(kinds: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(kind.format(name) for kind in kinds)


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with as many new services as there are ports for, one for each combination."""
    root = copy_workspace(tmp_path_factory.mktemp("everything"))
    (root / "stacks" / "side.yaml").write_text("version: 1\nextends: login\nservices: {}\n")
    for name, wishes in combinations():
        scaffold(root, name, **wishes)
    return root


def test_each_combination_is_declared_as_it_was_wished_for(everything: Path) -> None:
    known = discover(everything)
    for name, wishes in combinations():
        spec = known[name]
        assert spec.database == wishes.get("database", "postgres")
        for key in EVENTS:
            assert getattr(spec, key) == wishes.get(key, ()), (name, key)
    assert len({spec.port for spec in known.values()}) == len(known)


def test_the_linter_the_formatter_and_the_strict_type_checker_accept_every_combination(everything: Path) -> None:
    names = [name for name, _ in combinations()]
    files = [f"tests/{kind}/test_{name}.py" for name in names for kind in ("services", "platform")]
    paths = [*(f"services/{name}" for name in names), *(path for path in files if (everything / path).exists())]
    laid_out = [*paths, "migrations", "services/audit"]
    lint = tool(everything, "ruff", "check", "--no-cache", *laid_out)
    assert lint.returncode == 0, lint.stdout
    layout = tool(everything, "ruff", "format", "--no-cache", "--check", *laid_out)
    assert layout.returncode == 0, layout.stdout
    cache = str(ROOT / ".mypy_cache" / "scaffold")  # third-party packages are read once, not once a run
    types = tool(everything, "mypy", "--cache-dir", cache, *paths)
    assert types.returncode == 0, types.stdout


def test_generated_modules_and_functions_stay_small_and_documented(everything: Path) -> None:
    for name, _ in combinations():
        for path in (everything / "services" / name).glob("*.py"):
            text = path.read_text()
            assert text.count("\n") < 150, path
            module = ast.parse(text)
            assert ast.get_docstring(module), path
            inside = [each for node in module.body if isinstance(node, ast.ClassDef) for each in node.body]
            for node in (*module.body, *inside):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    assert (node.end_lineno or 0) - node.lineno < 45, (path, node.name)
                    assert node.name.startswith("_") or ast.get_docstring(node), (path, node.name)


def test_a_service_outside_the_default_stack_is_tested_on_a_platform_of_its_stack(everything: Path) -> None:
    assert 'own.up("--stack", "side")' in (everything / "tests/platform/test_archive.py").read_text()
    assert "def platform" not in (everything / f"tests/platform/test_{LONG}.py").read_text()


def test_generating_again_gives_the_same() -> None:
    wishes: dict[str, Any] = {"publishes": ("loyalty.earned",), "consumes": ("user.created",), "calls": ("profile",)}
    assert plan(ROOT, "loyalty", **wishes) == plan(ROOT, "loyalty", **wishes)


def test_a_generated_service_can_itself_be_called_and_fields_of_the_same_name_are_told_apart(everything: Path) -> None:
    planned = plan(everything, "wallet", database="none", calls=("onpostgrespu", "onmongoco", "profile"))
    dto = next(change.after for change in planned if change.path == "services/wallet/dto.py")
    assert "    onpostgrespu_total: int | None\n    onmongoco_total: int | None\n    display_name: str | None\n" in dto


def test_the_help_shows_examples_and_they_run() -> None:
    text = " ".join((new.__doc__ or "").split()).partition("Examples: ")[2]
    examples = text.split(" · ")
    assert len(examples) == 3
    for example in examples:
        _, _, *words = example.split()
        done = tool(ROOT, "autional_cli", "new", *words, *(() if "--dry-run" in words else ("--dry-run",)))
        assert done.returncode == 0, (example, done.stderr)
    shown = tool(ROOT, "autional_cli", "new", "--help").stdout
    for option in ("--database", "--publishes", "--consumes", "--calls", "--stack", "--dry-run", "--format", "--port"):
        assert option in shown


def test_formatting_moves_the_second_sentence_of_a_docstring_that_is_too_long() -> None:
    sentence, rest = f"Return {'x' * 60}.", f"Raises {'y' * 60}."
    text = f'def f() -> None:\n    """{sentence} {rest}"""\n'
    after = formatted(ROOT, {"services/x/y.py": text})["services/x/y.py"]
    assert after == f'def f() -> None:\n    """{sentence}\n\n    {rest}\n    """\n'


def test_writing_touches_nothing_but_what_it_lists(workspace: Path) -> None:
    before = contents(workspace)
    written = {change.path for change in scaffold(workspace, "loyalty", publishes=("loyalty.earned",))}
    after = contents(workspace)
    changed = {name for name in after if after[name] != before.get(name) and after[name] != b"/"}
    assert changed == written
    assert set(before) <= set(after)
