"""Sets invoices: who charges whom, numbers and dates, a table of items, and the sums."""

from dataclasses import dataclass

from model_runtime.nano.documents.table import Column, Grid, grid
from model_runtime.nano.labels import INVOICE
from model_runtime.nano.lexicon import Manner
from model_runtime.nano.pieces import Piece, Value
from model_runtime.nano.sheet import Sheet


@dataclass(frozen=True, slots=True)
class _Setting:
    sheet: Sheet
    said: dict[str, str]
    manner: Manner

    def labelled(self, key: str, text: str, value: Value | None = None) -> list[Piece]:
        colon = ": " if self.sheet.rng.random() < 0.6 else " "
        return [Piece(self.said[key] + colon), Piece(text, key, value or Value(text))]

    def money(self, key: str, cents: int, row: int | None = None) -> Piece:
        number = self.manner.amount(cents)
        return Piece(number.printed, key, Value(number.printed, number.plain), row)

    def date(self, key: str, year: int) -> list[Piece]:
        rng = self.sheet.rng
        month, day = rng.randint(1, 12), rng.randint(1, 28)
        return self.labelled(key, self.manner.date(year, month, day), Value(f"{year}-{month:02}-{day:02}"))


def invoice(sheet: Sheet, most_lines: int) -> None:
    """Parts are left out at random, and where there is no room for them."""
    rng, lexicon = sheet.rng, sheet.lexicon
    language = lexicon.language if lexicon.language in INVOICE else "en"
    sheet.page.language = language
    said = {key: rng.choice(values) for key, values in INVOICE[language].items()}
    it = _Setting(sheet, said, lexicon.manner())
    room = min(sheet.room, most_lines)
    blocks = [_heading, _issuer, _meta, _recipient]
    if rng.random() < 0.3:
        blocks = [_issuer, _heading, _recipient, _meta]
    if sheet.page.part:
        _part(it, room)
        return
    spare = max(0, room - 8)
    for block in blocks:
        spare -= block(it, spare)
    if rng.random() < 0.5:
        sheet.y += min(1.0, spare / 4) * sheet.pitch * rng.random()
    net = _items(it, rng.randint(1, max(1, min(6, sheet.room - 4))))
    _sums(it, net)
    _account(it)


def _part(it: _Setting, room: int) -> None:
    """What may stand between two cuts through an invoice: blocks of its head, items, sums, from any on."""
    rng = it.sheet.rng
    blocks = [_heading, _issuer, _meta, _recipient]
    rng.shuffle(blocks)
    first = rng.choice((0, 1, 2, 3, 4, 4, 4, 4, 5))
    for block in blocks[first:]:
        block(it, room)
    net = rng.randint(100, 10 ** rng.randint(4, 7))
    if first < 5 and rng.random() < 0.9:
        net = _items(it, rng.randint(1, max(1, min(12, it.sheet.room - 1))), titled=rng.random() < 0.7)
    _sums(it, net)
    _account(it)


def _account(it: _Setting) -> None:
    sheet, rng, lexicon = it.sheet, it.sheet.rng, it.sheet.lexicon
    if sheet.room > 0 and rng.random() < 0.5:
        iban = f"{rng.choice(('DE', 'FR', 'GB', 'ES'))}{lexicon.digits(2, 2)} " + " ".join(
            lexicon.digits(4, 4) for _ in range(4)
        )
        sheet.line(it.labelled("iban", iban))


def _heading(it: _Setting, spare: int) -> int:
    del spare  # a title is worth its room
    sheet = it.sheet
    if sheet.rng.random() < 0.15:
        return 0
    style = sheet.bold(sheet.rng.uniform(1.3, 1.7))
    right = sheet.rng.random() < 0.25
    piece = [Piece(it.said["title"])]
    done = sheet.line([] if right else piece, piece if right else [], style=style, heading=True)
    return 2 if done else 0


def _issuer(it: _Setting, spare: int) -> int:
    sheet, rng, lexicon = it.sheet, it.sheet.rng, it.sheet.lexicon
    name = lexicon.name(2) + rng.choice((" Ltd", " GmbH", " SA", " Inc.", " & Sons", " AG", ""))
    used = int(
        sheet.line([Piece(name, "issuer", Value(name))], style=sheet.bold() if rng.random() < 0.5 else None)
    )
    if spare > 2 and rng.random() < 0.6:
        address = f"{lexicon.name(1)} {rng.randint(1, 200)}, {lexicon.digits(4, 5)} {lexicon.name(1)}"
        used += sheet.line([Piece(address, "issuer_address", Value(address))])
    if spare > 4 and rng.random() < 0.4:
        number = f"{rng.choice(('DE', 'GB', 'FR', 'ES'))}{lexicon.digits(9, 9)}"
        used += sheet.line(it.labelled("vat_id", number))
    return used


