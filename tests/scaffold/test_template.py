"""Templates: conditions and placeholders."""

from __future__ import annotations

import pytest

from autional_cli.scaffold.template import FOLDER, fill


def test_lines_are_kept_by_their_conditions_and_conditions_nest() -> None:
    text = "a\n@if outer\nb\n@if not inner\nc\n@else\nd\n@end\n@end\n$e\n"
    assert fill(text, {"outer": True, "inner": True, "e": "e"}) == "a\nb\nd\ne\n"
    assert fill(text, {"outer": True, "inner": "", "e": "e"}) == "a\nb\nc\ne\n"
    assert fill(text, {"outer": False, "inner": True, "e": "e"}) == "a\ne\n"


def test_a_value_that_is_missing_is_an_error_and_not_an_empty_place() -> None:
    for text in ("$missing\n", "@if missing\n@end\n"):
        with pytest.raises(KeyError, match="missing"):
            fill(text, {})


def test_a_condition_that_is_not_closed_is_an_error() -> None:
    with pytest.raises(ValueError, match="not closed"):
        fill("@if x\n", {"x": True})


def test_no_template_asks_its_reader_to_finish_it() -> None:
    templates = list(FOLDER.rglob("*.tmpl"))
    assert len(templates) > 25
    for path in templates:
        text = path.read_text(encoding="utf-8").upper()
        assert not any(word in text for word in ("TODO", "FIXME", "XXX", "LOREM", "NOTIMPLEMENTED")), path
