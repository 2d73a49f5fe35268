"""Events whose transactions commit out of order are told too."""

import asyncio

import sqlalchemy as sa

from schemas.ids import DEFAULT_TENANT, DocumentId, RunId
from services.stores import transitions
from services.stores.engine import Database
from services.watch import Watch, running

LATE, OTHER = DocumentId("doc_late"), DocumentId("doc_other")


def _tell(connection: sa.Connection, document: DocumentId, kind: str) -> None:
    transitions.tell(connection, (DEFAULT_TENANT, document, RunId("run_x")), kind, {})


def test_an_event_that_commits_after_a_later_one_is_told(postgres_url: str) -> None:
    database = Database(postgres_url, pool_size=3)

    async def told() -> list[str]:
        watch = Watch(database)
        kinds: list[str] = []
        async with running(watch), watch.waiting(LATE) as late, watch.waiting(OTHER) as other:
            with database.write() as slow:
                _tell(slow, LATE, "first")
                with database.write() as quick:
                    _tell(quick, OTHER, "second")
                seen = await other.next(60)
                assert seen is not None
                assert seen.type == "second"
            with database.write() as quick:
                _tell(quick, LATE, "third")
            while len(kinds) < 2:
                event = await late.next(60)
                assert event is not None
                kinds.append(event.type)
        return sorted(kinds)

    assert asyncio.run(told()) == ["first", "third"]
    database.close()
