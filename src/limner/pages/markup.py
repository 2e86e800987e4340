"""From a reply's Markdown to sanitised HTML that says where each picture goes.

Pictures stand in the Markdown as images whose destination nobody can guess, so they are parsed
where they stand: in a list item, a table cell, a heading. After parsing they become marks of
another unguessable word, which therefore occurs nowhere but in text of our own choosing; the
HTML is sanitised with the marks in it, and only then do pictures take their places. What model
text holds of images itself becomes its alternative text.
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["Markup", "render"]

_LINK = re.compile(r"(?:https?://|mailto:)", re.I)
_ENDING = re.compile(r"\s*[.,;:!?…。，、；：！？)\]）】」』”’]+")
"""Punctuation that belongs to the words before a picture, not on a line of its own after it."""

_BREAKS = ("softbreak", "hardbreak")
_TITLE = 70
_BLOCKS = ("p", "h1", "h2", "h3", "h4", "h5", "h6", "td", "th")
_TAGS = {
    *_BLOCKS, "a", "blockquote", "br", "code", "div", "em", "hr", "li", "ol", "pre", "s", "strong",
    "table", "tbody", "thead", "tr", "ul",
}  # fmt: skip
_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    attributes={"a": {"href", "title"}, "ol": {"start"}},
    allowed_classes={"div": {"row", "scroll"}, "td": {"center", "right"}, "th": {"center", "right"}},
    set_tag_attribute_values={tag: {"dir": "auto"} for tag in _BLOCKS} | {"pre": {"dir": "ltr"}},
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
    link_rel="noopener noreferrer nofollow",
)


@dataclass(frozen=True, slots=True)
class Markup:
    """A reply as HTML with marks where its pictures go."""

    html: str
    """Sanitised."""
    title: str
    """The first heading, else the first words; plain text, "" where there are none."""
    headed: bool
    """Whether there is a heading of the first level."""
    _word: str

    def place(self, block: Callable[[int], str], inline: Callable[[int], str]) -> str:
        """The HTML with `block(n)` where picture n stands alone, `inline(n)` where it stands within words."""
        pattern = re.compile(rf"{self._word}([bi])(\d+)x")
        return pattern.sub(lambda mark: (block if mark[1] == "b" else inline)(int(mark[2])), self.html)


def render(pieces: Sequence[str | None]) -> Markup:
    """Markdown in reading order, with None for each picture; every picture is marked exactly once."""
    page = _Page(sum(piece is None for piece in pieces))
    tokens = page.parse(pieces)
    html = _CLEANER.clean(page.markdown.renderer.render(tokens, page.markdown.options, {}))
    headings = [
        (opening.tag, _plain(inline))
        for opening, inline in itertools.pairwise(tokens)
        if opening.type == "heading_open"
    ]
    first = next((text for _, text in headings if text), "") or _first_words(tokens)
    return Markup(html, first, any(tag == "h1" for tag, _ in headings), page.word)


class _Page:
    """One call's words and what has become of its pictures."""

    def __init__(self, count: int) -> None:
        self.markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
        self.word = f"m{secrets.token_hex(16)}"
        self._source = f"s{secrets.token_hex(16)}"
        self._place = re.compile(rf"{self._source}n(\d+)x")
        self._remains = re.compile(rf"!?(?:\[\])?\(?{self._source}n\d+x\)?")
        self._open = set(range(count))

    def parse(self, pieces: Sequence[str | None]) -> list[Token]:
        """The tokens of the whole reply, pictures among them."""
        numbers = itertools.count()
        text = "".join(
            f"![]({self._source}n{next(numbers)}x)" if piece is None else piece for piece in pieces
        )
        tokens: list[Token] = []
        for token in self.markdown.parse(text):
            self._tidy(token)
            if token.type == "inline":
                self._inline(token)
                if tokens[-1].type == "paragraph_open":
                    tokens += self._paragraphs(tokens.pop(), token)
                    continue
                token.children = [self._within(child) for child in token.children or []]
            if token.type != "paragraph_close":  # written with its paragraph
                tokens += _framed(token)
        # What the Markdown around it swallowed (a backslash before it, an open fence) stands at the end.
        return [*tokens, *(self._block([number]) for number in sorted(self._open))]

    def _tidy(self, token: Token) -> None:
        """Take away what is left of a picture's place that was not parsed as one, and the attribute of style."""
        token.content = self._remains.sub("", token.content)
        for name, value in list(token.attrs.items()):
            if self._source in str(value) and token.type != "image":
                del token.attrs[name]
        align = str(token.attrs.pop("style", ""))
        if align:
            token.attrs["class"] = align.rpartition(":")[2]

    def _inline(self, token: Token) -> None:
        """Pictures of ours as tokens of their own, other images as words, links only to where they may lead."""
        kept: list[Token] = []
        dropped = False
        for child in token.children or []:
            self._tidy(child)
            if child.type == "link_open":
                dropped = not _LINK.match(str(child.attrs.get("href", "")))
            if child.type == "image":
                kept.append(self._image(child))
            elif not (dropped and child.type in ("link_open", "link_close")):
                kept.append(child)
        token.children = kept

    def _image(self, image: Token) -> Token:
        place = self._place.fullmatch(str(image.attrs.get("src", "")))
        if place and int(place[1]) in self._open:
            self._open.discard(int(place[1]))
            return Token("picture", "", 0, meta={"number": int(place[1])})
        return Token("text", "", 0, content=self._remains.sub("", _plain(image)))

    def _within(self, child: Token) -> Token:
        if child.type != "picture":
            return child
        return Token("html_inline", "", 0, content=f"{self.word}i{child.meta['number']}x")

    def _block(self, numbers: Sequence[int]) -> Token:
        marks = "".join(f"{self.word}b{number}x" for number in numbers)
        content = f'<div class="row">{marks}</div>\n' if len(numbers) > 1 else f"{marks}\n"
        return Token("html_block", "", 0, content=content, block=True)

    def _paragraphs(self, opening: Token, inline: Token) -> list[Token]:
        """A paragraph as paragraphs and the pictures between them: a figure may not stand inside one."""
        tokens: list[Token] = []
        for run in _runs(inline.children or []):
            if run.pictures:
                tokens.append(self._block([child.meta["number"] for child in run.children]))
                continue
            words = copy(inline)
            words.children = [self._within(child) for child in run.children]
            closing = Token("paragraph_close", "p", -1, block=True, hidden=opening.hidden)
            tokens += [opening, words, closing]
        return tokens


