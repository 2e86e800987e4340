"""Who is let in: hosts, origins and keys, and the money of each key."""

from __future__ import annotations

import gc
import hashlib
import socket
import statistics
import time

import anyio
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clocks import OwnClock
from gateways import Gateway, key, secret, serving
from limner.config.settings import KeyConfig
from limner.errors import StoreError
from limner.gateway.exchange import Answer, Inbound, Whole
from limner.gateway.front.app import Route
from limner.gateway.front.doors import Doors
from limner.gateway.front.purses import Purses
from limner.gateway.refusal import Refusal
from limner.spending.budget import Account, Budget

KEYED = Doors([key("alice"), key("bob")])
OPEN = Doors([], public_url="https://pictures.example")
HOST = (b"host", b"localhost:8000")


async def whoami(inbound: Inbound) -> Answer:
    return Whole(inbound.tenant.name.encode())


def _code(doors: Doors, *headers: tuple[bytes, bytes]) -> str:
    try:
        doors.check_host(headers, "1.1")
        return doors.tenant(headers)
    except Refusal as refusal:
        return refusal.code


@pytest.mark.parametrize(
    "header",
    [
        (b"authorization", b"Bearer " + secret("alice").encode()),
        (b"authorization", b"bearer  " + secret("alice").encode() + b" "),
        (b"x-api-key", secret("alice").encode()),
    ],
)
def test_a_key_may_come_in_either_header(header: tuple[bytes, bytes]) -> None:
    """S03: one function decides for both."""
    assert _code(KEYED, HOST, header) == "alice"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", b"")],
        [(b"authorization", b"Bearer")],
        [(b"authorization", b"Bearer ")],
        [(b"authorization", b"Basic YTpi")],
        [(b"authorization", secret("alice").encode())],
        [(b"authorization", b"Bearer wrong")],
        [(b"authorization", b"Bearer \xff\xfe")],
        [(b"authorization", b"Bearer " + secret("alice").encode()[:-1])],
        [(b"authorization", b"Bearer " + secret("alice").encode() + b" x")],
        [(b"x-api-key", b"")],
        [(b"x-api-key", b"wrong")],
        [(b"x-api-key", secret("alice").encode()), (b"x-api-key", secret("bob").encode())],
        [(b"x-api-key", secret("alice").encode()), (b"authorization", b"Bearer wrong")],
        [(b"x-api-key", hashlib.sha256(secret("alice").encode()).hexdigest().encode())],
    ],
)
def test_anything_else_is_no_key(headers: list[tuple[bytes, bytes]]) -> None:
    """S01: no, malformed or wrong; also what the configuration holds of a key."""
    assert _code(KEYED, HOST, *headers) == "invalid_api_key"


@given(st.binary(max_size=100), st.sampled_from([b"authorization", b"x-api-key"]))
def test_whatever_is_sent_there_is_a_decision(value: bytes, name: bytes) -> None:
    """S01: nothing but a refusal comes of any bytes."""
    assert _code(KEYED, HOST, (name, value)) == "invalid_api_key"


def test_the_answer_is_the_same_to_the_byte_whatever_was_wrong() -> None:
    """S01: identical bytes, and the body has not been read."""
    with serving([Route("POST", "/echo", whoami)], keys=[key("alice")]) as gateway:
        answers = [
            httpx2.post(f"{gateway.url}{path}", headers=headers, json={})
            for headers in ({}, {"authorization": "x"}, {"x-api-key": "wrong"}, {"authorization": "Bearer x"})
            for path in ("/echo", "/nothing")
        ]
        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.content for answer in answers}) == 1
        assert answers[0].headers["www-authenticate"] == "Bearer"
        assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


def test_a_body_is_not_waited_for_before_the_key_is_known() -> None:
    """S01: decided before the body is read: an answer comes although none of it was sent."""
    with serving([Route("POST", "/echo", whoami)], keys=[key("alice")]) as gateway:
        received = gateway.talk(
            b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n"
        )
        assert received.startswith(b"HTTP/1.1 401 ")
        assert b"connection: close" in received
        assert b"100 Continue" not in received


def test_time_tells_nothing_about_a_key() -> None:
    """S02: guesses that agree with a key's beginning take as long as those that do not, and the first
    key of many as long as the last. Asked in turns; the medians differ by less than 3 % or 60 ns."""
    keys = [KeyConfig(str(number), hashlib.sha256(b"%064d" % number).hexdigest()) for number in range(8)]
    doors = Doors(keys)
    guesses = {
        "none of it": [(b"x-api-key", b"x" * 64)],
        "most of it": [(b"x-api-key", b"%063dx" % 0)],
        "the first": [(b"x-api-key", b"%064d" % 0)],
        "the last": [(b"x-api-key", b"%064d" % 7)],
    }
    taken: dict[str, list[int]] = {name: [] for name in guesses}
    gc.disable()
    try:
        for _ in range(20_000):
            for name, headers in guesses.items():
                given_key = headers[0][1]
                began = time.perf_counter_ns()
                doors.known(given_key)
                taken[name].append(time.perf_counter_ns() - began)
    finally:
        gc.enable()
    medians = [statistics.median(values) for values in taken.values()]
    assert max(medians) - min(medians) <= max(60, 0.03 * min(medians)), medians


