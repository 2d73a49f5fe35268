"""The client: an address, a key, and a hold on each resource."""

import ssl
from types import TracebackType
from typing import Any, Self, Unpack

from quire_client.batches import Batches
from quire_client.documents import Documents
from quire_client.errors import DocumentFailed
from quire_client.queries import Queries
from quire_client.retries import Retries
from quire_client.schemas import Schemas
from quire_client.sending import Source
from quire_client.shapes import Request, Result
from quire_client.transport import Call, Transport, path
from quire_client.webhooks import Webhooks

LOCAL = "http://127.0.0.1:8088"


class Quire:
    """A service of Quire. Safe to use from several threads; close it, or use it as a context.

    Proxies and certificates come from the environment as httpx has it (HTTPS_PROXY, NO_PROXY,
    SSL_CERT_FILE) unless ``trust_env`` is False.
    """

    def __init__(
        self,
        url: str = LOCAL,
        key: str | None = None,
        *,
        timeout_s: float = 30.0,
        retries: Retries | None = None,
        proxy: str | None = None,
        verify: ssl.SSLContext | bool = True,
        trust_env: bool = True,
    ) -> None:
        self._transport = Transport(
            url,
            key,
            timeout_s=timeout_s,
            retries=retries or Retries(),
            proxy=proxy,
            verify=verify,
            trust_env=trust_env,
        )
        self.url = url
        self.documents = Documents(self._transport)
        self.batches = Batches(self._transport)
        self.queries = Queries(self._transport)
        self.schemas = Schemas(self._transport)
        self.webhooks = Webhooks(self._transport)

    def read(self, source: Source, *, timeout_s: float | None = None, **request: Unpack[Request]) -> Result:
        """Post a document, wait for it, and get its result. `DocumentFailed` if there is none."""
        document = self.documents.submit(source, **request)
        document = self.documents.wait(document["id"], timeout_s=timeout_s)
        if document["state"] == "failed":
            raise DocumentFailed(document)
        return self.documents.result(document["id"])

    def engines(self) -> list[dict[str, Any]]:
        """What can be asked of the service's engines."""
        return list(self._transport.json(Call("GET", path("engines")))["items"])

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Quire({self.url!r})"
