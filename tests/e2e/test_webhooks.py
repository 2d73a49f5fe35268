"""Webhooks over HTTP: a real service calls a real receiver on loopback."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.docs.webhook_page import verify
from tests.e2e.client import Client, problem
from tests.servers.receiver import Receiver


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


def register(api: Client, url: str, **more: Any) -> dict[str, Any]:
    answer = api.http.post("/v1/webhooks", json={"url": url, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def settled(api: Client, delivery: dict[str, Any]) -> dict[str, Any]:
    """The delivery once it has been tried."""
    where = f"/v1/webhooks/{delivery['webhook_id']}/deliveries/{delivery['id']}"
    while (now := api.get(where))["tries"] == delivery["tries"]:
        time.sleep(0.05)
    return dict(now)


def test_a_document_is_told_of_and_the_page_s_code_checks_it(
    api: Client, receiver: Receiver, invoice: bytes
) -> None:
    hook = register(api, f"{receiver.url}/told", events=["document.succeeded"], description="erp")
    document = api.read(invoice, external_id="erp-7")
    (got,) = receiver.at("/told")
    event = verify(hook["secret"], got.headers, got.body)
    assert event["data"]["document_id"] == document["id"]
    assert (event["data"]["run_id"], event["data"]["external_id"]) == (document["run_id"], "erp-7")
    assert got.headers["content-type"] == "application/json"
    shown = api.get(f"/v1/webhooks/{hook['id']}")
    assert shown == {name: value for name, value in hook.items() if name != "secret"}
    assert shown in api.get("/v1/webhooks")["items"]
    assert api.http.delete(f"/v1/webhooks/{hook['id']}").status_code == 204
    problem(api.http.get(f"/v1/webhooks/{hook['id']}"), 404, "webhook_not_found")


def test_a_document_calls_back_by_itself(api: Client, receiver: Receiver, invoice: bytes) -> None:
    secret = api.get("/v1/webhooks/callbacks/secret")["secret"]
    document = api.read(invoice, callback_url=f"{receiver.url}/back")
    (got,) = receiver.at("/back")
    assert verify(secret, got.headers, got.body)["data"]["document_id"] == document["id"]
    newest = api.get("/v1/webhooks/callbacks/deliveries", limit=1)["items"][0]
    assert (newest["url"], newest["data"]["document_id"]) == (f"{receiver.url}/back", document["id"])
    rotated = api.http.post("/v1/webhooks/callbacks/rotate", json={"overlap_s": 0}).json()
    assert rotated["secret"] != secret
    assert api.get("/v1/webhooks/callbacks/secret")["secret"] == rotated["secret"]


def test_tests_redelivery_and_the_log(api: Client, receiver: Receiver) -> None:
    hook = register(api, f"{receiver.url}/log")
    receiver.statuses["/log"] = 500
    answer = api.http.post(f"/v1/webhooks/{hook['id']}/test")
    assert answer.status_code == 202
    failed = settled(api, answer.json())
    assert (failed["state"], failed["type"]) == ("pending", "webhook.test")
    assert (failed["log"][0]["status"], failed["log"][0]["error"]) == (500, "refused_by_receiver")
    assert failed["next_try_at"] is not None
    del receiver.statuses["/log"]
    again = api.http.post(f"/v1/webhooks/{hook['id']}/deliveries/{failed['id']}/redeliver")
    assert again.status_code == 202, again.text
    done = settled(api, failed)
    assert (done["state"], done["next_try_at"], len(done["log"])) == ("delivered", None, 2)
    one, two = receiver.at("/log", 2)
    assert one.headers["webhook-id"] == two.headers["webhook-id"] == done["message_id"]
    page = api.get(f"/v1/webhooks/{hook['id']}/deliveries", state="delivered", limit=1)
    assert [item["id"] for item in page["items"]] == [done["id"]]
    assert api.get(f"/v1/webhooks/{hook['id']}/deliveries", state="failed")["items"] == []
    api.http.delete(f"/v1/webhooks/{hook['id']}")


def test_endpoints_are_changed_member_by_member(api: Client, receiver: Receiver) -> None:
    hook = register(api, f"{receiver.url}/old", events=["document.failed"])
    where = f"/v1/webhooks/{hook['id']}"
    changed = api.http.patch(where, json={"url": f"{receiver.url}/new", "enabled": False}).json()
    assert (changed["url"], changed["enabled"]) == (f"{receiver.url}/new", False)
    assert (changed["events"], changed["disabled_reason"]) == (["document.failed"], "requested")
    problem(api.http.post(f"{where}/test"), 409, "webhook_disabled")
    changed = api.http.patch(where, json={"events": None, "enabled": True}).json()
    assert (changed["events"], changed["enabled"], changed["disabled_at"]) == (None, True, None)
    api.http.delete(where)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/url"),
        ({"url": "https://ok.example/", "events": ["document.eaten"]}, "/events/0"),
        ({"url": "https://ok.example/", "events": []}, "/events"),
        ({"url": "https://ok.example/", "events": ["webhook.test"]}, "/events"),
        ({"url": "https://ok.example/", "secret": "mine"}, "/secret"),
        ({"url": "https://ok.example/", "description": "x" * 501}, "/description"),
    ],
)
def test_faults_have_pointers(api: Client, body: dict[str, Any], pointer: str) -> None:
    answer = problem(api.http.post("/v1/webhooks", json=body), 422, "request_invalid")
    assert [item["pointer"] for item in answer["errors"]] == [pointer]


@pytest.mark.parametrize(
    "url",
    ["ftp://ok.example/", "http://169.254.169.254/", "http://2130706434/", "https://me:pw@ok.example/", "http://[::1]/"],
)  # fmt: skip
def test_urls_that_would_be_refused_are_refused_at_once(api: Client, invoice: bytes, url: str) -> None:
    problem(api.http.post("/v1/webhooks", json={"url": url}), 422, "target_refused")
    if url.startswith("http"):
        problem(api.send(invoice, callback_url=url), 422, "target_refused")


def test_what_is_not_there_is_not_found(api: Client) -> None:
    for method, path, code in (
        ("GET", "whk_none", "webhook_not_found"),
        ("DELETE", "whk_none", "webhook_not_found"),
        ("GET", "whk_none/deliveries", "webhook_not_found"),
        ("POST", "whk_none/rotate", "webhook_not_found"),
        ("POST", "callbacks/test", "webhook_not_found"),
        ("GET", "callbacks/deliveries/dlv_none", "delivery_not_found"),
        ("POST", "callbacks/deliveries/dlv_none/redeliver", "delivery_not_found"),
    ):
        problem(api.http.request(method, f"/v1/webhooks/{path}"), 404, code)
