"""The live lane: every operation of every service, asked through the gateway as a signed-in user.

Schemathesis makes the requests from the OpenAPI documents and judges the answers. Operations that end the session or
the account are left out; the user is made by the services' own journey.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from checks.model import IncompleteError
from checks.tools.process import locate

SERVICE_S = 240.0
REQUEST_S = 15.0
EXAMPLES = 10
JUDGED = "not_a_server_error,response_schema_conformance,content_type_conformance"
# Without unexpected methods: a DELETE that we leave out would be tried as one, and end the account.
CONFIGURATION = """[headers]
Authorization = "Bearer {token}"

[phases.coverage]
unexpected-methods = []
"""
ENDING = ("logout", "sessions", "password", "refresh")


def main() -> int:
    """Print, by service, how many operations were asked and which answers did not conform."""
    from autional_cli.errors import AutionalError

    root, name = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None
    try:
        answer = look(root, name)
    except (AutionalError, IncompleteError) as failure:
        answer = {"incomplete": failure.message, "hint": failure.hint or "autional up"}
    json.dump(answer, sys.stdout)
    return 0


def look(root: Path, name: str | None) -> dict[str, Any]:
    """Ask all services. AutionalError or IncompleteError when that cannot be done."""
    from autional_cli.instance import Instance
    from autional_cli.supervisor.client import require

    instance = Instance.open(root, name)
    with require(instance) as connection:
        status = connection.request("status")
    token = asyncio.run(sign_in(status, instance))
    found = {}
    for service in status["services"]:
        document = root / "services" / service["name"] / "openapi.json"
        if document.is_file():
            url = f"{status['gateway']}/api/v1/{service['name']}"
            found[service["name"]] = ask(json.loads(document.read_bytes()), url, token)
    if not asyncio.run(still_signed_in(status["gateway"], token)):
        raise IncompleteError("the user was signed out on the way, so what came after was asked by nobody")
    return {"services": found}


async def still_signed_in(gateway: str, token: str) -> bool:
    """Whether the token still lets its user in."""
    import aiohttp

    timeout, headers = aiohttp.ClientTimeout(total=REQUEST_S), {"authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
        session.get(f"{gateway}/api/v1/me") as answer,
    ):
        return answer.status == 200


async def sign_in(status: dict[str, Any], instance: Any) -> str:
    """Register a user, log in, and return the access token. IncompleteError with the step that failed."""
    import aiohttp

    from autional_cli.journeys import steps, travel
    from autional_cli.resources.mailbox import MailboxReader
    from services.chassis.journey import Traveller

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_S)) as session:
        post = MailboxReader(instance.data_dir / "mailbox")
        user = Traveller(gateway=status["gateway"], session=session, post=post)
        async for outcome in travel(user, steps(service["name"] for service in status["services"])):
            if not outcome.ok:
                raise IncompleteError(f"nobody could log in: {outcome.name}: {outcome.error}", hint="autional smoke")
            if outcome.name == "identity.login":
                break
        return user.access_token


def public(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with what the gateway routes, by the paths below the service's own prefix there."""
    paths = {}
    for path, methods in document["paths"].items():
        if "/internal/" not in path and not any(word in path for word in ENDING):
            paths[path.removeprefix("/v1")] = {name: one for name, one in methods.items() if name != "delete"}
    return {**document, "paths": {path: methods for path, methods in paths.items() if methods}}


def ask(document: dict[str, Any], url: str, token: str) -> dict[str, Any]:
    """Run schemathesis on one service and return how many operations it asked and what did not conform."""
    shown = public(document)
    with tempfile.TemporaryDirectory() as folder:
        schema, report, secret = (Path(folder) / name for name in ("openapi.json", "junit.xml", "schemathesis.toml"))
        schema.write_text(json.dumps(shown), encoding="utf-8")
        # In a file of the owner alone: arguments can be read by everybody on the machine.
        secret.touch(mode=0o600)
        secret.write_text(CONFIGURATION.format(token=token), encoding="ascii")
        argv = [locate("schemathesis"), "--config-file", str(secret), "run", str(schema), "--url", url, "--no-color"]
        argv += ["--checks", JUDGED, "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES)]
        argv += ["--generation-deterministic", "--continue-on-failure", "--request-timeout", str(REQUEST_S)]
        argv += ["--report-junit-path", str(report), "--warnings", "off"]
        done = subprocess.run(  # noqa: S603 - a located tool, our own arguments
            argv, cwd=folder, capture_output=True, text=True, timeout=SERVICE_S, check=False
        )
        return read(report, done)


def read(report: Path, done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """Return what the report says. IncompleteError when schemathesis did not get so far."""

    if done.returncode not in (0, 1) or not report.is_file():
        words = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise IncompleteError(f"schemathesis failed ({done.returncode}): {words[-1]}")
    cases = list(ElementTree.parse(report).iter("testcase"))  # noqa: S314 - written by our own process a moment ago
    failures = [
        {"operation": case.get("name", ""), "message": " ".join((failure.text or "").split())[:300]}
        for case in cases
        for failure in (*case.iter("failure"), *case.iter("error"))
    ]
    return {"operations": len(cases), "failures": failures}


if __name__ == "__main__":
    sys.exit(main())