def _recipient(it: _Setting, spare: int) -> int:
    sheet, rng, lexicon = it.sheet, it.sheet.rng, it.sheet.lexicon
    if spare < 1 or rng.random() < 0.35:
        return 0
    name = lexicon.name(3)
    used = 0
    if spare > 3 and rng.random() < 0.3:
        used += sheet.line([Piece(it.said["recipient"])])
        used += sheet.line([Piece(name, "recipient", Value(name))])
    else:
        used += sheet.line(it.labelled("recipient", name))
    if spare > 3 and rng.random() < 0.5:
        address = f"{lexicon.name(1)} {rng.randint(1, 200)}, {lexicon.digits(4, 5)} {lexicon.name(1)}"
        used += sheet.line([Piece(address, "recipient_address", Value(address))])
    return used


def _meta(it: _Setting, spare: int) -> int:
    """Numbers and dates, one to a line or two beside each other."""
    sheet, rng, lexicon = it.sheet, it.sheet.rng, it.sheet.lexicon
    year = rng.randint(2012, 2029)
    parts = [it.labelled("number", lexicon.code()), it.date("date", year)]
    more = [
        it.date("due_date", year),
        it.labelled("customer_number", lexicon.digits(4, 7)),
        it.labelled("order_number", lexicon.code()),
    ]
    rng.shuffle(more)
    parts += more[: rng.randint(0, min(3, max(0, spare)))]
    used = 0
    while parts:
        left = parts.pop(0)
        if parts and rng.random() < 0.3 and sheet.line(left, parts[0]):
            parts.pop(0)
            used += 1
            continue
        used += sheet.line(left)
    return used


def _items(it: _Setting, count: int, *, titled: bool = True) -> int:
    """The table of what is charged; returns the sum in cents."""
    sheet, rng, lexicon = it.sheet, it.sheet.rng, it.sheet.lexicon
    wide = (sheet.right - sheet.left) / sheet.style.size
    keys = ["description", "amount"]
    if wide > 16 and rng.random() < 0.7:
        keys[1:1] = ["quantity"]
    if wide > 22 and rng.random() < 0.7:
        keys[-1:-1] = ["unit_price"]
    if wide > 20 and rng.random() < 0.25:
        keys[0:0] = [rng.choice(("position", "sku"))]
    rows, net = [], 0
    for number in range(count):
        quantity, each = rng.randint(1, 20), rng.randint(50, rng.choice((999, 9999, 99_999)))
        quantity = quantity if "quantity" in keys else 1
        net += quantity * each
        name = lexicon.name(2) if wide > 14 else lexicon.name(1)
        code = lexicon.code()
        cells = {
            "description": Piece(name, "description", Value(name), number),
            "quantity": Piece(str(quantity), "quantity", Value(str(quantity), str(quantity)), number),
            "unit_price": it.money("unit_price", each, number),
            "amount": it.money("amount", each * quantity, number),
            "position": Piece(str(number + 1), "position", Value(str(number + 1)), number),
            "sku": Piece(code, "sku", Value(code), number),
        }
        rows.append([cells[key] for key in keys])
    columns = [Column(it.said[key], right=key not in ("description", "position", "sku")) for key in keys]
    grid(sheet, Grid(columns, rows, ruled=rng.random() < 0.5, marked=rng.random() < 0.6, titled=titled))
    return net


def _sums(it: _Setting, net: int) -> None:
    sheet, rng = it.sheet, it.sheet.rng
    tax = net * rng.choice((5, 7, 10, 19, 20)) // 100
    lines = [("net", net), ("tax", tax), ("total", net + tax)]
    how = rng.random()
    if how < 0.25:
        lines = [("total", net)]
    for key, cents in lines:
        value, sign = it.money(key, cents), Piece(it.manner.sign, "currency", Value(it.manner.currency))
        right, label = [value], [Piece(it.said[key])]
        if key == "total" or rng.random() < 0.2:
            where = rng.random()
            if where < 0.3:
                label += [Piece(" "), sign]
            elif where < 0.65:
                spaced = [] if len(sign.text) == 1 else [Piece(" ")]
                right = [sign, *spaced, value] if it.manner.before else [value, Piece(" "), sign]
        style = sheet.bold() if key == "total" and rng.random() < 0.6 else sheet.style
        x = None
        if rng.random() < 0.7:
            needed = sum(style.width(piece.text) for piece in (*label, *right))
            x = max(sheet.left, sheet.right - needed - style.size * rng.uniform(1, 8))
        if not sheet.line(label, right, style=style, x=x):
            sheet.line(label, right)
