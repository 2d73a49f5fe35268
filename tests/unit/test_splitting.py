"""Where one document ends and the next begins, and what each is: nothing is lost, doubts are said."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.select import first_page, page_spec, select_pages
from pipeline.splitting.numbering import Place, place_of
from pipeline.splitting.splitter import MOST_PARTS, Splitter
from pipeline.splitting.titles import title_of
from pipeline.splitting.traits import numbers_of, traits_of
from schemas.page import Block, BlockKind, PageContent, PageResult, PageState, Unit
from schemas.split import DocumentClass, Split

A4 = (595.0, 842.0)


def page(number: int, *lines: str, size: tuple[float, float] = A4, code: str | None = None) -> PageContent:
    """Lines from the top of a page on, each a block."""
    blocks = [
        Block(
            id=f"b{row}",
            kind=BlockKind.PARAGRAPH,
            text=line,
            bbox=(60.0, 40.0 + 20 * row, 400.0, 52.0 + 20 * row),
        )
        for row, line in enumerate(lines, 1)
    ]
    if code is not None:
        blocks.append(Block(id="code", kind=BlockKind.BARCODE, text=code, bbox=(60, 300, 400, 400)))
    return PageContent(
        page=PageResult(
            number=number,
            unit=Unit.POINT,
            width=size[0],
            height=size[1],
            state=PageState.READ,
            text="\n".join(block.text for block in blocks),
            blocks=blocks,
        )
    )


Given = tuple[str, ...] | PageState
BLANK, LOST = PageState.BLANK, PageState.FAILED


def split(pages: Sequence[Given], runs_on: Sequence[int] = ()) -> tuple[Split, list[str]]:
    splitter = Splitter()
    for number, given_ in enumerate(pages, 1):
        if isinstance(given_, PageState):
            splitter.add(number, given_, None)
        else:
            splitter.add(number, PageState.READ, page(number, *given_))
    found, warnings = splitter.split(runs_on)
    return found, [warning.code for warning in warnings]


def parts(pages: Sequence[Given]) -> list[str]:
    return [part.pages for part in split(pages)[0].parts]


_LINES = st.sampled_from(
    [
        "Invoice",
        "Rechnung Nr. 4711",
        "Page 1 of 2",
        "Page 2 of 2",
        "Dear Sir",
        "Kind regards",
        "words of prose",
    ]
)
_PAGES = st.lists(
    st.one_of(st.sampled_from([BLANK, LOST]), st.lists(_LINES, min_size=1, max_size=4).map(tuple)),
    max_size=14,
)


@given(_PAGES)
def test_every_page_is_in_one_part_or_is_a_separator_and_parts_are_in_order(pages: list[Given]) -> None:
    found, _ = split(pages)
    numbers = [number for part in found.parts for number in select_pages(part.pages, len(pages))]
    between = [separator.page for separator in found.separators]
    assert sorted(numbers + between) == list(range(1, len(pages) + 1))
    assert numbers == sorted(numbers)
    assert all(pages[number - 1] is BLANK for number in between)
    assert bool(found.parts) == any(given_ is not BLANK for given_ in pages)


@given(st.sets(st.integers(1, 60), min_size=1))
def test_pages_are_spelled_as_requests_spell_them(numbers: set[int]) -> None:
    spec = page_spec(numbers)
    assert select_pages(spec, 60) == sorted(numbers)
    assert first_page(spec) == min(numbers)


def test_pages_that_count_stay_together_whatever_they_say() -> None:
    head = ("Rechnung", "Muster GmbH Beispielweg Musterstadt Telefon")
    assert parts([(*head, "Seite 1 von 3"), (*head, "Seite 2 von 3"), (*head, "Seite 3 von 3")]) == ["1-3"]
    assert parts([("Rechnung", "Seite 1 von 1"), ("Rechnung", "Seite 1 von 1")]) == ["1", "2"]


def test_a_second_document_of_the_same_sender_is_told_by_its_number() -> None:
    def letter(number: str) -> tuple[str, ...]:
        return ("Dupont et Fils SARL", "12 rue des Lilas Lyon France", "Facture", f"Facture n° : {number}")

    assert parts([letter("F-2024-001"), letter("F-2024-001"), letter("F-2024-002")]) == ["1-2", "3"]


def test_a_blank_sheet_parts_documents_but_backs_of_sheets_do_not() -> None:
    prose = ("some words of prose that say nothing",)
    found, _ = split([prose, prose, BLANK, prose])
    assert [part.pages for part in found.parts] == ["1-2", "4"]
    assert [(one.page, one.kind) for one in found.separators] == [(3, "blank")]
    duplex: list[Given] = [
        ("Contract", "Page 1 of 3"),
        BLANK,
        ("Page 2 of 3",),
        BLANK,
        ("Page 3 of 3",),
        BLANK,
    ]
    assert parts(duplex) == ["1-6"]
    receipt: list[Given] = [("Receipt", "Cash 4.00", "Change 1.00", "Thank you for shopping"), BLANK]
    found, _ = split([*duplex, *receipt])
    assert [part.pages for part in found.parts] == ["1-6", "7-8"]
    assert found.separators == [], "the back of the last sheet belongs to it"


@pytest.mark.parametrize("code", ["PATCHT", "Patch Code 2", "*PATCH T*", "DOCUMENT SEPARATOR", "Trennblatt"])
def test_a_sheet_with_a_code_for_it_parts_documents(code: str) -> None:
    splitter = Splitter()
    prose = "a letter that goes on and on"
    splitter.add(1, PageState.READ, page(1, prose))
    splitter.add(2, PageState.READ, page(2, code=code))
    splitter.add(3, PageState.READ, page(3, prose, code="4006381333931"))
    splitter.add(4, PageState.READ, page(4, *[prose] * 12, code=code))
    found, _ = splitter.split({1, 3})
    assert [part.pages for part in found.parts] == ["1", "3-4"], (
        "other codes, and pages with text, are content"
    )
    assert found.parts[1].signs == ["separator"]
    assert [(one.page, one.kind) for one in found.separators] == [(2, "barcode")]


def test_what_is_uncertain_stays_together_and_is_said() -> None:
    found, codes = split([("words of prose",), ("other words altogether",)])
    assert ([part.pages for part in found.parts], codes) == (["1-2"], ["split_unsure"])
    assert found.parts[0].class_ is DocumentClass.OTHER
    found, codes = split([("Invoice",), LOST, ("Receipt", "Cash", "Change")])
    assert ([part.pages for part in found.parts], codes) == (["1-2", "3"], ["split_unsure"])
    _, codes = split([("words of prose",), ("and more of them",)], runs_on=[1])
    assert codes == [], "a sentence that goes on is certain enough"


def test_more_documents_than_fit_one_transaction_stay_one() -> None:
    found, codes = split([("Invoice", f"Invoice number: A-{number:05}") for number in range(MOST_PARTS + 1)])
    assert ([part.pages for part in found.parts], codes) == ([f"1-{MOST_PARTS + 1}"], ["split_too_many"])


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (["Page 2 of 5"], Place(2, 5)), (["Seite 2 von 5"], Place(2, 5)), (["Page 2/5"], Place(2, 5)),
        (["page 2 sur 5"], Place(2, 5)), (["Pág. 2 de 5"], Place(2, 5)), (["2 / 5"], Place(2, 5)),
        (["第2页 共5页"], Place(2, 5)), (["2/5ページ"], Place(2, 5)), (["Стр. 2 из 5"], Place(2, 5)),
        (["- 7 -"], Place(7)), (["Seite 3"], Place(3)), (["Seite 3", "Seite 3 von 4"], Place(3, 4)),
        (["Page 6 of 5"], None), (["12/2024"], None), (["homepage 2 of 5 stars"], None), (["7"], None),
    ],
)  # fmt: skip
def test_the_number_a_page_gives_itself(lines: list[str], place: Place | None) -> None:
    assert place_of(lines) == place


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("INVOICE", "invoice"), ("Tax Invoice", "invoice"), ("R E C H N U N G", "invoice"),
        ("Schlussrechnung", "invoice"), ("Facture n° 2024-12", "invoice"), ("請求書", "invoice"),
        ("Mietvertrag", "contract"), ("CONTRATO DE SERVICIOS", "contract"), ("Umowa najmu", "contract"),
        ("Kontoauszug 3/2024", "bank_statement"), ("Relevé de compte", "bank_statement"),
        ("Bon de commande", "purchase_order"), ("Orden de compra", "purchase_order"),
        ("Scontrino fiscale", "receipt"), ("領収書", "receipt"), ("Personalausweis", "id_document"),
        ("Lieferschein", "other"),
        ("Please find our invoice for the last month enclosed", None), ("Invoiced by mistake", None),
    ],
)  # fmt: skip
def test_what_a_document_calls_itself(line: str, kind: str | None) -> None:
    found = title_of([(line, False)])
    assert (found.kind if found else None) == kind


def test_a_title_by_itself_beats_one_that_may_be_a_label() -> None:
    found = title_of([("Contract no 4711", False), ("INVOICE", False)])
    assert found is not None
    assert (found.kind, found.strength) == (DocumentClass.INVOICE, 2)


def test_numbers_of_documents_stand_beside_their_labels_or_below() -> None:
    assert numbers_of(["Invoice number: RE-2024-00815 Date: 1 May"]) == {"number": "re202400815"}
    assert numbers_of(["Rechnungsnummer", "4711-A"]) == {"number": "4711a"}
    assert numbers_of(["Invoice number: see below"]) == {}


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        (("Opening balance 10.00", "Closing balance 20.00", "Debit", "Sort code 12-34-56"), "bank_statement"),
        (("Nom MARTIN", "IDFRAMARTIN<<<<<<<<<<<<<<<<<<<", "9007138F3002119<<<<<<<<<<<4"), "id_document"),
        (("Bar 10,00", "Rückgeld 4,00", "Vielen Dank für Ihren Einkauf"), "receipt"),
        (("A picture of a ship",), "other"),
    ],
)  # fmt: skip
def test_the_class_is_told_by_what_is_said_where_there_is_no_title(lines: tuple[str, ...], kind: str) -> None:
    assert split([lines])[0].parts[0].class_ == kind


def test_a_line_without_end_is_no_line_of_a_passport() -> None:
    page = PageResult(number=1, state=PageState.READ, text="A" * 2_000_000)
    assert not traits_of(PageContent(page=page)).machine_lines
    line = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<"
    page = PageResult(number=1, state=PageState.READ, text=line)
    assert traits_of(PageContent(page=page)).machine_lines
