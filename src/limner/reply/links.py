"""Images and links: what stands in brackets, and where it leads."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from . import inlines
from .markdown import escape, plain, tidy
from .pieces import Place
from .references import looks_like, meant, parse_reference

if TYPE_CHECKING:
    from .desk import Desk

__all__ = ["Links"]


class Links:
    """The scanner's steps at `!`, `[` and `]`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._tails: dict[int, int] = {}
        """Tails that fall away with their opening bracket: where each begins and ends in all that was read."""

    def bang(self) -> None:
        """An image, perhaps."""
        desk, window = self._desk, self._desk.window
        at = window.at
        if window.see(at + 1) != "[":
            return desk.copy(at + 1)
        close = inlines.bracket(window, at + 1)
        target = self._target(close + 1) if close is not None else None
        if close is not None and target and looks_like(target[0]):
            return self._place(close, *target)
        dead = "! " if desk.in_formula() else "\\!"
        desk.note("image_neutralised", window.text[at : target[1] if target else (close or at + 1) + 1])
        return desk.replace(at + 1, dead)

    def _target(self, at: int) -> tuple[str, int] | None:
        """The destination of the image whose words end before `at`, and where the image ends."""
        window = self._desk.window
        char = window.see(at)
        if char == "[":
            label = inlines.label(window, at)
            return label if label and looks_like(label[0]) else None
        # Models put a blank there; for Markdown it ends the image.
        gap = char in (" ", "\t", "\n") and window.see(at + 1) == "("
        if char != "(" and not gap:
            return None
        tail = None if gap else inlines.tail(window, at)
        if tail:
            return tail.destination, tail.end
        raw, end, how = inlines.rough(window, at + gap)
        word = (raw.split(maxsplit=1) or [""])[0]
        return (word, end + 1) if how == "closed" and looks_like(word) else None

    def _place(self, close: int, destination: str, end: int) -> None:
        desk, window = self._desk, self._desk.window
        verdict = desk.album.judge(destination)
        found = window.text[window.at : end]
        number = verdict.number
        if verdict.act in ("drop", "remove"):
            desk.took(end)
            desk.note("duplicate_dropped" if verdict.act == "drop" else "reference_removed", found, number)
            return
        assert number is not None
        alt = plain(window.text[window.at + 2 : close]) or tidy(desk.album.alt(number) or "")
        desk.album.place(number)
        desk.ink.place(Place(number, alt))
        window.at = end
        if verdict.act == "repair":
            desk.note("reference_repaired", found, number)

    def opening(self) -> None:
        """A link, a definition, or just a bracket."""
        desk, window = self._desk, self._desk.window
        at = window.at
        if desk.ink.bare:
            kind = inlines.definition(window, at)
            if kind == "hostile":
                desk.note("link_neutralised", window.text[at : at + 200].splitlines()[0])
                return desk.replace(at + 1, "\\[")
            # Its title may go on in the next line, backticks and all.
            desk.blocks.doubt |= kind == "plain"
        close = inlines.bracket(window, at)
        if close is None or not self._changed(close):
            desk.copy(at + 1)
        return None

    def _changed(self, close: int) -> bool:
        """Change the link whose words end before `close`, if it must not stay as it is."""
        window = self._desk.window
        following = window.see(close + 1)
        if following == "[":
            label = inlines.label(window, close + 1)
            unlinked = label is not None and looks_like(label[0])
            if label and unlinked:
                self._unlink(close, label[1], label[0])
            return unlinked
        tail = inlines.tail(window, close + 1) if following == "(" else None
        if tail is None:
            return False
        if looks_like(tail.destination) or inlines.hostile(tail.destination):
            self._unlink(close, tail.end, tail.destination)
            return True
        return "![" in window.text[window.at : close] and self._hoist(close, tail.destination)

    def _unlink(self, close: int, end: int, destination: str) -> None:
        """Keep the words of a link, and nothing else of it."""
        desk, window = self._desk, self._desk.window
        at, number = window.at, self._number(destination)
        found = window.text[at:end]
        if not window.text[at + 1 : close].strip():
            desk.words(end, number)
            return desk.note("link_neutralised", found, number)
        desk.note("link_neutralised", found, number)
        desk.ink.seam(window.text[at + 1])
        self._tails[window.base + close] = window.base + end
        window.at = at + 1
        return None

    def _number(self, destination: str) -> int | None:
        if not looks_like(destination):
            return None
        exact = parse_reference(destination.strip())
        return meant(destination) if exact is None else exact

    def _hoist(self, close: int, destination: str) -> bool:
        """Take the pictures out of a link's words: before it, so that both stand on their own."""
        desk, window = self._desk, self._desk.window
        at = window.at
        pictures, words, alts, read = "", "", "", at + 1
        while (start := window.text.find("![", read, close)) >= 0:
            inner = inlines.bracket(window, start + 1)
            target = self._target(inner + 1) if inner is not None and inner < close else None
            escaped = (start - len(window.text[:start].rstrip("\\"))) % 2
            if inner is None or target is None or target[1] > close or escaped or not looks_like(target[0]):
                words += window.text[read : start + 2]
                read = start + 2
                continue
            pictures += window.text[start : target[1]]
            alts += " " + (
                plain(window.text[start + 2 : inner]) or desk.album.alt(self._number(target[0])) or ""
            )
            words += window.text[read:start]
            read = target[1]
        if not pictures or "`" in window.text[at:close]:
            return False
        words += window.text[read:close]
        if not words.strip():
            words = escape(tidy(alts) or tidy(destination))
        moved = pictures + "[" + words
        shift = len(moved) - (close - at)
        self._tails = {k + shift if k > window.base + at else k: v + shift for k, v in self._tails.items()}
        window.text = window.text[:at] + moved + window.text[close:]
        return True

    def closing(self) -> None:
        """The end of a link's words, perhaps."""
        desk, window = self._desk, self._desk.window
        at = window.at
        end = self._tails.get(window.base + at)
        if end is not None:
            desk.ink.seam(window.see(end - window.base))
            del self._tails[window.base + at]
            window.at = end - window.base
            return None
        following = window.see(at + 1)
        if following == "[":
            label = inlines.label(window, at + 1)
            desk.blocks.doubt |= label is not None and "`" in label[0]
        if following != "(":
            return desk.copy(at + 1)
        return self._leave(at, inlines.tail(window, at + 1))

    def _leave(self, at: int, tail: inlines.Tail | None) -> None:
        """Pass the `](` at `at` on as it is, unless it leads where nobody should go."""
        desk, window = self._desk, self._desk.window
        body, _, how = (tail.body, 0, "closed") if tail else inlines.rough(window, at + 1)
        destination = tail.destination if tail else body
        # What does not end in this window leads nobody knows where.
        unknown = how == "far"
        hostile = not unknown and inlines.hostile(destination)
        if unknown or hostile or looks_like(destination) or inlines.is_risky(body):
            dead = "] " if desk.in_formula() else "\\]"
            if hostile:
                desk.note("link_neutralised", window.text[at : at + 1 + len(body)])
            return desk.replace(at + 1, dead)
        if tail and inlines.is_clean(body):
            return desk.copy(tail.end)
        desk.blocks.doubt |= "`" in body
        if tail and tail.angle_end and inlines.angle(window, window.text.index("<", at))[0] == "html":
            # In angle brackets a path may look like a tag; spelt out it is the same link.
            return desk.replace(tail.angle_end, "](" + quote(destination, safe="/:?#@!$&'*+,;=%~."))
        return desk.copy(at + 2)
