"""Links that were minted and come back: they read as their references again."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clocks import OwnClock
from limner import Engine, LinkSigner, MemoryStorage
from limner.reply.references import links_in
from limner.testing import PlainImages, Say, ScriptedModel

pytestmark = pytest.mark.anyio

BASE = "https://pictures.example"
OLD, NEW = "an old key of 32 bytes, or so....", "a new key of 32 bytes, or so....."


async def said(text_of: Any, *, later_s: float = 0.0, rotate: bool = False, forget: bool = False) -> str:
    """What the model reads of a message that is made of the link of its first picture."""
    clock = OwnClock()
    storage = MemoryStorage(links=LinkSigner(BASE, [OLD], ttl_s=60.0, clock=clock))
    call = ("generate_image", {"prompt": "fox", "alt": "a fox"})
    model = ScriptedModel([Say(calls=[call]), Say("Look: ![a fox](image://1)"), Say("Yes.")])
    async with Engine(model, PlainImages(), storage=storage) as engine:
        conversation = engine.conversation()
        link = (await conversation.ask("draw")).images[0].link
        assert link.startswith(BASE)
        clock.at_s += later_s
        if rotate:
            storage._links = LinkSigner(BASE, [NEW, OLD] if not forget else [NEW], ttl_s=60.0, clock=clock)
        await conversation.ask(text_of(link))
    return model.requests[-1].messages[-1].text


@pytest.mark.parametrize(
    ("before", "after"), [("Is ", " nice?"), ("![a](", ")"), ("See ", "."), ("<", ">"), ("“", "”")]
)
async def test_a_link_of_ours_reads_as_its_reference_however_old(before: str, after: str) -> None:
    """DESIGN decision 1; S18: an expired link, and one of a key that was replaced, still say which picture."""
    for options in ({}, {"later_s": 1e6}, {"rotate": True}):
        read = await said(lambda link: f"{before}{link}{after}", **options)
        assert read == f"{before}image://1{after}"


class _Asked(MemoryStorage):
    """A store that is slow to say which links are its own."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_by: set[int] = set()

    def linked(self, link: str) -> str | None:
        self.asked_by.add(threading.get_ident())
        return super().linked(link)


async def test_links_are_looked_for_beside_the_event_loop_and_only_where_one_can_be_ours() -> None:
    """P13: a message may be full of forged links, and a store may have to fetch credentials to judge one."""
    storage = _Asked()
    call = ("generate_image", {"prompt": "fox", "alt": "a fox"})
    model = ScriptedModel([Say(calls=[call]), Say("Look: ![a fox](image://1)"), Say("Yes.")])
    forged = " ".join(f"limner:picture/{number:043}" for number in range(50))
    async with Engine(model, PlainImages(), storage=storage) as engine:
        conversation = engine.conversation()
        await conversation.ask(forged)
        assert not storage.asked_by
        await conversation.ask(forged)
    assert storage.asked_by
    assert threading.get_ident() not in storage.asked_by
    assert model.requests[-1].messages[-1].text == forged


async def test_what_nobody_of_ours_has_signed_stays_as_it_is() -> None:
    """S24: a link with something added, or of a forgotten key, is somebody else's."""
    for change, options in (
        (lambda link: link + "&q=secret", {}),
        (lambda link: link.replace("pictures.example", "evil.example"), {}),
        (lambda link: link, {"rotate": True, "forget": True}),
    ):
        assert "image://" not in await said(
            lambda link, change=change: f"See {change(link)} there", **options
        )


@given(st.text(), st.text())
def test_a_link_is_found_wherever_it_stands_alone(before: str, after: str) -> None:
    """Property: white space around a link is enough for it to be seen."""
    link = f"{BASE}/images/x?expires=1&key=k&signature=s"
    assert link in links_in(f"{before} {link} {after}")
