"""The guard of outgoing requests, with a resolver and a connector of the test's own: nothing is opened."""

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services import guard
from services.guard import (
    Guard,
    PinnedBackend,
    SourceFailed,
    SourceRefused,
    check_target,
    check_url,
    open_stream,
    permitted,
)

PUBLIC = "93.184.216.34"
FORBIDDEN = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.8",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "2002:7f00:1::",
    "2001:0:1::1",
    "2001:db8::1",
    "100::1",
]


class Wire(httpcore.NetworkBackend):
    """Answers every connection from a script, and remembers where they went."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.connected: list[tuple[str, int]] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self.connected.append((host, port))
        return httpcore.MockStream([self.answers.pop(0)])


def backend(wire: Wire, *resolved: Sequence[str], allowed: Sequence[str] = ()) -> PinnedBackend:
    """A guard whose name server gives one answer after the other."""
    answers = list(resolved)

    def resolver(host: str, port: int) -> Sequence[str]:
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            pass
        try:  # what the system's resolver does with 127.1, 0x7f000001 or 2130706433
            return [socket.inet_ntoa(socket.inet_aton(host))]
        except OSError:
            return answers.pop(0) if answers else ()

    networks = [ipaddress.ip_network(text) for text in allowed]
    return PinnedBackend(networks, resolver, wire)


def fetch(guarded: PinnedBackend, url: str) -> bytes:
    with Guard(guarded).client(5) as http:
        response = open_stream(http, url)
        try:
            return response.read()
        finally:
            response.close()


@pytest.mark.parametrize("address", FORBIDDEN)
def test_addresses_that_are_not_public_are_refused_in_urls_and_behind_names(address: str) -> None:
    literal = f"[{address}]" if ":" in address else address
    wire = Wire()
    for url, answer in ((f"http://{literal}/x", [address]), ("http://innocent.example/x", [address])):
        with pytest.raises(SourceRefused):
            fetch(backend(wire, answer), url)
    assert wire.connected == []


def test_where_nothing_may_be_reached_no_name_is_looked_up() -> None:
    asked: list[str] = []
    wire = Wire()

    def resolver(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["93.184.216.34"]

    with pytest.raises(SourceRefused):
        fetch(PinnedBackend((), resolver, wire, public=False), "http://public.example/x")
    assert (asked, wire.connected) == ([], [])


def test_without_the_public_net_only_listed_networks_are_reached() -> None:
    wire, answers = Wire(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"), ["93.184.216.34", "10.1.2.3"]
    guarded = PinnedBackend(
        [ipaddress.ip_network("10.1.0.0/16")], lambda host, port: [answers.pop(0)], wire, public=False
    )
    with pytest.raises(SourceRefused):
        fetch(guarded, "http://public.example/x")
    assert fetch(guarded, "http://inside.example/x") == b"ok"
    assert wire.connected == [("10.1.2.3", 80)]
    with pytest.raises(SourceRefused):
        check_target("http://93.184.216.34/", (), public=False)


@pytest.mark.parametrize(
    "host", ["127.1", "0x7f000001", "2130706433", "0177.0.0.1", "0", "localhost.", "LOCALHOST"]
)
def test_other_spellings_of_loopback_are_refused(host: str) -> None:
    wire = Wire()
    with pytest.raises(SourceRefused):
        fetch(backend(wire, ["127.0.0.1"]), f"http://{host}/")
    assert wire.connected == []


@pytest.mark.parametrize(
    "url", ["http://\0\u00d7Kd", "http://a\nb/", "http://1.2.3.4\0.example/", "http://a/\x7f"]
)
def test_control_characters_are_refused_and_never_looked_up(url: str) -> None:
    with pytest.raises(SourceRefused):
        check_target(url, ())


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::808:808"]
)
def test_public_addresses_pass(address: str) -> None:
    assert permitted(ipaddress.ip_address(address), ())


def test_the_connection_goes_to_the_address_that_was_judged() -> None:
    wire = Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    # A second look-up would find loopback: there must be none.
    assert fetch(backend(wire, [PUBLIC], ["127.0.0.1"]), "http://rebind.example:8080/a.pdf") == b"ok"
    assert wire.connected == [(PUBLIC, 8080)]


def test_a_name_with_one_forbidden_address_is_refused_as_a_whole() -> None:
    wire = Wire()
    with pytest.raises(SourceRefused):
        fetch(backend(wire, [PUBLIC, "10.0.0.1"]), "http://both.example/")
    assert wire.connected == []


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest/meta-data/", "http://[::1]/", "//127.0.0.1/x", "file:///etc/passwd", "gopher://x/",
     "http://user:pw@ok.example/", "http://:80/"],
)  # fmt: skip
def test_redirects_are_judged_like_the_first_address(location: str) -> None:
    wire = Wire(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())
    with pytest.raises(SourceRefused):
        fetch(backend(wire, [PUBLIC]), "http://ok.example/")
    assert wire.connected == [(PUBLIC, 80)]


def test_a_redirect_to_no_url_at_all_is_a_failed_source() -> None:
    wire = Wire(b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(guard.SourceFailed):
        fetch(backend(wire, [PUBLIC]), "http://ok.example/")


def test_a_redirected_name_is_resolved_and_judged_again() -> None:
    head = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close\r\n"
    wire = Wire(head + b"Location: http://ok.example/again\r\n\r\n")
    with pytest.raises(SourceRefused):
        fetch(backend(wire, [PUBLIC], ["127.0.0.1"]), "http://ok.example/")
    assert wire.connected == [(PUBLIC, 80)]


def test_redirects_end() -> None:
    hop = b"HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    wire = Wire(*[hop] * 10)
    with pytest.raises(SourceFailed, match="redirects"):
        fetch(backend(wire, *[[PUBLIC]] * 10), "http://ok.example/")
    assert len(wire.connected) == guard.MAX_REDIRECTS + 1


def test_an_allowed_network_is_reached_and_its_neighbours_are_not() -> None:
    wire = Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    guarded = backend(wire, allowed=["10.1.0.0/16"])
    assert fetch(guarded, "http://10.1.2.3/") == b""
    with pytest.raises(SourceRefused):
        fetch(guarded, "http://10.2.2.3/")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://ok.example/",
        "file:///etc/passwd",
        "http:///x",
        "http://u:p@ok.example/",
        "http://x:99999/",
        "x",
        "",
    ],
)
def test_urls_of_another_form_are_refused(url: str) -> None:
    with pytest.raises(SourceRefused):
        check_url(url)


def test_an_unknown_host_fails() -> None:
    with pytest.raises(SourceFailed, match="not known"):
        fetch(backend(Wire(), []), "http://nowhere.example/")


@given(st.ip_addresses(v=4))
def test_an_address_mapped_into_ipv6_is_judged_like_itself(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address(f"::ffff:{address}")
    translated = ipaddress.IPv6Address((0x64FF9B << 96) + int(address))
    assert permitted(mapped, ()) == permitted(address, ())
    assert permitted(translated, ()) == permitted(address, ())


def test_the_certificate_is_checked_for_the_name() -> None:
    """TLS starts with the name as SNI although the socket got the address."""
    seen: list[str | None] = []

    class Stream(httpcore.MockStream):
        def start_tls(
            self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
        ) -> Any:
            seen.append(server_hostname)
            return self

    class TlsWire(Wire):
        def connect_tcp(self, host: str, port: int, **kwargs: Any) -> httpcore.NetworkStream:  # type: ignore[override]
            self.connected.append((host, port))
            return Stream([b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])

    wire = TlsWire()
    fetch(backend(wire, [PUBLIC]), "https://ok.example/")
    assert (wire.connected, seen) == ([(PUBLIC, 443)], ["ok.example"])


def test_the_environment_s_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    wire = Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    fetch(backend(wire, [PUBLIC]), "http://ok.example/")
    assert wire.connected == [(PUBLIC, 80)]


def test_a_peer_that_breaks_off_is_our_own_error() -> None:
    with pytest.raises(SourceFailed), Guard(backend(Wire(b""), [PUBLIC])).client(5) as http:
        open_stream(http, "http://ok.example/")
    assert issubclass(httpx.RemoteProtocolError, httpx.HTTPError)
