"""The whole page: pictures embedded, nothing fetched, nothing run."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import partial
from html import escape as escaped
from typing import TYPE_CHECKING

from anyio import to_thread

from limner.core.formats import FORMATS, HEAD_BYTES, format_of
from limner.errors import ConfigError, StoreError
from limner.reply.parts import ImagePart, TextPart

from .language import direction, guess
from .style import STYLE
from .words import Words, words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from limner.reply.reply import Reply

__all__ = ["html"]

_HALF = re.compile("[\ud800-\udfff]")

_PAGE = """<!doctype html>
<html lang="{language}" dir="{direction}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="Limner">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}</main>
{footer}</body>
</html>
"""

# The browser is told as well: nothing but embedded pictures and this one style sheet.
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
)


async def html(reply: Reply, *, title: str | None = None, language: str | None = None) -> str:
    """`reply` as one HTML file with its pictures embedded.

    `title` is by default the first heading, else the first words; one that is given also heads a
    page without a heading of its own. `language` (BCP 47) is by default guessed from the words.
    A picture whose bytes cannot be read leaves its alternative text and a sentence in its place.

    Raises: ConfigError (`extra_missing`) without the libraries of the extra `html`.
    Cancel: safe; nothing is written.
    """
    pictures: dict[int, bytes | None] = {}
    for place, part in enumerate(reply.images):
        pictures[place] = await _read(reply, part)
    # In a thread: megabytes of base64 take longer than an event loop may stand still (P13).
    return await to_thread.run_sync(partial(_compose, reply, pictures, title, language))


async def _read(reply: Reply, part: ImagePart) -> bytes | None:
    if reply.read is None:
        return None
    try:
        return await reply.read(part.picture.id)
    except StoreError:  # a picture that fails never fails the text
        return None


def _compose(
    reply: Reply, pictures: Mapping[int, bytes | None], title: str | None, language: str | None
) -> str:
    try:
        from .markup import render  # an optional extra
    except ModuleNotFoundError as error:
        if error.name not in ("markdown_it", "nh3"):
            raise
        raise ConfigError(
            "a page of HTML needs two more libraries; pip install 'limner[html]'", code="extra_missing"
        ) from error
    # Half a character cannot be written to any file; it comes from providers that cut text in its middle.
    texts = [_whole(part.text) if isinstance(part, TextPart) else None for part in reply.parts]
    markup = render(texts)
    images = reply.images
    spoken = reply.text + " ".join(part.alt for part in images)
    tag = guess(spoken) if language is None else language
    said = words(tag)

    def block(number: int) -> str:
        return _figure(images[number], pictures[number], said)

    def inline(number: int) -> str:
        return _inline(images[number], pictures[number], said)

    body = markup.place(block, inline)
    if title and not markup.headed:
        body = f'<h1 dir="auto">{_escape(title)}</h1>\n{body}'
    footer = f"<footer><p>{_escape(said.offline)}</p></footer>\n" if reply.offline else ""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode("ascii")
    shown = title or markup.title or next((part.alt for part in images if part.alt), "Limner")
    return _PAGE.format(
        language=_escape(tag),
        direction=direction(spoken),
        policy=_POLICY.format(digest=digest),
        title=_escape(" ".join(shown.split())),
        style=STYLE,
        body=body,
        footer=footer,
    )


def _whole(text: str) -> str:
    return _HALF.sub("\ufffd", text)


def _escape(text: str, quote: bool = True) -> str:
    """`text` as the content of an element or, quoted, of an attribute."""
    return escaped(_whole(text), quote)


def _figure(part: ImagePart, data: bytes | None, said: Words) -> str:
    image = _image(part, data)
    alt = _escape(part.alt, quote=False)
    if image is None:
        return f'<figure class="missing"><p dir="auto">{alt}</p><p>{_escape(said.unreadable)}</p></figure>\n'
    # The same words as in `alt`: said once to those who listen, shown to those who look.
    caption = f'<figcaption dir="auto" aria-hidden="true">{alt}</figcaption>' if alt else ""
    return f"<figure>{image}{caption}</figure>\n"


def _inline(part: ImagePart, data: bytes | None, said: Words) -> str:
    image = _image(part, data)
    if image is None:
        return (
            f'<span class="missing">{_escape(f"{part.alt} ({said.unreadable})".strip(), quote=False)}</span>'
        )
    return f'<span class="picture">{image}</span>'


def _image(part: ImagePart, data: bytes | None) -> str | None:
    """The tag with the bytes in it; None for bytes that are no picture of a kind that we know."""
    kind = format_of(data[:HEAD_BYTES]) if data else None
    if data is None or kind is None:
        return None
    width, height = part.picture.width, part.picture.height
    size = f' width="{width}" height="{height}"' if width > 0 and height > 0 else ""
    # Neither lazy nor asynchronous: the bytes are there already, and a page that is printed or
    # captured before it was scrolled through would show empty frames.
    source = f"data:{FORMATS[kind].media_type};base64,{base64.b64encode(data).decode('ascii')}"
    return f'<img src="{source}" alt="{_escape(part.alt)}"{size} decoding="sync">'
