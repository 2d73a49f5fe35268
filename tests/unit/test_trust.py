"""A text layer that cannot stand for its page is refused, and the reason is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.trust import LayerSigns, garbled, judge

ENGLISH = (
    "The delegates met in the spring and went through the accounts of the previous year, page by page, "
    "without reaching agreement on the matter of the harbour dues."
)
PROSE = {
    "English": ENGLISH,
    "German": "Die Abgeordneten trafen sich im Frühjahr und gingen die Rechnungen des Vorjahres Seite für "
    "Seite durch, ohne sich über die Hafengebühren zu einigen. Das Rechtschreibprogramm schwieg.",
    "Polish": "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni "
    "obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa.",
    "Czech": "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni rozumem a "
    "svědomím a mají spolu jednat v duchu bratrství. Strč prst skrz krk.",
    "Vietnamese": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền. Mọi con người "
    "đều được tạo hóa ban cho lý trí và lương tâm và cần phải đối xử với nhau trong tình bằng hữu.",
    "Russian": "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены разумом и "
    "совестью и должны поступать в отношении друг друга в духе братства.",
    "Greek": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα. Είναι "
    "προικισμένοι με λογική και συνείδηση.",
    "Japanese": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "Chinese": "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神相对待。",
    "Korean": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "a table of codes": "XRT83L30IV 221-967-7 253-057-0 TBNPA 3296-90-0 ISCED 0-2 EU-15 SKU-99 1,136 $ 4,737",
    "capitals": "INVOICE TOTAL AMOUNT DUE WITHIN THIRTY DAYS PLEASE QUOTE THE NUMBER ABOVE STRENGTHS",
}
ARABIC = "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق"


def caesar(text: str, step: int) -> str:
    """What is read off a font whose codes are shifted."""
    return "".join(chr((ord(c) - 97 + step) % 26 + 97) if "a" <= c <= "z" else c for c in text.lower())


@pytest.mark.parametrize("language", PROSE)
def test_prose_and_figures_pass(language: str) -> None:
    assert judge(LayerSigns(PROSE[language])).trusted, judge(LayerSigns(PROSE[language])).why


@pytest.mark.parametrize("step", [2, 3, 5, 7, 9, 14])
def test_shifted_codes_are_refused(step: int) -> None:
    verdict = judge(LayerSigns(caesar(f"{ENGLISH} {PROSE['German']}", step)))
    assert not verdict.trusted
    assert "encoding" in verdict.why


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ENGLISH.replace("e", "\ufffd"), "meaning"),
        ("".join(chr(0xE000 + ord(c)) for c in ENGLISH), "meaning"),
        ("".join(chr(ord(c) - 29) for c in "The quick brown fox"), "meaning"),
        (ARABIC, "right to left"),
        (f"Invoice 12 {ARABIC}", "right to left"),
        ("שלום עולם, זהו עמוד", "right to left"),
        (PROSE["Russian"].encode("cp1251").decode("latin-1"), "encoding"),
        ("", "no text"),
        (" \n ", "no text"),
    ],
)
def test_what_no_reader_would_write_is_refused(text: str, reason: str) -> None:
    verdict = judge(LayerSigns(text))
    assert not verdict.trusted
    assert reason in verdict.why


def test_one_foreign_word_or_lost_character_does_not_condemn_a_page() -> None:
    assert garbled(f"{ENGLISH} {ENGLISH} سلام") is None
    assert garbled(f"{ENGLISH} {ENGLISH} \ufffd") is None


def test_an_ocr_layer_under_a_scan_is_refused() -> None:
    assert not judge(LayerSigns("", invisible=900, picture_cover=1.0)).trusted
    assert not judge(LayerSigns("Bates 0001", invisible=900, picture_cover=1.0)).trusted


def test_a_stamp_on_a_scan_is_not_the_page() -> None:
    stamp = LayerSigns("Received 12 May 2021", picture_cover=0.98, letters_on_pictures=17)
    assert not judge(stamp).trusted


def test_text_over_a_background_picture_is_the_page() -> None:
    slide = LayerSigns(
        ENGLISH * 2, picture_cover=1.0, letters_on_pictures=len("".join((ENGLISH * 2).split()))
    )
    assert judge(slide).trusted


@given(st.text(max_size=300), st.integers(0, 500), st.floats(0, 1))
def test_every_text_gets_a_verdict_with_a_reason(text: str, invisible: int, cover: float) -> None:
    assert judge(LayerSigns(text, invisible=invisible, picture_cover=cover)).why
