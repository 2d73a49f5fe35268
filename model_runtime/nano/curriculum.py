"""What is trained when: stages from black words on white to every task, and how the learning rate falls."""

from dataclasses import dataclass, replace

from model_runtime.nano.pieces import Kind
from model_runtime.nano.tasks import Asked

Share = tuple[float, Kind, Asked]


@dataclass(frozen=True, slots=True)
class Group:
    """Batches alike in length. ``rows`` and ``columns``: of cells, from and to; ``cells``: at most.

    ``parts``: share of receipts, invoices, forms and tables that are parts of larger pages.
    """

    weight: float
    rows: tuple[int, int]
    columns: tuple[int, int]
    cells: int
    mix: tuple[Share, ...]
    sizes: tuple[float, float] = (10.0, 32.0)
    most_lines: int = 99
    most_characters: int = 300
    short: bool = False
    parts: float = 0.0


@dataclass(frozen=True, slots=True)
class Stage:
    """``share``: of the whole budget, at most; ``share_to_text``: the same, if it is another, where `text` is
    the last stage. A stage ends before where the vision tower names characters as well as ``until``.
    ``spelling``: weight of the auxiliary loss. ``reads``: whether the decoder is trained. ``batch``: size of
    its batches, as a share of the usual: at first many steps count, later many pages. ``marred``: share of
    the bytes of half of the replies, that the decoder goes on from wrong ones. ``early``: the model knows so
    little yet that it bears a higher learning rate. ``placing``: weight of the auxiliary loss that asks where
    on the page stands what is said.
    """

    name: str
    share: float
    groups: tuple[Group, ...]
    until: float | None = None
    share_to_text: float | None = None
    spelling: float = 1.0
    reads: bool = True
    worn: bool = True
    faces: int | None = None
    batch: float = 1.0
    marred: float = 0.0
    early: bool = False
    placing: float = 0.0


