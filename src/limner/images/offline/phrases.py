"""Every word and phrase of a text that asks for something, with its weight in the sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .lexicon import Meaning, fold, forms, lexicon
from .tables import table, word_set

__all__ = ["Hit", "find", "language_of"]

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_KANA = "\u3040-\u30ff"
_HANGUL = "\uac00-\ud7af"
_TOKEN = re.compile(
    rf"[{_HAN}{_KANA}々]+|[{_HANGUL}]+|[^\W\d_{_HAN}{_KANA}{_HANGUL}]+(?:['-][^\W\d_{_HAN}{_KANA}{_HANGUL}]+)*"
    r"|\d+|[:：—–|.,;!?。，、；！？\n]| - "
)
_IN_HANGUL = re.compile(f"[{_HANGUL}]")
_IN_KANA = re.compile(f"[{_KANA}]")
_IN_CJK = re.compile(f"[{_HAN}{_KANA}々]")
_HIRAGANA = re.compile("[\u3041-\u309f]")
_KATAKANA = re.compile("[\u30a1-\u30ff]")
_PARTICLES = "のをがはにでともへやかっな"
_AFTER_PLACE = "里裡上中下旁"
_LONGEST_PHRASE = 4
_LONGEST_CJK = 8
_FRAME_WEIGHT = 0.62
_BEHIND_WEIGHT = 0.6
_MODIFIER_WEIGHT = 0.8
_DREAM_WEIGHT = 0.05
"""Of what somebody would like to be: the picture shows who dreams, alone."""

_COUNTS: Mapping[str, int] = {
    word: number
    for number, words in enumerate(
        (
            "1 one a an uno un una ein eine einen une",
            "2 two dos zwei deux",
            "3 three tres drei trois",
            "4 four cuatro vier quatre",
            "5 five cinco fünf funf cinq",
            "6 six seis sechs",
            "7 seven siete sieben sept",
            "8 eight ocho acht huit",
            "9 nine nueve neun neuf",
            "10 ten diez zehn dix",
        ),
        1,
    )
    for word in words.split()
}
_CJK_NUMBERS: Mapping[str, int] = {
    sign: number
    for number, signs in enumerate(
        ("一1", "二两兩2", "三3", "四4", "五5", "六6", "七7", "八8", "九9", "十"), 1
    )
    for sign in signs
} | {"10": 10}
_CJK_COUNT = re.compile(
    r"(?<![第每百\d一二三四五六七八九十])(10|[一二两兩三四五六七八九十1-9])"
    r"(?:只|隻|个|個|条|條|頭|头|匹|つ|羽|本|颗|朵|棵|艘|辆|輛|座|根|片)の?[小大老新]?$"
)
_CJK_DREAM = re.compile("(?:想当|想做|成为|变成|當|長大当|长大当)(?:一[个名])?$")
_CLAUSE = re.compile(r"[:：—–|\n。；;]|\.(?:\s|$)| - |, (?=step |schritt |paso |etape )|，(?=第)")
_FRAME = re.compile(
    r"\b(?:step|schritt|paso|etape|how to|como|comment|wie man|part)\b"
    r"|第[一二三四五六七八九十\d]+[步张張]|步骤|ステップ|手順|怎么|如何|教我"
)


@dataclass(frozen=True, slots=True)
class Hit:
    """One word that asks for something."""

    start: int
    end: int
    """In the folded text."""
    meaning: Meaning
    weight: float
    """Up to 1: less for what stands behind something, in the frame of a step, or is a mere keyword."""
    count: int = 0
    """How many, where a number says so; else 0."""


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    text: str

    @property
    def is_word(self) -> bool:
        return self.text[0].isalpha()


def language_of(text: str) -> str:
    """The text's language: by its script, else by its small words; English where nothing tells."""
    if _IN_HANGUL.search(text):
        return "ko"
    if _IN_KANA.search(text):
        return "ja"
    if _IN_CJK.search(text):
        return "zh"
    words = re.findall(r"[^\W\d_]+", fold(text))
    scores = {
        language: sum(
            word in word_set("grammar", "function", language)
            or word in word_set("grammar", "behind", language)
            for word in words
        )
        for language in table("grammar")["function"]
    }
    best = max(scores, key=lambda language: scores[language])
    return best if scores[best] else "en"


