"""Keys and tenants at the door: every route asks for a scope, and shows nobody what is another's."""

import io
import re
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

import httpx
import pytest

from schemas.ids import DEFAULT_TENANT, TenantId
from services.access import Scope
from services.api.deps import PUBLIC
from services.api_keys import ApiKeys
from services.container import embedded
from services.server import in_background
from services.settings import Settings
from services.stores import migrate, tenant_rows
from services.stores.engine import Database
from tests.e2e.client import Client, problem
from tests.samples.invoice import invoice_pdf

HERS, HIS = TenantId("hers"), TenantId("his")
SECRET = "nobody-else-may-see-this"


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    scope: str | None
    body: Any

    def at(self, **ids: str) -> str:
        """The address; each parameter must be known here, so that no new route goes untested."""
        return re.sub(r"\{(\w+)\}", lambda match: ids[match[1]], self.path)


@dataclass(frozen=True, slots=True)
class Service:
    url: str
    keys: ApiKeys
    database: Database

    def as_(self, tenant: TenantId, *scopes: Scope) -> httpx.Client:
        key = self.keys.create(tenant, "test", scopes or [Scope.ADMIN]).secret
        return httpx.Client(base_url=self.url, timeout=120, headers={"Authorization": f"Bearer {key}"})

    def operations(self) -> list[Operation]:
        document = httpx.get(f"{self.url}/openapi.json").json()
        return [
            Operation(method.upper(), path, _scope(operation), _example(operation))
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ]


def _scope(operation: dict[str, Any]) -> str | None:
    security = operation.get("security")
    if security is None:
        return None
    assert len(security) == 1
    (scopes,) = security[0].values()
    assert len(scopes) == 1
    return str(scopes[0])


