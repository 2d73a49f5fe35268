"""Chunks for retrieval hold all that a document says, headings without text below them too."""

import pytest

from pipeline.exports.chunks import chunks
from schemas.page import Block, BlockKind, PageContent, PageResult, PageState


def page(*lines: tuple[int, str]) -> PageContent:
    """Headings by their level, and text as level 0."""
    blocks = [
        Block(
            id=f"b{n}",
            kind=BlockKind.HEADING if level else BlockKind.PARAGRAPH,
            level=level or None,
            text=text,
        )
        for n, (level, text) in enumerate(lines)
    ]
    return PageContent(page=PageResult(number=1, state=PageState.READ, blocks=blocks))


def said(*lines: tuple[int, str]) -> list[tuple[list[str], str]]:
    return [(chunk["heading_path"], chunk["text"]) for chunk in chunks([page(*lines)], 500)]


def test_a_heading_is_in_the_path_of_what_stands_below_it() -> None:
    assert said((1, "Scope"), (2, "Terms"), (0, "Net.")) == [(["Scope", "Terms"], "Net.")]


def test_a_heading_over_nothing_is_text() -> None:
    assert said((1, "Recall of lot 4711"), (1, "Contact"), (0, "Call us.")) == [
        ([], "Recall of lot 4711"),
        (["Contact"], "Call us."),
    ]
    assert said((1, "Results"), (2, "None")) == [(["Results"], "None")]
    assert said((2, "A slide"), (1, "Another")) == [([], "A slide"), ([], "Another")]


@pytest.mark.parametrize(
    "sentence",
    [
        "Der Betrag von 1.234,56 EUR, siehe www.example.com.",
        "Pi is 3.14159, more or less!",
        "合計は五千四百円です。領収書を保管してください。",
        "x" * 700,
    ],
)
def test_long_text_is_cut_and_not_changed(sentence: str) -> None:
    text = " ".join([sentence] * 40)
    pieces = [text for _, text in said((0, text))]
    assert len(pieces) > 1
    assert all(len(piece) <= 500 for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    if len(sentence) < 500:
        assert all(set(piece.split()) <= set(text.split()) for piece in pieces)
