"""Full-text search: which pages hold these words, the best first, with the place where they stand."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY

from pipeline.search_words import Word, words
from schemas.ids import TenantId
from services.faults import fault
from services.query import places
from services.stores.engine import Database
from services.stores.kept import KEPT, WHOLE
from services.stores.query_tables import page_words
from services.stores.search_rows import lexeme, tenant_word
from services.stores.tables import documents, labels, page_contents

RANKED = 1000
"""Pages that are ranked: of words that stand on more of them, only so many are looked at."""
_MOST_TERMS = 20
_AROUND = 80
_MOST_MARKS = 20
_PARTS = re.compile(r'(-?)(?:"([^"]*)"|(\S+))')


@dataclass(frozen=True, slots=True)
class Term:
    """Words that follow each other; ``prefix``: the last may go on; ``out``: pages must not have it."""

    words: tuple[str, ...]
    prefix: bool
    out: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """A page with the words; ``marks`` are the places of the words in the snippet."""

    document_id: str
    run_id: str
    filename: str | None
    page: int
    score: float
    snippet: str
    marks: list[tuple[int, int]]
    place: str


class Search:
    """The words of one database. Pages of another tenant do not exist for it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        tenant: TenantId,
        text: str,
        after: str | None,
        limit: int,
        *,
        document: str | None = None,
        marks: Sequence[tuple[str, str]] = (),
    ) -> list[Hit]:
        terms = parse(text)
        found = _matching(self._database.sqlite, tenant, terms)
        hits = sa.select(
            page_words.c.id,
            page_words.c.document_id,
            page_words.c.run_id,
            page_words.c.number,
            documents.c.filename,
            found.c.score,
        ).select_from(
            found.join(page_words, page_words.c.id == found.c.id).join(
                documents, documents.c.finished_run_id == page_words.c.run_id
            )
        )
        hits = hits.where(page_words.c.tenant_id == tenant, KEPT, WHOLE)
        if document is not None:
            hits = hits.where(page_words.c.document_id == document)
        for key, value in marks:
            own = sa.select(labels.c.document_id).where(
                labels.c.tenant_id == tenant, labels.c.key == key, labels.c.value == value
            )
            hits = hits.where(documents.c.id.in_(own))
        if after is not None:
            values = places.read(after)
            places.check([found.c.score, page_words.c.id], values)
            score, last = values
            lower = sa.and_(found.c.score == score, page_words.c.id > last)
            hits = hits.where(sa.or_(found.c.score < score, lower))
        hits = hits.order_by(found.c.score.desc(), page_words.c.id).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(hits).all()
            texts = _texts(connection, [(row.run_id, row.number) for row in rows])
        wanted = frozenset(word for term in terms if not term.out for word in term.words)
        beginnings = tuple(term.words[-1] for term in terms if term.prefix and not term.out)
        return [_hit(row, texts.get((row.run_id, row.number), ""), wanted, beginnings) for row in rows]


def parse(text: str) -> list[Term]:
    """Words must all occur; "in quotes" in this order; `begin*` begins so; `-without` must not occur."""
    terms = [term for part in _PARTS.finditer(text) if (term := _term(part)) is not None]
    if len(terms) > _MOST_TERMS:
        raise fault("/query/q", "query_too_large", f"at most {_MOST_TERMS} words or phrases")
    if all(term.out for term in terms):
        raise fault("/query/q", "no_words", "there is no word to look for", whole="no_words")
    return terms


def _term(part: re.Match[str]) -> Term | None:
    text = part[2] if part[2] is not None else part[3]
    found = list(words(text))
    if not found:
        return None
    prefix = part[2] is None and text.endswith("*")
    return Term(tuple(_sequence(found)), prefix or _open(found), bool(part[1]))


def _sequence(found: Sequence[Word]) -> Iterator[str]:
    """The pairs of a run without its last single character, which on the page is followed by others."""
    for at, word in enumerate(found):
        before = found[at - 1] if at else None
        covered = before is not None and before.pair and before.end >= word.end
        if not (at == len(found) - 1 and word.pair and covered):
            yield word.text


def _open(found: Sequence[Word]) -> bool:
    """A single character of an unspaced script at the end: any pair that begins with it will do."""
    last = found[-1]
    return last.pair and (len(found) == 1 or found[-2].end < last.end)


