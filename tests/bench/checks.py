"""`autional check` on a generated repository of sixteen services: whole processes, in turn, ratios of one run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks import registry
from checks.model import Lane
from tests.bench.generated import generate
from tests.bench.planted import Defect, alone, defects
from tests.bench.report import Result, median
from tests.platform.running import AUTIONAL

_ROUNDS = 5
_PROCESS_S = 300.0
_LANES = (Lane.STATIC, Lane.CONTRACT)  # what needs no running platform
_EDITED = "services/wallet/domain.py"
_LAYERS = ("service", "routes | rpc", "store", "models", "dto", "errors | domain")


@dataclass(frozen=True, slots=True)
class Spent:
    """What one process took, its children included."""

    wall: float
    cpu: float


def measure() -> Result:
    """Generate the repository, measure, and plant defects into copies of it."""
    result = Result(name="checks of a generated repository")
    with tempfile.TemporaryDirectory(prefix="autional-bench-") as folder:
        root = generate(Path(folder) / "generated")
        size(result, root)
        speed(result, root, Path(folder))
        found(result, root, Path(folder))
        full(result, root)
    return result


def size(result: Result, root: Path) -> None:
    """Say what is measured."""
    listed = subprocess.run(["git", "-C", str(root), "ls-files"], capture_output=True, text=True, check=True)
    files = listed.stdout.splitlines()
    result.add("files", len(files), "")
    lines = sum((root / path).read_bytes().count(b"\n") for path in files if path.endswith(".py"))
    result.add("lines of Python", lines, "")
    result.add("static rules", len(rules_of(Lane.STATIC)), "")


def speed(result: Result, root: Path, folder: Path) -> None:
    """Measure the lanes, in turn, so that a slow moment of the machine meets all of them."""
    linter = folder / "importlinter.ini"
    linter.write_text(contracts(root), encoding="utf-8")
    spent: dict[str, list[Spent]] = {}
    for number in range(_ROUNDS):
        shutil.rmtree(root / ".autional", ignore_errors=True)
        one_round(spent, root, linter, number)
    static = rules_of(Lane.STATIC)
    separate = [check(root, "--rule", code, "--lane", "static", "--no-cache") for code in static]
    wall = {name: median([each.wall for each in times]) for name, times in spent.items()}
    cpu = {name: median([each.cpu for each in times]) for name, times in spent.items()}
    scripts = sum(each.wall for each in separate)
    for name in wall:
        result.add(f"{name}, median", wall[name], "s")
        result.add(f"{name}, CPU of all its processes, median", cpu[name], "s")
    result.add(f"{len(static)} static rules, a process each, sum", scripts, "s")
    result.add("static lane cold / its rules as separate processes", wall["cold"] / scripts, "", at_most=0.1)
    result.add("static lane cold / import-linter cold", wall["cold"] / wall["import-linter"], "", at_most=8)
    result.add("static lane warm / cold", wall["warm"] / wall["cold"], "", at_most=0.2)
    result.add("static lane with one changed file / warm", wall["one changed file"] / wall["warm"], "", at_most=1.5)
    result.add("--changed", wall["--changed"], "s", at_most=1)
    result.add("static and contract lane, cold", wall["static and contract, cold"], "s")


def full(result: Result, root: Path) -> None:
    """Measure the whole of `autional check`, databases included, on the generated platform, which runs meanwhile."""
    shutil.rmtree(root / ".autional", ignore_errors=True)
    environment = {**os.environ, "PYTHONPATH": str(root), "AUTIONAL_INSTANCE": "bench-checks"}
    started = time.perf_counter()
    run([str(AUTIONAL), "up", "--timeout", "120"], root, environment=environment)
    result.add("up of the generated sixteen services, first ever", time.perf_counter() - started, "s", at_most=6)
    try:
        cold = run([str(AUTIONAL), "check"], root, environment=environment)
        warm = run([str(AUTIONAL), "check"], root, environment=environment)
    finally:
        run([str(AUTIONAL), "down", "--volumes"], root, environment=environment)
    result.add("full run, databases included, cold", cold.wall, "s", at_most=15)
    result.add("full run, databases included, warm", warm.wall, "s")


def one_round(spent: dict[str, list[Spent]], root: Path, linter: Path, number: int) -> None:
    """Add one measurement of each kind."""

    def note(name: str, taken: Spent) -> None:
        spent.setdefault(name, []).append(taken)

    note("cold", check(root, "--lane", "static"))
    lint = [str(AUTIONAL.with_name("lint-imports")), "--config", str(linter), "--no-cache"]
    note("import-linter", run(lint, root, good=(0, 1)))  # it calls imports inside functions cycles as well
    note("warm", check(root, "--lane", "static"))
    place = root / _EDITED
    before = place.read_text(encoding="utf-8")
    place.write_text(f"{before}\n\n# Changed in round {number}.\n", encoding="utf-8")
    note("one changed file", check(root, "--lane", "static"))
    note("--changed", check(root, "--changed"))
    place.write_text(before, encoding="utf-8")
    shutil.rmtree(root / ".autional")
    note("static and contract, cold", check(root, "--lane", "static", "--lane", "contract"))
    note("static and contract, warm", check(root, "--lane", "static", "--lane", "contract"))


def check(root: Path, *arguments: str) -> Spent:
    """Return what one `autional check` took; it must find nothing."""
    return run([str(AUTIONAL), "check", *arguments], root)


def run(argv: list[str], root: Path, good: tuple[int, ...] = (0,), environment: dict[str, str] | None = None) -> Spent:
    """Run a process that must end well, and return what it took."""
    started, before = time.perf_counter(), os.times()
    done = subprocess.run(
        argv, cwd=root, env=environment, capture_output=True, text=True, timeout=_PROCESS_S, check=False
    )
    wall, after = time.perf_counter() - started, os.times()
    if done.returncode not in good:
        raise RuntimeError(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Spent(wall, cpu)


def contracts(root: Path) -> str:
    """Return what ARC01 to ARC04 demand as import-linter says it."""
    names = sorted(path.parent.name for path in root.glob("services/*/service.py"))
    packages = "".join(f"\n    services.{name}" for name in names)
    domains = "".join(
        f"\n    services.{name}.domain" for name in names if (root / f"services/{name}/domain.py").exists()
    )
    layers = "".join("\n    " + " | ".join(f"({name})" for name in each.split(" | ")) for each in _LAYERS)
    return f"""[importlinter]