def find(text: str, language: str) -> list[Hit]:
    """Everything that a language's words find in a folded text, in its order."""
    tokens = [_Token(match.start(), match.group()) for match in _TOKEN.finditer(text)]
    clauses = _clauses(text)
    hits: list[Hit] = []
    position = 0
    while position < len(tokens):
        token = tokens[position]
        factor = next((value for end, value in clauses if token.start < end), 1.0)
        used = 1
        if _IN_CJK.match(token.text):
            before = tokens[position - 1] if position else token
            digits = (
                before.text
                if before.text.isdigit() and text[before.start :].startswith(before.text + token.text)
                else ""
            )
            hits += _cjk(token, digits, "ja" if language == "ja" else "zh", factor)
        elif _IN_HANGUL.match(token.text):
            hits += _korean(token, factor)
        elif token.is_word:
            latin = "en" if language in {"zh", "ja", "ko"} else language
            used, found = _latin(tokens, position, latin)
            hits += [Hit(hit.start, hit.end, hit.meaning, hit.weight * factor, hit.count) for hit in found]
        position += used
    return list(_heads(hits, language))


def _heads(hits: list[Hit], language: str) -> Iterator[Hit]:
    """In English and Chinese a thing right before another describes it: a tomato seedling is a seedling."""
    for hit in hits:
        follower = next((other for other in hits if hit.end <= other.start <= hit.end + 1), None)
        describes = (
            language in {"en", "zh"}
            and hit.meaning.kind == "thing"
            and follower is not None
            and follower.meaning.kind == "thing"
            and follower.meaning.weight >= hit.meaning.weight
        )
        yield (
            Hit(hit.start, hit.end, hit.meaning, hit.weight * _MODIFIER_WEIGHT, hit.count)
            if describes
            else hit
        )


def _clauses(text: str) -> list[tuple[int, float]]:
    """Ends of clauses with their weight: the frame around a step weighs less than the step."""
    pieces: list[tuple[int, bool]] = []
    start = 0
    for match in _CLAUSE.finditer(text):
        pieces.append((match.end(), bool(_FRAME.search(text, start, match.end()))))
        start = match.end()
    pieces.append((len(text) + 1, bool(_FRAME.search(text, start))))
    mixed = any(frame for _, frame in pieces) and not all(frame for _, frame in pieces)
    return [(end, _FRAME_WEIGHT if frame and mixed else 1.0) for end, frame in pieces]


def _latin(tokens: list[_Token], position: int, language: str) -> tuple[int, list[Hit]]:
    """What the longest known phrase at this place asks for, and how many tokens it took."""
    known = lexicon(language)
    for length in range(min(_LONGEST_PHRASE, len(tokens) - position), 0, -1):
        phrase = tokens[position : position + length]
        if not all(token.is_word for token in phrase):
            continue
        lead = "".join(f"{token.text} " for token in phrase[:-1])
        for form, verb in _forms(phrase[-1].text, language):
            meanings = known.get(lead + form, ())
            if verb:
                meanings = tuple(item for item in meanings if item.kind in {"action", "effect"})
            if language == "en" and length == 1:
                meanings = _in_context(meanings, tokens, position)
            if meanings:
                return length, _weighed(meanings, tokens, position, length, language)
    return 1, _parts(tokens[position], language)


def _forms(word: str, language: str) -> Iterator[tuple[str, bool]]:
    """What the word may be a form of; a small word is itself alone: "des" is no plural of dé."""
    if word in word_set("grammar", "function", language):
        return iter(((word, False),))
    return forms(word, language)


def _parts(token: _Token, language: str) -> list[Hit]:
    """What the parts of a word that nobody knows as a whole ask for."""
    parts = [part for part in re.split("[-']", token.text) if part]
    if len(parts) > 1:
        return [hit for part in parts for hit in _latin([_Token(token.start, part)], 0, language)[1]]
    if language != "de":
        return []
    # A German compound is a kind of its last part: Gemüsesuppe is a soup.
    for cut in range(3, len(token.text) - 3):
        for form, verb in forms(token.text[cut:], "de"):
            meanings = [item for item in lexicon("de").get(form, ()) if item.weight > 0.9]
            if len(form) > 3 and meanings and not verb:
                end = token.start + len(token.text)
                last = [Hit(token.start, end, item, 0.9) for item in meanings]
                return last + _first_part(token, cut, 0.6)
    return _first_part(token, len(token.text) - 3, 0.75)


def _first_part(token: _Token, longest: int, weight: float) -> list[Hit]:
    """The first part of a German compound says at least what it is about: Fahrradklingel."""
    for cut in range(longest, 3, -1):
        for joint in ("", "s", "n", "en", "es"):
            first = token.text[:cut].removesuffix(joint)
            meanings = [
                item
                for item in lexicon("de").get(first, ())
                if item.kind in {"thing", "season"} and item.weight > 0.9
            ]
            if len(first) > 3 and meanings:
                end = token.start + len(token.text)
                return [Hit(token.start, end, item, weight) for item in meanings]
    return []


