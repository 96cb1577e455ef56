"""Images under the official pinned tags, for machines where nothing can be pulled: `python -m tests.docker.images`.

In this order: the official image; the same program built from its Go module; a stand-in of Debian packages, the last
resort. An image that is there already is left alone: the official one always, another as long as its recipe has not
changed. A base comes from debootstrap, the rest from `docker build`. What is not official is said at the end.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.requirements import Requirement

from autional_cli.drivers.docker.images import OFFICIAL
from tests.docker.programs import PROGRAMS, NotBuiltError, Program, built

ROOT = Path(__file__).parents[2]
RECIPES = Path(__file__).parent / "standins"
OF_PROGRAMS = Path(__file__).parent / "programs"
RECIPE_LABEL = "autional.standin.recipe"
BASE, PYTHON = "autional-standin/base:bookworm", "autional-standin/python:bookworm"
DEBIANS = {"python_version": "3.11", "python_full_version": "3.11.2"}
PULL_S, BUILD_S = 20.0, 900.0
WHEELS = (
    *("secantusdb", "pymongo", "dnspython", "python-dateutil", "six", "s2sphere", "future", "shapely", "numpy"),
    *("aiosmtpd", "atpublic", "attrs", "uvicorn", "click", "h11", "httptools", "uvloop", "orjson", "watchfiles"),
    *("anyio", "idna", "typing-extensions", "protobuf", "opentelemetry-proto", "googleapis-common-protos"),
)


@dataclass(frozen=True)
class Recipe:
    """One image: `name` is its folder, `extra` what is copied beside the Dockerfile, `program` what it runs."""

    name: str
    tag: str
    stands_for: str = ""
    needs: tuple[str, ...] = (BASE,)
    extra: tuple[str, ...] = ()
    program: Program | None = None

    @property
    def folder(self) -> Path:
        return (RECIPES if self.program is None else OF_PROGRAMS) / self.name

    def real(self, program: Program) -> Recipe:
        """Return the recipe for the program itself."""
        return replace(self, stands_for=program.what, needs=(BASE,), extra=(), program=program)

    def digest(self, known: dict[str, str]) -> str:
        """Return what tells this recipe from another: its files, what is copied in, and what it is built on."""
        files = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        files += [path for name in self.extra for path in sorted((ROOT / name).rglob("*.py"))]
        content = hashlib.sha256(repr([known[need] for need in self.needs]).encode())
        for path in files:
            mode = oct(path.stat().st_mode & 0o111)
            content.update(f"{path.relative_to(ROOT).as_posix()} {mode}\0".encode() + path.read_bytes() + b"\0")
        if self.name == "python":
            content.update("\n".join(pins()).encode())
        content.update(repr(self.program).encode() if self.program else b"")
        return content.hexdigest()[:24]


RECIPES_OF = (
    Recipe("postgres", OFFICIAL["postgres"], "PostgreSQL 15 of Debian"),
    Recipe("redis", OFFICIAL["redis"], "Redis 7.0 of Debian"),
    Recipe("objects", OFFICIAL["objects"], "OpenStack Swift with s3api, of Debian"),
    Recipe("python", PYTHON),
    Recipe("mongo", OFFICIAL["mongo"], "secantusdb, which speaks MongoDB's protocol", (PYTHON,)),
    Recipe("jaeger", OFFICIAL["jaeger"], "our own telemetry server", (PYTHON,), ("autional_cli/telemetry",)),
    Recipe("mailbox", OFFICIAL["mailbox"], "aiosmtpd and a few routes", (PYTHON,)),
)


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def run(*argv: str, timeout_s: float = BUILD_S, quiet: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program; its output is shown when it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode and not quiet:
        say(done.stdout[-4000:] + done.stderr[-4000:])
        raise SystemExit(f"{' '.join(argv[:3])} failed with status {done.returncode}")
    return done


def recipe_of(image: str) -> str | None:
    """Return the recipe of a local stand-in, `` for an image that is none, None when there is no such image."""
    asked = run("docker", "image", "inspect", "-f", f'{{{{index .Config.Labels "{RECIPE_LABEL}"}}}}', image)
    return asked.stdout.strip().replace("<no value>", "") if asked.returncode == 0 else None


def pins() -> list[str]:
    """Return the Python packages of the stand-ins with the versions that the project is locked to."""
    locked = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if "==" in line and not line.startswith((" ", "#")):
            pinned = Requirement(line.rstrip("\\ "))
            if pinned.marker is None or pinned.marker.evaluate(
                {"python_version": "3.11", "python_full_version": "3.11.2"}
            ):
                locked[pinned.name] = str(pinned.specifier)
    return [name + locked.get(name, "") for name in WHEELS]


def make_base() -> str:
    """Make the base image from Debian's packages unless it is there; returns its recipe."""
    recipe = hashlib.sha256(b"minbase bookworm").hexdigest()[:24]
    if recipe_of(BASE) == recipe:
        return recipe
    began = time.monotonic()
    say(f"{BASE}: debootstrap of Debian bookworm")
    with tempfile.TemporaryDirectory(prefix="autional-base-") as scratch:
        root = Path(scratch) / "root"
        run("debootstrap", "--variant=minbase", "bookworm", str(root), quiet=False)
        shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
        archive = Path(scratch) / "root.tar"
        run("tar", "-C", str(root), "--exclude=./dev/*", "-cf", str(archive), ".", quiet=False)
        run("docker", "import", "-c", f"LABEL {RECIPE_LABEL}={recipe}", str(archive), BASE, quiet=False)
    say(f"{BASE}: made in {time.monotonic() - began:.0f} s")
    return recipe


