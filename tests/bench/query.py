"""Queries and searches on a large Postgres: `python -m tests.bench.query --rows 10000000`.

Prints p50 and p95 of each query in milliseconds, asked as the API asks, and whether its plan uses an index
and reads no large table whole; the plans themselves go to stderr or --plans FILE. `--url` names a database to
fill, one whose fill was stopped and is carried on, or one filled before (--filled).
"""

import argparse
import random
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from schemas.ids import DEFAULT_TENANT
from services.query.engine import Queries
from services.query.parse import parse
from services.search import Search
from services.stores import migrate
from services.stores.engine import Database
from tests.bench.figures import Figures
from tests.bench.query_fill import CODES, FIELDS_A_DOCUMENT, LOTS, fill
from tests.servers.databases import Databases
from tests.servers.postgres import PostgresServer

_LARGE = ("fields", "page_words", "documents", "page_contents")
_TIMES = 40
Ask = Callable[[random.Random, int], Any]


def asks(queries: Queries, search: Search) -> dict[str, Ask]:
    """Ten selective questions with values drawn anew each time."""

    def query(make: Callable[[random.Random, int], dict[str, Any]]) -> Ask:
        return lambda chance, count: queries.page(DEFAULT_TENANT, parse(make(chance, count)), None, 50)

    def find(make: Callable[[random.Random, int], str]) -> Ask:
        return lambda chance, count: search.page(DEFAULT_TENANT, make(chance, count), None, 20)

    def total(chance: random.Random) -> dict[str, Any]:
        return {"field": "total", "op": "gt", "value": 900_000 + chance.randint(0, 90_000)}

    def day(chance: random.Random, op: str = "eq") -> dict[str, Any]:
        date = f"2022-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
        return {"field": "date", "op": op, "value": date}

    def sku(chance: random.Random) -> dict[str, Any]:
        return {"field": "sku", "op": "eq", "value": f"SKU-{chance.randint(0, CODES)}"}

    select = ["number", "issuer", "total", "date"]
    return {
        "number_eq": query(
            lambda c, n: {
                "where": {"field": "number", "op": "eq", "value": f"RE-{c.randint(1, n)}"},
                "select": select,
            }
        ),
        "total_range_sorted": query(
            lambda c, n: {"where": total(c), "order": [{"by": "total", "dir": "desc"}], "select": select}
        ),
        "day_and_total": query(
            lambda c, n: {
                "where": {"and": [day(c), {"field": "total", "op": "gt", "value": 500_000}]},
                "select": select,
            }
        ),
        "issuer_starts_with": query(
            lambda c, n: {
                "where": {
                    "field": "issuer",
                    "op": "starts_with",
                    "value": f"vendor {c.randint(1000, 5000)}",
                },
                "select": select,
            }
        ),
        "any_item_sku": query(
            lambda c, n: {"where": {"any": "line_items", "where": sku(c)}, "select": select}
        ),
        "any_item_sku_and_amount": query(
            lambda c, n: {
                "where": {
                    "any": "line_items",
                    "where": {"and": [sku(c), {"field": "amount", "op": "gt", "value": 1000}]},
                },
                "select": select,
            }
        ),
        "label_and_total": query(
            lambda c, n: {
                "where": {
                    "and": [
                        {"label": "lot", "op": "eq", "value": f"lot{c.randint(0, LOTS - 1)}"},
                        {"field": "total", "op": "gt", "value": 900_000},
                    ]
                },
                "select": select,
            }
        ),
        "sum_of_items": query(
            lambda c, n: {
                "rows": "line_items",
                "where": sku(c),
                "aggregate": [{"op": "sum", "field": "amount"}, {"op": "count"}],
                "group_by": ["currency"],
            }
        ),
        "doubtful_fields": query(
            lambda c, n: {
                "where": {"confidence": "total", "op": "lt", "value": c.uniform(0, 0.0005)},
                "select": select,
            }
        ),
        "newest": query(lambda c, n: {"select": select}),
        "search_rare_word": find(lambda c, n: f"no{c.randint(1, n)}"),
        "search_two_words": find(lambda c, n: f"w{c.randint(20000, 40000)} w{c.randint(5000, 40000)}"),
        "search_beginning": find(lambda c, n: f"no{c.randint(1000, max(1001, n // 10))}*"),
    }


def measure(database: Database, count: int, figures: Figures, plans: Any, times: int = _TIMES) -> None:
    statements: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _x: Any, _many: Any) -> None:
        statements.append((statement, parameters))

    for name, ask in asks(Queries(database), Search(database)).items():
        chance = random.Random(name)
        ask(chance, count)
        taken = []
        for _ in range(times):
            started = time.perf_counter()
            ask(chance, count)
            taken.append(1000 * (time.perf_counter() - started))
        sa.event.listen(database.engine, "before_cursor_execute", note)
        ask(chance, count)
        sa.event.remove(database.engine, "before_cursor_execute", note)
        figures.add(f"query.{name}.p50_ms", round(statistics.median(taken), 1))
        figures.add(f"query.{name}.p95_ms", round(statistics.quantiles(taken, n=20)[-1], 1))
        figures.add(f"query.{name}.indexed", int(_indexed(database, name, statements, plans)))
        statements.clear()


def _indexed(database: Database, name: str, statements: list[tuple[str, Any]], plans: Any) -> bool:
    """Whether every statement reaches the large tables by an index."""
    good = True
    with database.engine.connect() as connection:
        for statement, parameters in statements:
            if "field_paths" in statement or not statement.lstrip().startswith("SELECT"):
                continue
            lines = list(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())
            plan = "\n".join(lines)
            print(f"-- {name}\n{plan}\n", file=plans)
            good = good and "Index" in plan and not any(f"Seq Scan on {table}" in plan for table in _LARGE)
    return good


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--url")
    parser.add_argument("--filled", action="store_true", help="the database of --url is filled already")
    parser.add_argument("--plans", type=Path)
    options = parser.parse_args(arguments)
    figures = Figures()
    with ExitStack() as stack:
        url = options.url
        if url is None:
            # A quarter of a small machine for its cache, and room for a fill between checkpoints.
            server = PostgresServer(shared_buffers="2GB", max_wal_size="16GB")
            stack.callback(server.close)
            server.start()
            databases = Databases(server.url)
            stack.callback(databases.close)
            url = stack.enter_context(databases.migrated())
        database = Database(url)
        stack.callback(database.close)
        migrate.upgrade(database)
        plans = stack.enter_context(options.plans.open("w")) if options.plans else sys.stderr
        if not options.filled:
            started = time.perf_counter()
            fill(database, options.rows)
            seconds = time.perf_counter() - started
            figures.add("query.fill_s", round(seconds, 1))
            figures.add("query.fill_rows_per_s", round(options.rows / seconds))
        figures.add("query.field_rows", options.rows)
        figures.add("query.pages", options.rows // FIELDS_A_DOCUMENT)
        measure(database, options.rows // FIELDS_A_DOCUMENT, figures, plans)
    return 0 if all(v for k, v in figures.values.items() if k.endswith(".indexed")) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
