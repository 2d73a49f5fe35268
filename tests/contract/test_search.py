"""Full-text search on both databases: many scripts, phrases, beginnings, order, pages, tenants, deletion."""

from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from schemas.errors import RequestInvalid
from schemas.ids import DEFAULT_TENANT, DocumentId, RunId, TenantId
from schemas.page import PageContent, PageResult, PageState
from schemas.result import RunState
from services.search import Search, excerpt
from services.stores import commands, search_rows, transitions
from services.stores.columns import json_bytes
from services.stores.engine import Database
from services.stores.query_tables import page_words
from services.stores.tables import labels, page_contents, pages
from tests.contract.store import Store

OTHER = TenantId("other")
TEXTS = {
    "de": "Rechnung über Förderbänder\nZahlbar bis 14.03.2024, Gesamtbetrag 685,68 EUR. Straße der Einheit.",
    "en": "Invoice for conveyor belts. The net amount is due in thirty days; net of tax the amount is less.",
    "ja": "請求書 東京都港区の株式会社青葉製作所。合計金額は税込です。",
    "zh": "增值税专用发票 开票日期 二〇二四年三月",
    "ko": "세금계산서를 발행합니다. 공급가액 합계",
    "ar": "فاتورة ضريبية رقم ١٢٣ الإجمالي المستحق",
    "th": "ใบกำกับภาษี จำนวนเงินรวมทั้งสิ้น",
    "hi": "हिन्दी में चालान की तारीख",
    "odd": "it's a=b 'quoted' \\back & | ! <-> :* \x00 NUL \ud800 lone",
}


def document(
    database: Database, texts: Sequence[str], tenant: TenantId = DEFAULT_TENANT, **labels: str
) -> tuple[DocumentId, RunId]:
    """A document whose pages say this."""
    key = Store(database).blob(tenant)
    with database.write() as connection:
        new = commands.NewDocument(tenant, key, "application/pdf", 5, filename="a.pdf", labels=labels)
        made, run = commands.create_document(connection, new, commands.NewRun({}))
    read(database, tenant, made, run, texts)
    return made, run


def read(database: Database, tenant: TenantId, made: DocumentId, run: RunId, texts: Sequence[str]) -> None:
    with database.write() as connection:
        for number, text in enumerate(texts, 1):
            page = PageResult(number=number, state=PageState.READ)
            content = PageContent(page=page).model_dump(mode="json")
            content["page"]["text"] = text
            owner = {"run_id": run, "number": number, "tenant_id": tenant}
            connection.execute(pages.insert().values(**owner, document_id=made, state="read"))
            connection.execute(page_contents.insert().values(**owner, content=json_bytes(content)))
        search_rows.write(connection, (tenant, made, run), list(enumerate(texts, 1)), first=True)
        transitions.end_run(connection, run, RunState.SUCCEEDED)


@pytest.mark.parametrize(
    ("q", "language"),
    [
        ("rechnung", "de"), ("RECHNUNG forderbander", "de"), ("strasse", "de"), ("685,68", "de"),
        ("2024", "de"),
        ('"net amount"', "en"), ('"thirty days"', "en"), ("conv*", "en"), ("inv* belts", "en"),
        ("東京", "ja"), ("東京都", "ja"), ("青葉製作所", "ja"), ("都", "ja"), ("所", "ja"),
        ("合計金額", "ja"), ("請求", "ja"),
        ("发票", "zh"), ("增值税专用发票", "zh"), ("三月", "zh"), ("税", "zh ja"),
        ("계산서", "ko"), ("세금계산서", "ko"), ("합계", "ko"),
        ("فاتورة", "ar"), ("الاجمالي", "ar"), ("ضريبية فاتورة", "ar"),
        ("ภาษี", "th"), ("จำนวนเงิน", "th"), ("चालान", "hi"), ("हिन्दी", "hi"),
        ("quoted", "odd"), ("it's", "odd"), ("back & a", "odd"), ("nul", "odd"),
        ("rechnung -conveyor", "de"),
    ],
)  # fmt: skip
def test_words_of_many_scripts_are_found(database: Database, q: str, language: str) -> None:
    for name, text in TEXTS.items():
        document(database, ["", text], label=name)
    hits = Search(database).page(DEFAULT_TENANT, q, None, 50)
    with database.read() as connection:
        names = {row.document_id: row.value for row in connection.execute(sa.select(labels))}
    assert {names[hit.document_id] for hit in hits} == set(language.split())
    for hit in hits:
        assert (hit.page, hit.filename) == (2, "a.pdf")
        assert hit.marks, hit
        for start, end in hit.marks:
            assert hit.snippet[start:end].strip()


@pytest.mark.parametrize(
    "q",
    [
        "amount net of",
        '"amount due net"',
        "belt",
        "rechnungs",
        "東区",
        "京東",
        "net -amount",
        '"belts the thirty"',
    ],
)
def test_what_does_not_stand_there_is_not_found(database: Database, q: str) -> None:
    document(database, [TEXTS["en"], TEXTS["ja"]])
    expected = 1 if q == "amount net of" else 0  # words without quotes have no order
    assert len(Search(database).page(DEFAULT_TENANT, q, None, 50)) == expected


