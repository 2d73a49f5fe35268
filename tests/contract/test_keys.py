"""Of many identical posts at once under one Idempotency-Key exactly one does the work."""

import threading

from schemas.ids import DEFAULT_TENANT, DocumentId
from services import idempotency
from services.idempotency import Answer, Held, KeyInUse, Keys
from tests.contract.store import Store


def test_one_of_many_holds_the_key_and_the_others_replay_or_wait(store: Store) -> None:
    keys, start = Keys(store.database), threading.Barrier(12)
    made: list[str] = []
    refused: list[KeyInUse] = []
    replayed: list[Held] = []

    def post() -> None:
        start.wait()
        try:
            held = keys.hold(DEFAULT_TENANT, "key")
        except KeyInUse as error:
            refused.append(error)
            return
        if held.answer is not None:
            replayed.append(held)
            return
        with store.database.write() as connection:
            made.append(held.key)
            idempotency.settle(connection, held, "same", Answer(202, {}, b"{}"), DocumentId("doc_x"))

    threads = [threading.Thread(target=post) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(refused) + len(replayed) == 11
    later = keys.hold(DEFAULT_TENANT, "key").replay("same")
    assert later is not None
    assert (later.status, later.body) == (202, b"{}")
