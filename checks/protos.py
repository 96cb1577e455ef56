"""Protocol buffers: what a peer with the old `.proto` can no longer rely on when it talks to one with the new.

Peers of both kinds talk to each other during every roll. On the wire a field is its number and type; what is gone must
leave its number reserved, so that nobody gives it another meaning (protobuf.dev, "Updating A Message Type").
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from checks.model import IncompleteError

PROTOC_S = 60.0


class ProtoError(Exception):
    """The files do not compile; the text is what protoc says."""


def compiled(files: Mapping[str, bytes]) -> Any:
    """Return the descriptors of some files by protoc. ProtoError; IncompleteError without protoc."""
    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    with tempfile.TemporaryDirectory() as folder:
        for path, data in files.items():
            place = Path(folder, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        made = Path(folder, "made.bin")
        argv = [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"-I{folder}",
            f"--descriptor_set_out={made}",
            *sorted(files),
        ]
        done = subprocess.run(  # noqa: S603 - our own interpreter
            argv, cwd=folder, capture_output=True, text=True, timeout=PROTOC_S, check=False
        )
        if "No module named" in done.stderr:
            raise IncompleteError("grpcio-tools is not installed", hint="pip install 'autional[checks]'")
        if done.returncode:
            raise ProtoError(" ".join(done.stderr.split()) or f"protoc failed ({done.returncode})")
        return FileDescriptorSet.FromString(made.read_bytes())


def breaking(old: Any, new: Any) -> Iterator[tuple[str, str]]:
    """Yield `(file, what)` of each change that breaks peers of the old files."""
    after = {name: each for file in new.file for name, each in named(file)}
    for file in old.file:
        for name, before in named(file):
            kind = type(before).__name__.removesuffix("Proto").removesuffix("Descriptor").lower()
            if name in after:
                compare = {"service": service, "enum": enum}.get(kind, message)
                yield from ((file.name, f"{name}: {what}") for what in compare(before, after[name]))
            elif not before.options.deprecated:
                yield file.name, f"the {'message' if kind == '' else kind} {name} is gone"


def named(file: Any) -> Iterator[tuple[str, Any]]:
    """Yield full name and descriptor of every message, enum and service of a file, those in messages as well."""
    prefix = f"{file.package}." if file.package else ""
    stack = [(prefix, each) for each in (*file.message_type, *file.enum_type, *file.service)]
    while stack:
        above, each = stack.pop()
        yield f"{above}{each.name}", each
        inner = (*getattr(each, "nested_type", ()), *getattr(each, "enum_type", ()))
        stack += [(f"{above}{each.name}.", one) for one in inner]


def service(old: Any, new: Any) -> Iterator[str]:
    """Yield what breaks in a service."""
    after = {each.name: each for each in new.method}
    for each in old.method:
        now = after.get(each.name)
        if now is None:
            if not each.options.deprecated:
                yield f"the method {each.name} is gone"
            continue
        if (each.input_type, each.output_type) != (now.input_type, now.output_type):
            yield f"{each.name} takes or answers another message"
        if (each.client_streaming, each.server_streaming) != (now.client_streaming, now.server_streaming):
            yield f"{each.name} streams otherwise"


def message(old: Any, new: Any) -> Iterator[str]:
    """Yield what breaks in a message."""
    after = {each.number: each for each in new.field}
    for each in old.field:
        now, where = after.get(each.number), f"field {each.number} ({each.name})"
        if now is None:
            if not each.options.deprecated:
                yield f"{where} is gone"
            if not is_reserved(each.number, new.reserved_range, 1):
                yield f"{where} is gone, and its number is not reserved"
            continue
        if now.name != each.name:
            yield f"{where} is {now.name} now: the number has another meaning"
        if (each.type, each.type_name) != (now.type, now.type_name):
            yield f"{where} has another type"
        if (each.label == each.LABEL_REPEATED) != (now.label == now.LABEL_REPEATED):
            yield f"{where} is {'a list no more' if each.label == each.LABEL_REPEATED else 'a list now'}"
        if oneof(old, each) != oneof(new, now):
            yield f"{where} stands in another oneof"


def oneof(holder: Any, field: Any) -> str:
    """Return the oneof of a field, empty for none; that of a lone optional field is none."""
    if not field.HasField("oneof_index") or field.proto3_optional:
        return ""
    return str(holder.oneof_decl[field.oneof_index].name)


def enum(old: Any, new: Any) -> Iterator[str]:
    """Yield what breaks in an enum."""
    after = {each.number: each.name for each in new.value}
    for each in old.value:
        if each.number not in after:
            if not is_reserved(each.number, new.reserved_range, 0):
                yield f"{each.name} = {each.number} is gone, and its number is not reserved"
        elif after[each.number] != each.name and each.name not in {
            one.name for one in new.value if one.number == each.number
        }:
            yield f"{each.name} = {each.number} is {after[each.number]} now: the number has another meaning"


def is_reserved(number: int, ranges: Any, after: int) -> bool:
    """Whether a number lies in one of the ranges, whose end is `after` the last (messages) or is the last (enums)."""
    return any(each.start <= number < each.end + 1 - after for each in ranges)
