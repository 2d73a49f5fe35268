"""Sets pages of plain text: loose lines, and paragraphs under a heading."""

from collections.abc import Callable

from model_runtime.nano.canvas import Style
from model_runtime.nano.pieces import Piece
from model_runtime.nano.sheet import Sheet


def lines(sheet: Sheet, most_lines: int, most_characters: int, *, short: bool = False) -> None:
    """Lines of whatever stands on documents, some with an amount at the right margin."""
    rng = sheet.rng
    count = min(sheet.room, most_lines)
    if count > 1 and rng.random() < 0.5:
        count = rng.randint(max(1, count // 2), count)
    if rng.random() < 0.5:
        sheet.y += rng.uniform(
            0, max(0.0, sheet.height - sheet.y - count * sheet.pitch - sheet.style.size * 0.2)
        )
    amounts = count > 1 and rng.random() < 0.35
    centred = rng.random() < 0.08
    left = most_characters
    for number in range(count):
        if left < 2:
            return
        style = sheet.style
        if number and rng.random() < 0.12:
            style = Style(rng.choice(sheet.faces), style.size)
        start = sheet.left
        if rng.random() < 0.2:
            start += rng.uniform(0, 0.35) * (sheet.right - sheet.left)
        right = [Piece(_amount(sheet))] if amounts and rng.random() < 0.8 else []
        beside = sum(style.width(piece.text) for piece in right) + (style.size if right else 0)
        text = (
            sheet.lexicon.mess(3)
            if short
            else filled(
                sheet, sheet.right - start - beside, left - sum(len(p.text) + 1 for p in right), style.width
            )
        )
        if not text:
            right = []
        if short:
            start += rng.uniform(0, max(0.0, sheet.right - start - style.width(text)))
        if sheet.line([Piece(text)] if text else [], right, style=style, x=start, centred=centred):
            left -= len(sheet.page.plain[-1]) + 1


def _amount(sheet: Sheet) -> str:
    if sheet.rng.random() < 0.3:
        return sheet.lexicon.token()
    return sheet.lexicon.manner().amount(sheet.rng.randint(0, 99_999)).printed


def filled(sheet: Sheet, wide: float, most: int, width: Callable[[str], float]) -> str:
    """Words up to a random share of the width."""
    target = wide * sheet.rng.uniform(0.2, 1.0)
    text = ""
    for _ in range(40):
        token = sheet.lexicon.token()
        longer = f"{text} {token}" if text else token
        if len(longer) > most or width(longer) > (target if text else wide):
            if text or len(token) < 2:
                break
            continue
        text = longer
    return text


def paragraphs(sheet: Sheet, most_characters: int) -> None:
    """Prose, wrapped at the margins; the first lines may be a heading."""
    rng, lexicon = sheet.rng, sheet.lexicon
    left = most_characters
    if rng.random() < 0.4 and sheet.room > 3:
        title = lexicon.name(4)
        style = sheet.bold(rng.uniform(1.3, 1.8))
        if sheet.line([Piece(title)], style=style, heading=True, centred=rng.random() < 0.3):
            left -= len(title) + 3
    while left > 20 and sheet.room > 0:
        sentences = rng.randint(1, 3)
        words = []
        for _ in range(sentences):
            count = rng.randint(3, 14)
            some = [lexicon.token() if rng.random() < 0.1 else lexicon.word() for _ in range(count)]
            some[0] = some[0][:1].upper() + some[0][1:]
            words += [*some[:-1], some[-1] + rng.choice((".", ".", ".", "?", "!"))]
        left -= _wrapped(sheet, words, left)
        sheet.y += rng.choice((0.0, 0.3, 0.8)) * sheet.pitch


def _wrapped(sheet: Sheet, words: list[str], most: int) -> int:
    """Set as many lines as fit; the number of characters that were set."""
    wide = sheet.right - sheet.left
    text, done = "", 0
    for word in [*words, ""]:
        longer = f"{text} {word}" if text else word
        if word and sheet.style.width(longer) <= wide:
            text = longer
            continue
        if text:
            if done + len(text) > most or not sheet.line([Piece(text)]):
                return max(done, 1)
            done += len(text) + 1
        text = word
    return max(done, 1)
