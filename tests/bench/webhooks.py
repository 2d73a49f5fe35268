"""Posts many documents while their receiver is down for a part and the service is killed: no event is lost.

`python -m tests.bench.webhooks [--documents 1000] [--kills 3]`: exit code 0 when every document's event
reached the endpoint, and those with a callback URL that too, at least once, each with a valid signature,
and when deliveries that are asked for again arrive again.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from tests.bench.client import TERMINAL
from tests.bench.figures import Figures
from tests.bench.service import Service, running
from tests.docs.webhook_page import verify
from tests.samples.invoice import invoice_pdf
from tests.servers.receiver import Received, Receiver

_CALLBACK_EVERY = 10
_POSTERS = 4
_AGAIN = 5
_DOWN_AT, _KILL_AT, _UP_AT = 0.2, 0.4, 0.8
"""Shares of the documents that have been read by then."""

_OLD_S = 10**9
_ENDPOINT, _CALLBACK = "/endpoint", "/callback"


class Drill:
    """One service, one receiver, one endpoint."""

    def __init__(self, service: Service, receiver: Receiver, documents: int, patience_s: float) -> None:
        self.service = service
        self.receiver = receiver
        self.documents = documents
        self.until = time.monotonic() + patience_s
        self.http = httpx.Client(base_url=service.url, timeout=60)
        self.kills = 0
        made = self.ask("POST", "/v1/webhooks", json={"url": receiver.url + _ENDPOINT})
        self.hook, self.secret = made["id"], made["secret"]
        self.callback_secret = self.ask("GET", "/v1/webhooks/callbacks/secret")["secret"]

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """Insists until the service answers."""
        while True:
            try:
                answer = self.http.request(method, path, **more)
                if answer.status_code < 500 and answer.status_code not in (409, 429):
                    answer.raise_for_status()
                    return answer.json()
            except httpx.TransportError:
                pass
            self.tick(0.2)

    def tick(self, seconds: float) -> None:
        if time.monotonic() > self.until:
            raise TimeoutError("the drill took too long")
        time.sleep(seconds)

    def wait(self, reached: Callable[[], bool]) -> None:
        while not reached():
            self.tick(0.05)

    def wait_read(self, share: float) -> None:
        """Until that many documents have come to their end."""

        def reached() -> bool:
            runs: dict[str, int] = self.ask("GET", "/v1/usage")["runs"]
            return sum(runs.get(state, 0) for state in TERMINAL) >= share * self.documents

        self.wait(reached)

    def failing(self) -> bool:
        """Whether the service has met the silence."""
        page = self.ask("GET", f"/v1/webhooks/{self.hook}/deliveries?state=pending&limit=200")
        return any(item["tries"] for item in page["items"])

    def kill(self) -> None:
        self.service.kill()
        self.kills += 1
        print(f"kill {self.kills}: {len(self.receiver.received)} deliveries so far", file=sys.stderr)
        self.service.start()

    def post(self, number: int) -> str:
        request = {"callback_url": self.receiver.url + _CALLBACK} if number % _CALLBACK_EVERY == 0 else {}
        document = self.ask(
            "POST",
            "/v1/documents",
            files={"file": ("a.pdf", _PDF)},
            data={"external_id": f"n-{number}", **request},
            headers={"Idempotency-Key": f"hooks-{number}"},
        )
        return str(document["id"])

    def events(self, path: str) -> Iterator[tuple[Received, dict[str, Any]]]:
        """Those whose signature is valid."""
        secret = self.secret if path == _ENDPOINT else self.callback_secret
        for one in list(self.receiver.received):
            if one.path == path:
                try:
                    yield one, verify(secret, one.headers, one.body, tolerance_s=_OLD_S)
                except ValueError:
                    continue

    def told(self, path: str) -> Counter[str]:
        return Counter(event["data"]["document_id"] for _, event in self.events(path))

    def redeliver(self) -> int:
        """How many of some deliveries came once more when asked for."""
        page = self.ask("GET", f"/v1/webhooks/{self.hook}/deliveries?limit={_AGAIN}")
        before = Counter(one.headers["webhook-id"] for one in self.receiver.received)
        for item in page["items"]:
            self.ask("POST", f"/v1/webhooks/{self.hook}/deliveries/{item['id']}/redeliver")
        asked = [item["message_id"] for item in page["items"]]

        def again() -> int:
            now = Counter(one.headers["webhook-id"] for one in self.receiver.received)
            return sum(now[message] > before[message] for message in asked)

        self.wait(lambda: again() == len(asked))
        return again()

    def tries(self) -> int:
        """Of all deliveries to the endpoint, the failed ones included."""
        count, cursor = 0, ""
        while True:
            params = {"limit": 200, **({"cursor": cursor} if cursor else {})}
            page = self.ask("GET", f"/v1/webhooks/{self.hook}/deliveries", params=params)
            count += sum(int(item["tries"]) for item in page["items"])
            cursor = page["next_cursor"] or ""
            if not cursor:
                return count


_PDF = invoice_pdf()


def _storm(drill: Drill, kills: int) -> tuple[Sequence[str], float, float]:
    """Post everything; the ids, how long the receiver was down, how long it then took to catch up."""
    receiver, count = drill.receiver, drill.documents
    posted: list[str] = []

    def post(number: int) -> None:
        posted.append(drill.post(number))

    with ThreadPoolExecutor(_POSTERS) as pool:
        going = [pool.submit(post, number) for number in range(count)]
        drill.wait_read(_DOWN_AT)
        receiver.down()
        down = time.monotonic()
        for number in range(max(kills - 1, 1)):
            drill.wait_read(min(_KILL_AT + 0.2 * number, _UP_AT))
            drill.kill()
        drill.wait_read(_UP_AT)
        drill.wait(drill.failing)
        receiver.up()
        up = time.monotonic()
        for each in going:
            each.result()
    if kills > 1:  # once more, in the middle of catching up
        drill.kill()
    callbacks = len(range(0, count, _CALLBACK_EVERY))
    drill.wait(lambda: len(drill.told(_ENDPOINT)) >= count and len(drill.told(_CALLBACK)) >= callbacks)
    return posted, up - down, time.monotonic() - up


def drill(scratch: Path, documents: int, kills: int, patience_s: float = 3600) -> Figures:
    """The whole drill in a scratch folder."""
    figures = Figures()
    settings = {"QUIRE_ENGINE_URL": "scripted://", "QUIRE_WEBHOOK_ALLOW": "127.0.0.1/32"}
    begun = time.monotonic()
    with Receiver() as receiver, running(scratch / "data", **settings) as service:
        under_fire = Drill(service, receiver, documents, patience_s)
        posted, down_s, catch_up_s = _storm(under_fire, kills)
        ended = [under_fire.ask("GET", f"/v1/documents/{one}")["state"] for one in posted]
        _report(under_fire, posted, figures)
        figures.add("hooks.unfinished", sum(state not in TERMINAL for state in ended))
        figures.add("hooks.tries_per_event", round(under_fire.tries() / documents, 3))
        figures.add("hooks.redelivered", under_fire.redeliver())
        figures.add("hooks.down_s", round(down_s, 1))
        figures.add("hooks.catch_up_s", round(catch_up_s, 1))
        figures.add("hooks.whole_s", round(time.monotonic() - begun, 1))
        under_fire.http.close()
    return figures


def _report(drill: Drill, posted: Sequence[str], figures: Figures) -> None:
    told, called = drill.told(_ENDPOINT), drill.told(_CALLBACK)
    valid = sum(told.values()) + sum(called.values())
    calls = [document for document in posted if document in called]
    figures.add("hooks.documents", len(posted))
    figures.add("hooks.kills", drill.kills)
    figures.add("hooks.lost", sum(document not in told for document in posted))
    figures.add("hooks.lost_callbacks", len(range(0, len(posted), _CALLBACK_EVERY)) - len(calls))
    figures.add("hooks.invalid", len(drill.receiver.received) - valid)
    figures.add("hooks.foreign", len((told.keys() | called.keys()) - set(posted)))
    figures.add("hooks.doubled", valid - len(told) - len(called))
    sequences = {
        event["data"]["document_id"]: event["data"]["sequence"] for _, event in drill.events(_ENDPOINT)
    }
    figures.add("hooks.same_sequence", len(sequences) - len(set(sequences.values())))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="quire-hooks-") as folder:
        figures = drill(Path(folder), options.documents, options.kills)
    if options.out:
        figures.write(options.out)
    return int(any(figures.values[f"hooks.{name}"] for name in FAULTS))


FAULTS = ("lost", "lost_callbacks", "invalid", "foreign", "same_sequence", "unfinished")

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
