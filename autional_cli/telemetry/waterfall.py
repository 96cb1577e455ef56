"""An analysis as text: what the request did, where its time went, and how far to trust the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from autional_cli.telemetry.completeness import count
from autional_cli.telemetry.log_format import format_fields, local_time
from autional_cli.telemetry.moments import format_duration
from autional_cli.telemetry.palette import BOLD, BOLD_RED, DIM, RED, YELLOW, Palette, clean, one_line, shorten
from autional_cli.telemetry.rows import Row, arrange

if TYPE_CHECKING:
    from autional_cli.telemetry.analyse import Analysis
    from autional_cli.telemetry.critical_path import Section
    from autional_cli.telemetry.gaps import Gap
    from autional_cli.telemetry.log_lines import Entry
    from autional_cli.telemetry.root_cause import RootCause

NUMBERS = 20  # columns of the two durations
NARROWEST, WIDEST = 60, 240
PATH_SHOWN = 6
WIDEST_SERVICE = 14
WIDE_AXIS = 32  # columns from which on the axis has a middle


class Marks(NamedTuple):
    """The characters of a drawing, for terminals with and without Unicode."""

    critical: str
    bar: str
    wait: str
    error: str
    log: str
    tick: str


UNICODE = Marks("█", "░", "┄", "✗", "│", "●")
ASCII = Marks("#", "=", ".", "x", "|", "*")
PLAIN = str.maketrans({"µ": "u", "\N{MULTIPLICATION SIGN}": "x", "…": "~"})


class Canvas(NamedTuple):
    """Where the columns are and how to paint."""

    palette: Palette
    marks: Marks
    width: int
    label: int
    service: int
    scale_ns: int

    @property
    def bar(self) -> int:
        return self.width - self.label - NUMBERS - 2

    def column(self, moment: int) -> int:
        """Return the bar column of a moment."""
        return min(self.bar - 1, moment * self.bar // self.scale_ns)


def draw(analysis: Analysis, *, width: int, palette: Palette, unicode: bool = True) -> str:
    """Draw a whole trace in lines of up to `width` columns."""
    width = max(NARROWEST, min(width, WIDEST))
    marks = UNICODE if unicode else ASCII
    service = min(WIDEST_SERVICE, max(len(one_line(name)) for name in analysis.services))
    canvas = Canvas(palette, marks, width, max(26, width * 45 // 100), service, max(1, analysis.tree.end))
    lines = [*draw_header(analysis, palette), "", draw_scale(analysis, canvas)]
    critical = group_sections(analysis.to_completion)
    gaps: dict[int, list[Gap]] = {}
    for gap in analysis.gaps:
        gaps.setdefault(id(gap.node), []).append(gap)
    for row in arrange(analysis):
        lines += [draw_gap(gap, row.depth, canvas) for gap in gaps.pop(id(row.node), ()) if not row.folded]
        sections = [section for node in (row.node, *row.folded) for section in critical.get(id(node), ())]
        lines.append(draw_span(row, sections, canvas))
        lines += [draw_log(entry, row.depth, canvas) for entry in row.logs]
    legend = f"{marks.critical} on the critical path to completion  {marks.bar} not on it  {marks.wait} waiting"
    lines += [
        palette.paint(shorten(legend, width).rjust(width), DIM),
        "",
        *draw_findings(analysis, palette),
        *draw_verdict(analysis, palette),
    ]
    text = "\n".join(lines)
    return text if unicode else text.translate(PLAIN).encode("ascii", "replace").decode()


def group_sections(sections: list[Section]) -> dict[int, list[Section]]:
    """Find the sections of a path by node."""
    groups: dict[int, list[Section]] = {}
    for section in sections:
        groups.setdefault(id(section.node), []).append(section)
    return groups


def draw_header(analysis: Analysis, palette: Palette) -> list[str]:
    """Say which request this was and how long it took."""
    root = analysis.tree.primary
    total = f"{format_duration(root.duration)} to response"
    if analysis.completion_ns > root.duration + 1000:
        total += f", {format_duration(analysis.completion_ns)} to completion"
    shape = f"{count(len(analysis.tree.nodes), 'span')}, {count(len(analysis.services), 'service')}"
    errors = sum(node.span.error for node in analysis.tree.nodes)
    failed = palette.paint(f", {errors} with errors", RED) if errors else ""
    name = f"{one_line(root.span.service)} {one_line(root.span.name)}"
    return [
        f"{palette.paint(name, BOLD)}  {total}",
        f"{palette.paint(f'trace {analysis.trace_id}', DIM)}  {shape}{failed}",
    ]


def draw_scale(analysis: Analysis, canvas: Canvas) -> str:
    """Draw the time axis over the bars and the headings of the columns."""
    half, end = format_duration(canvas.scale_ns / 2), format_duration(canvas.scale_ns)
    axis = "0".ljust(canvas.bar // 2 - len(half) // 2) + half if canvas.bar >= WIDE_AXIS else "0"
    axis = axis.ljust(canvas.bar - len(end)) + end
    heading = f"{'service'.ljust(canvas.service)} span"
    numbers = "total".rjust(NUMBERS // 2) + "self".rjust(NUMBERS // 2)
    return canvas.palette.paint(f"{heading.ljust(canvas.label)} {axis} {numbers}", DIM)


def draw_span(row: Row, sections: list[Section], canvas: Canvas) -> str:
    """Draw one span: label, bar, durations. On the critical path the bar is solid."""
    node, palette = row.node, canvas.palette
    mark = canvas.marks.error + " " if row.failed else ""
    name = f"{'  ' * row.depth}{mark}{one_line(node.span.name)}"
    if row.folded:
        name += f" \N{MULTIPLICATION SIGN}{len(row.folded) + 1}"
    room = canvas.label - canvas.service - 1
    padded = shorten(one_line(node.span.service), canvas.service).ljust(canvas.service)
    service = palette.service(padded, node.span.service)
    name = shorten(name, room).ljust(room)
    label = f"{service} {palette.paint(name, RED) if row.failed else name}"
    total = format_duration(row.end - row.start).rjust(NUMBERS // 2)
    own = format_duration(row.self_ns).rjust(NUMBERS // 2)
    return f"{label} {draw_bar(row, sections, canvas)} {total}{palette.paint(own, DIM)}"


def draw_bar(row: Row, sections: list[Section], canvas: Canvas) -> str:
    """Draw the bar of a span, with the wait before it when that decided how long the trace took."""
    cells = [" "] * canvas.bar
    for section in sections:
        if section.waiting:
            fill(cells, section.start, section.end, canvas.marks.wait, canvas)
    fill(cells, row.start, row.end, canvas.marks.bar, canvas)
    for section in sections:
        if not section.waiting:
            fill(cells, section.start, section.end, canvas.marks.critical, canvas)
    return canvas.palette.service("".join(cells), row.node.span.service)


def fill(cells: list[str], start: int, end: int, mark: str, canvas: Canvas) -> None:
    """Fill the cells between two moments, at least one."""
    first = canvas.column(start)
    last = max(first, canvas.column(end - 1) if end > start else first)
    cells[first : last + 1] = mark * (last + 1 - first)


def draw_gap(gap: Gap, depth: int, canvas: Canvas) -> str:
    """Name a gap above the span that it delayed, or that it lies in."""
    text = f"{' ' * (canvas.service + 1)}{'  ' * depth}{canvas.marks.wait * 2} {one_line(gap.message)}"
    return canvas.palette.paint(shorten(text, canvas.width), YELLOW)


def draw_log(entry: Entry, depth: int, canvas: Canvas) -> str:
    """Show a log line under its span."""
    palette = canvas.palette
    indent = " " * (canvas.service + 1) + "  " * depth
    said = f"{clean(entry.level)[:8]} {one_line(entry.event)}"
    head = f"{indent}  {canvas.marks.log} {local_time(entry.timestamp)} {said}"
    text = shorten(head + format_fields(entry, Palette(False)), canvas.width)
    return palette.level(text, entry.level) if entry.level not in ("info", "debug") else palette.paint(text, DIM)


def draw_findings(analysis: Analysis, palette: Palette) -> list[str]:
    """Say where the time went, what failed and what could be better."""
    lines = [draw_path("critical path to response", analysis.to_response)]
    if analysis.completion_ns > analysis.tree.primary.duration + 1000:
        lines.append(draw_path("critical path to completion", analysis.to_completion))
    if analysis.root_cause is not None:
        lines.append(palette.paint(draw_cause(analysis.root_cause), RED))
    lines += [palette.paint(f"finding: {one_line(finding.message)}", YELLOW) for finding in analysis.findings]
    return lines


def draw_path(title: str, sections: list[Section]) -> str:
    """Name the spans that decided a duration, with their share of it, in order of time."""
    shares: dict[str, int] = {}
    for section in sections:
        span = section.node.span
        name = f"{'waiting for ' if section.waiting else ''}{one_line(span.service)} {one_line(span.name)}"
        shares[name] = shares.get(name, 0) + section.end - section.start
    largest = sorted(shares, key=shares.__getitem__, reverse=True)[:PATH_SHOWN]
    parts = [f"{name} {format_duration(share)}" for name, share in shares.items() if name in largest]
    rest = sum(share for name, share in shares.items() if name not in largest)
    return f"{title}: {', '.join([*parts, *([f'others {format_duration(rest)}'] if rest else [])])}"


def draw_cause(cause: RootCause) -> str:
    """Say which error came first and what it led to."""
    span = cause.node.span
    said = f" {one_line(cause.message)}" if cause.message else ""
    text = f"root cause: {one_line(span.service)} {one_line(span.name)}: {one_line(cause.error)}{said}"
    if len(cause.path) > 1:
        top = cause.path[0].span
        text += f" (spoilt {one_line(top.service)} {one_line(top.name)})"
    return text if cause.reached_root else f"{text}; the request itself did not fail"


def draw_verdict(analysis: Analysis, palette: Palette) -> list[str]:
    """Say whether the picture is whole."""
    doubts = [one_line(problem.message) for problem in analysis.problems]
    if analysis.complete:
        return ["complete: every span that is named is here", *(f"  note: {doubt}" for doubt in doubts)]
    return [palette.paint("INCOMPLETE: do not trust this picture yet", BOLD_RED), *(f"  {doubt}" for doubt in doubts)]
