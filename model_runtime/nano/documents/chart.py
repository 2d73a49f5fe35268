"""Sets simple bar charts with their numbers printed at the bars."""

from model_runtime.nano.canvas import Run
from model_runtime.nano.pieces import Bar, Chart, Piece
from model_runtime.nano.sheet import Sheet


def chart(sheet: Sheet) -> Chart | None:
    """None where there is no room for one."""
    rng, lexicon, style = sheet.rng, sheet.lexicon, sheet.style
    title = lexicon.name(3)
    if not sheet.line([Piece(title)], style=sheet.bold(rng.uniform(1.0, 1.3)), centred=rng.random() < 0.5):
        title = ""
    top, bottom = sheet.y + style.size * 1.2, sheet.height - style.size * 1.7
    count = rng.randint(2, 6)
    slot = (sheet.right - sheet.left) / count
    first = rng.randint(1995, 2024)
    years = rng.random() < 0.5
    labels = [str(first + n) if years else lexicon.styled()[:8] for n in range(count)]
    numbers = [_number(sheet) for _ in range(count)]
    wide = max(style.width(text) for text in (*labels, *numbers))
    if wide > slot * 0.95 or bottom - top < 3 * style.size or len(set(labels)) < count:
        return None
    most = max(float(number) for number in numbers) or 1.0
    strength, part = rng.randint(60, 220), rng.uniform(0.35, 0.8)
    runs: list[Run] = []
    heads: list[Run] = []
    for n, number in enumerate(numbers):
        middle = sheet.left + (n + 0.5) * slot
        high = max(1.0, (bottom - top) * float(number) / most)
        sheet.canvas.fill(middle - slot * part / 2, bottom - high, middle + slot * part / 2, bottom, strength)
        x = middle - style.width(number) / 2
        heads += sheet.pieces(x, bottom - high - style.size * 0.25, [Piece(number)], style)
    for n, label in enumerate(labels):
        x = sheet.left + (n + 0.5) * slot - style.width(label) / 2
        runs += sheet.pieces(x, bottom + style.size * 1.05, [Piece(label)], style)
    if rng.random() < 0.7:
        sheet.canvas.fill(sheet.left, bottom, sheet.right, bottom + 1)
    sheet.wrote(" ".join(labels), tuple(runs))
    bars = tuple(Bar(label, number) for label, number in zip(labels, numbers, strict=True))
    return Chart(title, bars, tuple(heads + runs))


def _number(sheet: Sheet) -> str:
    rng = sheet.rng
    whole = rng.randint(1, 10 ** rng.randint(1, 3))
    return str(whole) if rng.random() < 0.6 else f"{whole}.{rng.randint(1, 9)}"
