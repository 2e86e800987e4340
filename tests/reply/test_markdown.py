"""Markdown of our own making: nothing in an alt text or a link can end it early."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from limner.reply.markdown import ALT_LENGTH, image_markdown, plain, tidy
from readers import FRAGMENTS

COMMON = MarkdownIt("commonmark", {"html": True})
alts = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(FRAGMENTS), max_size=8).map("".join))


# Fails if a character leaves the table of escapes.
@settings(max_examples=400, deadline=None)
@given(alts, st.sampled_from(["", "- ", "> ", "# ", "a ", "a\n", "1. "]))
def test_a_picture_stays_one_picture_whatever_its_alt_says(alt: str, before: str) -> None:
    """Scorecard I23: alt text escaped, at most 200 characters; it shows just what was given."""
    tokens = [
        t
        for t in COMMON.parse(f"{before}x {image_markdown(alt, 'https://e.example/1')} y")
        if t.type == "inline"
    ]
    children = tokens[-1].children or []
    kinds = [child.type for child in children if child.type != "softbreak"]
    assert kinds[-3:] == ["text", "image", "text"]
    image = children[-2]
    assert image.attrs["src"] == "https://e.example/1"
    shown = re.fullmatch(r'<img src="u" alt="([^"<>]*)" ?/?>', COMMON.renderInline(image_markdown(alt, "u")))
    assert shown
    assert html.unescape(shown[1]) == tidy(alt)
    assert len(tidy(alt)) <= ALT_LENGTH


@pytest.mark.parametrize(
    ("alt", "link", "expected"),
    [
        ("a fox", "https://e.example/1", "![a fox](https://e.example/1)"),
        ("a\n fox ", "fox.png", "![a fox](fox.png)"),
        ("]( x", "u", r"![\]( x](u)"),
        ("<b> & `c` | $d$", "u", r"![&lt;b&gt; &amp; \`c\` \| \$d\$](u)"),
        ("a", "my fox (1).png", "![a](<my%20fox%20(1).png>)"),
        ("a", "u>)\n<img `x`", "![a](<u%3E)%0A%3Cimg%20%60x%60>)"),
        ("a", "https://e.example/?a=1&copy;=2&b=3", "![a](https://e.example/?a=1&amp;copy;=2&b=3)"),
        ("a", "狐狸.png", "![a](狐狸.png)"),
        ("a", "", "![a](<>)"),
        ("a", "dir\\fox.png", "![a](dir%5Cfox.png)"),
        ("a\ud800", "u\ud800", "![a\ufffd](u\ufffd)"),
        ("x" * 300, "u", f"![{'x' * 200}](u)"),
    ],
)
def test_alt_and_link_are_escaped_where_needed(alt: str, link: str, expected: str) -> None:
    """CommonMark 0.31, sections 6.3 and 6.4."""
    assert image_markdown(alt, link) == expected


def test_a_data_url_stays_as_it_is() -> None:
    """A reply is one file where pictures are embedded."""
    assert image_markdown("a", "data:image/png;base64,iVBO+/=") == "![a](data:image/png;base64,iVBO+/=)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A *red* **fox**", "A red fox"),
        ("A _red_ ***fox*** ~~no~~", "A red fox no"),
        ("snake_case_name and 2*3*4", "snake_case_name and 234"),
        ("`code *x*` and ``a ` b``", "code *x* and a ` b"),
        ("[link](https://e.example) ![i](image://1) [r][x]", "link i r"),
        (r"\*not\* \[em\]", "*not* [em]"),
        ("a &amp; b &lt;c&gt;", "a & b <c>"),
        ("a <b>c</b>", "a c"),
        ("a\n  b\tc", "a b c"),
        ("x" * 300, "x" * 200),
        ("", ""),
    ],
)
def test_plain_words_are_left_of_inline_markdown(text: str, expected: str) -> None:
    """DESIGN decision 12: alt text is for people who listen to it."""
    assert plain(text) == expected


@settings(max_examples=200, deadline=None)
@given(alts)
def test_plain_words_are_one_short_line(text: str) -> None:
    """Scorecard I23: at most 200 characters, none of them a line end."""
    words = plain(text)
    assert len(words) <= ALT_LENGTH
    assert len(words.splitlines()) <= 1
