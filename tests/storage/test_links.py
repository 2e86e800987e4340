"""Signed links: who may mint them, how long they hold, and that old ones are still understood."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clocks import OwnClock
from limner.errors import ConfigError, StoreError
from limner.storage.ids import valid_id
from limner.storage.links import LinkSigner, opaque_id, opaque_link

ID = "Zm94LWluLXRoZS1yYWluLWFuZC1hLWJvYXQtMTIzNDU"
OTHER_ID = "Ym9hdC1pbi10aGUtcmFpbi1hbmQtYS1mb3gtMTIzNDU"
NEW, OLD, STRANGER = "the newest key, 32 random bytes", "the key before, 32 random bytes", "nobody's own key"
BASE = "https://pictures.example/limner"
HOUR_S = 3600.0


def signer(*keys: str, clock: OwnClock | None = None, ttl_s: float = HOUR_S, base: str = BASE) -> LinkSigner:
    return LinkSigner(base, keys or (NEW,), ttl_s=ttl_s, clock=clock or OwnClock())


def part(link: str, name: str) -> str:
    return link.partition(f"{name}=")[2].partition("&")[0]


def test_a_link_names_its_picture_and_holds() -> None:
    """DESIGN decision 10: one function checks a link, and it is the inverse of the one that mints."""
    link = signer().link(ID)
    assert valid_id(ID)
    assert link.startswith(f"{BASE}/images/{ID}?expires=")
    assert signer().verify(link) == signer().id_of(link) == ID


def test_slashes_at_the_end_of_the_base_do_not_matter() -> None:
    """What people type either way means the same address."""
    assert signer(base=f"{BASE}/").link(ID) == signer(base=BASE).link(ID)


CHANGES: dict[str, Callable[[str], str]] = {
    "another picture": lambda link: link.replace(ID, OTHER_ID),
    "another path": lambda link: link.replace("/images/", "/pages/"),
    "a longer path": lambda link: link.replace(f"{ID}?", f"{ID}/x?"),
    "a path that goes up": lambda link: link.replace("/images/", "/images/x/../"),
    "a later expiry": lambda link: link.replace(part(link, "expires"), str(int(part(link, "expires")) + 1)),
    "an expiry spelled otherwise": lambda link: link.replace("expires=", "expires=0"),
    "an expiry in other digits": lambda link: link.replace("expires=1", "expires=１"),
    "no expiry": lambda link: link.replace(f"expires={part(link, 'expires')}&", ""),
    "no signature": lambda link: link.partition("&signature")[0],
    "half a signature": lambda link: link[:-20],
    "a signature of its own": lambda link: link[:-43] + "A" * 43,
    "the last bits of the signature": lambda link: link[:-1] + ("B" if link[-1] != "B" else "C"),
    "another key's name": lambda link: link.replace(part(link, "key"), "AAAAAAAA"),
    "another host": lambda link: link.replace("pictures.example", "evil.example"),
    "another scheme": lambda link: link.replace("https:", "http:"),
    "the host in capitals": lambda link: link.replace("pictures.example", "PICTURES.example"),
    "more in the query": lambda link: f"{link}&q=SECRET",
    "more before the query": lambda link: link.replace("?", "?q=SECRET&"),
    "the query in another order": lambda link: link.replace("expires=", "signature=&expires="),
    "a fragment": lambda link: f"{link}#x",
    "an escaped letter": lambda link: link.replace("/images/", "/%69mages/"),
    "a final line feed": lambda link: f"{link}\n",
    "a space before": lambda link: f" {link}",
    "a lone surrogate": lambda link: f"{link}\ud800",
    "ten thousand letters more": lambda link: link + "A" * 10_000,
    "nothing": lambda link: "",
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_changed_link_is_no_link(how: str) -> None:
    """S18: changed path, expiry or signature; S24: anything more in it. Neither valid nor of the past."""
    link = signer().link(ID)
    changed = CHANGES[how](link)
    assert changed != link
    assert signer().verify(changed) is None
    assert signer().id_of(changed) is None


@given(data=st.data())
def test_no_change_of_one_character_goes_unseen(data: st.DataObject) -> None:
    """S18: byte-equal or refused."""
    link = signer().link(ID)
    at = data.draw(st.integers(0, len(link) - 1))
    character = data.draw(st.characters().filter(lambda each: each != link[at]))
    changed = link[:at] + data.draw(st.sampled_from([character, "", character + link[at]])) + link[at + 1 :]
    # Taking away one of two equal neighbours, or adding one, may leave another link: never this one.
    assert changed == link or (signer().verify(changed) is None and signer().id_of(changed) is None)


@given(link=st.text(max_size=200))
def test_any_text_may_be_asked_about(link: str) -> None:
    """Links come from outside: refused, never an exception."""
    assert signer().verify(link) is None
    assert signer().id_of(link) is None
    assert opaque_id(link) is None


def test_somebody_elses_key_makes_no_link() -> None:
    """S18: HMAC-SHA256 under a key that only the operator has."""
    assert signer(NEW, OLD).verify(signer(STRANGER).link(ID)) is None
    assert signer(NEW, OLD).id_of(signer(STRANGER).link(ID)) is None


def test_a_link_expires_and_still_tells_its_picture() -> None:
    """S18 and the Storage protocol: who may see it and what it meant are two questions."""
    clock = OwnClock()
    links = signer(clock=clock)
    link = links.link(ID)
    clock.at_s = int(part(link, "expires")) + 61
    assert links.verify(link) is None
    assert links.id_of(link) == ID


@pytest.mark.parametrize("apart_s", [-3600.0, -60.0, 0.0, 60.0])
def test_clocks_may_differ_by_a_minute(apart_s: float) -> None:
    """P12: judged with 60 s of skew; a clock that went back an hour refuses nothing that is new."""
    clock = OwnClock()
    link = signer(clock=clock).link(ID)
    checking = OwnClock(int(part(link, "expires")) + apart_s)
    assert signer(clock=checking).verify(link) == ID
    checking.at_s += 3600.0 + 1
    assert (signer(clock=checking).verify(link) is None) == (apart_s > -3600.0 + 59)


def test_a_new_key_in_front_breaks_no_link() -> None:
    """S18, "reused after key rotation": all keys check, the first one signs."""
    before = signer(OLD).link(ID)
    rotated = signer(NEW, OLD)
    assert rotated.verify(before) == ID
    assert rotated.link(ID) == signer(NEW).link(ID) != before
    assert signer(OLD).verify(rotated.link(ID)) is None


def test_a_key_that_was_dropped_takes_its_links_along() -> None:
    """S18: what a dropped key has signed is no link of ours, also not of the past."""
    before = signer(OLD).link(ID)
    assert signer(NEW).verify(before) is None
    assert signer(NEW).id_of(before) is None


@given(
    at_s=st.floats(1e9, 4e9),
    later=st.floats(0, 1),
    ttl_s=st.floats(4, 1e6) | st.sampled_from([4.0, 5.0, 7.5, 60.0, 86400.0]),
)
def test_a_link_lives_as_long_as_promised_and_a_quarter_longer_at_most(
    at_s: float, later: float, ttl_s: float
) -> None:
    """LinkSigner: never shorter than `ttl_s`; the rest is what makes links of one window equal."""
    clock = OwnClock(at_s)
    links = signer(clock=clock, ttl_s=ttl_s)
    link = links.link(ID)
    left_s = int(part(link, "expires")) - at_s
    # A clock of seconds since 1970 knows no less than a microsecond.
    assert ttl_s - 1e-6 <= left_s <= ttl_s * 1.25 + 1
    clock.at_s += later * ttl_s
    assert links.verify(link) == ID


def test_links_of_one_window_are_equal_to_the_byte() -> None:
    """LinkSigner: a browser's cache knows a picture by its link; a page that is read twice loads it once."""
    clock = OwnClock(1_700_000_000.0 - 1_700_000_000.0 % 900)
    links = signer(clock=clock)
    minted = []
    for _ in range(3600):
        minted.append(links.link(ID))
        clock.at_s += 1
    assert 4 <= len(set(minted)) <= 5