root_packages =
    services
include_external_packages = True

[importlinter:contract:arc01]
name = services never import each other
type = independence
modules ={packages}

[importlinter:contract:arc02]
name = layers inside a service
type = layers
layers ={layers}
containers ={packages}
ignore_imports =
    services.*.* -> services.*.service
    services.*.domain -> services.*.errors

[importlinter:contract:arc02b]
name = rules do no I/O
type = forbidden
source_modules ={domains}
forbidden_modules =
    fastapi
    sqlalchemy
    redis
    aiohttp
allow_indirect_imports = True

[importlinter:contract:arc03]
name = the chassis imports no service
type = forbidden
source_modules =
    services.chassis
forbidden_modules ={packages}

[importlinter:contract:arc04]
name = no cycles
type = acyclic_siblings
ancestors ={packages}
"""


def found(result: Result, root: Path, folder: Path) -> None:
    """Count what is found in the clean repository, and of the planted defects."""
    clean = findings(root)
    result.add("findings in the clean repository", len(clean["findings"]) + len(clean["incomplete"]), "", at_most=0)
    planted = [*hits(root, folder / "planted", defects()), *hits(root, folder / "alone", alone())]
    missed = sorted({defect.code for defect, seen in planted if not seen})
    codes = {code for lane in _LANES for code in rules_of(lane)}
    seen = {defect.code for defect, hit in planted if hit} - set(missed)
    result.add("planted defects", len(planted), "")
    result.add("of them found", sum(hit for _, hit in planted), "", at_least=len(planted))
    result.add("static and contract rules that found theirs", len(seen & codes), "", at_least=len(codes))
    for code in sorted(codes - seen):
        print(f"  no planted defect found by {code}", file=sys.stderr)


def hits(root: Path, target: Path, wanted: Iterable[Defect]) -> list[tuple[Defect, bool]]:
    """Plant defects into a copy and say of each whether its rule reports it where it is."""
    shutil.copytree(root, target, ignore=shutil.ignore_patterns(".autional"))
    planted = list(wanted)
    for defect in planted:
        defect.plant(target)
    places = {(one["code"], one["path"]) for one in findings(target)["findings"]}
    return [(defect, (defect.code, defect.where) in places) for defect in planted]


def findings(root: Path) -> dict[str, Any]:
    """Return the report of a repository as JSON."""
    lanes = [word for lane in _LANES for word in ("--lane", lane.value)]
    argv = [str(AUTIONAL), "check", *lanes, "--format", "json", "--no-cache"]
    done = subprocess.run(argv, cwd=root, capture_output=True, text=True, timeout=_PROCESS_S, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def rules_of(lane: Lane) -> list[str]:
    """Return the codes of a lane."""
    return [code for code, rule in registry.rules().items() if rule.lane is lane]
