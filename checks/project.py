"""The project as rules query it: facts of all files, the import graph, the base branch, what tools and lanes found."""

from __future__ import annotations

import ast
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from checks.cache import digest
from checks.facts.imports import Import, Imports
from checks.facts.specs import Spec, Specs
from checks.lanes.pending import Late
from checks.model import IncompleteError
from checks.sources import Source, read, unexamined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from checks.base import Base
    from checks.cache import Cache
    from checks.config import Config
    from checks.facts import FileRecord
    from checks.lanes.contract import Contract
    from checks.lanes.data import Data
    from checks.resolution import Resolver

Fact = TypeVar("Fact")


class Project:
    """All files of a workspace, examined."""

    def __init__(
        self, root: Path, files: Mapping[str, FileRecord], config: Config, lanes: Mapping[str, Any], cache: Cache
    ) -> None:
        self.root = root
        self.files = files
        self._cache = cache
        self.config = config
        self.subjects: dict[str, int] = {}
        self._lanes = lanes
        self._sources: dict[str, Source] = {}
        self._facts: dict[str, list[tuple[str, Any]]] = {}

    def notes(self, code: str) -> Iterator[tuple[str, Any]]:
        """Yield `(path, value)` of what the per-file part of a rule noted, as JSON."""
        for path, record in self.files.items():
            for value in record.notes.get(code, ()):
                yield path, value

    def facts(self, kind: type[Any], fact: type[Fact]) -> list[tuple[str, Fact]]:
        """Return `(path, fact)` of a collector, over all files: `project.facts(Routes, Route)`."""
        if kind.code not in self._facts:
            self._facts[kind.code] = [(path, fact(**value)) for path, value in self.notes(kind.code)]
        return self._facts[kind.code]

    @cached_property
    def specs(self) -> dict[str, Spec]:
        """What each service declares, by service."""
        return {spec.service: spec for _, spec in self.facts(Specs, Spec)}

    @cached_property
    def services(self) -> list[str]:
        """The folders of services, with a SPEC or not."""
        found = {path.split("/")[1] for path in self.files if path.startswith("services/") and path.count("/") > 1}
        return sorted(found - {"chassis", "contracts"})

    def examined(self, code: str, count: int = 1) -> None:
        """Count subjects of a rule: what `judge` has looked at."""
        self.subjects[code] = self.subjects.get(code, 0) + count

    def source(self, path: str) -> Source:
        """Return one file, read once; for the line of a finding, or a file that no collector sees."""
        if path not in self._sources:
            self._sources[path] = read(self.root, path)
        return self._sources[path]

    def tree(self, path: str) -> ast.Module:
        """Return the tree of one file; for a safe fix, never to look for something."""
        return ast.parse(self.source(path).data)

    @cached_property
    def names(self) -> Resolver:
        """What dotted names of the tree are called where they are defined."""
        from checks.resolution import Resolver

        return Resolver(self)

    @cached_property
    def imports_digest(self) -> str:
        """What changes when an import in any file does, or a Python file comes or goes."""
        imports = [(path, record.notes.get("imports")) for path, record in self.files.items() if path.endswith(".py")]
        unseen = unexamined(self.root, sorted({*self.config.packages, "migrations"}), self.files)
        return digest(orjson.dumps([imports, unseen]))

    @cached_property
    def imports(self) -> list[tuple[str, Import]]:
        """What every file imports, by a statement or by a name that is a text: `(path, import)`."""
        from checks.resolution import loaded

        return [*self.facts(Imports, Import), *loaded(self)]

    @cached_property
    def base(self) -> Base:
        """The branch that this work goes to: files as they are there."""
        from checks.base import Base

        return Base(self.root, self.config.base)

    def memo(self, name: str, paths: Iterable[str], make: Callable[[], Any], *, also: str = "") -> Any:
        """Return what `make` returns, from the cache as long as these files and `also` are the same.

        It must be JSON. What `make` raises is not kept.
        """
        key = self._cache.content(paths) + also
        known = self._cache.recall(name, key)
        if known is None:
            known = make()
            self._cache.remember(name, key, known)
        return known

    def known(self, name: str, paths: Iterable[str]) -> bool:
        """Whether `memo` would answer from the cache."""
        return self._cache.recall(name, self._cache.content(paths)) is not None

    def result(self, name: str) -> Any:
        """Return what a tool or lane that the rule `needs` found. IncompleteError when it could not look.

        A tool that fails is asked again without the files that cannot be examined: CHK01 speaks of those.
        """
        lane = self._lanes[name]
        damaged = sorted(path for path, record in self.files.items() if record.problem)
        try:
            return lane.result()
        except IncompleteError:
            if not damaged or not isinstance(lane, Late):
                raise
        return lane.without(damaged)

    @property
    def contract(self) -> Contract:
        """The services' OpenAPI documents and routes. Raises IncompleteError when they could not be made."""
        contract: Contract = self.result("contract")
        return contract

    @property
    def data(self) -> Data:
        """What the live databases say. Raises IncompleteError when they could not be asked."""
        data: Data = self.result("data")
        return data