def test_nobody_needs_a_key_where_none_is_configured() -> None:
    """Without keys everybody here is the tenant "local", whatever key his client insists on sending."""
    assert _code(OPEN, HOST) == "local"
    assert _code(OPEN, HOST, (b"authorization", b"Bearer anything")) == "local"


@pytest.mark.parametrize(
    "host",
    [
        b"localhost",
        b"LOCALHOST:1",
        b"127.0.0.1:8000",
        b"127.8.9.1",
        b"[::1]:8000",
        b"a.localhost",
        b"pictures.example",
    ],
)
def test_without_keys_a_name_of_this_machine_is_answered(host: bytes) -> None:
    """Also the configured public one: nobody else can point it anywhere."""
    assert _code(OPEN, (b"host", host)) == "local"


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"localhost.evil.example",
        b"127.0.0.1.evil.example",
        b"10.0.0.1",
        b"[::2]",
        b"0.0.0.0",
    ],
)
def test_without_keys_no_other_name_is_answered(host: bytes) -> None:
    """A page whose name was pointed to this machine (DNS rebinding) is not from here."""
    assert _code(OPEN, (b"host", host)) == "host_invalid"
    assert _code(KEYED, (b"host", host)) == "invalid_api_key"


@pytest.mark.parametrize(
    "host",
    [
        b"x/healthz?",
        b"a b",
        b"",
        b"a@b",
        b"a:b",
        b"a:123456",
        b"[::1",
        b"a\\b",
        b"a#b",
        b"-a",
        b"a,b",
        b"\xff",
    ],
)
@pytest.mark.parametrize("doors", [KEYED, OPEN])
def test_a_host_that_is_none_is_refused(doors: Doors, host: bytes) -> None:
    """S04: a poisoned Host header."""
    assert _code(doors, (b"host", host)) == "host_invalid"


def test_a_missing_or_repeated_host_is_refused_but_in_http_1_0() -> None:
    """S04, and HTTP: 1.1 has exactly one; some health checks still speak 1.0."""
    assert _code(KEYED) == "host_invalid"
    assert _code(KEYED, HOST, HOST) == "host_invalid"
    KEYED.check_host([], "1.0")
    with pytest.raises(Refusal):
        KEYED.check_host([HOST, HOST], "1.0")


def test_a_poisoned_host_reaches_no_endpoint() -> None:
    """S04: the path is the request line's, whatever Host says."""
    with serving([Route("GET", "/echo", whoami), Route("GET", "/healthz", whoami, at_root=True)]) as gateway:
        for path in (b"/v1/echo", b"/healthz"):
            sent = b"GET %s HTTP/1.1\r\nHost: x/healthz?\r\nConnection: close\r\n\r\n" % path
            assert gateway.talk(sent).startswith(b"HTTP/1.1 400 ")
        absolute = b"GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert gateway.talk(absolute).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ([(b"origin", b"http://localhost:8000")], True),
        ([(b"origin", b"https://pictures.example")], True),
        ([(b"origin", b"http://localhost:3000")], False),
        ([(b"origin", b"https://evil.example")], False),
        ([(b"origin", b"null")], False),
        ([(b"origin", b"")], False),
        ([(b"origin", b"http://")], False),
        ([(b"sec-fetch-site", b"same-origin")], True),
        ([(b"sec-fetch-site", b"none")], True),
        ([(b"sec-fetch-site", b"same-site")], False),
        ([(b"sec-fetch-site", b"cross-site")], False),
    ],
)
def test_without_keys_pages_of_other_sites_get_no_answer(
    headers: list[tuple[bytes, bytes]], allowed: bool
) -> None:
    """S34: every page that a browser on this machine shows could ask, and spend."""
    assert _code(OPEN, HOST, *headers) == ("local" if allowed else "origin_forbidden")
    # With a key there is nothing that a page could use without knowing it.
    authorized = (b"x-api-key", secret("alice").encode())
    assert _code(KEYED, HOST, authorized, *headers) == "alice"


@pytest.mark.parametrize("origin", [b"", b"http://", b"https://", b"null"])
def test_an_origin_that_is_none_is_nobodys(origin: bytes) -> None:
    """Also where no public address is configured."""
    assert _code(Doors(()), HOST, (b"origin", origin)) == "origin_forbidden"


