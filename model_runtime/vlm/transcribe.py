"""Has a page transcribed: part by part where it is large, and differently again where a reply went wrong."""

from dataclasses import dataclass, field, replace

from model_runtime.chat import Finish, Reply
from model_runtime.vlm.session import Session, View
from pipeline import prompts
from pipeline.certainty import Tokens
from pipeline.cut_page import halves, tile_of
from pipeline.declining import declines
from pipeline.parse_markdown import Transcription, read_page
from pipeline.splice import Written, below, beside
from pipeline.tiling import Cut, Tile, Tiling
from schemas.errors import Unsupported
from schemas.page import BlockKind
from schemas.seen import SeenBlock, SeenWord

_DEEPEST = 2
"""How often a part whose reply was too long is halved again. What went round in circles is halved once: such
a page costs six replies, cut off early, and no more."""

_WARMER = ((0.0, None), (0.4, 1), (0.8, 2))
"""Temperature and seed of each try. What went round in circles once does so again at the same ones."""

_ENLARGED = 2.0
_HESITANT = 0.3
_MOST_PICTURES = 6


@dataclass(frozen=True, slots=True)
class Part:
    """What was read of a part of the page. ``fronted``: the reply began as transcriptions are asked to;
    ``lost``: why nothing of it can be used; ``holes``: nothing of some of it can."""

    written: Written = field(default_factory=lambda: Written(""))
    language: str | None = None
    rotation: int | None = None
    legible: bool | None = None
    fronted: bool = False
    lost: str | None = None
    holes: bool = False

    def joined(self, other: "Part", how: Cut) -> "Part":
        join = below if how.down else beside
        return Part(
            join(self.written, other.written, how.overlap),
            self.language or other.language,
            self.rotation if self.rotation is not None else other.rotation,
            None if self.legible is None and other.legible is None else bool(self.legible or other.legible),
            self.fronted or other.fronted,
            self.lost if other.lost is not None else None,
            self.holes or other.holes or (self.lost is None) is not (other.lost is None),
        )


@dataclass(frozen=True, slots=True)
class Text:
    """``view`` is how the page is best seen: upright. ``lost``: why it is unreadable."""

    written: Written
    transcription: Transcription
    view: View
    language: str | None = None
    lost: str | None = None

    @classmethod
    def nothing(cls, view: View, why: str) -> "Text":
        return cls(Written(""), read_page(""), view, lost=why)

    @property
    def doubtful(self) -> bool:
        """Whether the model hesitated over much of the text."""
        tokens = Tokens(self.written.text, self.written.pieces)
        known = [sure for block in self.transcription.blocks if (sure := tokens.of(*block.span)) is not None]
        return sum(sure.least < _HESITANT for sure in known) * 5 > len(known)


def transcribe(session: Session) -> Text:
    """The page's text. What had to be tried, and why, is among the session's warnings."""
    view = session.page
    tiling = session.aids.tiles() if session.aids is not None else None
    part = _tiled(session, tiling) if tiling is not None else _read(session, view, 0)
    if part.rotation:
        view, part = _upright(session, view, part)
    if part.legible is False and not view.part:
        part = _closer(session, view, part)
    lost = part.lost
    if lost is None and part.legible is False:
        lost = "the model finds hardly anything on the page that can be read"
    return Text(part.written, read_page(part.written.text), view, part.language, lost)


def on_pictures(session: Session) -> list[SeenBlock]:
    """What stands on pictures of a page whose text layer holds the rest; of tables, the cells one by one."""
    found: list[SeenBlock] = []
    aids = session.aids
    for box in list(aids.pictures())[:_MOST_PICTURES] if aids is not None else ():
        session.tries += 1
        view = session.crop(tile_of(box, _ENLARGED, session.spec.limits))
        part = _read(session, view, _DEEPEST) if view is not None else Part(lost="nobody can render it")
        if part.lost is not None:
            session.warn("unread_place", f"a picture on the page could not be read: {part.lost}")
            continue
        for block in read_page(part.written.text).blocks:
            kind, text = block.kind, block.text
            if block.table is not None:
                kind = BlockKind.PARAGRAPH
                text = "\n".join(cell.text for cell in block.table.table.cells if cell.text)
            words = tuple(SeenWord(word) for word in text.split())
            found.append(SeenBlock(kind, text, block.level, bbox=box, words=words))
    return found


def _tiled(session: Session, tiling: Tiling) -> Part:
    """Parts in reading order, each with its own ladder; one that is lost costs only itself."""
    if isinstance(tiling, Cut):
        first, second = (_tiled(session, part) for part in tiling.parts)
        return first.joined(second, tiling)
    session.tries += 1  # the plan says how many parts there are; what is bounded is what goes wrong
    view = session.crop(tiling)
    part = _read(session, view, 1) if view is not None else Part(lost="nobody can render parts of the page")
    if part.lost is not None:
        session.warn("unread_place", f"a part of the page could not be read: {part.lost}")
    return part


