"""Where pictures stand in a client's messages: links, data URLs, and what takes their place.

Text is gone through once and in time linear in it, whatever it holds: a client may send megabytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from limner.core.calls import reference

__all__ = ["PICTURE", "Rewriting", "data_urls_in", "image_url", "is_picture", "links_in", "pictures_of"]

PICTURE = "(picture)"
"""Stands where a picture was that cannot be named."""

_REST = "[!#$%&*+,./0-9:;=?@A-Z_a-z~-]+"
_LINK = re.compile(f"https?://{_REST}", re.ASCII)
_AFTER_LINK = ".,:;!?*_~"
_LONGEST_LINK = 4096
_MOST_AFTER_LINK = 4
_INSIDE = re.compile(r"[\w/%?#&=+~@-]", re.ASCII)
"""What stands before a link that is but the end of another."""
# Possessive: what was read of megabytes is never given back, one character at a time, for another try.
_ALT = r"([^\[\]]{0,1000}+)"
_DATA = r"data:image/[a-z0-9][^\s()\"'<>\\\[\]]*+"
_DATA_URL = re.compile(_DATA, re.ASCII | re.IGNORECASE)
_DATA_IMAGE = re.compile(
    rf"!\[{_ALT}\]\([ \t]{{0,3}}<?({_DATA})>?(?:[ \t]{{1,3}}\"[^\"\n]{{0,200}}+\")?[ \t]{{0,3}}\)"
    r"|" + _DATA,
    re.ASCII | re.IGNORECASE,
)


def is_picture(url: str) -> bool:
    """Whether `url` holds a picture itself."""
    return url[:11].lower() == "data:image/"


def links_in(text: str, ours: str = "") -> Iterator[str]:
    """The web addresses in `text`, in order, with and without the punctuation that may follow one.

    `ours`: only those that begin with it; looking for these alone is a hundred times quicker.
    """
    if (ours or "://") not in text:
        return
    for match in _links(ours).finditer(text):
        if not _goes_on(text, match.start()) and len(match[0]) <= _LONGEST_LINK:
            yield from map(_plain, _endings(match[0]))


def data_urls_in(text: str) -> Iterator[str]:
    """The pictures that stand in `text` themselves, in order."""
    if "data:image/" in text.lower():
        for match in _DATA_URL.finditer(text):
            yield match[0]


def image_url(part: object) -> str | None:
    """The address in a part or an entry of `images`: `{"image_url": {"url": …}}`, or a text in its place."""
    said = part.get("image_url") if isinstance(part, Mapping) else None
    url = said.get("url") if isinstance(said, Mapping) else said
    return url if isinstance(url, str) and url else None


def pictures_of(message: Mapping[str, Any]) -> list[str]:
    """The addresses in an assistant message's `images`, in order."""
    entries = message.get("images")
    urls = [image_url(entry) for entry in entries] if isinstance(entries, list) else []
    return [url for url in urls if url is not None]


class Rewriting:
    """What becomes of addresses of pictures in what the model reads."""

    def __init__(self, numbers: Mapping[str, int], broken: Mapping[str, str], ours: str) -> None:
        """`numbers`: references by address. `broken`: links of pictures that were not drawn, with their codes.

        `ours`: what every link of ours begins with, "" where nothing is known of it.
        """
        self.numbers = numbers
        self.broken = broken
        self.ours = ours
        here = re.escape(ours)
        # Pictures of elsewhere may have numbers, too: those that the user has sent.
        foreign = any(not url.startswith(ours) and not is_picture(url) for url in numbers)
        self._links = _links("" if foreign else ours)
        lost = "|".join(re.escape(link) for link in sorted(broken, key=len, reverse=True))
        # An image of ours that is not known here is a link for people, and no image.
        self._foreign = re.compile(rf"!(?=\[{_ALT}\]\([ \t]{{0,3}}<?{here})") if ours else None
        self._lost = re.compile(rf"!\[{_ALT}\]\((?:{lost})\)") if broken else None

    def of_ours(self, url: str) -> bool:
        """Whether `url` is written like a link of ours."""
        return bool(self.ours) and url.startswith(self.ours)

    def text(self, text: str, *, pictures: bool = False) -> str:
        """`text` with references for what is known; `pictures`: also for pictures by value, none of which stays."""
        if pictures and "data:image/" in text.lower():
            text = _DATA_IMAGE.sub(self._picture, text)
        if "://" not in text:
            return text
        if self._lost is not None:
            text = self._lost.sub(lambda match: match[1] or PICTURE, text)
        if self.numbers:
            text = self._links.sub(self._link, text)
        if self._foreign is not None and self.ours in text:
            text = self._foreign.sub("", text)
        return text

    def _link(self, match: re.Match[str]) -> str:
        # Where something else precedes, it is a part of another address: `https://elsewhere/?u=…`.
        if _goes_on(match.string, match.start()):
            return match[0]
        for link in _endings(match[0]):
            number = self.numbers.get(_plain(link))
            if number is not None:
                return reference(number) + match[0][len(link) :]
        return match[0]

    def _picture(self, match: re.Match[str]) -> str:
        alt, url = match[1], match[2] or match[0]
        number = self.numbers.get(url)
        if number is None:
            return alt or PICTURE
        return reference(number) if alt is None else f"![{alt}]({reference(number)})"


def _links(ours: str) -> re.Pattern[str]:
    return re.compile(re.escape(ours) + _REST, re.ASCII) if ours else _LINK


def _endings(link: str) -> Iterator[str]:
    """`link` with and without each mark of punctuation at its end: a signature may end in one, too."""
    yield link
    for _ in range(_MOST_AFTER_LINK):
        if link[-1] not in _AFTER_LINK:
            break
        link = link[:-1]
        yield link


def _plain(link: str) -> str:
    """A link as it was minted: a page that was copied writes "&" in HTML's words."""
    return link.replace("&amp;", "&")


def _goes_on(text: str, start: int) -> bool:
    return start > 0 and _INSIDE.match(text[start - 1]) is not None
