"""Lines become running text: hyphens, spaces and printed forms."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.joining import Lexicon, join_lines, join_two, join_words
from pipeline.scripts import clean


@pytest.mark.parametrize(
    ("left", "right", "joined"),
    [
        ("an experi-", "ment", "an experiment"),
        ("a well-", "known fact", "a well-known fact"),
        ("the non-", "governmental", "the non-governmental"),
        ("state-of-the-", "art", "state-of-the-art"),
        ("soft\u00ad", "hyphen", "softhyphen"),
        ("Anglo-", "Saxon", "Anglo-Saxon"),
        ("CORPO-", "RATION", "CORPORATION"),
        ("2010-", "2012", "2010-2012"),
        ("COVID-", "19", "COVID-19"),
        ("Haupt-", "und Nebensatz", "Haupt- und Nebensatz"),
        ("short-", "and long-term", "short- and long-term"),
        ("Donau\u2010", "dampfer", "Donaudampfer"),
        ("a dash -", "and more", "a dash - and more"),
        ("pages 10–", "12", "pages 10–12"),
        ("see https://example.org/a/", "b.html", "see https://example.org/a/b.html"),
        ("https://example.org/long-", "name", "https://example.org/long-name"),
        ("plain", "text", "plain text"),
        ("吾輩は猫で", "ある", "吾輩は猫である"),
        ("한국어", "문장", "한국어 문장"),
        ("", "alone", "alone"),
    ],
)
def test_two_lines(left: str, right: str, joined: str) -> None:
    assert join_lines([left, right] if left else [right]) == joined


def test_the_document_knows_best_how_a_word_is_spelled() -> None:
    lexicon = Lexicon(["The co-operation of all", "and the wellness-", "of others in a multitude"])
    assert join_two("co-", "operation", lexicon) == "co-operation"
    assert join_two("co-", "operation", None) == "cooperation"
    assert join_two("multi-", "tude", lexicon) == "multitude"
    assert "wellness" not in lexicon


def test_words_of_unspaced_scripts_stand_together() -> None:
    assert join_words(["東京", "都", "in", "Japan"]) == "東京都 in Japan"


@pytest.mark.parametrize(
    ("printed", "typed"),
    [
        ("e\ufb03cient \ufb01sh", "efficient fish"),
        ("\ufefb\ufe8e", "لاا"),
        ("⽇本", "日本"),
        ("a\u00a0b\u2009c", "a b c"),
        ("e\u0301", "é"),
        ("x² ＡＢ", "x² ＡＢ"),
        ("a\x00b\u200b", "ab"),
        ("‘‘noblesse oblige’’", "“noblesse oblige”"),
    ],
)
def test_printed_forms_are_resolved(printed: str, typed: str) -> None:
    assert clean(printed) == typed


@given(st.text())
def test_clean_text_stays_clean_and_can_be_stored(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert once == unicodedata.normalize("NFC", once)
    assert "\x00" not in once
    once.encode()


@given(
    st.lists(st.text(alphabet="abcdeé", min_size=1, max_size=8), min_size=1, max_size=30), st.integers(1, 20)
)
def test_text_broken_between_words_comes_back(words: list[str], width: int) -> None:
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(word) < width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    assert join_lines(lines) == " ".join(words)
