"""The same bytes with the same request are read once, over the API."""

from typing import Any

from tests.e2e.client import Client
from tests.samples.receipt import receipt_jpeg

PLACE = {"type": "object", "properties": {"place": {"type": "string"}}}


def _result(api: Client, document: dict[str, Any]) -> dict[str, Any]:
    return dict(api.get(f"/v1/documents/{document['id']}/result"))


def test_the_same_file_again_is_not_read_again(api: Client) -> None:
    photo = receipt_jpeg() + b"\0" * 7  # bytes that no other test posts
    first, second = _result(api, api.read(photo)), _result(api, api.read(photo, "other.jpg"))
    assert first["document"]["id"] != second["document"]["id"]
    assert (first["usage"]["reused_pages"], second["usage"]["reused_pages"]) == (0, 1)
    assert second["pages"] == first["pages"]
    assert second["tables"] == first["tables"]


def test_who_wants_it_read_anew_gets_that(api: Client) -> None:
    photo = receipt_jpeg() + b"\0" * 8
    api.read(photo)
    assert _result(api, api.read(photo, reuse=False))["usage"]["reused_pages"] == 0


def test_another_schema_needs_no_other_reading_but_other_languages_do(api: Client) -> None:
    photo = receipt_jpeg() + b"\0" * 9
    api.read(photo)
    with_fields = _result(api, api.read(photo, schema=PLACE))
    assert with_fields["usage"]["reused_pages"] == 1
    assert [field["path"] for field in with_fields["fields"]] == ["place"]
    assert _result(api, api.read(photo, languages=["fr"]))["usage"]["reused_pages"] == 0


def test_documents_posted_at_once_are_read_once(api: Client) -> None:
    photo = receipt_jpeg() + b"\0" * 10
    posted = [api.send(photo).json()["id"] for _ in range(5)]
    ended = [_result(api, api.ended(document)) for document in posted]
    assert sorted(result["usage"]["reused_pages"] for result in ended) == [0, 1, 1, 1, 1]
    assert all(result["pages"] == ended[0]["pages"] for result in ended)


def test_a_page_that_was_read_before_is_told_like_any_other(api: Client) -> None:
    photo = receipt_jpeg() + b"\0" * 11
    api.read(photo)
    again = api.read(photo)
    told = api.http.get(f"/v1/documents/{again['id']}/events").text
    assert told.count("event: page.finished") == 1