def build(recipe: Recipe, digest: str) -> None:
    """Build one image."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="autional-standin-") as scratch:
        context = Path(scratch) / "context"
        shutil.copytree(recipe.folder, context)
        for name in recipe.extra:
            target = context / name
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
        if recipe.program is not None:
            shutil.copy(built(recipe.program), context / "program")
            (context / "program").chmod(0o755)
        elif recipe.name == "jaeger":  # what the telemetry server needs of the rest
            for path in ("__init__.py", "errors.py", "supervisor/__init__.py", "supervisor/notify.py"):
                (context / "autional_cli" / path).parent.mkdir(exist_ok=True)
                shutil.copy(ROOT / "autional_cli" / path, context / "autional_cli" / path)
        if recipe.name == "python":
            fetch_wheels(context / "wheels")
        labels = ("--label", f"{RECIPE_LABEL}={digest}", "--label", f"autional.standin={recipe.stands_for or 'base'}")
        options = ("--quiet", "--force-rm", "--network", "host", *labels, "-t", recipe.tag)
        run("docker", "build", *options, str(context), quiet=False)
    say(f"{recipe.tag}: built in {time.monotonic() - began:.0f} s")


def fetch_wheels(target: Path) -> None:
    """Download the stand-ins' Python packages for the Python of Debian bookworm."""
    options = ("--no-deps", "--only-binary=:all:", "--python-version", "3.11", "--dest", str(target), "--quiet")
    run(sys.executable, "-m", "pip", "download", *options, *pins(), quiet=False)


def pulled(recipe: Recipe) -> bool:
    """Try to pull an official image; return whether that worked."""
    try:
        return run("docker", "pull", "--quiet", recipe.tag, timeout_s=PULL_S).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def best(recipe: Recipe) -> Recipe:
    """Return the recipe for the program itself where it can be built, else that for its stand-in; says why."""
    program = PROGRAMS.get(recipe.name)
    if program is None:
        return recipe
    began = time.monotonic()
    try:
        built(program)
    except NotBuiltError as failure:
        say(f"{program.what} could not be built from its Go module: {failure}")
        return recipe
    if time.monotonic() - began > 1:
        say(f"{program.what}: built from its Go module in {time.monotonic() - began:.0f} s")
    return recipe.real(program)


def main() -> int:
    """Make what is missing."""
    parser = argparse.ArgumentParser(prog="python -m tests.docker.images", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these: " + ", ".join(recipe.name for recipe in RECIPES_OF))
    parser.add_argument("--pull", action="store_true", help="try to pull each official image first")
    parser.add_argument("--standins", action="store_true", help="build no Go programs: Debian's stand-ins alone")
    chosen = parser.parse_args()
    known = {BASE: make_base()}
    standing_in = []
    for listed in RECIPES_OF:
        present = recipe_of(listed.tag)
        is_left_out = chosen.names and listed.name not in (*chosen.names, "python")
        if not is_left_out and listed.stands_for and (present == "" or (chosen.pull and pulled(listed))):
            say(f"{listed.tag}: the official image")
            continue
        recipe = listed if is_left_out or chosen.standins else best(listed)
        known[recipe.tag] = digest = recipe.digest(known)
        if is_left_out:
            continue
        if recipe.stands_for:
            standing_in.append(recipe)
        if present == digest:
            say(f"{recipe.tag}: up to date")
        else:
            build(recipe, digest)
    for recipe in standing_in:
        tried = "could not be pulled" if chosen.pull else "was not pulled"
        say(f"NOT the official image: {recipe.tag} {tried}; in its place: {recipe.stands_for}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
