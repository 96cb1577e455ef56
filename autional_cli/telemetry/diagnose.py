"""Shapes in a trace that are known to be slow: the same query again and again, calls one after the other, retries,
waiting for a connection. A finding says what, how much time it took, and what to do about it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from autional_cli.telemetry.conventions import attribute, is_query
from autional_cli.telemetry.finding import Finding, describe
from autional_cli.telemetry.gaps import message_name
from autional_cli.telemetry.moments import format_duration
from autional_cli.telemetry.repetition import find_repetitions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autional_cli.telemetry.tree import Node, Tree

RETRIES = 3
SHORTEST_CALL_NS = 1_000_000
LEAST_SAVING_NS = 2_000_000
POOL_WAIT_MS = 5.0
WRITES = {"INSERT", "UPDATE", "DELETE", "MERGE", "SEND", "FINDANDMODIFY"}  # first words of span names


def diagnose(tree: Tree) -> list[Finding]:
    """Return all findings, the most expensive first."""
    found = list(find_repetitions(tree))
    for node in tree.nodes:
        if node.children:
            found += find_retries(node)
            found += find_serial_calls(node, tree)
    found += find_runaways(tree)
    found += find_redeliveries(tree)
    found += find_pool_waits(tree)
    return sorted(found, key=lambda finding: finding.cost_ns, reverse=True)


def find_retries(parent: Node) -> Iterator[Finding]:
    """Yield retry storms: the same call again after it failed."""
    groups: dict[str, list[Node]] = defaultdict(list)
    for child in parent.children:
        if child.span.kind in ("client", "producer"):
            groups[child.span.name + "\0" + str(attribute(child.span, "server.address", ""))].append(child)
    for calls in groups.values():
        failed = [call for call in calls if call.span.error]
        if len(calls) >= RETRIES and len(failed) >= len(calls) - 1:
            cost = max(call.end for call in calls) - min(call.start for call in calls)
            outcome = "all failed" if len(failed) == len(calls) else "the last one succeeded"
            text = f"retry storm: {len(calls)} attempts at {describe(calls[0])}, {outcome}, {format_duration(cost)}"
            yield Finding("retry_storm", calls, cost, text)


def find_serial_calls(parent: Node, tree: Tree) -> Iterator[Finding]:
    """Yield runs of reading calls to others that follow each other without need, as far as a trace can tell."""
    calls = [child for child in parent.waited_for if is_slow_read(child)]
    run: list[Node] = []
    for call in [*sorted(calls, key=lambda call: call.start), None]:
        if call is not None and (not run or follows(call, run[-1])):
            run.append(call)
            continue
        targets = {other.span.name for other in run}
        saving = sum(other.duration for other in run) - max((other.duration for other in run), default=0)
        if len(targets) >= 2 and saving >= max(LEAST_SAVING_NS, tree.primary.duration // 10):
            names = ", ".join(dict.fromkeys(other.span.name for other in run))
            text = f"one after the other in {describe(parent)}: {names}"
            advice = f"if they do not need each other, running them together saves {format_duration(saving)}"
            yield Finding("serial_calls", run, saving, f"{text}; {advice}")
        run = [call] if call is not None else []


def is_slow_read(node: Node) -> bool:
    """Tell whether a span is a call to another service that took long enough to matter and changed nothing."""
    if node.span.kind != "client" or is_query(node.span) or node.duration < SHORTEST_CALL_NS or node.span.error:
        return False
    reached = [node]
    for below in reached:  # grows while it is walked
        method = str(attribute(below.span, "http.request.method", "GET"))
        if below.span.name.partition(" ")[0].upper() in WRITES or method not in ("GET", "HEAD"):
            return False
        reached.extend(below.children)
    return True


def follows(call: Node, previous: Node) -> bool:
    """Tell whether a call began soon after another ended: within a tenth of it."""
    return previous.end <= call.start <= previous.end + max(SHORTEST_CALL_NS, previous.duration // 10)


def find_runaways(tree: Tree) -> Iterator[Finding]:
    """Yield servers that worked on after nobody waited for them any more."""
    for node in tree.nodes:
        if node.runs_on and node.parent is not None and (beyond := node.end - node.parent.end) >= LEAST_SAVING_NS:
            caller = f"{node.parent.span.service} {'gave up' if node.parent.span.error else 'went on'}"
            text = f"{describe(node)} ran on for {format_duration(beyond)} after {caller}"
            yield Finding("runs_on", [node], beyond, f"{text}; a deadline that travels with the call would end it")


def find_redeliveries(tree: Tree) -> Iterator[Finding]:
    """Yield messages that one service was given several times."""
    groups: dict[tuple[str, str], list[Node]] = defaultdict(list)
    for node in tree.nodes:
        message_id = node.span.attributes.get("messaging.message.id")
        if node.span.kind == "consumer" and message_id:
            groups[node.span.service, str(message_id)].append(node)
    for deliveries in groups.values():
        if len(deliveries) > 1:
            cost = sum(delivery.duration for delivery in deliveries)
            last = max(deliveries, key=lambda delivery: delivery.start)
            outcome = "still failing" if last.span.error else "done at last"
            where = f"{message_name(last)} to {last.span.service}"
            yield Finding("redelivery", deliveries, cost, f"{len(deliveries)} deliveries of {where}, {outcome}")


def find_pool_waits(tree: Tree) -> Iterator[Finding]:
    """Yield services that waited for a database connection."""
    waits: dict[str, list[tuple[float, Node]]] = defaultdict(list)
    for node in tree.nodes:
        waited = node.span.attributes.get("autional.pool_wait_ms")
        if isinstance(waited, (int, float)) and waited > 0:
            waits[node.span.service].append((float(waited), node))
    for service, found in waits.items():
        total_ms = sum(waited for waited, _ in found)
        if total_ms >= POOL_WAIT_MS:
            cost = round(total_ms * 1e6)
            text = f"{service} waited {format_duration(cost)} for a database connection"
            text += f", {len(found)} times" if len(found) > 1 else ""
            advice = "its pool is too small, or a transaction holds one too long"
            yield Finding("pool_wait", [node for _, node in found], cost, f"{text}; {advice}")