_SEE = ((1.0, Kind.LINES, Asked.PLAIN),)
_READ: tuple[Share, ...] = (
    (0.42, Kind.LINES, Asked.PLAIN),
    (0.14, Kind.LINES, Asked.TEXT),
    (0.10, Kind.PARAGRAPH, Asked.TEXT),
    (0.16, Kind.RECEIPT, Asked.TEXT),
    (0.08, Kind.RECEIPT, Asked.PLAIN),
    (0.02, Kind.BLANK, Asked.TEXT),
    (0.02, Kind.BLANK, Asked.PLAIN),
    (0.03, Kind.UNREADABLE, Asked.TEXT),
    (0.03, Kind.UNREADABLE, Asked.PLAIN),
)
_PAGES: tuple[Share, ...] = (
    (0.14, Kind.LINES, Asked.PLAIN),
    (0.10, Kind.LINES, Asked.TEXT),
    (0.12, Kind.PARAGRAPH, Asked.TEXT),
    (0.04, Kind.PARAGRAPH, Asked.PLAIN),
    (0.18, Kind.RECEIPT, Asked.TEXT),
    (0.08, Kind.RECEIPT, Asked.PLAIN),
    (0.10, Kind.INVOICE, Asked.TEXT),
    (0.05, Kind.FORM, Asked.TEXT),
    (0.07, Kind.TABLE, Asked.TEXT),
    (0.02, Kind.BLANK, Asked.TEXT),
    (0.02, Kind.BLANK, Asked.PLAIN),
    (0.025, Kind.UNREADABLE, Asked.TEXT),
    (0.015, Kind.UNREADABLE, Asked.PLAIN),
    (0.02, Kind.CHART, Asked.CHARTS),
    (0.01, Kind.RECEIPT, Asked.CHARTS),
    (0.01, Kind.PARAGRAPH, Asked.CHARTS),
)
_TEXTS: tuple[Share, ...] = (
    (0.32, Kind.RECEIPT, Asked.TEXT),
    (0.18, Kind.LINES, Asked.TEXT),
    (0.20, Kind.LINES, Asked.PLAIN),
    (0.12, Kind.PARAGRAPH, Asked.TEXT),
    (0.06, Kind.INVOICE, Asked.TEXT),
    (0.02, Kind.FORM, Asked.TEXT),
    (0.03, Kind.BLANK, Asked.TEXT),
    (0.02, Kind.BLANK, Asked.PLAIN),
    (0.03, Kind.UNREADABLE, Asked.TEXT),
    (0.02, Kind.UNREADABLE, Asked.PLAIN),
)
_LONG_TEXTS: tuple[Share, ...] = (
    (0.40, Kind.INVOICE, Asked.TEXT),
    (0.20, Kind.RECEIPT, Asked.TEXT),
    (0.15, Kind.PARAGRAPH, Asked.TEXT),
    (0.10, Kind.FORM, Asked.TEXT),
    (0.10, Kind.TABLE, Asked.TEXT),
    (0.05, Kind.BLANK, Asked.TEXT),
)
_PARTS: tuple[Share, ...] = (
    (0.56, Kind.INVOICE, Asked.TEXT),
    (0.18, Kind.RECEIPT, Asked.TEXT),
    (0.08, Kind.FORM, Asked.TEXT),
    (0.06, Kind.TABLE, Asked.TEXT),
    (0.06, Kind.LINES, Asked.TEXT),
    (0.06, Kind.PARAGRAPH, Asked.TEXT),
)
_ROWS: tuple[Share, ...] = (
    (0.50, Kind.INVOICE, Asked.PLAIN),
    (0.30, Kind.RECEIPT, Asked.PLAIN),
    (0.20, Kind.LINES, Asked.PLAIN),
)
_SHORT_VALUES: tuple[Share, ...] = (
    (0.88, Kind.RECEIPT, Asked.FIELDS),
    (0.04, Kind.BLANK, Asked.FIELDS),
    (0.04, Kind.UNREADABLE, Asked.FIELDS),
    (0.04, Kind.PARAGRAPH, Asked.FIELDS),
)
_LONG_VALUES: tuple[Share, ...] = (
    (0.97, Kind.INVOICE, Asked.FIELDS),
    (0.015, Kind.BLANK, Asked.FIELDS),
    (0.015, Kind.PARAGRAPH, Asked.FIELDS),
)
_PLACES: tuple[Share, ...] = (
    (0.24, Kind.RECEIPT, Asked.PLACE),
    (0.22, Kind.LINES, Asked.PLACE),
    (0.18, Kind.RECEIPT, Asked.LOOK),
    (0.10, Kind.INVOICE, Asked.LOOK),
    (0.12, Kind.RECEIPT, Asked.QUESTION),
    (0.10, Kind.CHART, Asked.CHARTS),
    (0.02, Kind.RECEIPT, Asked.CHARTS),
    (0.01, Kind.BLANK, Asked.PLACE),
    (0.01, Kind.BLANK, Asked.QUESTION),
)
_VALUES: tuple[Share, ...] = (
    (0.42, Kind.RECEIPT, Asked.FIELDS),
    (0.44, Kind.INVOICE, Asked.FIELDS),
    (0.08, Kind.FORM, Asked.FIELDS),
    (0.015, Kind.BLANK, Asked.FIELDS),
    (0.015, Kind.UNREADABLE, Asked.FIELDS),
    (0.03, Kind.PARAGRAPH, Asked.FIELDS),
)
_POINTS: tuple[Share, ...] = (
    (0.20, Kind.RECEIPT, Asked.PLACE),
    (0.16, Kind.INVOICE, Asked.PLACE),
    (0.10, Kind.LINES, Asked.PLACE),
    (0.10, Kind.FORM, Asked.LOOK),
    (0.08, Kind.RECEIPT, Asked.LOOK),
    (0.06, Kind.INVOICE, Asked.LOOK),
    (0.12, Kind.RECEIPT, Asked.QUESTION),
    (0.10, Kind.INVOICE, Asked.QUESTION),
    (0.05, Kind.FORM, Asked.QUESTION),
    (0.01, Kind.BLANK, Asked.QUESTION),
    (0.01, Kind.BLANK, Asked.PLACE),
    (0.01, Kind.UNREADABLE, Asked.QUESTION),
)

# What several stages share: pages of up to so many lines, and parts of larger ones.
_TO_TWO = Group(1, (1, 2), (3, 16), 32, _SEE, (10, 40), most_lines=2, most_characters=90)
_TO_THREE = Group(1, (2, 5), (5, 20), 60, _SEE, (10, 42), most_lines=3, most_characters=110)
_TO_EIGHT = Group(1, (3, 8), (6, 16), 96, _TEXTS, (12, 40), most_lines=8, most_characters=200)
_TO_THIRTEEN = Group(1, (7, 14), (8, 14), 160, _TEXTS, (12, 24), most_lines=13, most_characters=320)
_ROW = Group(1, (1, 1), (5, 20), 20, _ROWS, (12, 22), most_lines=1, most_characters=90, parts=1.0)
_WIDE = Group(1, (4, 10), (10, 20), 160, _PARTS, (13, 26), most_lines=12, parts=0.85)
_TALL = Group(1, (8, 22), (4, 8), 150, _PARTS, (13, 26), most_lines=18, most_characters=200, parts=0.9)

