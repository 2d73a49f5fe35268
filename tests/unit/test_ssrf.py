"""A generated matrix of hostile addresses against the guard that URL sources and webhooks share.

Resolver and connector are the test's own, so that nothing is opened, whatever the guard decides.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpcore
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.guard import Guard, PinnedBackend, SourceFailed, SourceRefused, check_target, open_stream
from services.post import GuardedPost

PUBLIC = "93.184.216.34"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"

# Both ends and something from the middle of everything that is not for the public.
RANGES_4 = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32",
    "169.254.169.254/32", "169.254.170.2/32", "100.100.100.200/32", "192.0.0.192/32",  # metadata of clouds
]  # fmt: skip
RANGES_6 = [
    "::/128", "::1/128", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "100::/64", "2001::/32",
    "2001:db8::/32", "2002::/16", "64:ff9b:1::/48", "fd00:ec2::254/128", "fd20:ce::254/128",
    "::ffff:0:0:0/96",  # translated, RFC 2765
]  # fmt: skip

TUNNELS = ("2002::/16", "2001::/32")


def ends(text: str) -> Iterator[str]:
    network = ipaddress.ip_network(text)
    first, last = int(network.network_address), int(network.broadcast_address)
    kind = type(network.network_address)
    yield from dict.fromkeys(str(kind(number)) for number in (first, (first + last) // 2, last))


def spellings_4(address: str) -> Iterator[str]:
    """The ways in which some resolver or other takes an IPv4 address, as the host of a URL."""
    number = int(ipaddress.IPv4Address(address))
    a, b, c, d = (number >> shift & 255 for shift in (24, 16, 8, 0))
    yield from (address, f"{address}.", str(number), hex(number), f"0x{number:X}", f"0{number:o}")
    yield f"{a}.{number & 0xFFFFFF}"
    yield f"{a}.{b}.{number & 0xFFFF}"
    yield ".".join(f"0{part:o}" for part in (a, b, c, d))
    yield ".".join(hex(part) for part in (a, b, c, d))
    yield f"0{a:o}.{b}.{hex(c)}.{d}"
    yield ".".join(f"000000{part:o}" for part in (a, b, c, d))
    yield from embedded(address)


def embedded(address: str) -> Iterator[str]:
    """The same address inside IPv6 ones: mapped, compatible, NAT64, 6to4, Teredo."""
    number = int(ipaddress.IPv4Address(address))
    six = ipaddress.IPv6Address
    for whole in (
        six((0xFFFF << 32) + number),
        six(number),
        six((0x64FF9B << 96) + number),
        six((0x2002 << 112) + (number << 80)),
        six((0x20010000 << 96) + (number ^ 0xFFFFFFFF)),
    ):
        yield f"[{whole}]"
        yield f"[{whole.exploded}]"
    yield f"[::ffff:{address}]"
    yield f"[64:ff9b::{address}]"


def spellings_6(address: str) -> Iterator[str]:
    whole = ipaddress.IPv6Address(address)
    yield from (f"[{whole}]", f"[{whole.exploded}]", f"[{str(whole).upper()}]")
    yield f"[{whole}%25eth0]"
    yield f"[{whole}%251]"


HOSTS = sorted(
    {host for text in RANGES_4 for end in ends(text) for host in spellings_4(end)}
    | {host for text in RANGES_6 for end in ends(text) for host in spellings_6(end)}
)
ADDRESSES = sorted({end for text in RANGES_4 + RANGES_6 for end in ends(text)})


@dataclass
class World(httpcore.NetworkBackend):
    """Names with the answers they give one after the other, and a connector that only remembers."""

    names: dict[str, list[Sequence[str]]] = field(default_factory=dict)
    answers: list[bytes] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    connected: list[tuple[str, int]] = field(default_factory=list)

    def resolve(self, host: str, port: int) -> Sequence[str]:
        """As the system's does: any spelling of an address is an address."""
        self.asked.append(host)
        bare = host.rstrip(".")
        if bare in self.names:
            queue = self.names[bare]
            return queue.pop(0) if len(queue) > 1 else queue[0]
        plain, _, zone = bare.partition("%")
        try:
            return [str(ipaddress.ip_address(plain)) + (f"%{zone}" if zone else "")]
        except ValueError:
            pass
        try:
            return [socket.inet_ntoa(socket.inet_aton(bare))]
        except OSError:
            raise socket.gaierror(socket.EAI_NONAME, "unknown") from None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self.connected.append((host, port))
        return httpcore.MockStream([self.answers.pop(0) if self.answers else OK])

    def guard(self, *allowed: str) -> Guard:
        networks = [ipaddress.ip_network(text) for text in allowed]
        return Guard(PinnedBackend(networks, self.resolve, self))


def fetched(guard: Guard, url: str) -> str:
    """What a URL source comes to."""
    with guard.client(30) as http:
        try:
            response = open_stream(http, url)
        except SourceRefused:
            return "refused"
        except SourceFailed:
            return "failed"
        body = response.read().decode()
        response.close()
        return body


def called(guard: Guard, url: str) -> str:
    """What a webhook comes to."""
    reply = GuardedPost(guard, 30).send(url, {}, b"{}")
    return {"target_refused": "refused"}.get(reply.error or "", reply.start.decode())


