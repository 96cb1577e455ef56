"""The image of the services, built once a test run on a stand-in for the official base image."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.platform.running import AUTIONAL, ROOT

BASE = ROOT / "tests" / "docker" / "python_base" / "build.sh"
TAG = "autional-test/services:built"
BASE_S = 420
BUILD_S = 420
LABEL = "org.autional.test"


def base() -> str:
    """Return the tag of the stand-in for python:3.11-slim; made from Debian packages the first time."""
    done = subprocess.run([BASE], capture_output=True, text=True, timeout=BASE_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def build(tag: str = TAG, cwd: Path = ROOT, *more: str) -> dict[str, Any]:
    """Build the image by the command; return its report."""
    options = ["--base", base(), "--tag", tag, "--network", "host", "--format", "json", *more]
    done = subprocess.run(
        [AUTIONAL, "image", "build", *options], cwd=cwd, capture_output=True, text=True, timeout=BUILD_S, check=False
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report
