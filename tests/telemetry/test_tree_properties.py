"""What holds for every trace, however broken."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from autional_cli.telemetry.analyse import analyse
from autional_cli.telemetry.critical_path import Section, to_completion, to_response
from autional_cli.telemetry.model import KINDS, Link, Query, Span, Summary, Trace
from autional_cli.telemetry.otlp_json import decode_spans, encode_traces
from autional_cli.telemetry.palette import Palette
from autional_cli.telemetry.tree import build
from autional_cli.telemetry.waterfall import draw

from .recording import source

SOURCES = [source(name) for name in "abc"]
TRACE_ID = "1" * 32
ids = st.integers(1, 12).map(lambda number: f"{number:016x}")
names = st.sampled_from(["GET /", "SELECT users", "send e", "process e", "\x1b[2Jevil\n"])


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    """Draw spans with any parents, links and times: missing, circular, before or after each other."""
    found = []
    for span_id in draw(st.lists(ids, min_size=1, max_size=12)):
        start = draw(st.integers(1, 10**8))
        found.append(
            Span(
                TRACE_ID,
                span_id,
                draw(st.none() | ids),
                draw(st.sampled_from(SOURCES)),
                draw(names),
                draw(st.sampled_from(KINDS)),
                start,
                start + draw(st.integers(0, 10**8)),
                error=draw(st.booleans()),
                links=[Link(TRACE_ID, linked, {}) for linked in draw(st.lists(ids, max_size=2))],
            )
        )
    return found


class Nowhere:
    """A backend that knows nothing."""

    name = "embedded"

    def consumers(self, message: str, since_ns: int) -> list[str]:
        return ["audit"]

    def search(self, query: Query) -> list[Summary]:
        return []


def covers(sections: list[Section], start: int, end: int) -> bool:
    """Tell whether sections follow each other from start to end without a gap or an overlap."""
    for section in sections:
        if section.start != start or section.end <= section.start:
            return False
        start = section.end
    return start == end


@settings(max_examples=200, deadline=None)
@given(spans())
def test_own_times_and_critical_paths_are_possible(drawn: list[Span]) -> None:
    tree = build(drawn)
    assert len(tree.nodes) == len(drawn)
    for node in tree.nodes:
        assert 0 <= node.self_ns <= node.duration
        if node.parent is not None and not node.asynchronous:
            assert node.parent.start <= node.start <= node.parent.end
            assert node.start <= node.end
            assert node.end <= node.parent.end or node.runs_on
    response, completion = to_response(tree), to_completion(tree)
    assert covers(response, tree.primary.start, tree.primary.end)
    assert completion == [] or covers(completion, tree.primary.start, completion[-1].end)
    assert sum(section.end - section.start for section in completion) >= tree.primary.duration


@settings(max_examples=50, deadline=None)
@given(spans(), st.integers(20, 200))
def test_any_trace_can_be_drawn_safely(drawn: list[Span], width: int) -> None:
    analysis = analyse(Trace(TRACE_ID, drawn), Nowhere(), now_ns=10**9)  # type: ignore[arg-type]
    text = draw(analysis, width=width, palette=Palette(False))
    assert "\x1b" not in text
    drawing = text.partition("\ncritical path")[0].splitlines()[2:]
    assert all(len(line) <= max(60, width) for line in drawing)


@settings(max_examples=50, deadline=None)
@given(spans())
def test_otlp_json_goes_there_and_back(drawn: list[Span]) -> None:
    decoded = list(decode_spans(encode_traces(drawn)))
    assert sorted(map(repr, decoded)) == sorted(map(repr, drawn))
