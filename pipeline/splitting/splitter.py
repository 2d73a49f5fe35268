"""Divides the pages of a run into documents: fed page by page in order, decided at the end."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pipeline.select import page_spec
from pipeline.splitting.classify import class_of
from pipeline.splitting.signs import Between, Sofar, verdict_on
from pipeline.splitting.traits import Traits, traits_of
from schemas.errors import ResultWarning
from schemas.page import PageContent, PageState
from schemas.split import Separator, SeparatorKind, Split, SplitPart

MOST_PARTS = 2000
"""They become documents in one transaction."""

_SEPARATOR = re.compile(
    r"\W*(?:patch\s?(?:code)?[-_ ]?(?:[1-6t]|ii|iii|iv|vi)"
    r"|(?:doc(?:ument)?[-_ ]?)?(?:separator|separation|break)|trennblatt|trennseite|trenner"
    r"|(?:new|next)[-_ ]?doc(?:ument)?|neues[-_ ]?dokument)\W*",
    re.IGNORECASE,
)
_MOST_WORDS = 40  # of a separator sheet: instructions, not content
_BACKS = 0.35
"""Where so many sheets have a blank page behind them, blank pages are backs, not separators."""

_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class _Page:
    """``traits`` None: it was not read, or is blank."""

    number: int
    traits: Traits | None
    blank: bool = False


@dataclass(slots=True)
class Splitter:
    """Keeps some hundred bytes of a page."""

    _pages: list[_Page] = field(default_factory=list)

    def add(self, number: int, state: PageState, content: PageContent | None) -> None:
        """``content`` None: the page was not read."""
        known = content is not None and state is PageState.READ
        traits = traits_of(content) if known and content is not None else None
        self._pages.append(_Page(number, traits, state is PageState.BLANK))

    def split(self, runs_on: Collection[int] = ()) -> tuple[Split, list[ResultWarning]]:
        """``runs_on``: pages whose last sentence or table goes on. What is not certain is said."""
        division = _Division(runs_on, backs=_blanks_are_backs(self._pages))
        for page in self._pages:
            division.add(page)
        division.end()
        parts, warnings = division.parts, _doubtful(division.doubts)
        if len(parts) > MOST_PARTS:
            detail = f"{len(parts)} documents were found, more than {MOST_PARTS}: the file was not split"
            warnings = [ResultWarning(code="split_too_many", detail=detail)]
            parts = [_Open([number for part in parts for number in part.numbers])]
        return Split(parts=[part.made() for part in parts], separators=division.separators), warnings


def _doubtful(pages: Sequence[int]) -> list[ResultWarning]:
    if not pages:
        return []
    named = ", ".join(map(str, pages[:_MOST_NAMED])) + (" …" if len(pages) > _MOST_NAMED else "")
    detail = f"whether another document begins is uncertain at page {named}: it was left with what precedes"
    return [ResultWarning(code="split_unsure", detail=detail, page=pages[0])]


def _blanks_are_backs(pages: Sequence[_Page]) -> bool:
    fronts = sum(not page.blank for page in pages)
    backed = sum(after.blank and not before.blank for before, after in pairwise(pages))
    return fronts > 2 and backed >= _BACKS * fronts


@dataclass(slots=True)
class _Open:
    """A part being put together: all its numbers, and what is known of those that were read."""

    numbers: list[int]
    sofar: Sofar | None = None
    signs: list[str] = field(default_factory=list)

    def add(self, numbers: Sequence[int], traits: Traits | None) -> None:
        self.numbers += numbers
        if traits is None:
            return
        if self.sofar is None:
            self.sofar = Sofar.begun(traits)
        else:
            self.sofar.add(traits)

    def made(self) -> SplitPart:
        pages = self.sofar.pages if self.sofar is not None else []
        return SplitPart(pages=page_spec(self.numbers), class_=class_of(pages), signs=self.signs)


@dataclass(slots=True)
class _Division:
    """Goes over the pages once. ``blanks``: since the last page with something on it."""

    runs_on: Collection[int]
    backs: bool
    parts: list[_Open] = field(default_factory=list)
    separators: list[Separator] = field(default_factory=list)
    doubts: list[int] = field(default_factory=list)
    blanks: list[int] = field(default_factory=list)
    cut: bool = False

    def add(self, page: _Page) -> None:
        if page.blank:
            self.blanks.append(page.number)
        elif page.traits is not None and _is_separator(page.traits):
            self._settle_blanks()
            self.separators.append(Separator(page=page.number, kind=SeparatorKind.BARCODE))
            self.cut = True
        elif (signs := self._signs(page)) is not None:
            self._settle_blanks()
            self.parts.append(_Open([], signs=signs))
            self.parts[-1].add([page.number], page.traits)
            self.cut = False
        else:
            self.parts[-1].add([*self.blanks, page.number], page.traits)
            self.blanks = []

    def end(self) -> None:
        self._settle_blanks()

    def _settle_blanks(self) -> None:
        """The back of a document's last sheet is the document's; other blank pages are between documents."""
        if self.backs and self.parts and not self.cut:
            self.parts[-1].numbers += self.blanks[:1]
            del self.blanks[:1]
        self.separators += [Separator(page=number, kind=SeparatorKind.BLANK) for number in self.blanks]
        self.blanks = []

    def _signs(self, page: _Page) -> list[str] | None:
        """Of a document that begins here; None: the one before goes on."""
        if self.cut or not self.parts:
            return ["separator"] if self.cut else []
        sofar, blank = self.parts[-1].sofar, bool(self.blanks) and not self.backs
        if page.traits is None or sofar is None:
            self.doubts.append(page.number)
            return None
        runs_on = self.parts[-1].numbers[-1] in self.runs_on
        verdict = verdict_on(page.traits, sofar, Between(blank, runs_on))
        if verdict.unsure and not verdict.begins:
            self.doubts.append(page.number)
        return verdict.signs if verdict.begins else None


def _is_separator(page: Traits) -> bool:
    return page.words <= _MOST_WORDS and any(_SEPARATOR.fullmatch(code) for code in page.codes)
