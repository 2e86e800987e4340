"""Which language a text is probably in, and which way it runs."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from limner.core.chinese import script

__all__ = ["direction", "guess"]

_SAMPLE = 4000

_SCRIPTS = {
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "CJK": "zh",
    "ARABIC": "ar",
    "HEBREW": "he",
    "LATIN": "latin",
}
"""First word of a letter's name in Unicode → what it hints at."""

_FREQUENT = {
    "en": "the and of to is with your for it that you from into",
    "de": "der die das und ist nicht mit den ein eine zu auf sie für im",
    "fr": "le la les et est une des dans pour vous avec du au que",
    "es": "el los las y es una con para por que del se su en",
    "it": "il gli che di è una per con non della sono si nel",
    "pt": "os as e é uma com para não do da em que se um",
    "nl": "de het een en van is niet met voor op zijn dat je",
}
_WORD = re.compile(r"[^\W\d_]+")


def guess(text: str) -> str:
    """A language tag (BCP 47), or "" where the text does not say; a wrong one would mislead screen readers."""
    text = text[:_SAMPLE]
    letters = Counter(_hint(character) for character in text if character.isalpha())
    total = letters.total()
    if not total:
        return ""
    # Japanese is written mostly with Han characters: a few kana decide.
    if letters["ja"] > 0.1 * (letters["ja"] + letters["zh"]) and letters["ja"] + letters["zh"] > 0.2 * total:
        return "ja"
    if letters["zh"] > 0.2 * total:
        return "zh-Hant" if script(text) == "traditional" else "zh-Hans"
    for language in ("ko", "ar", "he"):
        if letters[language] > 0.3 * total:
            return language
    return _of_latin(text) if letters["latin"] > 0.7 * total else ""


def direction(text: str) -> str:
    """Where most letters run to: "rtl" or "ltr"."""
    kinds = Counter(unicodedata.bidirectional(character) for character in text[:_SAMPLE])
    return "rtl" if kinds["R"] + kinds["AL"] > kinds["L"] else "ltr"


def _hint(character: str) -> str:
    name = unicodedata.name(character, "").partition(" ")[0]
    return _SCRIPTS.get(name, "other")


def _of_latin(text: str) -> str:
    words = Counter(_WORD.findall(text.lower()))
    scores = Counter({tag: sum(words[word] for word in known.split()) for tag, known in _FREQUENT.items()})
    (first, most), (_, next_most) = scores.most_common(2)
    return first if most >= 2 and most > 1.3 * next_most else ""
