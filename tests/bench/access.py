"""What keys cost, and thorough deletion, on SQLite: milliseconds of requests."""

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import httpx

from schemas.ids import DEFAULT_TENANT
from services.access import Scope
from services.api_keys import ApiKeys
from services.container import embedded
from services.server import in_background
from services.settings import Settings
from tests.bench.figures import Figures
from tests.e2e.client import Client
from tests.samples.invoice import invoice_pdf

_REQUESTS, _DOCUMENTS = 500, 40


def _ms(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


def main() -> int:
    figures = Figures()
    with tempfile.TemporaryDirectory(prefix="quire-access-") as folder:
        settings = Settings(data_dir=Path(folder), engine_url="scripted://", log_level="error")
        with (
            embedded(settings) as parts,
            in_background(parts) as url,
            httpx.Client(base_url=url, timeout=60) as http,
        ):
            issued = ApiKeys(parts.database).create(DEFAULT_TENANT, "bench", [Scope.READ])
            shown = {"Authorization": f"Bearer {issued.secret}"}
            addresses = [
                f"/v1/documents/{Client(http).read(invoice_pdf(), schema='invoice')['id']}"
                for _ in range(_DOCUMENTS)
            ]
            first = addresses[0]
            # By turns, so that both meet the same load of the machine.
            pairs = [
                (_ms(lambda: http.get(first)), _ms(lambda: http.get(first, headers=shown)))
                for _ in range(_REQUESTS)
            ]
            figures.add("access.local_ms", median(local for local, _ in pairs))
            figures.add("access.key_ms", median(keyed for _, keyed in pairs))
            figures.add("access.delete_ms", median(_ms(partial(http.delete, at)) for at in addresses))
    return 0


if __name__ == "__main__":
    sys.exit(main())
