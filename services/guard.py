"""The guard between us and addresses that others name: resolve once, judge, connect to that very address."""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx

from schemas.errors import RequestInvalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Sequence[str]]
"""Host and port to addresses, best first."""

MAX_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_RESERVED = "240.0.0.0/4"
_REFUSED_4 = [
    # this host, carrier NAT, protocol assignments, 6to4 relays, benchmarking, reserved
    ipaddress.IPv4Network(text)
    for text in ("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", _RESERVED)
]
_REFUSED_6 = [
    # site-local, discard, local NAT64, and the tunnels whose far end we cannot judge (6to4, Teredo)
    ipaddress.IPv6Network(text)
    for text in ("fec0::/10", "100::/64", "64:ff9b:1::/48", "2002::/16", "2001::/32", "2001:db8::/32")
]


class SourceRefused(RequestInvalid):
    """The address may not be reached from here; says no more than the caller already knew."""

    code = "source_refused"


class SourceFailed(RequestInvalid):
    """The other side did not deliver."""

    code = "source_failed"


def resolve(host: str, port: int) -> list[str]:
    """Addresses by the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def embedded_address(address: Address) -> Address:
    """The IPv4 address that an IPv6 one really leads to (mapped, NAT64), else the address itself."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if int(address) >> 32 == 0 and int(address) > 1:  # ::a.b.c.d, deprecated but still routed by some
            return ipaddress.IPv4Address(int(address))
    return address


def permitted(address: Address, allowed: Iterable[Network], *, public: bool = True) -> bool:
    """True for what the operator allow-listed and, if ``public``, for public unicast addresses."""
    real = embedded_address(address)
    if any(real.version == network.version and real in network for network in allowed):
        return True
    if not public or (isinstance(real, ipaddress.IPv6Address) and real.scope_id is not None):
        return False
    refused: Sequence[Network] = _REFUSED_4 if real.version == 4 else _REFUSED_6
    if any(real in network for network in refused):
        return False
    return real.is_global and not (real.is_multicast or real.is_reserved or real.is_unspecified)


class PinnedBackend(httpcore.NetworkBackend):
    """Connects only to addresses that were judged: name resolution happens here, once per connection.

    Host header, SNI and certificate check keep the name, because only the socket gets the address.
    """

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        resolver: Resolver = resolve,
        connector: httpcore.NetworkBackend | None = None,
        setting: str = "QUIRE_SOURCE_ALLOW",
        *,
        public: bool = True,
    ) -> None:
        """``setting`` is where the operator lists networks; ``public``: public ones need not be listed."""
        self._allowed = tuple(allowed)
        self._public = public
        self._setting = setting
        self._resolver = resolver
        self._connector = connector or httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        address = self._judge(host, port)
        return self._connector.connect_tcp(
            address, port, timeout=timeout, local_address=local_address, socket_options=socket_options
        )

    def _judge(self, host: str, port: int) -> str:
        """The one address to connect to. A name with any forbidden address is refused as a whole."""
        if not (self._public or self._allowed):  # nor is anybody asked for the address of a name
            raise SourceRefused(
                detail=f"no address may be reached from here; {self._setting} can permit a network"
            )
        try:
            texts = self._resolver(host.strip("[]"), port)
        except (OSError, UnicodeError):
            raise SourceFailed(detail=f"the host {host[:253]!r} is not known") from None
        addresses = [ipaddress.ip_address(text.split("%", 1)[0]) for text in texts]
        scoped = any("%" in text for text in texts)
        if not addresses:
            raise SourceFailed(detail=f"the host {host[:253]!r} is not known")
        if scoped or not all(permitted(address, self._allowed, public=self._public) for address in addresses):
            raise SourceRefused(
                detail=f"{host[:253]!r} leads to an address that may not be reached from here (private, "
                f"loopback, link-local, reserved, not listed); {self._setting} can permit a network"
            )
        return str(addresses[0])


