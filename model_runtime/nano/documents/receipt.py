"""Sets till receipts: who, when, what, and how much."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from model_runtime.nano.labels import RECEIPT
from model_runtime.nano.lexicon import Manner, Number
from model_runtime.nano.pieces import Piece, Value
from model_runtime.nano.sheet import Sheet


@dataclass(slots=True)
class _Row:
    left: list[Piece] = field(default_factory=list)
    right: list[Piece] = field(default_factory=list)
    bold: bool = False
    centred: bool = False
    rule: bool = False


def receipt(sheet: Sheet, most_lines: int) -> None:
    """As many lines as there is room for; company and total come first where there is little."""
    rng, lexicon = sheet.rng, sheet.lexicon
    language = lexicon.language if lexicon.language in RECEIPT else "en"
    sheet.page.language = language
    said = {key: rng.choice(values) for key, values in RECEIPT[language].items()}
    room = min(sheet.room, most_lines)
    room += rng.randint(2, 12) if sheet.page.part else 0
    manner = lexicon.manner()
    head, foot = _head(sheet, said, room), []
    cents: list[int] = []
    items: list[_Row] = []
    counted = rng.random() < 0.45
    total_lines = 1 + (room > 5) * rng.randint(0, 2) + (room > 8) * rng.randint(0, 2)
    count = max(1, room - len(head) - total_lines - (room > 9 and rng.random() < 0.4))
    for number in range(min(count, rng.choice((count, count, max(1, count // 2))), 9)):
        row, cost = _item(sheet, manner, number, counted=counted)
        items.append(row)
        cents.append(cost)
    net = sum(cents)
    tax = net * rng.choice((5, 7, 10, 19, 20)) // 100
    total = net + (tax if total_lines > 2 else 0)
    lines = [("total", total)]
    if total_lines > 2:
        lines = [("net", net), ("tax", tax), *lines]
    elif total_lines > 1:
        lines = [("net", net), *lines]
    if total_lines > 3:
        given = (total // 1000 + 1) * 1000
        lines += [("cash", given), ("change", given - total)]
    for key, value in lines:
        foot.append(_sum_line(sheet, said[key], key, manner.amount(value), manner, bold=key == "total"))
    if room - len(head) - len(items) - len(foot) > 0 and rng.random() < 0.5:
        foot.append(_Row([Piece(said["thanks"])], centred=rng.random() < 0.6))
    _part(sheet, [*head, *items, *foot]) if sheet.page.part else _whole(sheet, head, items, foot)


def _whole(sheet: Sheet, head: Sequence[_Row], items: Sequence[_Row], foot: Sequence[_Row]) -> None:
    _set(sheet, head, centred=sheet.rng.random() < 0.5)
    if sheet.rng.random() < 0.4:
        sheet.rule()
    _set(sheet, items)
    if sheet.rng.random() < 0.4:
        sheet.rule()
    _set(sheet, foot)


def _part(sheet: Sheet, rows: Sequence[_Row]) -> None:
    """What may stand between two cuts: so many rows as there is room for, from any on."""
    _set(sheet, rows[sheet.rng.randint(0, max(0, len(rows) - sheet.room)) :])


def _set(sheet: Sheet, rows: Sequence[_Row], *, centred: bool = False) -> None:
    for row in rows:
        style = sheet.bold(sheet.rng.choice((1.0, 1.0, 1.15))) if row.bold else None
        if not sheet.line(row.left, row.right, style=style, centred=centred or row.centred):
            sheet.line(row.left, row.right)


def _head(sheet: Sheet, said: dict[str, str], room: int) -> list[_Row]:
    rng, lexicon = sheet.rng, sheet.lexicon
    rows: list[_Row] = []
    if room > 2 and rng.random() < 0.92:
        company = lexicon.name(3)
        company = company.upper() if rng.random() < 0.5 else company
        company += rng.choice(("", "", " Ltd", " GmbH", " SA", " & Co", " Inc."))
        rows.append(_Row([Piece(company, "company", Value(company))], bold=rng.random() < 0.6))
    if room > 6 and rng.random() < 0.6:
        street = f"{lexicon.name(2)} {rng.randint(1, 240)}, {lexicon.digits(4, 5)} {lexicon.name(1)}"
        rows.append(_Row([Piece(street, "address", Value(street))]))
    if room > 7 and rng.random() < 0.35:
        number = f"{rng.choice(('DE', 'GB', 'FR', 'ES', 'IT', 'AT'))}{lexicon.digits(8, 9)}"
        rows.append(_Row([Piece(f"{said['vat_id']} "), Piece(number, "vat_id", Value(number))]))
    if room > 4 and rng.random() < 0.6:
        code = lexicon.code()
        rows.append(
            _Row([Piece(f"{said['number']}{rng.choice((': ', ' '))}"), Piece(code, "number", Value(code))])
        )
    if room > 3 and rng.random() < 0.85:
        rows.append(_when(sheet, said))
    return rows


def _when(sheet: Sheet, said: dict[str, str]) -> _Row:
    rng = sheet.rng
    year, month, day = rng.randint(2012, 2029), rng.randint(1, 12), rng.randint(1, 28)
    manner = sheet.lexicon.manner()
    date = manner.date(year, month, day)
    iso = Value(f"{year}-{month:02}-{day:02}")
    label = f"{said['date']}{rng.choice((': ', ' '))}" if said["date"] else ""
    row = _Row([Piece(label)] if label else [])
    row.left.append(Piece(date, "date", iso))
    if rng.random() < 0.6:
        time = f"{rng.randint(6, 23):02}:{rng.randint(0, 59):02}"
        piece = Piece(time, "time", Value(time))
        if rng.random() < 0.4:
            row.right = [piece]
        else:
            gap = f" {said['time']} " if said["time"] and rng.random() < 0.5 else rng.choice((" ", "  "))
            row.left += [Piece(gap), piece]
    return row


def _item(sheet: Sheet, manner: Manner, number: int, *, counted: bool) -> tuple[_Row, int]:
    rng, lexicon = sheet.rng, sheet.lexicon
    each = rng.randint(20, rng.choice((999, 999, 4999, 99_999)))
    quantity = rng.randint(1, 9) if counted else 1
    cost: Number = manner.amount(each * quantity)
    room = sheet.right - sheet.left - sheet.style.width(f"{cost.printed}  9 x 9999.99")
    name = lexicon.styled()
    for _ in range(rng.randint(0, 2)):
        longer = f"{name} {lexicon.styled() if rng.random() < 0.8 else lexicon.mess(5)}"
        if sheet.style.width(longer) < room:
            name = longer
    left = [Piece(name, "description", Value(name), number)]
    if counted and rng.random() < 0.8:
        times = Piece(str(quantity), "quantity", Value(str(quantity), str(quantity)), number)
        unit = manner.amount(each)
        if rng.random() < 0.5:
            left = [times, Piece(rng.choice((" x ", " ", "x "))), *left]
        else:
            price = Piece(unit.printed, "unit_price", Value(unit.printed, unit.plain), number)
            left += [Piece(" "), times, Piece(rng.choice((" x ", " @ "))), price]
    right = [Piece(cost.printed, "amount", Value(cost.printed, cost.plain), number)]
    return _Row(left, right), each * quantity


def _sum_line(sheet: Sheet, label: str, key: str, number: Number, manner: Manner, *, bold: bool) -> _Row:
    rng = sheet.rng
    sign = Piece(manner.sign, "currency", Value(manner.currency))
    value = Piece(number.printed, key, Value(number.printed, number.plain))
    left, right = [Piece(label)], [value]
    if key == "total" or rng.random() < 0.15:
        how = rng.random()
        if how < 0.3:
            left += [Piece(" "), sign]
        elif how < 0.6 and manner.before:
            right = [sign, value] if len(manner.sign) == 1 else [sign, Piece(" "), value]
        elif how < 0.6:
            right = [value, Piece(" "), sign]
    if rng.random() < 0.15:
        left[0] = Piece(label + ":")
    return _Row(left, right, bold=bold and rng.random() < 0.6)