def test_no_answer_invites_other_sites() -> None:
    """S34: no CORS header, neither a wildcard nor an echo."""
    with serving([Route("GET", "/echo", whoami)], keys=[key("alice")]) as gateway:
        for method in ("GET", "OPTIONS"):
            asked = {"origin": "https://a.example", "access-control-request-method": "GET"}
            answer = httpx2.request(method, f"{gateway.url}/echo", headers=asked | gateway.auth("alice"))
            assert not [name for name in answer.headers if name.startswith("access-control")]


class Books:
    """What was spent, as a ledger would know it."""

    def __init__(self, usd: float = 0.0) -> None:
        self.usd = usd
        self.asked: list[tuple[str, str]] = []

    async def spent(self, tenant: str, day: str) -> float:
        self.asked.append((tenant, day))
        await anyio.lowlevel.checkpoint()
        return self.usd


def _purses(books: Books, clock: OwnClock, within: Budget | None = None) -> Purses:
    return Purses([key("alice", usd=1.0), key("bob")], books.spent, clock, within=within)


def test_a_day_begins_with_what_was_spent_of_it_before() -> None:
    """A restart gives nobody his money twice."""

    async def main() -> None:
        books = Books(0.75)
        purses = _purses(books, OwnClock())
        alice = await purses.tenant("alice")
        assert alice.budget.left_usd == 0.25
        assert (await purses.tenant("bob")).budget.left_usd is None
        assert await purses.tenant("alice") is alice
        assert books.asked == [("alice", "2023-11-14"), ("bob", "2023-11-14")]

    anyio.run(main)


def test_a_new_day_brings_new_money_and_the_old_one_keeps_its_pictures() -> None:
    """Budgets are per UTC day; what was set aside yesterday is settled yesterday."""

    async def main() -> None:
        clock = OwnClock(1_700_000_000.0)  # 2023-11-14, 22:13 UTC
        purses = _purses(Books(), clock)
        before = (await purses.tenant("alice")).budget
        account = Account(before)
        assert account.reserve(("run", "call"), 1.0)
        clock.at_s += 2 * 3600
        after = (await purses.tenant("alice")).budget
        assert (before.left_usd, after.left_usd) == (0.0, 1.0)
        account.settle(("run", "call"), 0.5)
        assert (before.spent_usd, after.spent_usd) == (0.5, 0.0)

    anyio.run(main)


def test_requests_that_come_at_once_share_one_budget() -> None:
    """Two budgets for one day would be the money twice."""

    async def main() -> None:
        books = Books()
        purses = _purses(books, OwnClock())
        budgets = set()

        async def ask() -> None:
            budgets.add(id((await purses.tenant("alice")).budget))

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(ask)
        assert len(budgets) == len(books.asked) == 1

    anyio.run(main)


def test_a_key_s_budget_is_a_part_of_the_process_s() -> None:
    """What one key spends is spent of the whole."""

    async def main() -> None:
        whole = Budget(0.5)
        alice = await _purses(Books(), OwnClock(), whole).tenant("alice")
        account = Account(alice.budget)
        assert account.reserve(("r", "1"), 0.5)
        assert not account.reserve(("r", "2"), 0.1)
        assert whole.left_usd == 0

    anyio.run(main)


def test_where_nobody_knows_what_was_spent_nothing_is_begun() -> None:
    """A budget that is unknown is not an empty one."""

    async def lost(tenant: str, day: str) -> float:
        raise StoreError("the ledger cannot be read; look at the disk", code="store_unavailable")

    async def main() -> None:
        purses = Purses([key("alice", usd=1.0)], lost, OwnClock())
        with pytest.raises(StoreError):
            await purses.tenant("alice")

    anyio.run(main)


def test_two_keys_are_two_tenants() -> None:
    """Each key's requests are its own tenant's."""
    with serving([Route("GET", "/echo", whoami)], keys=[key("alice"), key("bob")]) as gateway:
        assert _asked(gateway, "alice") == "alice"
        assert _asked(gateway, "bob") == "bob"


def _asked(gateway: Gateway, name: str) -> str:
    return httpx2.get(f"{gateway.url}/echo", headers=gateway.auth(name)).text


def test_an_unknown_client_gets_its_answer_also_while_it_sends() -> None:
    """S01: what is still coming is dropped for a while, so that the answer can be read before the end."""
    with (
        serving([Route("POST", "/echo", whoami)], keys=[key("alice")]) as gateway,
        socket.create_connection(("127.0.0.1", gateway.port), 5) as connection,
    ):
        head = b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        connection.sendall(head + b"Content-Length: 4000000\r\n\r\n" + b" " * 2_000_000)
        received = b""
        while piece := connection.recv(65536):
            received += piece
        assert received.startswith(b"HTTP/1.1 401 ")
        assert received.endswith(b"}}")
