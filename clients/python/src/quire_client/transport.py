"""One call of the service: sent, tried again where that is harmless, and its answer checked."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import httpx

from quire_client.errors import AnswerInvalid, Problem, Unreachable, problem_of
from quire_client.retries import Retries, Tries

Body = Callable[[ExitStack], Mapping[str, Any]]
"""What httpx is to send (``json``, ``files`` …), made anew for every try; the stack closes what it opens."""

_PASSING = frozenset({429, 502, 503, 504})
_NOT_BEGUN = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    repeatable: bool = True
    """Twice is as good as once: a call that reads, or one under an Idempotency-Key."""

    wait_s: float | None = None
    """The service is asked to hold its answer so long. If nothing comes then, that is not tried again."""


class Transport:
    """What all resources share: address, key, connections, patience."""

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        timeout_s: float,
        retries: Retries,
        proxy: str | None = None,
        verify: ssl.SSLContext | bool = True,
        trust_env: bool = True,
    ) -> None:
        self.url = url
        self.retries = retries
        self._timeout_s = timeout_s
        self._http = httpx.Client(
            base_url=url,
            headers={"User-Agent": "quire-client/0.1", **_authorization(key)},
            timeout=timeout_s,
            proxy=proxy,
            verify=verify,
            trust_env=trust_env,
        )
        # For addresses that the service names, such as a bucket's: they must not see the key.
        self._bare = httpx.Client(timeout=timeout_s, proxy=proxy, verify=verify, trust_env=trust_env)

    def close(self) -> None:
        self._http.close()
        self._bare.close()

    def json(self, call: Call) -> Any:
        return json_of(self.send(call))

    def send(self, call: Call) -> httpx.Response:
        with self.stream(call) as answer:
            return answer

    @contextmanager
    def stream(self, call: Call, *, read: bool = True) -> Iterator[httpx.Response]:
        """A successful answer; with ``read`` False its body is the caller's to read while this is open."""
        tries = Tries(self.retries)
        with ExitStack() as stack:
            while True:
                try:
                    answer = self._once(call, stack, read=read)
                    break
                except (Problem, Unreachable) as error:
                    if not _may_pass(error, call) or not tries.again(getattr(error, "retry_after_s", None)):
                        raise
            yield answer

    def _once(self, call: Call, stack: ExitStack, *, read: bool) -> httpx.Response:
        headers, timeout = dict(call.headers), httpx.Timeout(self._timeout_s)
        if call.wait_s is not None:
            headers["Prefer"] = f"wait={max(0, round(call.wait_s))}"
            timeout = httpx.Timeout(self._timeout_s, read=self._timeout_s + call.wait_s)
        with ExitStack() as own:
            body = call.body(own) if call.body is not None else {}
            request = self._http.build_request(
                call.method, call.path, params=_given(call.params), headers=headers, timeout=timeout, **body
            )
            with translated(self.url):
                answer = self._http.send(request, stream=True)
                own.callback(answer.close)
                if read or not answer.is_success:
                    answer.read()
            if not answer.is_success:
                raise problem_of(answer)
            stack.push(own.pop_all())
        return answer

    def put(self, url: str, headers: Mapping[str, str], body: Body) -> None:
        """Send bytes to an address that the service named, without the key."""
        tries = Tries(self.retries)
        while True:
            try:
                with ExitStack() as own, translated("the address of the upload"):
                    answer = self._bare.put(url, headers=dict(headers), **body(own))
                if answer.is_success:
                    return
                raise problem_of(answer)
            except (Problem, Unreachable) as error:
                if not _may_pass(error, Call("PUT", url)) or not tries.again():
                    raise


def send_held(transport: Transport, call: Call) -> tuple[httpx.Response, bool]:
    """The answer, and whether the service held it back as asked; asked once more without that when something
    in between did not wait so long."""
    try:
        answer = transport.send(call)
    except (Unreachable, Problem) as error:
        cut = error.timed_out if isinstance(error, Unreachable) else error.status == 504
        if call.wait_s is None or not cut:
            raise
        return transport.send(replace(call, wait_s=None)), False
    return answer, "preference-applied" in answer.headers


def json_body(value: Any) -> Body:
    return lambda _stack: {"json": value}


def json_of(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise AnswerInvalid(f"{answer.request.url.host} answered something that is not JSON") from None


def path(*parts: str | int) -> str:
    """Ids and names as parts of a path: a slash in one stays inside it."""
    return "/v1/" + "/".join(quote(str(part), safe="@") for part in parts)


def paged(transport: Transport, call: Call) -> Iterator[Any]:
    """All items of a listing, page by page."""
    cursor: str | None = None
    while True:
        params = dict(call.params) if cursor is None else {**call.params, "cursor": cursor}
        found = transport.json(Call(call.method, call.path, params, call.headers))
        yield from found["items"]
        cursor = found["next_cursor"]
        if cursor is None:
            return


@contextmanager
def translated(who: str) -> Iterator[None]:
    """httpx's errors as ours."""
    try:
        yield
    except httpx.TimeoutException as error:
        raise Unreachable(f"{who} did not answer in time", timed_out=True) from error
    except httpx.RequestError as error:
        reason = str(error) or type(error).__name__
        raise Unreachable(f"{who} does not answer ({reason})") from error


def _may_pass(error: Problem | Unreachable, call: Call) -> bool:
    """Whether the same call may succeed later, and does no harm if this one was heard after all."""
    if isinstance(error, Problem):
        if call.wait_s is not None and error.status == 504:
            return False
        passing = error.status in _PASSING or error.retryable
        return passing and (call.repeatable or error.status == 429)
    if isinstance(error.__cause__, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        return False  # the request itself cannot be sent
    if call.wait_s is not None and error.timed_out:
        return False
    return call.repeatable or isinstance(error.__cause__, _NOT_BEGUN)


def _given(params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _authorization(key: str | None) -> dict[str, str]:
    if key is None:
        return {}
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("the key holds characters that no key has")
    return {"Authorization": f"Bearer {key}"}
