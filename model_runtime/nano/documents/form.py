"""Sets forms: labels with values beside them, in one or two columns."""

from model_runtime.nano.labels import FORM
from model_runtime.nano.pieces import Piece, Value
from model_runtime.nano.sheet import Sheet

_NUMBERS = frozenset({"amount", "deposit", "balance", "rate", "price", "weight", "quantity"})


def form(sheet: Sheet, most_lines: int) -> None:
    rng, lexicon = sheet.rng, sheet.lexicon
    sheet.page.language = lexicon.language
    if sheet.room > 4 and rng.random() < 0.4:
        sheet.line([Piece(lexicon.name(3))], style=sheet.bold(rng.uniform(1.2, 1.6)), heading=True)
    labels = rng.sample(sorted(FORM), min(len(FORM), sheet.room, most_lines))
    seen: set[str] = set()
    aligned = rng.random() < 0.4
    start = max((sheet.style.width(label) for label in labels), default=0.0) + sheet.style.size
    spaced = rng.random() < 0.5
    for label in labels:
        key = FORM[label]
        if key in seen:
            continue
        seen.add(key)
        value = _value(sheet, key)
        name = label + rng.choice((":", ":", ""))
        if aligned and sheet.left + start + sheet.style.width(value.text) < sheet.right:
            _columns(sheet, name, value, start)
        elif spaced and rng.random() < 0.7:
            sheet.line([Piece(name)], [value])
        else:
            sheet.line([Piece(name + " "), value])


def _columns(sheet: Sheet, name: str, value: Piece, start: float) -> None:
    if sheet.room < 1:
        return
    base = sheet.y + 0.95 * sheet.style.size
    runs = sheet.pieces(sheet.left, base, [Piece(name)], sheet.style)
    sheet.canvas.gap(runs[-1], sheet.style)
    runs += sheet.pieces(sheet.left + start, base, [value], sheet.style)
    sheet.wrote(f"{name} {value.text}", tuple(runs))
    sheet.y += sheet.pitch


def _value(sheet: Sheet, key: str) -> Piece:
    rng, lexicon = sheet.rng, sheet.lexicon
    if key in _NUMBERS:
        number = lexicon.manner().amount(rng.randint(10, 999_999))
        return Piece(number.printed, key, Value(number.printed, number.plain))
    if "date" in key:
        year, month, day = rng.randint(1950, 2029), rng.randint(1, 12), rng.randint(1, 28)
        text = lexicon.manner().date(year, month, day)
        return Piece(text, key, Value(f"{year}-{month:02}-{day:02}"))
    text = lexicon.code() if "number" in key or rng.random() < 0.25 else lexicon.name(2)
    return Piece(text, key, Value(text))
