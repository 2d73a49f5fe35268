"""The calls that tests make most, over HTTP."""

import json
from typing import Any

import httpx


class Client:
    """A thin hold on the API; every answer but the expected one fails the test with its body."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def send(
        self, content: bytes, name: str = "a.pdf", headers: dict[str, str] | None = None, **request: Any
    ) -> httpx.Response:
        """POST a document as multipart; ``request`` is the JSON part."""
        parts: dict[str, Any] = {"file": (name, content)}
        if request:
            parts["request"] = (None, json.dumps(request), "application/json")
        return self.http.post("/v1/documents", files=parts, headers=headers or {})

    def read(self, content: bytes, name: str = "a.pdf", **request: Any) -> dict[str, Any]:
        """POST and wait until the run has ended; the document."""
        answer = self.send(content, name, {"Prefer": "wait=60"}, **request)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def get(self, path: str, **params: Any) -> Any:
        answer = self.http.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ended(self, document_id: str) -> dict[str, Any]:
        """The document once its newest run has ended."""
        while True:
            answer = self.http.get(f"/v1/documents/{document_id}", headers={"Prefer": "wait=60"})
            assert answer.status_code == 200, answer.text
            if answer.json()["finished_at"] is not None:
                return dict(answer.json())


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The body of a problem, after its form was checked."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == {"type", "title", "status", "code", "detail", "retryable", "request_id", "errors"}
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == answer.headers["x-request-id"]
    assert body["detail"]
    return dict(body)
