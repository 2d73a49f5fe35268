"""Fills a Postgres with fields and words of pages by SQL: one document, run and page for ten fields."""

import sys
import time
import zlib

import orjson
import sqlalchemy as sa

from services.stores.engine import Database

FIELDS_A_DOCUMENT = 10
VENDORS, CODES, VOCABULARY, LOTS = 5_000, 20_000, 50_000, 1_000
_INDEXES = ("ix_fields_number", "ix_fields_folded", "ix_fields_date", "ix_fields_confidence",
            "ix_fields_items", "ix_fields_run_id_path", "ix_page_words_words")  # fmt: skip
_TEXT = "Gesamtbetrag zahlbar bis zum Ende des Monats, w1 w2 w3 w4. " * 10

_DOCUMENTS = """
INSERT INTO documents (id, tenant_id, digest, generation, filename, media_type, bytes, newest_run_id, state,
  created_at, finished_run_id)
SELECT 'doc_' || lpad(n::text, 12, '0'), 'default', lpad(n::text, 64, '0'), 1, 'file' || n || '.pdf',
  'application/pdf', n, 'run_' || lpad(n::text, 12, '0'), 'succeeded', n * 1000000::bigint,
  'run_' || lpad(n::text, 12, '0')
FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n
"""
_RUNS = """
INSERT INTO runs (id, tenant_id, document_id, number, request, state, created_at, finished_at, schema_ref)
SELECT 'run_' || lpad(n::text, 12, '0'), 'default', 'doc_' || lpad(n::text, 12, '0'), 1, '{}', 'succeeded',
  n * 1000000::bigint, n * 1000000::bigint, 'invoice@1'
FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n
"""
_LABELS = """
INSERT INTO labels (document_id, key, tenant_id, value)
SELECT 'doc_' || lpad(n::text, 12, '0'), 'lot', 'default', 'lot' || (n % :lots)
FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n
"""
_FIELDS = """
INSERT INTO fields (run_id, ordinal, tenant_id, document_id, path, list_path, item_index, item_head, type,
  state, value_text, folded, scaled, scale, number, currency, date, confidence, content)
SELECT 'run_' || lpad(n::text, 12, '0'), k, 'default', 'doc_' || lpad(n::text, 12, '0'),
  (ARRAY['total','net','number','issuer','date','currency','line_items[].sku','line_items[].amount',
         'line_items[].sku','line_items[].amount'])[k + 1],
  CASE WHEN k >= 6 THEN 'line_items' END, CASE WHEN k >= 6 THEN (k - 6) / 2 END, k IN (6, 8),
  CASE WHEN money THEN 'money' WHEN k = 4 THEN 'date' ELSE 'text' END, 'found',
  v, CASE WHEN NOT money AND k <> 4 THEN lower(v) END,
  CASE WHEN money THEN v::bigint * 10000 END, CASE WHEN money THEN 6 END,
  CASE WHEN money THEN v::bigint / 100.0 END, CASE WHEN money THEN 'EUR' END,
  CASE WHEN k = 4 THEN 18000 + d END, random(), '{}'
FROM (
  SELECT n, k, k IN (0, 1, 7, 9) AS money, (random() * 2000)::int AS d,
    CASE k WHEN 2 THEN 'RE-' || n WHEN 3 THEN 'Vendor ' || (random() * :vendors)::int
      WHEN 4 THEN (date '2019-04-14' + (random() * 2000)::int)::text WHEN 5 THEN 'EUR'
      WHEN 6 THEN 'SKU-' || (random() * :codes)::int WHEN 8 THEN 'SKU-' || (random() * :codes)::int
      ELSE (power(random(), 4) * 100000000)::bigint::text END AS v
  FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n, generate_series(0, 9) k
) drawn
"""
_PATHS = """
INSERT INTO field_paths (tenant_id, path, type, list_path)
SELECT DISTINCT tenant_id, path, type, list_path FROM fields
ON CONFLICT DO NOTHING
"""
_WORDS = r"""
INSERT INTO page_words (tenant_id, document_id, run_id, number, words)
SELECT 'default', 'doc_' || lpad(n::text, 12, '0'), 'run_' || lpad(n::text, 12, '0'), 1,
  (E'''=default'' ' || string_agg('w' || (power(random(), 3) * :words)::int || '\:' || p, ' ')
   || ' no' || n || '\:61')::tsvector
FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n, generate_series(1, 60) p GROUP BY n
"""
_CONTENTS = """
INSERT INTO page_contents (run_id, number, tenant_id, content)
SELECT 'run_' || lpad(n::text, 12, '0'), 1, 'default', :content
FROM generate_series(CAST(:first AS int), CAST(:last AS int)) n
"""
_BATCH = 50_000
_TABLE = "bench_indexes"  # what was dropped, kept in the database: a fill that was stopped can be carried on


