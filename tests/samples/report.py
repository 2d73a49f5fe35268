"""A report in two columns over three pages: running header, page numbers, hyphenation, two kinds of table."""

from tests.samples.sheet import (
    SOFT_HYPHEN,
    Sheet,
    break_lines,
    columns,
    font,
    new_document,
    new_sheet,
    pdf_bytes,
)

TITLE = "Harbour Water Quality Report 2023"
HEADER = "Port of Lindmouth · Environmental Office"
SIZE, LEAD, WIDTH = 10.5, 15.0, 222.0
LEFT, RIGHT = 60.0, 313.0
RULED = (
    ("Station", "Depth m", "Oxygen mg/l", "Salinity"),
    ("North Pier", "4.5", "8.1", "31.2"),
    ("Ferry Basin", "7.0", "6.4", "30.8"),
    ("Old Dock", "3.2", "5.9", "27.5"),
    ("Outer Buoy", "18.0", "8.8", "33.9"),
)
BORDERLESS = (
    ("Month", "Samples", "Rejected", "Mean pH"),
    ("January", "42", "1", "7.9"),
    ("April", "57", "3", "8.0"),
    ("July", "61", "2", "8.2"),
    ("October", "48", "0", "8.1"),
)
# A soft hyphen marks where a word may be broken at the end of a line.
_PARAGRAPHS = """
# Summary
The water of the inner har~bour im~proved for the third year in a row. Oxy~gen stayed above the li~mit of
five milli~grams per litre at every sta~tion, even dur~ing the warm weeks of Au~gust, when mea~sure~ments
were taken twice a day. The few ex~cep~tions re~por~ted in the spring were traced to a blocked storm
drain next to the fish mar~ket and ended when the drain had been cleaned.

# Method
Sam~ples were drawn from a small launch with a closed bot~tle at half the depth of each sta~tion. Every
bot~tle was la~belled on board, kept in the dark at four de~grees and ex~am~ined in the la~bo~ra~tory on
the same af~ter~noon. A bot~tle was re~jec~ted when its seal was bro~ken or when its la~bel could not be
read. Two ana~lysts worked in~de~pen~dent~ly of each other; where their va~lues dif~fered by more than
two per cent the mea~sure~ment was re~peat~ed.

# Stations
Four sta~tions have been vis~ited since the pro~gramme be~gan. North Pier stands for the open part of the
har~bour, Ferry Basin for its traf~fic, Old Dock for the shal~low wa~ter be~hind the locks, and Outer
Buoy for the sea out~side. Table 1 lists the mean of all sam~ples taken in the year un~der re~view.

# Mussels
Mus~sels fil~ter what they eat from the wa~ter and keep what harms them, so their num~ber tells what no
sin~gle bot~tle can tell. Ropes with a hun~dred young mus~sels each were hung from the piers in March and
counted in Sep~tem~ber. At Outer Buoy nine~ty-one had sur~vived, at North Pier eighty-four, at Ferry
Basin sev~enty-two and at Old Dock only for~ty-six. The shells from Old Dock were also thin~ner than the
oth~ers.

# Discussion
Old Dock re~mains the weak~est of the four. Fresh wa~ter from the ca~nal lies on top of the salt wa~ter
there, and lit~tle mix~ing takes place un~til the locks are opened. We re~com~mend open~ing both gates
for one hour at every spring tide. A trial in No~vem~ber raised the oxy~gen near the bot~tom by more than
one milli~gram per litre with~in a sin~gle night, with~out any ef~fect on the moor~ings.

# Outlook
From next year on a fixed probe will mea~sure tem~per~a~ture, sa~lin~i~ty and oxy~gen at Ferry Basin
ev~ery ten min~utes. Its read~ings will be pub~lished on the same day. The month~ly trips of the launch
go on as be~fore, so that the old and the new se~ries can be com~pared for at least two full years
be~fore a de~ci~sion on their fu~ture is made.

# Costs
The pro~gramme cost less than plan~ned, chief~ly be~cause the old launch was re~paired and not re~placed.
The fixed probe is paid for by the ferry com~pany. For its clean~ing, which must be done by a diver twice
a year, the of~fice asks for a small in~crease of the bud~get. With~out it the read~ings would drift
with~in weeks, as the trial of last sum~mer showed.

# Acknowledgements
The of~fice thanks the crew of the launch, the vol~un~teers of the sail~ing club and the pu~pils of the
har~bour school, who counted mus~sels on three very cold morn~ings.
"""
SENTENCES = (
    "Oxygen stayed above the limit of five milligrams per litre at every station",
    "where their values differed by more than two per cent the measurement was repeated.",
    "We recommend opening both gates for one hour at every spring tide.",
    "so that the old and the new series can be compared for at least two full years",
)


def body() -> list[str]:
    """The running text, one entry per heading or paragraph, with soft hyphens."""
    blocks: list[str] = []
    for chunk in _PARAGRAPHS.replace("~", SOFT_HYPHEN).strip().split("\n\n"):
        heading, _, paragraph = chunk.partition("\n")
        blocks += [heading, " ".join(paragraph.split())]
    return blocks


def _lines() -> list[str]:
    lines: list[str] = []
    for block in body():
        if block.startswith("#"):
            lines += [block]
        else:
            lines += [*break_lines(block, WIDTH, SIZE, font("tiro")), ""]
    return lines


def _frame(sheet: Sheet, number: int) -> None:
    sheet.text(LEFT, 40, HEADER, 8)
    sheet.text(535, 40, "Annual Report", 8, right=True)
    sheet.rule(LEFT, 46, 535, 46, 0.4)
    sheet.text(285, 812, f"{number} / 3", 8)


def _table(sheet: Sheet, y: float, caption: str, rows: tuple[tuple[str, ...], ...], ruled: bool) -> None:
    sheet.text(LEFT, y, caption, 9, "hebo")
    edges = (60.0, 190.0, 300.0, 420.0, 535.0)
    for number, row in enumerate(rows):
        base = y + 22 + 18 * number
        face = "hebo" if number == 0 else "helv"
        cells = [(edges[0] + 6, row[0], False)]
        cells += [(edge - 8, text, True) for edge, text in zip(edges[2:], row[1:], strict=True)]
        sheet.row(base, cells, size=9.5, face=face)
    if ruled:
        top, bottom = y + 9, y + 9 + 18 * len(rows)
        for number in range(len(rows) + 1):
            sheet.rule(edges[0], top + 18 * number, edges[-1], top + 18 * number)
        for edge in edges:
            sheet.rule(edge, top, edge, bottom)


def report_pdf() -> bytes:
    document = new_document(TITLE)
    lines = _lines()
    depths = ((150.0, 16), (230.0, 13), (230.0, 9))
    for number, (top, depth) in enumerate(depths, start=1):
        sheet = new_sheet(document)
        _frame(sheet, number)
        if number == 1:
            sheet.text(LEFT, 95, TITLE, 20, "tibo")
        if number == 2:
            _table(sheet, 80, "Table 1: Yearly means by station", RULED, ruled=True)
        if number == 3:
            _table(sheet, 80, "Table 2: Samples by month", BORDERLESS, ruled=False)
        lines = columns(sheet, lines, (LEFT, RIGHT), top, size=SIZE, lead=LEAD, depth=depth)
    assert not lines, f"{len(lines)} lines of the report found no place"
    return pdf_bytes(document)
