"""`python -m tests.chassis.probe_process`: the service of the tests in a process, by the one way into a service."""

from __future__ import annotations

import sys
from pathlib import Path

import services
from services.chassis.runner import main

if __name__ == "__main__":
    services.__path__.append(str(Path(__file__).with_name("made")))
    sys.exit(main())
