"""Which language a request is written in, and that language's table."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import Any

from limner.core.chinese import Script, script

from .wording import CJK

__all__ = ["LANGUAGES", "Ask", "Language", "detect", "load"]

LANGUAGES = ("en", "zh", "zh-Hant", "ja", "es", "de", "fr")
"""Each has its table `languages/<code>.toml`; the first is what is spoken when none is recognised."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_COMMON: Mapping[str, frozenset[str]] = {
    "en": _set(
        "the a an of to and in with for how me my is are what who that this it you i please draw make show "
        "tell teach explain write about picture pictures image images step steps story one two three four "
        "five hello hi thanks another at night it's do does can "
        "add make guide recipe create generate could would they we or some many more"
    ),
    "es": _set(
        "el la los las un una unos de del y en con para cómo como me mi son qué que quién por al lo "
        "dibuja haz muestra enséñame explica explícame cuento cuéntame escribe imagen imágenes dibujos pasos "
        "dos tres cuatro cinco hola gracias otra otro noche sobre"
    ),
    "de": _set(
        "der die das den dem des ein eine einen einem einer und in im mit für wie mir man ist sind was wer "
        "zu zum zur auf bitte zeichne male zeig zeige erkläre erklär schreib schreibe geschichte bild bilder "
        "bildern schritte schritten zwei drei vier fünf hallo danke noch nacht über von ich es dir geht nicht"
    ),
    "fr": _set(
        "le la les un une des du de et en avec comment moi mon est sont que qui quoi dans sur au aux "
        "dessine fais montre explique apprends raconte histoire écris image images étapes deux trois quatre "
        "cinq bonjour salut merci autre nuit à l d"
    ),
}
_LETTERS: Mapping[str, str] = {"es": "ñ¿¡íóú", "de": "äöüß", "fr": "çœèêëîïôûùà"}
_CHINESE: Mapping[Script, str] = {"simplified": "zh", "traditional": "zh-Hant"}
_KANA = re.compile(r"[\u3040-\u30fa\u30fd-\u30ff]")
_HAN = re.compile(f"[{CJK}]")
_WORD = re.compile(r"[^\W\d_]+")


def detect(text: str, before: str = "") -> str | None:
    """The language's code; None where nothing tells (a number, a name, another script).

    Chinese that both scripts write alike is in the script of `before`, the language spoken so far.
    """
    sample = text[:2_000].lower()
    ideographs = len(_HAN.findall(sample))
    words = _WORD.findall(_HAN.sub(" ", sample))
    first = next((char for char in sample if char.isalpha()), "")
    if ideographs and (ideographs >= len(words) or _HAN.match(first)):
        return "ja" if _KANA.search(sample) else _chinese(sample, before)
    votes = {
        code: sum(word in common for word in words)
        + sum(sample.count(letter) for letter in _LETTERS.get(code, ""))
        for code, common in _COMMON.items()
    }
    best = max(votes, key=lambda code: votes[code])
    return best if votes[best] else None


def _chinese(sample: str, before: str) -> str:
    found = script(sample)
    if found is None and before in _CHINESE.values():
        return before
    return _CHINESE[found or "simplified"]


@dataclass(frozen=True, slots=True)
class Ask:
    """One way of asking: what it means, and where its topic stands (group `x`)."""

    intent: str
    kind: str
    pattern: re.Pattern[str]
    condition: str


@dataclass(frozen=True)
class Language:
    """One language's words and frames, as its table has them."""

    code: str
    table: Mapping[str, Any]

    def say(self, section: str, key: str) -> str:
        """One sentence of the table."""
        return str(self.table[section][key])

    def rows(self, section: str) -> tuple[tuple[Any, ...], ...]:
        """The frames of an intent, in reading order."""
        return tuple(tuple(row) for row in self.table["frames"][section])

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """Number words, small letters."""
        return {str(word): int(number) for word, number in self.table["numbers"].items()}

    @cached_property
    def patterns(self) -> Mapping[str, tuple[re.Pattern[str], ...]]:
        """The expressions of the table's section `find`, word classes filled in."""
        found = self.table["find"]
        return {
            key: tuple(self._compiled(text) for text in ([value] if isinstance(value, str) else value))
            for key, value in found.items()
        }

    @cached_property
    def topics(self) -> Mapping[str, re.Pattern[str]]:
        """The expressions of the table's section `topic`, word classes filled in."""
        found = self.table["topic"]
        return {key: self._compiled(value) for key, value in found.items() if isinstance(value, str)}

    @cached_property
    def asks(self) -> tuple[Ask, ...]:
        """The ways of asking, the more telling ones first."""
        return tuple(
            Ask(intent, kind, self._compiled(expression), condition)
            for intent, kind, expression, condition in self.table["ask"]["rows"]
        )

    @cached_property
    def series(self) -> tuple[tuple[re.Pattern[str], str, tuple[str, ...]], ...]:
        """What asks for several looks at one thing, what joins them to it, and what each of them is."""
        return tuple(
            (self._compiled(expression), joint, tuple(parts))
            for expression, joint, parts in self.table["series"]["rows"]
        )

    @cached_property
    def ordinals(self) -> Mapping[str, int]:
        """Ordinal words, small letters; -1 is the last."""
        return {str(word): int(number) for word, number in self.table["ordinals"].items()}

    def _compiled(self, expression: str) -> re.Pattern[str]:
        def either(words: Mapping[str, int], digits: str) -> str:
            # Longer words first, or "six" would be found in "sixteen".
            return "(?:" + "|".join([*sorted(words, key=len, reverse=True), digits]) + ")"

        classes = {
            "NUM": either(self.numbers, r"\d+"),
            "ORD": either(self.ordinals, r"\d+(?:st|nd|rd|th|\.|e|º|ª)?"),
            **{key: f"(?:{value})" for key, value in self.table["words"].items()},
        }
        for _ in range(3):  # a class may be made of others
            for name, value in classes.items():
                expression = expression.replace(f"<{name}>", value)
        return re.compile(expression, re.IGNORECASE)


@lru_cache(maxsize=len(LANGUAGES))
def load(code: str) -> Language:
    """The table of `code`; of the first language where there is none."""
    name = code if code in LANGUAGES else LANGUAGES[0]
    source = files(__package__) / "languages" / f"{name}.toml"
    table: Mapping[str, Any] = tomllib.loads(source.read_text(encoding="utf-8"))
    if "asks_as" in table:
        # One grammar in two scripts: it asks with the words of that table, and answers with its own.
        table = {**load(str(table["asks_as"])).table, **table}
    return Language(name, table)
