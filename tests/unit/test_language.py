"""The language of a page is told where the text allows it, and not guessed elsewhere."""

import pytest

from pipeline.language import language_of

SENTENCES = {
    "en": "All human beings are born free and equal in dignity and rights, and should act as such.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren und sollen einander begegnen.",
    "fr": "Tous les êtres humains naissent libres et égaux en dignité et en droits et doivent agir.",
    "ja": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "ru": "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "ar": "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق وقد وهبوا عقلاً وضميراً.",
}


@pytest.mark.parametrize("language", SENTENCES)
def test_a_sentence_tells_its_language(language: str) -> None:
    assert language_of(SENTENCES[language]) == language


@pytest.mark.parametrize("text", ["", "12 34 56.78", "TOTAL 25.36 GBP Receipt No", "QX-7 / B12 / ZZ"])
def test_codes_and_labels_have_no_language(text: str) -> None:
    assert language_of(text) is None