STAGES: tuple[Stage, ...] = (
    Stage(
        "see",
        0.04,
        (Group(1, (2, 3), (6, 8), 24, _SEE, (16, 18), most_characters=150),),
        0.6,
        reads=False,
        worn=False,
        faces=4,
        early=True,
    ),
    Stage(
        "look",
        0.12,
        (Group(1, (1, 5), (6, 12), 48, _SEE, (12, 26), most_characters=250),),
        0.8,
        reads=False,
        early=True,
    ),
    Stage(
        "short", 0.02, (Group(1, (1, 2), (3, 8), 16, _SEE, (13, 30), most_lines=1, short=True),), early=True
    ),
    Stage(
        "line",
        0.06,
        (Group(1, (1, 2), (3, 14), 28, _SEE, (12, 36), most_lines=1, most_characters=60),),
        early=True,
    ),
    Stage(
        "lines",
        0.35,
        (
            Group(0.25, (1, 2), (3, 14), 28, _SEE, (11, 36), most_lines=2, most_characters=80),
            Group(0.55, (2, 6), (5, 12), 48, _READ, (12, 28), most_lines=5, most_characters=120),
            Group(0.20, (4, 8), (6, 14), 80, _READ, (12, 24), most_lines=8, most_characters=180),
        ),
        share_to_text=0.55,
        batch=1.7,
    ),
    Stage(
        "text",
        0.10,
        (
            replace(_TO_TWO, weight=0.14),
            replace(_TO_THREE, weight=0.12),
            replace(_TO_EIGHT, weight=0.30),
            replace(_TO_THIRTEEN, weight=0.34),
            Group(0.10, (10, 19), (10, 15), 260, _LONG_TEXTS, (12, 20), most_lines=18, most_characters=420),
        ),
        spelling=0.5,
        batch=2.0,
        marred=0.08,
    ),
    Stage(
        "parts",
        0.08,
        (
            replace(_TO_TWO, weight=0.16),
            replace(_TO_THREE, weight=0.06),
            replace(_ROW, weight=0.08),
            replace(_TO_EIGHT, weight=0.12),
            replace(_TO_THIRTEEN, weight=0.30),
            replace(_WIDE, weight=0.20),
            replace(_TALL, weight=0.08),
        ),
        spelling=0.5,
        batch=2.0,
        marred=0.08,
    ),
    Stage(
        "values",
        0.20,
        (
            replace(_TO_TWO, weight=0.10),
            replace(_TO_THREE, weight=0.04),
            replace(_ROW, weight=0.04),
            replace(_TO_EIGHT, weight=0.07),
            replace(_TO_THIRTEEN, weight=0.13),
            replace(_WIDE, weight=0.08),
            replace(_TALL, weight=0.03),
            Group(0.15, (3, 9), (6, 14), 100, _SHORT_VALUES, (12, 26), most_lines=8),
            Group(0.16, (8, 14), (8, 12), 150, _SHORT_VALUES, (12, 22), most_lines=13),
            Group(0.10, (10, 19), (11, 15), 260, _LONG_VALUES, (12, 20), most_lines=18),
            Group(0.10, (3, 13), (7, 14), 130, _PLACES, (12, 24), most_lines=13, most_characters=200),
        ),
        spelling=0.5,
        batch=2.0,
        marred=0.08,
        placing=0.5,
    ),
    Stage(
        "tasks",
        1.0,
        (
            Group(0.10, (1, 3), (3, 22), 44, _SEE, (10, 40), most_lines=3, most_characters=120),
            Group(0.20, (3, 9), (6, 18), 110, _PAGES, (11, 30), most_lines=12, most_characters=250),
            Group(0.28, (8, 20), (9, 18), 300, _PAGES, (11, 26), most_lines=24, most_characters=520),
            Group(0.05, (16, 30), (14, 22), 560, _PAGES, (10, 22), most_lines=36, most_characters=650),
            Group(0.22, (8, 22), (9, 18), 320, _VALUES, (11, 24), most_lines=22),
            Group(0.15, (4, 20), (7, 18), 260, _POINTS, (10, 26), most_lines=20, most_characters=300),
        ),
        spelling=0.4,
        batch=2.0,
        marred=0.08,
        placing=0.5,
    ),
)


WARMUP_STEPS = 200
_FALLS_FROM = 0.45
_LEAST = 0.02


def rate(step: int, progress: float) -> float:
    """Of the highest learning rate: a short rise, then from some point on a straight fall."""
    fall = max(0.0, (progress - _FALLS_FROM) / (1 - _FALLS_FROM))
    return min(1.0, (step + 1) / WARMUP_STEPS) * (1 - (1 - _LEAST) * min(1.0, fall))


@dataclass(slots=True)
class Course:
    """Where in the curriculum a training stands: ``stage``, and the progress at which it began."""

    stage: int = 0
    began: float = 0.0

    @property
    def now(self) -> Stage:
        return STAGES[self.stage]

    def advance(self, progress: float, spelled: float, last: str = STAGES[-1].name) -> bool:
        """Go on to the next stage where this one has had its share, or has been learnt."""
        stage = self.now
        if stage.name == last:
            return False
        share = stage.share_to_text if last == "text" and stage.share_to_text is not None else stage.share
        learnt = stage.until is not None and spelled >= stage.until
        if progress - self.began < share and not learnt:
            return False
        self.stage, self.began = self.stage + 1, progress
        return True
