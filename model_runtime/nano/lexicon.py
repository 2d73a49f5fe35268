"""Words, numbers, dates and names to fill synthetic pages with; one word in ten is kept back."""

import random
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from model_runtime.nano.alphabet import CHARACTERS, LETTERS_AND_DIGITS

_HELD_SHARE = 10
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_CODES = "ABCDEFGHJKLMNPRSTUVWXYZ"
_SIGNS = {"EUR": ("EUR", "€"), "USD": ("USD", "$"), "GBP": ("GBP", "£"), "CHF": ("CHF", "CHF")}


@lru_cache(maxsize=1)
def _all_words() -> dict[str, tuple[str, ...]]:
    table = files("model_runtime.nano").joinpath("words.tsv").read_text(encoding="utf-8")
    lines = (line.split("\t") for line in table.splitlines())
    return {language: tuple(words.split()) for language, words in lines}


@lru_cache(maxsize=32)
def words(language: str, *, held: bool) -> tuple[str, ...]:
    """Held words were never on a page to train on. Which ones, their spelling decides."""
    return tuple(word for word in _all_words()[language] if (sum(word.encode()) % _HELD_SHARE == 3) is held)


def languages() -> tuple[str, ...]:
    return tuple(_all_words())


@dataclass(frozen=True, slots=True)
class Number:
    """An amount as printed, and as JSON has it."""

    printed: str
    plain: str


@dataclass(frozen=True, slots=True)
class Manner:
    """How a document writes its numbers, dates and money."""

    comma: bool
    grouped: bool
    dates: int
    currency: str
    sign: str
    before: bool

    def amount(self, cents: int) -> Number:
        whole, rest = divmod(cents, 100)
        digits = str(whole)
        if self.grouped and whole > 999:
            digits = f"{whole:,}".replace(",", "." if self.comma else ",")
        return Number(f"{digits}{',' if self.comma else '.'}{rest:02}", f"{whole}.{rest:02}")

    def date(self, year: int, month: int, day: int) -> str:
        short = _MONTHS[month - 1][:3]
        return (
            f"{year}-{month:02}-{day:02}",
            f"{day:02}/{month:02}/{year}",
            f"{day:02}.{month:02}.{year}",
            f"{day} {_MONTHS[month - 1]} {year}",
            f"{short} {day}, {year}",
            f"{day}.{month}.{year}",
        )[self.dates]


class Lexicon:
    """Draws from one generator of random numbers, so that a page is a matter of its seed."""

    def __init__(
        self, rng: random.Random, *, held: bool = False, language: str | None = None, sense: bool = False
    ) -> None:
        """``sense``: no characters without sense among words, dates and numbers."""
        self.rng = rng
        self.held = held
        self._sense = sense
        if language is None:
            language = "en" if rng.random() < 0.55 else rng.choice(languages()[1:])
        self.language = language
        self._words = words(language, held=held)

    def word(self) -> str:
        return self.rng.choice(self._words)

    def styled(self) -> str:
        word, how = self.word(), self.rng.random()
        return word.capitalize() if how < 0.3 else word.upper() if how < 0.4 else word

    def name(self, most: int = 3) -> str:
        return " ".join(self._capital() for _ in range(self.rng.randint(1, most)))

    def _capital(self) -> str:
        word = self.word()
        return word[:1].upper() + word[1:]

    def digits(self, least: int, most: int) -> str:
        return "".join(self.rng.choice("0123456789") for _ in range(self.rng.randint(least, most)))

    def code(self) -> str:
        """A number of something, as documents have them."""
        rng = self.rng
        letters = "".join(rng.choice(_CODES) for _ in range(rng.randint(1, 3)))
        return rng.choice(
            (
                lambda: self.digits(4, 9),
                lambda: f"{letters}-{self.digits(3, 6)}",
                lambda: f"{rng.randint(2015, 2029)}-{self.digits(3, 5)}",
                lambda: f"{letters}{self.digits(4, 7)}",
                lambda: f"{self.digits(2, 4)}/{self.digits(2, 4)}",
                lambda: f"#{self.digits(3, 6)}",
            )
        )()

    def mess(self, most: int = 8) -> str:
        """Characters without sense, so that reading cannot become guessing."""
        rng = self.rng
        pool = LETTERS_AND_DIGITS if rng.random() < 0.6 else CHARACTERS[1:]
        return "".join(rng.choice(pool) for _ in range(rng.randint(1, most)))

    def token(self) -> str:
        """One word's worth of whatever stands on documents."""
        rng, kind = self.rng, self.rng.random()
        if kind < (0.60 if self._sense else 0.45):
            return self.styled() + (rng.choice(",.:;!?") if rng.random() < 0.15 else "")
        if kind < 0.60:
            return self.mess()
        if kind < 0.72:
            cents = rng.randint(0, 10 ** rng.randint(2, 6))
            return Manner(rng.random() < 0.3, True, 0, "", "", False).amount(cents).printed + rng.choice(
                ("", "", "", "%", " €", "$", " EUR")
            )
        return self._figure()

    def _figure(self) -> str:
        rng, kind = self.rng, self.rng.random()
        if kind < 0.3:
            return self.digits(1, 8)
        if kind < 0.6:
            return self.manner().date(rng.randint(1990, 2039), rng.randint(1, 12), rng.randint(1, 28))
        if kind < 0.75:
            return f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}"
        return self.code()

    def manner(self) -> Manner:
        rng = self.rng
        currency = rng.choice(("EUR", "EUR", "USD", "GBP", "CHF"))
        dates = rng.randrange(6 if self.language == "en" else 3)
        return Manner(
            comma=rng.random() < (0.1 if self.language == "en" else 0.6),
            grouped=rng.random() < 0.6,
            dates=dates,
            currency=currency,
            sign=rng.choice(_SIGNS[currency]),
            before=rng.random() < 0.4,
        )
