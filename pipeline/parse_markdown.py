"""Reads a transcription in Markdown: the lines before it, then blocks, each with its place in the text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.marks import checkbox
from pipeline.parse_tables import ParsedTable, html_table, pipe_table
from schemas.page import BlockKind

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ParsedBlock:
    """``span`` is where the block stands in the reply. Tables have no text of their own here."""

    kind: BlockKind
    text: str
    span: Span
    level: int | None = None
    table: ParsedTable | None = None


@dataclass(frozen=True, slots=True)
class Transcription:
    """``rotation``: degrees clockwise that would set the page upright, None when the reply does not say."""

    blocks: tuple[ParsedBlock, ...]
    language: str | None = None
    rotation: int | None = None
    legible: bool | None = None
    start: int = 0
    """Where, after those lines, the page begins."""


_FRONT = re.compile(
    r"\s*(?:```\w*\s*\n)?---[ \t]*\n(?P<body>(?:[ \t]*\w+[ \t]*:.*\n){0,8}?)---[ \t]*(?:\n|$)"
)
_MEMBER = re.compile(r"[ \t]*(\w+)[ \t]*:[ \t]*(.*)")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t]*#*")
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,4}[.)]|\(?[a-z]\))[ \t]+\S")
_BOX = re.compile(r"\s*(?:[-*+][ \t]+)?(\[[ xX]\]|[☐☑☒])[ \t]*(.*)")
_NOTE = re.compile(r"\[\^[^\]]{1,20}\]:[ \t]*(.*)")
_PICTURE = re.compile(r"!\[([^\]]*)\]\([^)]*\)|<img\b[^>]*>", re.IGNORECASE)
_ALT = re.compile(r"\balt=\"([^\"]*)\"", re.IGNORECASE)
_RULE = re.compile(r"\s*(?:-{3,}|\*{3,}|_{3,})\s*")
_FENCE = re.compile(r"\s*(?:```|~~~)\w*\s*")
_TABLE_OPEN = re.compile(r"<table\b", re.IGNORECASE)
_TABLE_CLOSE = re.compile(r"</table\s*>", re.IGNORECASE)
_FORMULA = (("$$", "$$"), ("\\[", "\\]"))
_STRONG = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", re.DOTALL)
_UNESCAPED = re.compile(r"\\([#*_\-+.`|<>\[\]()!])")


def read_page(text: str) -> Transcription:
    """What was read, whether or not the reply begins with the lines that were asked for."""
    front = _FRONT.match(text)
    said: dict[str, str] = {}
    if front is not None:
        members = (_MEMBER.match(line) for line in front["body"].splitlines())
        said = {member[1].lower(): member[2].strip().strip("\"'") for member in members if member}
    start = front.end() if front is not None else 0
    language = said.get("language", "")
    turn = said.get("rotation", "")
    return Transcription(
        blocks=tuple(_blocks(text, start)),
        language=language.replace("_", "-") if _LANGUAGE.fullmatch(language) else None,
        rotation=int(turn) % 360 if turn.isdecimal() and int(turn) % 90 == 0 else None,
        start=start,
        legible={"yes": True, "true": True, "no": False, "false": False}.get(said.get("legible", "").lower()),
    )


@dataclass(slots=True)
class _Line:
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def _blocks(text: str, start: int) -> Iterator[ParsedBlock]:
    """Tables and formulas may run over lines and stand in the middle of one; the rest goes line by line."""
    at = start
    while at < len(text):
        table = _TABLE_OPEN.search(text, at)
        formula = min((f for f in (text.find(o, at) for o, _ in _FORMULA) if f >= 0), default=-1)
        stop = min((s for s in (table.start() if table else -1, formula) if s >= 0), default=len(text))
        yield from _plain(text, at, stop)
        if stop == len(text):
            return
        if table is not None and stop == table.start():
            at, made = _html(text, stop)
        else:
            at, made = _displayed(text, stop)
        if made is not None:
            yield made


def _html(text: str, start: int) -> tuple[int, ParsedBlock | None]:
    depth, at = 0, start
    while at < len(text):
        opened, closed = _TABLE_OPEN.search(text, at), _TABLE_CLOSE.search(text, at)
        if closed is None:
            at = len(text)
            break
        if opened is not None and opened.start() < closed.start():
            depth, at = depth + 1, opened.end()
            continue
        depth, at = depth - 1, closed.end()
        if depth <= 0:
            break
    parsed = html_table(text[start:at], start)
    return at, ParsedBlock(BlockKind.TABLE, "", (start, at), table=parsed) if parsed else None


def _displayed(text: str, start: int) -> tuple[int, ParsedBlock | None]:
    """A formula on lines of its own; dollar signs that nothing closes are dollars."""
    for opening, closing in _FORMULA:
        if text.startswith(opening, start):
            end = text.find(closing, start + len(opening))
            if end < 0:
                break
            inner = text[start + len(opening) : end].strip()
            stop = end + len(closing)
            block = ParsedBlock(BlockKind.FORMULA, f"$${inner}$$", (start, stop)) if inner else None
            return stop, block
    end = text.find("\n", start)
    stop = len(text) if end < 0 else end
    return stop, next(iter(_plain(text, start, stop)), None)


def _plain(text: str, start: int, stop: int) -> Iterator[ParsedBlock]:
    lines: list[_Line] = []
    at = start
    for piece in text[start:stop].split("\n"):
        lines.append(_Line(piece.rstrip(), at))
        at += len(piece) + 1
    gathered: list[_Line] = []
    kind = BlockKind.PARAGRAPH
    for line in lines:
        own = _kind(line.text)
        joins = own is kind and own in _GATHERED and gathered
        if gathered and not joins and not (own is BlockKind.PARAGRAPH and _runs_on(kind, line)):
            yield from _made(kind, gathered)
            gathered = []
        if own is None:
            continue
        if not gathered:
            kind = own
        gathered.append(line)
        if own in _ALONE:
            yield from _made(kind, gathered)
            gathered = []
    if gathered:
        yield from _made(kind, gathered)


_GATHERED = frozenset({BlockKind.PARAGRAPH, BlockKind.LIST, BlockKind.TABLE})
_ALONE = frozenset({BlockKind.HEADING, BlockKind.FIGURE, BlockKind.CHECKBOX})


def _runs_on(kind: BlockKind, line: _Line) -> bool:
    """An indented line after an item belongs to it."""
    return kind in (BlockKind.LIST, BlockKind.FOOTNOTE) and line.text[:2] in ("  ", "\t")


def _kind(line: str) -> BlockKind | None:
    """What a line by itself looks like; None for one that only parts others."""
    text = line.strip()
    if not text or _RULE.fullmatch(line) or _FENCE.fullmatch(line):
        return None
    kinds = (
        (BlockKind.HEADING, bool(_HEADING.fullmatch(text))),
        (BlockKind.CHECKBOX, bool(_BOX.fullmatch(line))),
        (BlockKind.FOOTNOTE, bool(_NOTE.match(line))),
        (BlockKind.TABLE, text.startswith("|") and text.count("|") > 1),
        (BlockKind.FIGURE, bool(_PICTURE.fullmatch(text))),
        (BlockKind.LIST, bool(_ITEM.match(line))),
    )
    return next((kind for kind, is_one in kinds if is_one), BlockKind.PARAGRAPH)


def _made(kind: BlockKind, lines: list[_Line]) -> Iterator[ParsedBlock]:
    span = (lines[0].start, lines[-1].end)
    if kind is BlockKind.TABLE:
        table = pipe_table([line.text for line in lines], lines[0].start)
        if table is not None:
            yield ParsedBlock(kind, "", span, table=table)
        return
    first = lines[0].text.strip()
    level = None
    if kind is BlockKind.HEADING:
        found = _HEADING.fullmatch(first)
        assert found is not None
        level, text = len(found[1]), found[2]
    elif kind is BlockKind.CHECKBOX:
        box = _BOX.fullmatch(lines[0].text)
        assert box is not None
        ticked = checkbox(box[1])
        text = f"{'☑' if ticked and ticked[0] else '☐'} {box[2]}".rstrip()
    elif kind is BlockKind.FIGURE:
        picture = _PICTURE.fullmatch(first)
        alt = _ALT.search(first)
        text = (picture[1] if picture and picture[1] else alt[1] if alt else "").strip()
    else:
        text = "\n".join(line.text.strip() for line in lines)
        note = _NOTE.match(text) if kind is BlockKind.FOOTNOTE else None
        text = text[note.start(1) :] if note else text
    text = plain(text)
    if text or kind is BlockKind.FIGURE:
        yield ParsedBlock(kind, text, span, level)


def plain(text: str) -> str:
    """Without the marks that Markdown sets for its own sake."""
    text = _STRONG.sub(lambda found: found[2], text)
    return _UNESCAPED.sub(lambda found: found[1], text).strip()
