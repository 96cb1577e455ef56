"""Files as nobody means them: each is one finding, the rest is judged, and every report stays whole."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.checks.conftest import Write
from tests.checks.workspace import git

FORMATS = ("text", "json", "sarif", "junit", "github")
RULES = ("CHK01", "DOC01", "RUN03", "RUN07", "ARC07", "ARC08", "SEC01", "DEB", "DOC03", "EVT01", "CON06", "DAT08")
GOOD = "import datetime\n\nimport orjson\n\nNOW = datetime.datetime.now(), orjson\n"
# What neither a terminal nor XML may get.
RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def special(root: Path) -> None:
    """Make what is no file, and links to nowhere and in a circle."""
    folder = root / "services/a"
    os.mkfifo(folder / "pipe.py")
    os.mkfifo(root / "Makefile")
    here = Path.cwd()
    os.chdir(folder)  # the path of a socket has to be short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("socket.py")
    finally:
        os.chdir(here)
    (folder / "folder.py").mkdir()
    (folder / "folder.py/inner.py").write_text("A = 1\n")
    (folder / "dangling.py").symlink_to("nowhere.py")
    (folder / "loop.py").symlink_to("loop.py")


def hostile(root: Path) -> dict[str, str]:
    """Fill a workspace, and return the rule that must speak of each file, once."""
    folder = root / "services/a"
    special(root)
    texts: dict[str, bytes] = {
        "huge.py": b"A = 1\n" * 600_000,
        "nul.py": b"A = 1\0\n",
        "chain.py": b"A = " + b"a." * 20_000 + b"b\n",
        "sum.py": b"A = " + b"+".join([b"1"] * 20_000) + b"\n",
        "parentheses.py": b"A = " + b"(" * 3000 + b")" * 3000 + b"\n",
        "minus.py": b"A = " + b"-" * 5000 + b"1\n",
        "syntax.py": b"def (\n",
        "coding.py": b"# -*- coding: nonsense -*-\nA = 1\n",
        os.fsdecode(b"latin\xe9.py"): b"A = 1\n",
        "esc\x1b[31m\n.py": b"A = 1\n",
    }
    for name, data in texts.items():
        (folder / name).write_bytes(data)
    other = {
        "halves.py": 'A = "\\ud800"\nraise ServiceError("\\ud800")\n',
        "large.py": f"A = 10**400\nB = {'9' * 3000}\n",
        "halves.json": '{"a": "\\ud800"}',
        "events.json": '{"a.\\ud800\\u001b[2J": {"version": 1, "data": {}}}',
        "deep.json": "[" * 100_000,
        "deep.yaml": "[" * 5000,
        "notes.md": "[a](nowhere\x1b[31m.md) [b](%00) [c](x\x00y.md)\n",
    }
    for name, text in other.items():
        (folder / name).write_text(text)
    (folder / "bytes.py").write_bytes(b"# caf\xe9\n")
    bad = dict.fromkeys(("pipe.py", "socket.py", "dangling.py", "loop.py", *texts), "CHK01") | {"bytes.py": "DOC01"}
    shown = {"latin\udce9.py": "latin\\xe9.py", "esc\x1b[31m\n.py": "esc\\x1b[31m\\n.py"}
    return {f"services/a/{shown.get(name, name)}": code for name, code in bad.items()} | {"Makefile": "CHK01"}


@pytest.fixture
def bad(root: Path, write: Write) -> dict[str, str]:
    """A hostile workspace; what is wrong in it, by path."""
    write(".gitignore", ".autional/\n")
    write("pyproject.toml", '[project]\nname = "x"\nversion = "1"\ndependencies = []\n')
    write("services/a/__init__.py", "")
    write("services/a/service.py", 'SPEC = ServiceSpec(name="a", port=11001, error_codes=range(100, 200))\n')
    write("services/a/good.py", GOOD)
    return hostile(root)


def command(root: Path, output: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    rules = [word for name in RULES for word in ("--rule", name)]
    argv = [sys.executable, "-m", "autional_cli", "check", *rules, "--lane", "static", "--format", output]
    given = os.environ | {"AUTIONAL_WORKSPACE": str(root)} | environment
    return subprocess.run(argv, env=given, capture_output=True, timeout=120, check=False)


def parsed(output: str, text: str) -> object:
    return ElementTree.fromstring(text) if output == "junit" else json.loads(text)


@pytest.mark.parametrize("output", FORMATS)
def test_every_report_is_whole_and_holds_nothing_raw(root: Path, bad: dict[str, str], output: str) -> None:
    for _ in range(2):  # from the cache as well
        done = command(root, output)
        text, error = done.stdout.decode(), done.stderr.decode()
        assert (done.returncode, "internal" in error) == (1, False), error + text[-500:]
        assert not RAW.search(text.replace("\n", ""))
        assert not RAW.search(error.replace("\n", ""))
        if output in ("json", "sarif", "junit"):
            assert parsed(output, text) is not None
        assert "CHK01" in text


def test_each_bad_file_is_one_finding_and_the_rest_is_judged(root: Path, bad: dict[str, str]) -> None:
    document = json.loads(command(root, "json").stdout)
    assert document["incomplete"] == []
    found = [(one["path"], one["code"]) for one in document["findings"]]
    assert [each for each in found if each[0] in bad] == sorted(bad.items())
    assert {code for path, code in found if path == "services/a/good.py"} == {"RUN07", "ARC07"}
    assert not [path for path, code in found if path.endswith(("halves.py", "large.py")) and code == "CHK01"]


def test_code_is_judged_under_the_name_that_it_is_imported_by(root: Path, write: Write) -> None:
    write("elsewhere/store.py", "A = 1\n")
    write("elsewhere/b/store.py", "A = 1\n")
    write("services/a/__init__.py", "")
    write("elsewhere/clock.py", "import datetime\n\nNOW = datetime.datetime.now()\n")
    (root / "services/a/clock.py").symlink_to("../../elsewhere/clock.py")
    (root / "services/b").symlink_to("../elsewhere/b")
    (root / "docs").mkdir()
    (root / "docs/clock.py").symlink_to("../elsewhere/clock.py")
    found = {(one["path"], one["code"]) for one in json.loads(command(root, "json").stdout)["findings"]}
    assert ("services/a/clock.py", "RUN07") in found
    assert ("services/b", "CHK01") in found
    assert not [path for path, _ in found if path.startswith("docs/")]


def test_a_pipe_that_git_ignores_is_none_of_ours(root: Path, write: Write) -> None:
    write(".gitignore", ".autional/\nrun/\n")
    (root / "run").mkdir()
    os.mkfifo(root / "run/wake.sh")
    os.mkfifo(root / "run.fifo")
    assert [one["path"] for one in json.loads(command(root, "json").stdout)["findings"] if one["code"] == "CHK01"] == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_that_may_not_be_read_is_one_finding(root: Path, write: Write) -> None:
    write("services/a/x.py", "A = 1\n").chmod(0)
    found = json.loads(command(root, "json").stdout)["findings"]
    assert [(one["path"], one["code"]) for one in found if one["code"] == "CHK01"] == [("services/a/x.py", "CHK01")]


def nothing(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "none").mkdir()
    return {"PATH": str(tmp_path / "none")}


def of_somebody_else(tmp_path: Path) -> dict[str, str]:
    return {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1", "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.mark.parametrize(
    ("surroundings", "said"),
    [(nothing, "install git"), (of_somebody_else, "git config --global --add safe.directory")],
)
def test_without_git_or_its_trust_files_are_judged_and_nothing_is_compared(
    root: Path, write: Write, tmp_path: Path, surroundings: Callable[[Path], dict[str, str]], said: str
) -> None:
    write("migrations/a/0001_a.py", 'revision = "a_0001"\ndown_revision = None\n')
    write("services/a/x.py", "A = (\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "more")
    done = command(root, "json", **surroundings(tmp_path))
    document = json.loads(done.stdout)
    assert done.returncode == 2
    assert {one["code"]: said in one["hint"] for one in document["incomplete"]}["DAT08"]
    assert ("services/a/x.py", "CHK01") in {(one["path"], one["code"]) for one in document["findings"]}


def test_a_current_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    script = f'mkdir "{gone}"; cd "{gone}"; rmdir "{gone}"; exec "{sys.executable}" -P -m autional_cli check'
    environment = {name: value for name, value in os.environ.items() if name != "AUTIONAL_WORKSPACE"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == 3
    assert b"the current folder has been deleted" in done.stderr
    assert b"internal" not in done.stderr
