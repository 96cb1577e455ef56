"""Asking the supervisor for a drill, and staying connected while it lasts: the drill ends when this side leaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor.client import failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from autional_cli.chaos.catalogue import Order
    from autional_cli.instance import Instance

ANSWER_S = 30.0  # on top of the drill's own time, to do it and to undo it


async def ask(instance: Instance, order: Order, began: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Have the drill done; call `began` when it is, and return its report when it is undone.

    Raises the supervisor's AutionalError, or one with exit 4 when the supervisor is gone, 5 when it does not answer.
    """
    try:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_unix_connection(instance.run_dir / "control.sock")
    except (FileNotFoundError, ConnectionRefusedError):
        raise AutionalError(
            f"instance {instance.name} of {instance.root} is not running",
            hint="autional up",
            exit_code=ExitCode.BACKEND_UNAVAILABLE,
        ) from None
    try:
        writer.write(json.dumps({"op": "chaos", **order.to_json()}).encode() + b"\n")
        async with asyncio.timeout(order.for_s + ANSWER_S):
            await writer.drain()
            return await _answer(reader, began)
    except TimeoutError:
        raise AutionalError(
            f"the supervisor did not report the end of the drill within {order.for_s + ANSWER_S:.0f} s",
            hint="autional ps",
            exit_code=ExitCode.WAIT_TIMED_OUT,
        ) from None
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _answer(reader: asyncio.StreamReader, began: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    while line := await reader.readline():
        message: dict[str, Any] = json.loads(line)
        if message.get("event") == "began":
            began(message)
        elif "error" in message:
            raise failure(message["error"])
        elif "result" in message:
            result: dict[str, Any] = message["result"]
            return result
    raise AutionalError(
        "the supervisor ended during the drill; whatever was frozen goes on, and rules end by themselves",
        hint="autional up",
        exit_code=ExitCode.BACKEND_UNAVAILABLE,
    )