def _example(operation: dict[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    examples = content.get("examples", {})
    return next((example["value"] for example in examples.values()), content.get("example", {}))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("access")
    database = Database(f"sqlite:///{folder / 'quire.db'}", pool_size=2)
    migrate.upgrade(database)
    keys = ApiKeys(database)
    keys.create(DEFAULT_TENANT, "first", [Scope.ADMIN])
    settings = Settings(
        data_dir=folder,
        engine_url="scripted://",
        require_keys=True,
        cpu_processes=1,
        rate_per_minute=0,
        webhook_allow=(IPv4Network("127.0.0.1/32"),),
    )
    with embedded(settings) as parts, in_background(parts) as url:
        yield Service(url, keys, database)
    database.close()


@pytest.fixture(scope="module")
def hers(service: Service) -> Iterator[Client]:
    with service.as_(HERS) as http:
        yield Client(http)


def _archive() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.pdf", invoice_pdf())
    return packed.getvalue()


@pytest.fixture(scope="module")
def ids(hers: Client) -> dict[str, str]:
    """What she has, by the names of the parameters that address it."""
    schema = {"type": "object", "properties": {"invoice_number": {"type": "string"}}}
    assert hers.http.put("/v1/schemas/hers", json=schema).status_code == 201
    document = hers.read(
        invoice_pdf(), f"{SECRET}.pdf", schema="hers", external_id=SECRET, labels={"dept": SECRET}
    )
    tables = hers.get(f"/v1/documents/{document['id']}/result", include="tables")["tables"]
    hook = hers.http.post("/v1/webhooks", json={"url": f"http://127.0.0.1:9/{SECRET}"}).json()["id"]
    batch = hers.http.post("/v1/batches", files={"file": (f"{SECRET}.zip", _archive())}).json()["id"]
    while hers.get(f"/v1/batches/{batch}")["finished_at"] is None:
        time.sleep(0.1)
    return {
        "batch_id": batch,
        "webhook_id": hook,
        "delivery_id": hers.http.post(f"/v1/webhooks/{hook}/test").json()["id"],
        "document_id": document["id"],
        "run_id": document["run_id"],
        "number": "1",
        "table_id": tables[0]["id"],
        "name": "hers",
        "version": "1",
    }


def test_every_route_names_one_scope(service: Service) -> None:
    found = {(one.path, one.method): one.scope for one in service.operations()}
    assert {path for (path, _), scope in found.items() if scope is None} == PUBLIC
    assert {scope for scope in found.values() if scope is not None} <= set(Scope)
    assert len(found) > 30


def test_without_a_key_nothing_but_health_answers(service: Service, ids: dict[str, str]) -> None:
    with httpx.Client(base_url=service.url) as http:
        for one in service.operations():
            answer = http.request(one.method, one.at(**ids), json=one.body)
            if one.path in PUBLIC:
                assert answer.status_code == 200
                continue
            problem(answer, 401, "unauthorized")
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="quire"'
            for given in ("Bearer qk_wrong", "bearer qk_wrong"):
                answer = http.request(one.method, one.at(**ids), headers={"Authorization": given})
                problem(answer, 401, "key_unknown")
                assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
        problem(
            http.get("/v1/usage", headers={"Authorization": "Basic cXVpcmU6cXVpcmU="}), 401, "unauthorized"
        )


def test_a_key_without_the_scope_of_a_route_is_refused(service: Service, ids: dict[str, str]) -> None:
    for scope in Scope:
        others = [other for other in Scope if other not in (scope, Scope.ADMIN)]
        with service.as_(HERS, *others) as http:
            for one in service.operations():
                if one.scope == scope:
                    answer = http.request(one.method, one.at(**ids), json=one.body)
                    problem(answer, 403, "scope_missing")
                    assert f'scope="{scope}"' in answer.headers["WWW-Authenticate"]


def test_who_may_only_submit_reads_no_results(service: Service) -> None:
    with service.as_(HIS, Scope.SUBMIT) as http:
        his = Client(http)
        assert his.send(invoice_pdf()).status_code == 202
        parts = {"file": ("a.pdf", invoice_pdf())}
        problem(http.post("/v1/documents?expand=result", files=parts), 403, "scope_missing")


def test_what_another_tenant_has_does_not_exist(service: Service, hers: Client, ids: dict[str, str]) -> None:
    """Every route that addresses something, with her ids and his key."""
    with service.as_(HIS) as http:
        for one in service.operations():
            if "{" not in one.path or one.method == "PUT":  # a name that is put is his own from then on
                continue
            answer = http.request(one.method, one.at(**ids), json=one.body)
            assert answer.status_code == 404, (one, answer.text)
            assert SECRET not in answer.text
            if one.method == "GET":  # to her it is there
                assert hers.http.get(one.at(**ids)).status_code == 200, one


def test_lists_and_searches_show_ones_own_alone(service: Service, ids: dict[str, str]) -> None:
    document = ids["document_id"]
    asked = {
        "/v1/fields": {"field": "invoice_number"},
        "/v1/search": {"q": "invoice"},
    }
    with service.as_(HIS) as http:
        for one in service.operations():
            if one.method == "GET" and "{" not in one.path:
                answer = http.get(one.path, params=asked.get(one.path))
                for hidden in (document, ids["run_id"], SECRET, '"hers"'):
                    assert hidden not in answer.text, one
        for query in (f"external_id={SECRET}", f"label.dept={SECRET}"):
            assert http.get(f"/v1/documents?{query}").json()["items"] == []
        rows = http.post("/v1/query", json={"where": {"label": "dept", "op": "eq", "value": SECRET}})
        assert rows.json()["items"] == []
        inferred = http.post("/v1/schemas/infer", json={"document_id": document})
        problem(inferred, 404, "document_not_found")
        problem(Client(http).send(invoice_pdf(), schema="hers"), 422, "schema_unknown")


def test_the_figures_of_all_tenants_are_the_operators(service: Service) -> None:
    with service.as_(HIS) as http:
        problem(http.get("/metrics"), 403, "operator_only")
    with service.as_(DEFAULT_TENANT) as http:
        assert "quire_http_requests_total" in http.get("/metrics").text


def test_a_revoked_key_is_refused_at_once(service: Service) -> None:
    issued = service.keys.create(HIS, "test", [Scope.READ])
    headers = {"Authorization": f"Bearer {issued.secret}"}
    assert httpx.get(f"{service.url}/v1/usage", headers=headers).status_code == 200
    service.keys.revoke(issued.id)
    problem(httpx.get(f"{service.url}/v1/usage", headers=headers), 401, "key_revoked")


def test_answers_carry_what_browsers_should_obey_refusals_too(service: Service) -> None:
    for path in ("/healthz", "/v1/usage", "/v1/nothing", "/openapi.json"):
        headers = httpx.get(f"{service.url}{path}").headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-request-id"].startswith("req_")


def test_a_key_that_asks_too_often_is_told_to_wait(service: Service) -> None:
    issued = service.keys.create(HIS, "busy", [Scope.READ], rate_per_minute=60)
    headers = {"Authorization": f"Bearer {issued.secret}"}
    with httpx.Client(base_url=service.url, headers=headers) as http:
        first = http.get("/v1/usage")
        assert first.headers["RateLimit-Policy"] == '"key";q=60;w=60'
        assert re.fullmatch(r'"key";r=9;t=\d+', first.headers["RateLimit"])
        while (answer := http.get("/v1/usage")).status_code == 200:
            assert answer.headers["RateLimit"].startswith('"key";r=')
        problem(answer, 429, "rate_limited")
        assert answer.json()["retryable"]
        assert answer.headers["Retry-After"] == "1"
        assert answer.headers["RateLimit"].startswith('"key";r=0')
        refused = http.post("/v1/documents", files={"file": ("a.pdf", invoice_pdf())})
        assert refused.status_code in (403, 429), "refused before it is counted, or after"
        assert http.get("/healthz").status_code == 200


def test_what_a_month_allows_is_kept_and_shown(service: Service) -> None:
    small = TenantId("small")
    with service.database.write() as connection:
        tenant_rows.make(connection, small)
        tenant_rows.put(connection, tenant_rows.TenantRow(small, 24, 1))
    with service.as_(small) as http:
        api = Client(http)
        document = api.read(invoice_pdf())
        assert document["expires_at"] is not None
        quota = http.get("/v1/usage").json()["quota"]
        assert quota == {"pages_per_month": 1, "pages_admitted": 1, "pages_left": 0}
        while (answer := api.send(invoice_pdf(), reuse=False)).status_code == 202:
            refused = api.ended(answer.json()["id"])
            assert (refused["state"], refused["error"]["code"]) == ("failed", "quota_exceeded")
            assert refused["error"]["retryable"]
        problem(answer, 429, "quota_exceeded")
        assert int(answer.headers["Retry-After"]) >= 1
        assert http.get("/v1/usage").json()["quota"]["pages_admitted"] == 1


def test_members_of_a_batch_are_kept_as_long_as_the_tenants_documents(service: Service) -> None:
    brief = TenantId("brief")
    with service.database.write() as connection:
        tenant_rows.make(connection, brief)
        tenant_rows.put(connection, tenant_rows.TenantRow(brief, 24, None))
    with service.as_(brief) as http:
        batch = http.post("/v1/batches", files={"file": ("a.zip", _archive())}).json()["id"]
        while not (found := http.get(f"/v1/documents?batch_id={batch}").json()["items"]):
            time.sleep(0.1)
        assert found[0]["expires_at"] is not None


def test_who_changed_what_is_in_the_audit_log(service: Service) -> None:
    tenant = TenantId("audited")
    issued = service.keys.create(tenant, "robot", [Scope.ADMIN])
    with httpx.Client(
        base_url=service.url, timeout=120, headers={"Authorization": f"Bearer {issued.secret}"}
    ) as http:
        api = Client(http)
        document = api.read(invoice_pdf(), f"{SECRET}.pdf", external_id=SECRET, schema="invoice")
        at = f"/v1/documents/{document['id']}"
        run = http.post(f"{at}/runs", json={"schema": "invoice"}, headers={"Prefer": "wait=60"}).json()["id"]
        change = {"corrections": [{"path": "number", "value": SECRET}]}
        assert http.patch(f"{at}/fields", json=change).status_code == 200
        assert http.put("/v1/schemas/mine", json={"type": "object"}).status_code == 201
        assert http.delete("/v1/schemas/mine").status_code == 204
        deleted = http.delete(at, headers={"X-Request-Id": "delete-it-now"})
        assert deleted.status_code == 204
        batch = http.post("/v1/batches", files={"file": (f"{SECRET}.zip", _archive())}).json()["id"]
        hook = http.post("/v1/webhooks", json={"url": f"http://127.0.0.1:9/{SECRET}"}).json()["id"]
        assert http.delete(f"/v1/webhooks/{hook}").status_code == 204
        shown = http.get("/v1/audit?limit=3")
        first = shown.json()
        rest = http.get("/v1/audit", params={"cursor": first["next_cursor"]}).json()
        assert rest["next_cursor"] is None
        acts = first["items"] + rest["items"]
        assert [(act["action"], act["object_id"]) for act in acts] == [
            ("webhook.deleted", hook),
            ("webhook.created", hook),
            ("batch.created", batch),
            ("document.deleted", document["id"]),
            ("schema.deleted", "mine"),
            ("schema.put", "mine@1"),
            ("document.corrected", document["id"]),
            ("run.created", run),
            ("document.created", document["id"]),
        ]
        assert {(act["actor"], act["key_id"]) for act in acts} == {("robot", issued.id)}
        assert acts[3]["request_id"] == "delete-it-now"
        assert SECRET not in shown.text
        assert http.get("/v1/audit?action=run.created").json()["items"] == [acts[7]]
        problem(http.get("/v1/audit?action=nothing"), 422, "request_invalid")
    with service.as_(HIS) as other:
        assert other.get(f"/v1/audit?object_id={document['id']}").json()["items"] == []
