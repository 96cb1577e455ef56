"""Trees and critical paths, worked out by hand. Times are milliseconds after the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli.telemetry.critical_path import Section, to_completion, to_response
from autional_cli.telemetry.tree import Node, Tree, build

from .recording import Recording, record_login

if TYPE_CHECKING:
    from collections.abc import Iterable

MS = 1_000_000


def path(sections: Iterable[Section]) -> list[str]:
    """Write a path as `name start-end`, waits in brackets."""
    shown = []
    for section in sections:
        text = f"{section.node.span.name} {section.start / MS:g}-{section.end / MS:g}"
        shown.append(f"[{text}]" if section.waiting else text)
    return shown


def find(tree: Tree, name: str) -> Node:
    (node,) = [node for node in tree.nodes if node.span.name == name]
    return node


def own_time(tree: Tree) -> dict[str, float]:
    return {node.span.name: node.self_ns / MS for node in tree.nodes}


def test_a_single_span_is_its_own_path() -> None:
    recording = Recording()
    recording.span("root", 0, 10)
    tree = build(recording.spans)
    assert path(to_response(tree)) == path(to_completion(tree)) == ["root 0-10"]


def test_sequential_children_are_all_on_the_path() -> None:
    recording = Recording()
    root = recording.span("root", 0, 10)
    recording.span("a", 1, 3, root)
    recording.span("b", 4, 8, root)
    tree = build(recording.spans)
    assert path(to_response(tree)) == ["root 0-1", "a 1-3", "root 3-4", "b 4-8", "root 8-10"]
    assert own_time(tree) == {"root": 4, "a": 2, "b": 4}


def test_nested_children_replace_their_parents() -> None:
    recording = Recording()
    root = recording.span("root", 0, 10)
    a = recording.span("a", 1, 9, root)
    recording.span("b", 2, 8, a)
    assert path(to_response(build(recording.spans))) == ["root 0-1", "a 1-2", "b 2-8", "a 8-9", "root 9-10"]


def test_of_overlapping_children_the_last_to_finish_counts() -> None:
    recording = Recording()
    root = recording.span("root", 0, 10)
    recording.span("early", 1, 3, root)
    recording.span("short", 2, 6, root)  # still running when `long` began: not what was waited for
    recording.span("long", 4, 9, root)
    tree = build(recording.spans)
    assert path(to_response(tree)) == ["root 0-1", "early 1-3", "root 3-4", "long 4-9", "root 9-10"]
    assert own_time(tree)["root"] == 2


def test_a_child_that_begins_as_another_ends_follows_it() -> None:
    recording = Recording()
    root = recording.span("root", 0, 10)
    recording.span("a", 0, 5, root)
    recording.span("b", 5, 10, root)
    recording.span("instant", 5, 5, root)
    assert path(to_response(build(recording.spans))) == ["a 0-5", "b 5-10"]


def test_an_async_child_that_outlives_its_parent_is_only_on_the_way_to_completion() -> None:
    recording = Recording()
    root = recording.span("root", 0, 10, kind="server")
    recording.span("work", 1, 4, root)
    send = recording.span("send e", 5, 6, root, kind="producer")
    process = recording.span("process e", 8, 30, send, service="audit", kind="consumer", links=(send,))
    recording.span("insert", 12, 20, process, service="audit")
    tree = build(recording.spans)
    assert path(to_response(tree)) == ["root 0-1", "work 1-4", "root 4-5", "send e 5-6", "root 6-10"]
    assert path(to_completion(tree)) == [
        "root 0-1",
        "work 1-4",
        "root 4-5",
        "send e 5-6",
        "[process e 6-8]",
        "process e 8-12",
        "insert 12-20",
        "process e 20-30",
    ]
    assert find(tree, "process e").asynchronous
    assert own_time(tree)["send e"] == 1


def test_a_relay_that_sends_after_the_response_waits_from_its_end() -> None:
    recording = Recording()
    root = recording.span("root", 0, 10, kind="server")
    recording.span("send e", 14, 15, root, kind="producer")
    tree = build(recording.spans)
    assert path(to_response(tree)) == ["root 0-10"]
    assert path(to_completion(tree)) == ["root 0-10", "[send e 10-14]", "send e 14-15"]


def test_a_consumer_that_begins_before_the_producer_returned_cuts_it_short() -> None:
    recording = Recording()
    root = recording.span("root", 0, 10)
    send = recording.span("send e", 2, 8, root, kind="producer")
    recording.span("process e", 5, 20, send, service="audit", kind="consumer")
    assert path(to_completion(build(recording.spans))) == ["root 0-2", "send e 2-5", "process e 5-20"]


def test_background_work_of_the_same_process_is_not_waited_for() -> None:
    recording = Recording()
    root = recording.span("root", 0, 10)
    recording.span("background", 6, 25, root)
    tree = build(recording.spans)
    assert path(to_response(tree)) == ["root 0-10"]
    assert path(to_completion(tree)) == ["root 0-6", "background 6-25"]
    assert own_time(tree)["root"] == 10


def test_a_callee_that_ends_after_its_caller_runs_on_and_counts_as_long_as_it_was_waited_for() -> None:
    recording = Recording()
    call = recording.span("call", 0, 10, kind="client")
    recording.span("serve", 2, 14, call, service="other", kind="server")
    tree = build(recording.spans)
    assert path(to_response(tree)) == ["call 0-2", "serve 2-10"]
    assert find(tree, "serve").duration == 12 * MS
    assert path(to_completion(tree)) == ["call 0-2", "serve 2-14"]


def test_links_lead_to_work_without_a_parent() -> None:
    recording = Recording()
    root = recording.span("root", 0, 10)
    send = recording.span("send e", 3, 4, root, kind="producer")
    recording.span("process batch", 9, 15, service="audit", kind="consumer", links=(send,))
    tree = build(recording.spans)
    assert tree.primary.span.name == "root"
    assert path(to_completion(tree)) == ["root 0-3", "send e 3-4", "[process batch 4-9]", "process batch 9-15"]


def test_a_clock_that_is_behind_is_corrected() -> None:
    recording = Recording()
    call = recording.span("call", 100, 120, kind="client")
    serve = recording.span("serve", 42, 52, call, service="other", kind="server")
    recording.span("query", 44, 50, serve, service="other")
    tree = build(recording.spans)
    assert (find(tree, "serve").start, find(tree, "serve").skew) == (5 * MS, 63 * MS)
    assert path(to_response(tree)) == ["call 0-5", "serve 5-7", "query 7-13", "serve 13-15", "call 15-20"]


def test_a_clock_that_is_ahead_is_corrected() -> None:
    recording = Recording()
    call = recording.span("call", 0, 20, kind="client")
    recording.span("serve", 500, 510, call, service="other", kind="server")
    tree = build(recording.spans)
    assert find(tree, "serve").skew == -495 * MS
    assert path(to_response(tree)) == ["call 0-5", "serve 5-15", "call 15-20"]


def test_a_late_consumer_is_no_clock_skew() -> None:
    recording = Recording()
    send = recording.span("send e", 0, 1, kind="producer")
    recording.span("process e", 5000, 5001, send, service="audit", kind="consumer")
    assert find(build(recording.spans), "process e").skew == 0


def test_without_the_root_the_earliest_orphan_stands_for_it() -> None:
    recording = Recording()
    serve = recording.span("serve", 3, 9, "00000000000000aa", kind="server")
    recording.span("query", 4, 6, serve)
    recording.span("elsewhere", 20, 40, "00000000000000bb", service="other")
    tree = build(recording.spans)
    assert tree.primary.span.name == "serve"
    assert tree.primary.orphan
    assert path(to_response(tree)) == ["serve 0-1", "query 1-3", "serve 3-6"]
    assert path(to_completion(tree)) == path(to_response(tree))


def test_spans_that_are_each_others_parents_do_not_hang() -> None:
    recording = Recording()
    a = recording.span("a", 0, 5)
    b = recording.span("b", 1, 4, a)
    a.parent_id = b.span_id
    itself = recording.span("itself", 2, 3)
    itself.parent_id = itself.span_id
    tree = build(recording.spans)
    assert len(tree.nodes) == 3
    assert path(to_response(tree)) == ["a 0-1", "b 1-4", "a 4-5"]


def test_a_very_deep_trace_is_no_problem() -> None:
    recording = Recording()
    parent = recording.span("0", 0, 10_000)
    for depth in range(1, 5000):
        parent = recording.span(str(depth), depth, 10_000 - depth / 2, parent)
    sections = to_response(build(recording.spans))
    assert sum(section.end - section.start for section in sections) == 10_000 * MS


def test_the_login_ends_with_the_slowest_consumer() -> None:
    tree = build(record_login().spans)
    sections = to_completion(tree)
    assert sum(section.end - section.start for section in to_response(tree)) == round(31.2 * MS)
    assert sections[-1].node.span.service == "notification"
    assert sum(section.end - section.start for section in sections) == 107 * MS
    assert [round((s.end - s.start) / MS, 1) for s in sections if s.waiting] == [2.9, 61.0]
