"""Start what the chosen rules will ask for, so that it is made while the walk goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from checks.cache import digest
from checks.lanes.contract import Contract
from checks.lanes.data import Data
from checks.lanes.pending import Known, Late, Pending
from checks.model import Lane
from checks.sources import unexamined
from checks.tools import deptry, ruff

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from checks.cache import Cache
    from checks.config import Config
    from checks.engine import Options
    from checks.rule import Rule
    from checks.sources import Entry


def services_of(answer: Any) -> Any:
    """Return what a lane says, by service."""
    return answer["services"]


LANES = {Lane.CONTRACT: ("contract",), Lane.DATA: ("data",)}
# What a test case may give instead of the lane.
READERS: dict[str, Callable[[Any], Any]] = {"contract": Contract.from_json, "data": Data.from_json, "live": services_of}


def start(
    root: Path, entries: Sequence[Entry], rules: Iterable[Rule], options: Options, cache: Cache, config: Config
) -> dict[str, Any]:
    """Return what is being made, by lane."""
    needed = {name for rule in rules for name in (*LANES.get(rule.lane, ()), *rule.needs)}
    pending: dict[str, Any] = {name: Known(READERS[name](value)) for name, value in options.given.items()}
    arguments = (options.instance,) if options.instance else ()
    damaged = [entry.path for entry in entries if entry.problem]
    starters: dict[str, Callable[[], Any]] = {
        "contract": lambda: contract(root, entries, cache),
        "data": lambda: Pending("checks.lanes.data", root, Data.from_json, arguments),
        "live": lambda: Pending("checks.lanes.live", root, services_of, arguments),
        "ruff": lambda: Late(lambda without: ruff.start(root, but(entries, without), cache), wait=False),
        "deptry": lambda: Late(
            lambda without: deptry.start(root, config.packages, [*damaged, *without]), wait=cache.has("deptry")
        ),
    }
    for name in sorted(needed - pending.keys()):
        pending[name] = starters[name]()
    return pending


def but(entries: Sequence[Entry], without: Collection[str]) -> list[Entry]:
    """Return the files that can be examined, but for some."""
    return [entry for entry in entries if not entry.problem and entry.path not in without]


def contract(root: Path, entries: Sequence[Entry], cache: Cache) -> Any:
    """Return the contract lane: from the cache as long as no file of the services has changed."""
    code = [entry for entry in entries if entry.path.startswith("services/") and entry.suffix == ".py"]
    unseen = digest(repr(unexamined(root, ["services"], {entry.path for entry in code})).encode())

    def key() -> str:
        return f"{cache.content(entry.path for entry in code)} {unseen}"

    kept = cache.recall("contract", key()) if all(cache.knows(entry) for entry in code) else None
    if kept is not None:
        return Known(Contract.from_json(kept))

    def keep(answer: Any) -> Contract:
        if not any(each["error"] for each in answer["services"]):
            cache.remember("contract", key(), answer)  # by now the walk has read every file
        return Contract.from_json(answer)

    return Pending("checks.lanes.contract", root, keep)