class _Hurried(httpcore.NetworkBackend):
    """Ends whatever goes on when the time is over; a peer that sends a byte now and then gains none."""

    def __init__(self, backend: httpcore.NetworkBackend, until: float) -> None:
        self._backend = backend
        self._until = until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(self._until, timeout, httpcore.ConnectTimeout)
        stream = self._backend.connect_tcp(host, port, left, local_address, socket_options)
        return _HurriedStream(stream, self._until)


class _HurriedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, until: float) -> None:
        self._stream = stream
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._until, timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._until, timeout, httpcore.WriteTimeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(self._until, timeout, httpcore.ConnectTimeout)
        return _HurriedStream(self._stream.start_tls(ssl_context, server_hostname, left), self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()


def _left(until: float, timeout: float | None, late: type[Exception]) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise late("the time for the whole exchange is over")
    return left if timeout is None else min(left, timeout)


class _Transport(httpx.HTTPTransport):
    """httpx's transport, its pool exchanged for one that connects through the guard."""

    def __init__(self, backend: httpcore.NetworkBackend, verify: ssl.SSLContext) -> None:
        super().__init__(verify=verify, trust_env=False)
        self._pool = httpcore.ConnectionPool(ssl_context=verify, network_backend=backend, max_connections=8)


class Guard:
    """The way out to addresses that others name, for URL sources and webhooks alike."""

    def __init__(self, backend: PinnedBackend) -> None:
        self._backend = backend
        self._tls = ssl.create_default_context()

    def client(self, timeout_s: float) -> httpx.Client:
        """An HTTP client for one exchange: all of it, redirects included, takes at most so long.

        It reaches nothing that the guard refuses; proxies of the environment are not used.
        """
        hurried = _Hurried(self._backend, time.monotonic() + timeout_s)
        return httpx.Client(
            transport=_Transport(hurried, self._tls),
            timeout=httpx.Timeout(min(timeout_s, 10.0)),
            follow_redirects=False,
            trust_env=False,
            headers={"User-Agent": "quire", "Accept": "*/*", "Accept-Encoding": "identity"},
        )


def check_url(url: str) -> str:
    """The URL when its form is acceptable: http or https, a host, no user name or password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SourceRefused(detail="the URL is malformed") from None
    if any(ord(char) < 32 or ord(char) == 127 for char in url):
        raise SourceRefused(detail="the URL holds control characters")
    if parts.scheme not in ("http", "https"):
        raise SourceRefused(detail="only http and https are spoken here")
    if not parts.hostname or port == 0:
        raise SourceRefused(detail="the URL names no host")
    if parts.username is not None or parts.password is not None:
        raise SourceRefused(detail="the URL carries a user name or password")
    return url


def check_target(url: str, allowed: Sequence[Network], *, public: bool = True) -> str:
    """The URL when its form is acceptable and its host is not plainly an address that will be refused.

    For an early answer to who names it; what counts is judged when it is connected to.
    """
    host = urlsplit(check_url(url)).hostname or ""
    try:
        address: Address = ipaddress.ip_address(host)
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(host))  # 127.1, 0x7f000001, 2130706433
        except (OSError, ValueError):
            return url
    if not permitted(address, allowed, public=public):
        raise SourceRefused(detail="the URL names an address that may not be reached from here")
    return url


def open_stream(http: httpx.Client, url: str) -> httpx.Response:
    """GET with redirects followed here, each target judged like the first. The caller closes the response."""
    for _ in range(MAX_REDIRECTS + 1):
        try:
            response = http.send(http.build_request("GET", check_url(url)), stream=True)
        except httpx.InvalidURL:
            raise SourceRefused(detail="the URL is malformed") from None
        except httpx.HTTPError as error:
            raise SourceFailed(detail=f"the source did not answer ({type(error).__name__})") from None
        if response.status_code not in _REDIRECTS:
            return response
        location = response.headers.get("location", "")
        response.close()
        try:
            url = urljoin(url, location)
        except ValueError:
            raise SourceFailed(detail="the source redirects to a malformed URL") from None
    raise SourceFailed(detail=f"more than {MAX_REDIRECTS} redirects")
