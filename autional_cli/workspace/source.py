"""YAML read with the place of every value, so that each error can name file, line and column."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1 << 20
MAX_NODES = 20_000  # far above any stack; aliases of aliases would otherwise multiply without end
MERGE_TAG = "tag:yaml.org,2002:merge"

Path_ = tuple[str | int, ...]


@dataclass(slots=True)
class Source:
    """A YAML document as plain values, with the mark of every key and value by its path in the document."""

    label: str
    value: Any = None
    keys: dict[Path_, yaml.Mark] = field(default_factory=dict)
    values: dict[Path_, yaml.Mark] = field(default_factory=dict)

    def error(self, path: Path_, message: str, *, at_key: bool = False, hint: str | None = None) -> AutionalError:
        """Return the error for the value (or key) at `path`, or for the nearest enclosing one that exists."""
        return located(self.label, self.mark(path, at_key=at_key), message, hint=hint)

    def mark(self, path: Path_, *, at_key: bool = False) -> yaml.Mark | None:
        """Return where the value (or key) at `path` is written."""
        if at_key and path in self.keys:
            return self.keys[path]
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path)


def read(path: Path, label: str) -> Source:
    """Read a YAML file of at most 1 MiB; AutionalError (exit 3) naming line and column of what is wrong in it."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as failure:
        raise located(label, None, f"cannot be read: {failure.strerror}") from failure
    if len(content) > MAX_BYTES:
        raise located(label, None, f"is larger than {MAX_BYTES >> 20} MiB")
    return parse(content, label)


def parse(content: bytes, label: str) -> Source:
    """Turn YAML into values and marks."""
    source = Source(label)
    try:
        loader = yaml.SafeLoader(content)
        try:
            node = loader.get_single_node()
            if node is not None:
                source.value = Reader(source, loader).read(node, ())
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as failure:
        message = " ".join(filter(None, (failure.context, failure.problem)))
        tab = "\\t" in message
        raise located(label, failure.problem_mark, "a tab where YAML wants spaces" if tab else message) from None
    except (yaml.YAMLError, ValueError, RecursionError) as failure:
        text = "nested too deeply" if isinstance(failure, RecursionError) else " ".join(str(failure).split())
        raise located(label, None, f"not valid YAML: {text}") from None
    return source


@dataclass(slots=True)
class Reader:
    """Walks the nodes of one document."""

    source: Source
    loader: yaml.SafeLoader
    nodes: int = 0
    open: list[yaml.Node] = field(default_factory=list)

    def read(self, node: yaml.Node, path: Path_) -> Any:
        """Return the value of `node` and note where it is."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise located(self.source.label, node.start_mark, f"more than {MAX_NODES} values, aliases included")
        if any(node is enclosing for enclosing in self.open):
            raise located(self.source.label, node.start_mark, "an alias that contains itself")
        self.source.values[path] = node.start_mark
        self.open.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self.mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self.read(child, (*path, index)) for index, child in enumerate(node.value)]
            return self.scalar(node)
        finally:
            self.open.pop()

    def mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, Any]:
        """Return a mapping with unique string keys; `<<` merges as in YAML 1.1, and what is written out wins."""
        self.refuse_duplicates(node, path)
        result: dict[str, Any] = {}
        for key_node, value_node in sorted(node.value, key=lambda pair: pair[0].tag != MERGE_TAG):
            if key_node.tag == MERGE_TAG:
                result.update(self.merged(value_node, path))
                continue
            key = key_node.value
            self.source.keys[(*path, key)] = key_node.start_mark
            result[key] = self.read(value_node, (*path, key))
        return result

    def merged(self, node: yaml.Node, path: Path_) -> dict[str, Any]:
        """Return what a `<<` brings in: one mapping, or several of which the first wins."""
        mark = self.source.values[path]
        value = self.read(node, path)
        self.source.values[path] = mark
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, dict) for part in parts):
            raise located(self.source.label, node.start_mark, "<< can merge mappings only")
        return {key: item for part in reversed(parts) for key, item in part.items()}

    def scalar(self, node: yaml.Node) -> Any:
        """Return a plain value such as a string, a number or a date."""
        try:
            return self.loader.construct_object(node)
        except ValueError as failure:  # such as the 30th of February
            raise located(self.source.label, node.start_mark, str(failure)) from None

    def refuse_duplicates(self, node: yaml.MappingNode, path: Path_) -> None:
        """Raise for a key that is not a string, or that is written twice."""
        seen: dict[str, int] = {}
        for key_node, _ in node.value:
            if key_node.tag == MERGE_TAG:
                continue
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
                text = key_node.value if isinstance(key_node, yaml.ScalarNode) else "a list or mapping"
                raise located(self.source.label, key_node.start_mark, f"key {text!r} is not a string; quote it")
            line = key_node.start_mark.line + 1
            if key_node.value in seen:
                where = ".".join(map(str, (*path, key_node.value)))
                raise located(
                    self.source.label,
                    key_node.start_mark,
                    f"duplicate key {where!r}, first given in line {seen[key_node.value]}",
                )
            seen[key_node.value] = line


def located(label: str, mark: yaml.Mark | None, message: str, *, hint: str | None = None) -> AutionalError:
    """Return an error that begins with `file:line:column:`."""
    place = f"{label}:{mark.line + 1}:{mark.column + 1}" if mark else f"{label}:1:1"
    return AutionalError(f"{place}: {message}", hint=hint, exit_code=ExitCode.CONFIGURATION)


def suggest(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?`, or the choices when nothing is close."""
    choices = sorted(known)
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(choices)}" if choices else ""
