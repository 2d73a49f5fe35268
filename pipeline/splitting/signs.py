"""Weighs what speaks for a new document at a page, and what against it."""

from dataclasses import dataclass, field

from pipeline.splitting.traits import Traits

# In the manner of logarithms of odds: documents go on unless something says otherwise.
_GOES_ON = -1.5
_UNSURE = 0.75
_SAME_HEAD, _OTHER_HEAD = 0.6, 0.15
_LEAST_TOKENS = 4
_OTHER_SIZE = 0.08


@dataclass(slots=True)
class Sofar:
    """The pages of the document being put together."""

    pages: list[Traits]
    numbers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def begun(cls, page: Traits) -> "Sofar":
        return cls([page], dict(page.numbers))

    def add(self, page: Traits) -> None:
        self.pages.append(page)
        for kind, value in page.numbers.items():
            self.numbers.setdefault(kind, value)


@dataclass(frozen=True, slots=True)
class Between:
    """What lies between two pages. ``blank``: a blank page that does not look like the back of a sheet.

    ``runs_on``: a sentence or a table of the page before goes on.
    """

    blank: bool = False
    runs_on: bool = False


@dataclass(slots=True)
class Verdict:
    """``score`` above zero: a document begins here."""

    score: float = _GOES_ON
    signs: list[str] = field(default_factory=list)
    against: int = 0

    def add(self, weight: float, sign: str) -> None:
        self.score += weight
        if weight > 0:
            self.signs.append(sign)
        else:
            self.against += 1

    @property
    def begins(self) -> bool:
        return self.score > 0

    @property
    def unsure(self) -> bool:
        """Nothing speaks either way, or both do."""
        return abs(self.score) < _UNSURE or not (self.signs or self.against)


def verdict_on(page: Traits, sofar: Sofar, between: Between) -> Verdict:
    """Does ``page`` begin another document than the one ``sofar``?"""
    verdict = Verdict()
    _by_place(verdict, page, sofar)
    _by_numbers(verdict, page, sofar)
    _by_title(verdict, page, sofar)
    _by_edges(verdict, page, sofar)
    _by_sheet(verdict, page, sofar.pages[-1])
    _by_text(verdict, page, sofar, between)
    return verdict


def _by_place(verdict: Verdict, page: Traits, sofar: Sofar) -> None:
    here, before = page.place, sofar.pages[-1].place
    if here is not None and before is not None and here.follows(before):
        verdict.add(-6.0 if here.of is not None else -4.0, "page_number")
        return
    if here is not None and here.number == 1:
        verdict.add(4.0 if here.of is not None else 2.5, "first_page")
    elif here is not None and before is not None:
        differ = here.of is not None and before.of is not None and here.of != before.of
        verdict.add(2.0 if differ else -0.5, "page_count")
    elif here is not None:
        verdict.add(-1.5, "page_number")
    if before is not None and before.last:
        verdict.add(2.5, "last_page")


def _by_numbers(verdict: Verdict, page: Traits, sofar: Sofar) -> None:
    """The number that a document has of its own: an invoice's, an order's, a statement's."""
    shared = page.numbers.keys() & sofar.numbers.keys()
    if any(page.numbers[kind] == sofar.numbers[kind] for kind in shared):
        verdict.add(-4.0, "same_number")
    elif shared:
        verdict.add(4.0, "other_number")


def _by_title(verdict: Verdict, page: Traits, sofar: Sofar) -> None:
    if page.machine_lines and not any(before.machine_lines for before in sofar.pages):
        verdict.add(2.0, "machine_lines")
    if page.title is None:
        return
    first = sofar.pages[0].title
    strong = page.title.strength == 2
    if first is None or first.kind is not page.title.kind:
        verdict.add(4.0 if strong else 1.0, f"title:{page.title.text}")
    elif first.text != page.title.text or strong:
        verdict.add(2.0 if strong else 0.75, f"title:{page.title.text}")


def _by_edges(verdict: Verdict, page: Traits, sofar: Sofar) -> None:
    """Letterheads and footers: repeated on the pages of a document, and of others by the same sender."""
    pages = (sofar.pages[0], sofar.pages[-1])
    if max(_alike(page.foot, before.foot) for before in pages) >= _SAME_HEAD:
        verdict.add(-1.0, "same_footer")
    like = max(_alike(page.head, before.head) for before in pages)
    if like >= _SAME_HEAD:
        verdict.add(-1.0, "same_head")
    elif like < _OTHER_HEAD and len(page.head) >= _LEAST_TOKENS and len(sofar.pages[0].head) >= _LEAST_TOKENS:
        verdict.add(1.25, "other_head")


def _alike(some: frozenset[str], others: frozenset[str]) -> float:
    fewer = min(len(some), len(others))
    return len(some & others) / fewer if fewer >= _LEAST_TOKENS else 0.0


def _by_sheet(verdict: Verdict, page: Traits, before: Traits) -> None:
    ours, theirs = sorted(page.size), sorted(before.size)
    if any(abs(a - b) > _OTHER_SIZE * max(a, b) for a, b in zip(ours, theirs, strict=True)):
        verdict.add(2.5, "other_size")
    elif (page.size[0] > page.size[1]) != (before.size[0] > before.size[1]):
        verdict.add(0.5, "other_orientation")


def _by_text(verdict: Verdict, page: Traits, sofar: Sofar, between: Between) -> None:
    before = sofar.pages[-1]
    if between.blank:
        verdict.add(3.0, "blank_page")
    if between.runs_on:
        verdict.add(-2.0, "text_goes_on")
    if page.opens and not before.opens:
        verdict.add(1.0, "greeting")
    if before.closes:
        verdict.add(1.0, "closing")
    if None not in (page.language, before.language) and page.language != before.language:
        verdict.add(1.5, "other_language")