def fill(database: Database, rows: int) -> None:
    """``rows`` fields and a tenth as many pages, then their indexes; carries on a stopped fill."""
    content = zlib.compress(orjson.dumps({"page": {"number": 1, "state": "read", "text": _TEXT}}), 1)
    more = {"vendors": VENDORS, "codes": CODES, "words": VOCABULARY, "lots": LOTS, "content": content}
    count = rows // FIELDS_A_DOCUMENT
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _drop_indexes(connection)
    with database.engine.connect().execution_options(isolation_level="READ COMMITTED") as connection:
        done = connection.scalar(sa.text("SELECT count(*) FROM documents")) or 0
        started, before = time.perf_counter(), done
        for first in range(done + 1, count + 1, _BATCH):
            span = {"first": first, "last": min(count, first + _BATCH - 1)}
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # no foreign keys
            for statement in (_DOCUMENTS, _RUNS, _LABELS, _FIELDS, _WORDS, _CONTENTS):
                wanted = {name: value for name, value in more.items() if f":{name}" in statement}
                connection.execute(sa.text(statement), span | wanted)
            connection.commit()
            speed = (span["last"] - before) * FIELDS_A_DOCUMENT / (time.perf_counter() - started)
            _say(f"{span['last'] * FIELDS_A_DOCUMENT} of {rows} rows, {speed:.0f} rows/s")
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _make_indexes(connection)
    database.engine.dispose()  # its settings are not those of queries


def _drop_indexes(connection: sa.Connection) -> None:
    names = ", ".join(f"'{name}'" for name in _INDEXES)
    connection.exec_driver_sql(
        f"CREATE TABLE IF NOT EXISTS {_TABLE} AS SELECT indexname AS name, indexdef AS definition "
        f"FROM pg_indexes WHERE schemaname = current_schema() AND indexname IN ({names})"
    )
    for name in _INDEXES:
        connection.exec_driver_sql(f"DROP INDEX IF EXISTS {name}")


def _make_indexes(connection: sa.Connection) -> None:
    connection.exec_driver_sql("SET maintenance_work_mem = '512MB'")
    connection.exec_driver_sql("SET statement_timeout = 0")  # the store's ends a statement after two minutes
    for name, definition in connection.exec_driver_sql(f"SELECT * FROM {_TABLE}").all():
        started = time.perf_counter()
        connection.exec_driver_sql(definition.replace(" INDEX ", " INDEX IF NOT EXISTS ", 1))
        _say(f"{name} in {time.perf_counter() - started:.0f} s")
    connection.exec_driver_sql(_PATHS)
    started = time.perf_counter()
    connection.exec_driver_sql("VACUUM ANALYZE")
    connection.exec_driver_sql(f"DROP TABLE {_TABLE}")
    _say(f"vacuumed in {time.perf_counter() - started:.0f} s")


def _say(text: str) -> None:
    print(f"  fill: {text}", file=sys.stderr, flush=True)