@pytest.mark.parametrize("q", ["", "   ", "-- **", "-draft", '""', "'"])
def test_a_search_for_nothing_is_refused(database: Database, q: str) -> None:
    with pytest.raises(RequestInvalid, match="no_words"):
        Search(database).page(DEFAULT_TENANT, q, None, 5)


@pytest.mark.parametrize(
    "q",
    [
        '"',
        "a:b",
        "a AND b OR c NOT d",
        "NEAR(a b)",
        "words:x",
        "{x} ^y",
        "a\x00b",
        "x" * 900,
        "\\",
        "a' OR 1=1 --",
    ],
)
def test_no_text_breaks_the_search(database: Database, q: str) -> None:
    document(database, [TEXTS["odd"]])
    try:
        Search(database).page(DEFAULT_TENANT, q, None, 5)
    except RequestInvalid as refusal:
        assert refusal.code == "no_words"  # noqa: PT017  # either answer is right


def test_the_best_come_first_and_pages_do_not_overlap(database: Database) -> None:
    document(
        database,
        ["apple " * 3 + "pear", "pear plum", "apple tart and much more text than fruit " * 3, "apple"] * 3,
    )
    search = Search(database)
    every = search.page(DEFAULT_TENANT, "apple", None, 50)
    assert len(every) == 9
    assert [hit.score for hit in every] == sorted((hit.score for hit in every), reverse=True)
    seen, after = [], None
    while page := search.page(DEFAULT_TENANT, "apple", after, 2):
        seen += page
        after = page[-1].place
    assert [hit.place for hit in seen] == [hit.place for hit in every]
    with pytest.raises(RequestInvalid, match="cursor_invalid"):
        search.page(DEFAULT_TENANT, "apple", '["x",1]', 2)


def test_tenants_do_not_find_each_others_words(database: Database) -> None:
    document(database, ["secret word"])
    assert Search(database).page(OTHER, "secret", None, 5) == []
    assert Search(database).page(OTHER, "=default", None, 5) == []
    document(database, ["secret too"], OTHER)
    assert len(Search(database).page(OTHER, "secret", None, 5)) == 1


def test_only_the_newest_finished_run_is_searched(database: Database) -> None:
    made, _ = document(database, ["first reading"])
    with database.write() as connection:
        again = commands.create_run(connection, DEFAULT_TENANT, made, commands.NewRun({}))
    search = Search(database)
    assert len(search.page(DEFAULT_TENANT, "reading", None, 5)) == 1
    read(database, DEFAULT_TENANT, made, again, ["second reading"])
    assert [hit.run_id for hit in search.page(DEFAULT_TENANT, "reading", None, 5)] == [again]
    assert search.page(DEFAULT_TENANT, "first", None, 5) == []


def test_filters_by_document_and_label(database: Database) -> None:
    first, _ = document(database, ["common"], dept="hr")
    second, _ = document(database, ["common"], dept="it")
    search = Search(database)
    assert [h.document_id for h in search.page(DEFAULT_TENANT, "common", None, 5, document=second)] == [
        second
    ]
    assert [
        h.document_id for h in search.page(DEFAULT_TENANT, "common", None, 5, marks=[("dept", "hr")])
    ] == [first]


def test_a_deleted_document_leaves_no_word(database: Database) -> None:
    made, _ = document(database, ["xylophonist stays"])
    document(database, ["ordinary"])
    with database.write() as connection:
        commands.delete_document(connection, DEFAULT_TENANT, made)
    assert Search(database).page(DEFAULT_TENANT, "xylophonist", None, 5) == []
    with database.read() as connection:
        assert [row.document_id for row in connection.execute(sa.select(page_words))] != [made]
        if database.sqlite:
            blocks = connection.exec_driver_sql("SELECT block FROM page_search_data").scalars().all()
            assert not any(b"xylophonist" in block for block in blocks)
            assert any(b"ordinary" in block for block in blocks)


def test_a_snippet_shows_the_densest_place() -> None:
    text = "alpha " + "filler " * 60 + "alpha beta\n" + "filler " * 60
    snippet, marks = excerpt(text, frozenset({"alpha", "beta"}), ())
    assert "alpha beta" in snippet
    assert [snippet[a:b] for a, b in marks][-2:] == ["alpha", "beta"]
    assert "\n" not in snippet


@pytest.mark.parametrize(
    "text",
    ["\u0e01" + "\u0e34" * 700 + " end", " ".join(f"{n:05}" + "\u0416" * 54 for n in range(15_000))],
)
def test_words_that_no_index_can_hold_keep_no_page_from_being_stored(database: Database, text: str) -> None:
    document(database, [text, "harmless"])
    assert len(Search(database).page(DEFAULT_TENANT, "harmless", None, 5)) == 1