def _read(session: Session, view: View, depth: int) -> Part:
    """One image, up the ladder: warmer and with another prompt, then in halves, then given up."""
    reason = ""
    for rung, (temperature, seed) in enumerate(_WARMER if depth == 0 else _WARMER[:-1]):
        if rung == len(_WARMER) - 1 and (parted := _in_halves(session, view, depth, reason)):
            return parted
        if rung:
            session.warn(
                "read_again", f"{reason}; read again at temperature {temperature:g} with another prompt"
            )
        prompt = prompts.text(
            session.order.languages,
            part=view.part,
            another_way=rung > 0,
            plain=session.settings.plain,
        )
        reply = session.ask(view, prompt, temperature=temperature, seed=seed)
        if reply.finish is Finish.STOP:
            part = _part(reply)
            if session.settings.plain or part.fronted or not declines(reply.text):
                return part
        reason = reply.reason or _REASONS[reply.finish]
        if reply.finish is Finish.LENGTH:
            more = _continued(session, view, prompt, reply)
            if more.finish is Finish.STOP:
                return _part(more)
            return _in_halves(session, view, depth, reason) or _cut_off(session, more)
    return Part(lost=reason)


def _continued(session: Session, view: View, prompt: str, reply: Reply) -> Reply:
    """The reply and what follows it, where the model can be made to go on; else the reply."""
    session.warn("read_again", "the reply was longer than allowed; the model was asked to go on")
    try:
        more = session.ask(view, prompt, prefix=reply.text)
    except Unsupported:
        return reply
    if more.finish is Finish.LOOP:
        return reply
    return replace(more, text=reply.text + more.text, tokens=reply.tokens + more.tokens)


_REASONS = {
    Finish.STOP: "the model declined to transcribe the page",
    Finish.LENGTH: "the reply was longer than allowed",
    Finish.LOOP: "the reply repeated itself without end",
}


def _in_halves(session: Session, view: View, depth: int, reason: str) -> Part | None:
    """The same part in two, each shown larger. None where it cannot be parted any more."""
    if depth >= _DEEPEST or session.aids is None or view.turn:
        return None
    cut = halves(view.box, session.spec.limits)
    views = [session.crop(tile) for tile in cut.parts if isinstance(tile, Tile)]
    first, second = views
    if first is None or second is None:
        return None
    session.warn("read_again", f"{reason}; read again in two halves")
    session.tries += 1
    return _read(session, first, depth + 1).joined(_read(session, second, depth + 1), cut)


def in_halves(session: Session, text: Text, reason: str, *, whole: bool = False) -> Text | None:
    """The whole page anew in two halves; None where it was read in parts before, or cannot be.

    ``whole``: None as well where some of it could not be read now.
    """
    if text.view.part or (session.aids is not None and session.aids.tiles() is not None):
        return None
    part = _in_halves(session, text.view, _DEEPEST - 1, reason)
    if part is None or part.lost is not None or (whole and part.holes):
        return None
    return replace(text, written=part.written, transcription=read_page(part.written.text))


def _cut_off(session: Session, reply: Reply) -> Part:
    session.warn("text_truncated", "the transcription broke off: the page holds more than a reply may")
    return _part(reply)


def _part(reply: Reply) -> Part:
    front = read_page(reply.text)
    body = written_of(reply).slice(front.start, len(reply.text))
    return Part(body, front.language, front.rotation, front.legible, front.start > 0)


def written_of(reply: Reply) -> Written:
    """A reply with its tokens, where those are the text."""
    pieces = tuple((token.text, token.logprob) for token in reply.tokens)
    return Written(reply.text, pieces if "".join(text for text, _ in pieces) == reply.text else ())


def _upright(session: Session, view: View, part: Part) -> tuple[View, Part]:
    """The page turned as the model says; the turned reading counts only if it finds itself upright."""
    turn = part.rotation or 0
    box = view.box
    tile = tile_of(box, 1.0, session.spec.limits)
    turned = session.crop(tile, turn)
    if turned is None:
        session.warn(
            "page_rotated", f"the page lies turned; set upright it would be turned by {turn} degrees"
        )
        return view, part
    turned = replace(turned, part=False)
    session.warn("read_again", f"the page lies turned; read again turned by {turn} degrees")
    again = _read(session, turned, _DEEPEST)
    if again.lost is None and not again.rotation and again.written.text.strip():
        return turned, again
    session.warn("rotation_doubtful", "turned as the model said, the page read no better; left as it lies")
    return view, replace(part, rotation=0)


def _closer(session: Session, view: View, part: Part) -> Part:
    """Once more with as many pixels as the engine takes, if that is more than it saw."""
    tile = tile_of(view.box, _ENLARGED, session.spec.limits)
    if tile.width * tile.height < 1.2 * view.image.width * view.image.height:
        return part
    larger = session.crop(tile, view.turn)
    if larger is None:
        return part
    session.warn("read_again", "hardly legible; read again with more pixels")
    again = _read(session, replace(larger, part=False), _DEEPEST)
    return part if again.lost is not None else again