def _matching(sqlite: bool, tenant: TenantId, terms: Sequence[Term]) -> sa.Subquery:
    return _fts5(terms) if sqlite else _tsquery(tenant, terms)


def _fts5(terms: Sequence[Term]) -> sa.Subquery:
    def phrase(term: Term) -> str:
        return f'"{" ".join(term.words)}"' + (" *" if term.prefix else "")

    spelled = " AND ".join(phrase(term) for term in terms if not term.out)
    for term in terms:
        if term.out:
            spelled = f"({spelled}) NOT {phrase(term)}"
    statement = sa.text(
        "SELECT rowid AS id, -bm25(page_search) AS score FROM page_search"
        " WHERE page_search MATCH :spelled ORDER BY rank LIMIT :most"
    ).bindparams(spelled=spelled, most=RANKED)
    return statement.columns(sa.column("id", sa.BigInteger), sa.column("score", sa.Float)).subquery("found")


def _tsquery(tenant: TenantId, terms: Sequence[Term]) -> sa.Subquery:
    def phrase(term: Term) -> str:
        parts = [lexeme(word) for word in term.words]
        if term.prefix:
            parts[-1] += ":*"
        return ("!" if term.out else "") + f"({' <-> '.join(parts)})"

    def query(parts: Sequence[str]) -> sa.ColumnElement[Any]:
        return sa.cast(sa.literal(" & ".join(parts), sa.Text), TSQUERY)

    spelled = [phrase(term) for term in terms]
    inside = query([lexeme(tenant_word(tenant)), *spelled])
    ranked = query([part for term, part in zip(terms, spelled, strict=True) if not term.out])
    candidates = (
        sa.select(page_words.c.id, page_words.c.words)
        .where(page_words.c.words.bool_op("@@")(inside))
        .limit(RANKED)
        .subquery()
    )
    # 1: long pages are not better for being long.
    score = sa.cast(sa.func.ts_rank(candidates.c.words, ranked, 1), sa.Float(53))
    return sa.select(candidates.c.id, score.label("score")).subquery("found")


def _texts(connection: sa.Connection, wanted: Sequence[tuple[str, int]]) -> dict[tuple[str, int], str]:
    if not wanted:
        return {}
    query = sa.select(page_contents.c.run_id, page_contents.c.number, page_contents.c.content).where(
        sa.tuple_(page_contents.c.run_id, page_contents.c.number).in_(wanted)
    )
    return {
        (row.run_id, row.number): orjson.loads(row.content)["page"]["text"]
        for row in connection.execute(query)
    }


def _hit(row: Any, text: str, wanted: frozenset[str], beginnings: tuple[str, ...]) -> Hit:
    snippet, marks = excerpt(text, wanted, beginnings)
    return Hit(
        row.document_id,
        row.run_id,
        row.filename,
        row.number,
        float(row.score),
        snippet,
        marks,
        places.spell([float(row.score), row.id]),
    )


def excerpt(
    text: str, wanted: frozenset[str], beginnings: tuple[str, ...]
) -> tuple[str, list[tuple[int, int]]]:
    """The stretch with the most different words, and where they stand in it."""
    found = [w for w in words(text) if w.text in wanted or (beginnings and w.text.startswith(beginnings))]
    if not found:
        return " ".join(text[: 2 * _AROUND].split()), []

    def kinds(at: int) -> int:
        return len({w.text for w in found[at : at + 30] if w.end <= found[at].start + 2 * _AROUND})

    best = max(range(len(found)), key=lambda at: (kinds(at), -at))
    start = max(0, found[best].start - _AROUND)
    end = min(len(text), found[best].start + 2 * _AROUND)
    start = _word_edge(text, start, 1) if start else 0
    cut = text[start:end]
    marks = _joined([(w.start - start, w.end - start) for w in found if w.start >= start and w.end <= end])
    return "".join(" " if char.isspace() else char for char in cut), marks[:_MOST_MARKS]


def _word_edge(text: str, at: int, step: int) -> int:
    """The next place after white space, if one is near."""
    for near in range(at, min(len(text), at + 20), step):
        if text[near].isspace():
            return near + 1
    return at


def _joined(marks: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pairs overlap: one mark for what they cover together."""
    joined: list[tuple[int, int]] = []
    for start, end in marks:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
