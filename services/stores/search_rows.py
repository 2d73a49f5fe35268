"""Words of pages as rows: written in pieces while a run is finished, gone with the run."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSVECTOR

from pipeline.search_words import words
from schemas.ids import DocumentId, RunId, TenantId
from services.stores.columns import clean
from services.stores.query_tables import page_words

_SMALL = 20_000
"""Pages whose index is put in order at once; larger ones when the store is tidied."""

_MOST_BYTES = 1_000_000
"""Of a vector of Postgres, places included: it refuses more than a megabyte."""


def write(
    connection: sa.Connection,
    owner: tuple[TenantId, DocumentId, RunId],
    pages: Sequence[tuple[int, str]],
    *,
    first: bool,
) -> None:
    """Add pages of a run; ``first``: what an earlier try left goes."""
    tenant, document, run = owner
    if first:
        connection.execute(sa.delete(page_words).where(page_words.c.run_id == run))
    spell = vector if connection.dialect.name == "postgresql" else line
    rows = [
        {
            "tenant_id": tenant,
            "document_id": document,
            "run_id": run,
            "number": number,
            "words": spell(tenant, text),
        }
        for number, text in pages
    ]
    if rows:
        insert = page_words.insert()
        if connection.dialect.name == "postgresql":
            # A vector is spelled out, because the parser of Postgres splits words as its locale has them.
            insert = insert.values(words=sa.cast(sa.bindparam("words", type_=sa.Text), TSVECTOR))
        connection.execute(insert, rows)


def line(tenant: TenantId, text: str) -> str:  # noqa: ARG001  # spelled like a vector
    """The words in order, for FTS5."""
    return " ".join(word.text for word in words(clean(text)))


def vector(tenant: TenantId, text: str) -> str:
    """A vector of Postgres: words with their places, and the tenant as a word that no text can hold."""
    places: dict[str, list[int]] = {}
    for place, word in enumerate(words(clean(text)), 1):
        places.setdefault(word.text, []).append(place)
    spelled = [lexeme(tenant_word(tenant))]
    room = _MOST_BYTES
    for spelling, at in places.items():
        kept = at[:255]
        room -= len(spelling.encode()) + 2 * len(kept) + 8
        if room < 0:
            break
        spelled.append(f"{lexeme(spelling)}:{','.join(map(str, kept))}")
    return " ".join(spelled)


def tenant_word(tenant: TenantId) -> str:
    return f"={tenant}"


def lexeme(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def purge(connection: sa.Connection, *, small_only: bool = False) -> None:
    """Have FTS5 forget deleted words: it keeps them, marked as deleted, until its parts are merged.

    Postgres clears its index by itself (autovacuum).
    """
    if connection.dialect.name != "sqlite":
        return
    if connection.exec_driver_sql("SELECT 1 FROM page_search_stale").first() is None:
        return
    if (
        small_only
        and connection.execute(sa.select(1).select_from(page_words).limit(1).offset(_SMALL)).first()
    ):
        return
    connection.exec_driver_sql("INSERT INTO page_search(page_search) VALUES ('optimize')")
    connection.exec_driver_sql("DELETE FROM page_search_stale")