def _in_context(meanings: tuple[Meaning, ...], tokens: list[_Token], position: int) -> tuple[Meaning, ...]:
    """Leave out the English noun where the word stands as a verb, and the verb where it stands as a noun."""
    if not meanings:
        return meanings
    word = tokens[position].text
    before = tokens[position - 1] if position else None
    after = tokens[position + 1].text if position + 1 < len(tokens) else ""
    articles = word_set("grammar", "any", "articles")
    starts = before is None or not before.is_word or before.text in word_set("grammar", "verbs", "after")
    every = lexicon("en").get(word, ())
    verbs = tuple(item for item in every if item.kind in {"action", "effect"})
    as_verb = starts and (after in articles or after in word_set("grammar", "verbs", "before"))
    if as_verb and (verbs or word in word_set("grammar", "verbs", "also")):
        return verbs
    nouns = tuple(item for item in meanings if item.kind != "action")
    after_article = before is not None and before.text in articles
    return nouns if nouns and (not starts or after_article) else meanings


def _weighed(
    meanings: tuple[Meaning, ...], tokens: list[_Token], position: int, length: int, language: str
) -> list[Hit]:
    """Give each meaning the weight of its place in the sentence."""
    reach: list[str] = []
    for token in reversed(tokens[max(0, position - 4) : position]):
        # Not past a comma: what was behind something there is not behind it here.
        if not (token.is_word or token.text.isdigit()) or token.text in {"and", "y", "und", "et"}:
            break
        reach.append(token.text)
    behind = any(word in word_set("grammar", "behind", language) for word in reach[:3])
    weight = _BEHIND_WEIGHT if behind else 1.0
    follower = tokens[position + length].text if position + length < len(tokens) else ""
    if follower in word_set("grammar", "any", "of"):
        weight *= _MODIFIER_WEIGHT if language == "en" else 0.97
    if reach[:1] and reach[0] in word_set("grammar", "any", "articles"):
        weight *= _DREAM_WEIGHT if reach[1:2] and reach[1] in word_set("grammar", "any", "become") else 1.0
    last = tokens[position + length - 1]
    end = last.start + len(last.text)
    count = _count(reach)
    return [Hit(tokens[position].start, end, item, item.weight * weight, count) for item in meanings]


def _count(reach: list[str]) -> int:
    """The number right before a noun, or before its one adjective; 0 for none and for that of a step."""
    for at, word in enumerate(reach[:2]):
        if word in _COUNTS:
            framed = reach[at + 1] in word_set("grammar", "any", "frames") if at + 1 < len(reach) else False
            return 0 if framed else _COUNTS[word]
        # "A hundred ducks" are not one.
        if word.isdigit() or word in word_set("grammar", "any", "many"):
            return 0
    return 0


def _cjk(token: _Token, digits: str, language: str, factor: float) -> Iterator[Hit]:
    """The longest known word at each place of a run without spaces, `digits` right before it."""
    known, run = lexicon(language), token.text
    place = 0
    while place < len(run):
        for length in range(min(_LONGEST_CJK, len(run) - place), 0, -1):
            meanings = known.get(run[place : place + length], ())
            if not meanings or not _stands_alone(run, place, length):
                continue
            after = run[place + length : place + length + 1]
            weight = factor * (_BEHIND_WEIGHT if after and after in _AFTER_PLACE else 1.0)
            weight *= _DREAM_WEIGHT if _CJK_DREAM.search(run[:place]) else 1.0
            counted = _CJK_COUNT.search(digits + run[:place])
            count = 0 if counted is None else _CJK_NUMBERS[counted.group(1)]
            start = token.start + place
            yield from (Hit(start, start + length, item, item.weight * weight, count) for item in meanings)
            place += length
            break
        else:
            place += 1


def _stands_alone(run: str, place: int, length: int) -> bool:
    """Whether the word is not merely the inside of another: kana and single signs are treacherous."""
    word = run[place : place + length]
    before, after = run[place - 1 : place] or " ", run[place + length : place + length + 1] or " "
    if length == 1 and before in "0123456789一二三四五六七八九十" and word in "月日本年分":
        return False
    if _KATAKANA.match(word[-1]) and _KATAKANA.match(after):
        return False
    if all(_KATAKANA.match(char) for char in word):
        return length >= 3 or not _KATAKANA.match(before)
    if length <= 2 and all(_HIRAGANA.match(char) for char in word):
        return all(not _HIRAGANA.match(char) or char in _PARTICLES for char in (before, after))
    return True


def _korean(token: _Token, factor: float) -> list[Hit]:
    """The longest known beginning of a Korean word: its particles follow, and nothing else after one syllable."""
    short = token.text[1:] in word_set("grammar", "any", "particles") or len(token.text) == 1
    for length in range(len(token.text), 0 if short else 1, -1):
        meanings = lexicon("ko").get(token.text[:length], ())
        if meanings:
            end = token.start + length
            return [Hit(token.start, end, item, item.weight * factor) for item in meanings]
    return []
