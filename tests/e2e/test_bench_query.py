"""The short form of the measurement of queries: every plan reaches large tables by an index."""

import sys

import pytest

from services.stores.engine import Database
from tests.bench.figures import Figures
from tests.bench.query import measure
from tests.bench.query_fill import FIELDS_A_DOCUMENT, fill

ROWS = 100_000


def test_every_query_of_the_measurement_uses_an_index(
    postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    database = Database(postgres_url)
    try:
        fill(database, ROWS // 2)
        fill(database, ROWS)  # carried on
        figures = Figures()
        measure(database, ROWS // FIELDS_A_DOCUMENT, figures, sys.stderr, times=2)
    finally:
        database.close()
    missed = [name for name, value in figures.values.items() if name.endswith(".indexed") and not value]
    assert missed == [], capsys.readouterr().err
    assert len([name for name in figures.values if name.endswith(".indexed")]) >= 10