WAYS: list[Callable[[Guard, str], str]] = [fetched, called]
each_way = pytest.mark.parametrize("way", WAYS, ids=["source", "webhook"])


@pytest.fixture(scope="module")
def guarded() -> Guard:
    """In a world without names."""
    return World().guard()


@each_way
def test_no_spelling_of_a_forbidden_address_is_connected_to(way: Callable[[Guard, str], str]) -> None:
    assert len(HOSTS) > 1000
    world = World()
    guarded = world.guard()
    outcomes = {host: way(guarded, f"http://{host}/") for host in HOSTS}
    assert {host: got for host, got in outcomes.items() if got != "refused"} == {}
    assert world.connected == []


@each_way
def test_no_name_leads_to_a_forbidden_address(way: Callable[[Guard, str], str]) -> None:
    world = World({f"n{n}.example": [[address]] for n, address in enumerate(ADDRESSES)})
    world.names |= {f"b{n}.example": [[PUBLIC, address]] for n, address in enumerate(ADDRESSES)}
    world.names |= {f"z{n}.example": [[f"{address}%eth0"]] for n, address in enumerate(ADDRESSES)}
    guard = world.guard()
    assert {name: got for name in world.names if (got := way(guard, f"http://{name}/")) != "refused"} == {}
    assert world.connected == []


@each_way
def test_a_name_that_changes_its_answer_is_asked_once_and_held_to_it(
    way: Callable[[Guard, str], str],
) -> None:
    world = World({f"n{n}.example": [[PUBLIC], [address]] for n, address in enumerate(ADDRESSES)})
    guard = world.guard()
    for name in world.names:
        before = len(world.asked)
        assert way(guard, f"http://{name}:8080/") == "ok"
        assert world.asked[before:] == [name]
        # The next exchange asks anew and judges the new answer.
        assert way(guard, f"http://{name}:8080/") == "refused"
    assert world.connected == [(PUBLIC, 8080)] * len(ADDRESSES)


@pytest.mark.parametrize(("part", "status"), list(enumerate([301, 302, 303, 307, 308])))
def test_no_redirect_leads_a_source_to_a_forbidden_address(part: int, status: int) -> None:
    hosts = HOSTS[part::5]
    world = World({"ok.example": [[PUBLIC]]})
    guard = world.guard()
    hop = "HTTP/1.1 {} x\r\nLocation: http://{}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    for host in hosts:
        world.answers = [hop.format(status, host).encode()]
        # httpx fails by itself over some that are no URLs.
        assert fetched(guard, "http://ok.example/") in ("refused", "failed"), host
    assert world.connected == [(PUBLIC, 80)] * len(hosts)


def test_a_webhook_follows_no_redirect_at_all() -> None:
    hop = b"HTTP/1.1 307 x\r\nLocation: http://ok.example/elsewhere\r\nContent-Length: 0\r\n\r\n"
    world = World({"ok.example": [[PUBLIC]]}, [hop])
    assert GuardedPost(world.guard(), 30).send("http://ok.example/", {}, b"{}").status == 307
    assert world.connected == [(PUBLIC, 80)]


@each_way
def test_what_is_allowed_is_reached_and_nothing_beside_it(way: Callable[[Guard, str], str]) -> None:
    world = World()
    guard = world.guard("10.1.0.0/16", "fd00:1::/64")
    for host in ("10.1.2.3", "0x0a010203", "[::ffff:10.1.2.3]", "[fd00:1::5]"):
        assert way(guard, f"http://{host}/") == "ok", host
    for host in ("10.2.0.1", "10.0.255.255", "[fd00:2::5]", "[fd00:1::5%25eth0]", "127.0.0.1"):
        assert way(guard, f"http://{host}/") == "refused", host


@each_way
def test_public_addresses_are_reached(way: Callable[[Guard, str], str]) -> None:
    guard = World().guard()
    for host in (PUBLIC, "8.8.8.8", "0x08080808", "[2606:4700:4700::1111]", "[64:ff9b::808:808]"):
        assert way(guard, f"http://{host}/") == "ok", host


@settings(max_examples=40)
@given(address=st.ip_addresses(v=4))
def test_every_spelling_of_an_address_is_judged_alike(guarded: Guard, address: ipaddress.IPv4Address) -> None:
    """What is refused as it stands is refused in any spelling, as is every tunnel that ends elsewhere."""
    plain = fetched(guarded, f"http://{address}/")
    for host in spellings_4(str(address)):
        whole = ipaddress.ip_address(host.strip("[]")) if ":" in host else None
        tunnel = whole is not None and any(whole in ipaddress.ip_network(text) for text in TUNNELS)
        got = fetched(guarded, f"http://{host}/")
        assert got == "refused" or (plain == "ok" and not tunnel), host


def test_who_registers_a_forbidden_address_is_told_at_once() -> None:
    late = []
    for host in HOSTS:
        try:
            check_target(f"http://{host}/", ())
            late.append(host)
        except SourceRefused:
            pass
    assert all(host.endswith(".") for host in late), "a dot at the end: told when it is called"