@dataclass(slots=True)
class _Run:
    """What stands together within a paragraph."""

    pictures: bool
    children: list[Token]


def _runs(children: Sequence[Token]) -> list[_Run]:
    """Words and pictures in turn; a picture within emphasis or a link stays with its words."""
    raw: list[_Run] = []
    depth = 0
    for child in children:
        depth += child.nesting
        alone = child.type == "picture" and depth == 0
        if not raw or raw[-1].pictures != alone:
            raw.append(_Run(alone, []))
        raw[-1].children.append(child)
    runs: list[_Run] = []
    for run in raw:
        if not run.pictures:
            _move_ending(run, runs)
            run.children = _trimmed(run.children)
        if runs and run.pictures and runs[-1].pictures:
            runs[-1].children += run.children
        elif run.children:
            runs.append(run)
    return runs


def _move_ending(run: _Run, runs: Sequence[_Run]) -> None:
    """Give "." after a picture to the words before it."""
    if len(runs) < 2 or run.children[0].type != "text":
        return
    ending = _ENDING.match(run.children[0].content)
    if ending:
        words = _trimmed(runs[-2].children)
        if words and words[-1].type == "text":
            words[-1].content = words[-1].content.rstrip()
        runs[-2].children = [*words, Token("text", "", 0, content=ending[0].strip())]
        run.children[0].content = run.children[0].content[ending.end() :]


def _trimmed(children: Sequence[Token]) -> list[Token]:
    def blank(token: Token) -> bool:
        return token.type in _BREAKS or (token.type == "text" and not token.content.strip())

    start, end = 0, len(children)
    while start < end and blank(children[start]):
        start += 1
    while end > start and blank(children[end - 1]):
        end -= 1
    return list(children[start:end])


def _framed(token: Token) -> list[Token]:
    """A table scrolls by itself where the page is narrower than it is."""
    if token.type == "table_open":
        return [Token("html_block", "", 0, content='<div class="scroll">', block=True), token]
    if token.type == "table_close":
        return [token, Token("html_block", "", 0, content="</div>\n", block=True)]
    return [token]


def _plain(token: Token) -> str:
    """The words of an inline token, on one line."""
    words = ""
    for child in token.children or []:
        if child.type in ("text", "code_inline"):
            words += child.content
        elif child.type in _BREAKS:
            words += " "
        elif child.type == "image":
            words += _plain(child)
    return " ".join(words.split())


def _first_words(tokens: Sequence[Token]) -> str:
    text = next((words for token in tokens if token.type == "inline" and (words := _plain(token))), "")
    sentence = re.match(r".*?(?:[.!?](?=\s|$)|[。！？])", text)
    text = sentence[0].rstrip(".。") if sentence else text
    if len(text) <= _TITLE:
        return text
    return text[:_TITLE].rsplit(" ", 1)[0].rstrip(" ,;:，、；：") + "…"
