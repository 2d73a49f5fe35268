"""Text distances agree with their textbook definitions, and wrong text scores low."""

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from tests.bench.text_score import (
    edits,
    ends_within,
    error_rate,
    f1,
    fold,
    indel,
    overlap,
    similarity,
    starts_within,
    tokens_of,
    words_of,
)

short = st.text(alphabet="abcé ", max_size=9)


def textbook(a: str, b: str, substitution: int) -> int:
    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        step = 0 if a[i - 1] == b[j - 1] else substitution
        return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + step)

    return distance(len(a), len(b))


@given(short, short)
def test_edits_are_levenshtein(a: str, b: str) -> None:
    assert edits(a, b) == textbook(a, b, substitution=1)


@given(short, short)
def test_indel_forbids_substitution(a: str, b: str) -> None:
    assert indel(a, b) == textbook(a, b, substitution=2)


@given(short.filter(bool), short, st.integers(0, 3))
def test_fuzzy_occurrences_are_all_stretches_within_the_allowance(
    needle: str, text: str, allowed: int
) -> None:
    stretches = {
        (i, j)
        for i in range(len(text) + 1)
        for j in range(i, len(text) + 1)
        if textbook(needle, text[i:j], substitution=1) <= allowed
    }
    assert set(ends_within(needle, text, allowed)) == {j for _, j in stretches if j > 0}
    assert set(starts_within(needle, text, allowed)) == {i for i, _ in stretches if i < len(text)}


def test_an_exact_occurrence_is_found_where_it_stands() -> None:
    assert starts_within("Guest Bath", "Master Bath and Guest Bath", 0) == [16]
    assert starts_within("Guest Bath", "Master Bath and Gust Bath", 0) == []


def test_layout_and_typography_do_not_count_as_errors() -> None:
    assert fold("“It’s  a\nlong–line”") == '"It\'s a long-line"'
    assert error_rate("Straße 5, „Köln“", 'Straße 5,\n"Köln"', "de") == 0
    assert error_rate("世界 人権", "世界人権", "ja") == 0


def test_wrong_text_scores_low() -> None:
    assert error_rate("All human beings", "", "en") == 1
    assert error_rate("All human beings", "Allhumanbeings", "en") == 2 / 16
    assert error_rate("日本語", "日木語", "ja") == 1 / 3
    assert similarity("1,136", "9,999") < 0.5
    assert f1([overlap(tokens_of("TOTAL: 9.00"), tokens_of("TOTAL : 9.00"))]) == 0.4
    assert f1([overlap(words_of("TOTAL: 9.00"), words_of("TOTAL : 9.00"))]) == 1
    assert f1([overlap(words_of("TOTAL 9.00"), words_of("TOTAL 9.80"))]) == 2 / 3
    assert f1([overlap(words_of("TOTAL 9.00"), words_of(""))]) == 0
    assert f1([overlap(words_of("a b"), words_of("a b c c"))]) == 2 * 2 / 6
