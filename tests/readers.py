"""What the tests of placement share: hostile fragments, and a reader that tells what would be fetched."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from limner.reply.inlines import hostile
from limner.reply.markdown import image_markdown
from limner.reply.placement import Note, Piece, Place, Placement, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

OURS = "https://pictures.example/"

RENDERERS = (
    MarkdownIt("commonmark", {"html": True}),
    MarkdownIt("gfm-like", {"html": True, "linkify": False}),
)

FRAGMENTS = [
    # references, true, mangled, invented
    "![a](image://1)", "![b](image://2)", "![c](image://3)", "![](image://9)", "![x](imageUrl)", "![x](image:1)",
    "![x](sandbox:image://2)", "image://1", "image://9", "[w](image://1)", "[![a](image://1)](https://ok.example)",
    # images from elsewhere
    "![", "![x]", "![x](https://evil.example/a.png)", "![x](//evil.example)", "![x](../x.png)", "![x][r]", "![x][]",
    "![x](data:image/png;base64,AAA)", "![x](<https://evil.example>)", "\n![x](https://evil.example)\n",
    # links
    "[x](https://ok.example)", "[x](javascript:a)", "[x]( javascript:x)", "[x](<JaVaScript:x>)", "[x](data:text/html,x)",
    "[r]: https://evil.example", "\n[r]: javascript:x", '\n[r]: /u "', "\n[^1]: ", "[^1]", "[r]", "](", "](https://e/`",
    "<https://ok.example>", "<https://e/`>", "<a@b.example>", "<javascript:x>", "https://e/", "www.e.example/",
    # HTML
    "<", "<img src=https://evil.example>", "<img\nsrc=x>", "</p>", "<!--", "-->", "<?php ?>", "<!X>", "<![CDATA[", "]]>",
    "<div", "<script>", "<style>", "<b ", "<b\n", "a<b", ">", '"><img src=x>', "<svg/onload=x>", "<p style=x>",
    # code
    "`", "``", "```", "````", "~~~", "\n```\n", "\n```py\n", "\n~~~\n", "```\n", "`![x](https://evil.example)`",
    "`<img src=x>`", "``` ![x](y)", "\n      ![x](https://evil.example)", "\n\n    ![x](https://evil.example)\n",
    # blocks
    "\n", "\n\n", "\n    ", "\n  ", "\n   ", "\n> ", "> ", "- ", "\n- ", "\n1. ", "\n2. ", "1. ", "\n+ ", "10. ", "1) ",
    "-\n", "\n# ", "#", "=", "\n===\n", "\n---\n", "***", "|", "\n|--|--|\n", "|-|\n", "\t", "\n\t", "    ", "  ", "\r\n",
    "\r",
    # signs
    "[", "]", "(", ")", "!", "\\", "\\\\", "\\!", "\\`", "\\<", "$", "$$", "\\(", "\\)", "\\[", "\\]", '"', "'", "*", "_",
    "~~", "{", "}", "&", "&lt;", "&#33;", "\u2028", "\x0b", "\x0c", "\0", "\ud800", "\u200b", "a", "b c", "word ", "图片",
]  # fmt: skip

_TAGS = frozenset(
    ["p", "h1", "h2", "h3", "h4", "h5", "h6", "a", "em", "strong", "code", "pre", "ul", "ol", "li"]
) | {*("blockquote", "hr", "br", "img", "table", "thead", "tbody", "tr", "th", "td", "s")}
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt"}, "ol": {"start"}, "code": {"class"}}


class _Reader(HTMLParser):
    """Collects whatever a page must not hold."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            self.found.append(f"<{tag}>")
        for name, value in attrs:
            allowed = name in _ATTRIBUTES.get(tag, ()) or (
                name == "style" and (value or "").startswith("text-align:")
            )
            ours = name != "src" or (value or "").startswith(OURS)
            if not allowed or not ours or (name == "href" and hostile(value or "")):
                self.found.append(f"<{tag} {name}={value!r}>")

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_comment(self, data: str) -> None:
        self.found.append(f"<!--{data}")

    def handle_decl(self, decl: str) -> None:
        self.found.append(f"<!{decl}")

    def handle_pi(self, data: str) -> None:
        self.found.append(f"<?{data}")

    def unknown_decl(self, data: str) -> None:
        self.found.append(f"<![{data}")


def joined(pieces: Iterable[Piece]) -> str:
    """The Markdown that a reader's client gets."""
    return "".join(
        piece.text if isinstance(piece, Text) else image_markdown(piece.alt, f"{OURS}{piece.number}")
        for piece in pieces
    )


def fetched(markdown: str) -> list[str]:
    """What a client that renders `markdown` would fetch, run or pass through; [] is what we promise."""
    found = []
    for renderer in RENDERERS:
        reader = _Reader()
        reader.feed(renderer.render(markdown))
        reader.close()
        found += reader.found
    return found


def told(
    text: str, pictures: Mapping[int, str], cuts: Sequence[int] = ()
) -> tuple[tuple[Piece, ...], tuple[Note, ...], tuple[int, ...]]:
    """Pieces (as handed out), notes and what has no place, of `text` cut at `cuts`; checks what is held back."""
    placement = Placement()
    for number, alt in pictures.items():
        placement.know(number, alt)
    pieces: list[Piece] = []
    ends = [*sorted(cuts), len(text)]
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        pieces += placement.feed(text[start:end])
        assert placement.held <= 1024
    pieces += placement.finish()
    assert placement.held == 0
    return tuple(pieces), placement.notes, placement.unplaced


def numbers(pieces: Iterable[Piece]) -> list[int]:
    """The pictures in reading order."""
    return [piece.number for piece in pieces if isinstance(piece, Place)]
