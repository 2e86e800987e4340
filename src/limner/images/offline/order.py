"""A prompt taken apart: what to draw, what to change about it, and the style of the conversation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from .tables import word_set

__all__ = ["Order", "parse"]


@dataclass(frozen=True, slots=True)
class Order:
    """One prompt in its parts."""

    words: str
    """What to draw, in its lines."""
    changes: tuple[str, ...] = ()
    """Remarks on an earlier picture, the latest last; each wins over what stands before it."""
    style: str = ""
    """How to draw it: colours may follow it, things never do."""

    variation: int = 0
    """Which of several pictures of the same words it is."""

    @property
    def seed(self) -> str:
        """What shapes the picture: line breaks and doubled spaces are no part of it, nor is any remark."""
        # By characters that are no part of a word, for words are drawn.
        return _tidy(self.words) + "\0" * self.variation


_OTHER = re.compile(r"[ \t]*[^\W\d_]{2,20}[ \t]*[:：]")
"""A label of another kind, which ends a style: "Subject: a fox"."""


def parse(prompt: str) -> Order:
    """Take `prompt` apart at its labels, which stand at the start of a line or of a sentence."""
    parts: dict[str, list[str]] = {"words": [], "change": [], "style": []}
    kind = "words"
    for line in prompt.split("\n"):
        # The engine's style stands last, however many lines it has; a model may begin with its own.
        begun = any(part.strip() for part in parts["words"])
        if kind == "style" and ((not line.strip() and not begun) or _OTHER.match(line)):
            kind = "words"
        for at, piece in enumerate(_labels().split(line)):
            if at % 2:
                kind = _kind(piece)
                parts[kind].append("")
            elif kind == "words" or not parts[kind]:
                parts[kind].append(piece)
            else:
                parts[kind][-1] += f"\n{piece}"
    changes = tuple(text for text in map(_tidy, parts["change"]) if text)
    return Order("\n".join(parts["words"]).strip(), changes, _tidy(" ".join(parts["style"])))


def _tidy(text: str) -> str:
    return " ".join(text.split())


@cache
def _labels() -> re.Pattern[str]:
    """A label at the start of a line or after the end of a sentence."""
    labels = "|".join(sorted(map(re.escape, _words("style") | _words("change"))))
    return re.compile(rf"(?:^|(?<=[.!?;,。！？；，]))[ \t]*({labels})[ \t]*[:：]", re.IGNORECASE)


def _kind(label: str) -> str:
    return "change" if label.casefold() in _words("change") else "style"


def _words(kind: str) -> frozenset[str]:
    return word_set("grammar", "labels", kind)