def test_only_an_id_gets_a_link() -> None:
    """S16: nothing from outside is written into a path."""
    for wrong in ("", "../x", ID + "\n", ID + "?", ID[:-1]):
        with pytest.raises(StoreError) as raised:
            signer().link(wrong)
        assert raised.value.code == "image_not_found"


@pytest.mark.parametrize("base", ["", "x", "ftp://a", "https://", "https://a?b", "https://a#b", "https://u:p@a",
                                  "https://a\\b", "https://a b", "https://a:99999", "https://ä.example", "//a"])  # fmt: skip
def test_a_base_that_is_no_address_is_refused(base: str) -> None:
    """CONVENTIONS, "Errors": the sentence shows neither name nor password."""
    with pytest.raises(ConfigError) as raised:
        signer(base=base)
    assert raised.value.code == "base_url_invalid"
    assert "u:p" not in str(raised.value)


@pytest.mark.parametrize("keys", [[], "one key in place of a list", ["short"], [NEW, b"short"], [""]])
def test_keys_that_can_be_guessed_are_refused(keys: list[str]) -> None:
    """S05 and S18: a short key is named by its length, never by its letters."""
    with pytest.raises(ConfigError) as raised:
        LinkSigner(BASE, keys)
    assert raised.value.code == "link_keys_invalid"
    assert "short" not in str(raised.value)


@pytest.mark.parametrize("ttl_s", [0, -1, 3.9, math.nan, math.inf])
def test_a_life_that_is_none_is_refused(ttl_s: float) -> None:
    """CONVENTIONS, "Errors": an argument that cannot work fails where it is given."""
    with pytest.raises(ConfigError) as raised:
        signer(ttl_s=ttl_s)
    assert raised.value.code == "link_ttl_invalid"


def test_a_key_is_not_told_by_its_name_in_a_link() -> None:
    """S05: no part of a key stands in a link; the same key has the same name in every process."""
    link = signer(NEW).link(ID)
    assert not any(NEW[at : at + 6] in link for at in range(len(NEW) - 5))
    assert part(link, "key") == part(signer(NEW, OLD).link(OTHER_ID), "key")


def test_an_opaque_link_is_read_back() -> None:
    """The Storage protocol: `linked` is the inverse of `link`."""
    assert opaque_id(opaque_link(ID)) == ID
    assert opaque_id(ID) is None
    assert opaque_id(opaque_link(ID) + "?q=SECRET") is None
