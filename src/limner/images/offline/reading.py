"""What a prompt asks to see: its things in order of weight, where, in which light, doing what."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .lexicon import LANGUAGES, Kind, Meaning, fold, forms, lexicon

__all__ = ["Reading", "language_of", "read"]

MAX_CHARS = 2_000
"""Of a prompt; what it is about stands before that."""

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_KANA = "\u3040-\u30ff"
_HANGUL = "\uac00-\ud7af"
_TOKEN = re.compile(
    rf"[{_HAN}{_KANA}々]+|[{_HANGUL}]+|[^\W\d_]+(?:['-][^\W\d_]+)*|\d+|[:：—–|.,;!?。，、；！？\n]| - "
)
_CJK = re.compile(rf"[{_HAN}{_KANA}々]")
_HIRAGANA = re.compile("[\u3041-\u309f]")
_KATAKANA = re.compile("[\u30a1-\u30ff]")
_PARTICLES = "のをがはにでともへやかっな"
_LONGEST_PHRASE = 4
_LONGEST_CJK = 8
_CLAUSE_END = frozenset(":：—–|.。\n -")

_FUNCTION: Mapping[str, frozenset[str]] = {
    "en": frozenset(["the", "a", "an", "of", "and", "in", "on", "with", "to", "for", "at", "by", "is", "are", "how", "from", "into", "its", "his", "her", "step"]),
    "es": frozenset(["el", "la", "los", "las", "un", "una", "de", "del", "y", "en", "con", "para", "por", "al", "como", "se", "su", "que", "sobre", "paso", "es"]),
    "de": frozenset(
        ["der", "die", "das", "den", "dem", "des", "ein", "eine", "einen", "einem", "einer", "und", "im", "in", "mit", "fur", "auf", "am", "zu", "wie", "man", "auf", "von", "schritt", "ist"]
    ),
    "fr": frozenset(["le", "la", "les", "un", "une", "des", "du", "de", "et", "dans", "avec", "pour", "sur", "au", "aux", "comment", "en", "son", "sa", "est", "etape", "qui"]),
}  # fmt: skip
# After these stands where something is, not what the picture shows.
_BEHIND: Mapping[str, frozenset[str]] = {
    "en": frozenset(
        [
            "in",
            "on",
            "at",
            "under",
            "near",
            "beside",
            "behind",
            "with",
            "from",
            "into",
            "by",
            "over",
            "against",
            "inside",
            "above",
            "through",
        ]
    ),
    "es": frozenset(["en", "con", "bajo", "sobre", "junto", "tras", "desde", "hacia", "por", "entre"]),
    "de": frozenset(
        [
            "in",
            "im",
            "auf",
            "mit",
            "unter",
            "neben",
            "hinter",
            "an",
            "am",
            "bei",
            "vor",
            "uber",
            "aus",
            "zwischen",
        ]
    ),
    "fr": frozenset(
        ["dans", "avec", "sous", "sur", "pres", "derriere", "au", "aux", "chez", "devant", "depuis"]
    ),
}
_ARTICLES = frozenset(
    [
        "the",
        "a",
        "an",
        "your",
        "its",
        "his",
        "her",
        "my",
        "our",
        "some",
        "el",
        "la",
        "los",
        "las",
        "un",
        "una",
        "su",
        "der",
        "die",
        "das",
        "den",
        "dem",
        "ein",
        "eine",
        "einen",
        "einem",
        "einer",
        "le",
        "les",
        "une",
        "des",
        "du",
        "l",
        "sa",
        "son",
    ]
)
_OF = frozenset(["of", "de", "von", "du", "d"])
_COUNTS: Mapping[str, int] = {
    "two": 2, "three": 3, "2": 2, "3": 3, "dos": 2, "tres": 3, "zwei": 2, "drei": 3, "deux": 2, "trois": 3,
}  # fmt: skip
_CJK_COUNT = re.compile("([两兩二2三3])(?:只|隻|个|個|条|頭|头|匹|匹の|つの|羽の|本の|颗|朵|棵|艘|辆)$")
_STEP = re.compile(
    r"\b(?:step|schritt|paso|etape|how to|como|comment|wie man|part)\b|第[一二三四五六七八九十\d]+[步张張]|步骤|ステップ|手順|怎么|如何|教我"
)
# English words that are a thing as a noun and something else as a verb: "seal the edges".
_NOT_AS_VERB = frozenset(
    [
        "seal",
        "watch",
        "fly",
        "duck",
        "pick",
        "hook",
        "link",
        "label",
        "ring",
        "rock",
        "book",
        "bat",
        "mirror",
        "shower",
        "train",
        "butter",
        "park",
        "mate",
        "bowl",
        "turkey",
        "clamp",
        "lock",
        "key",
        "guard",
        "judge",
        "cook",
        "wave",
        "date",
        "star",
        "pilot",
        "place",
        "match",
        "mark",
        "light",
        "top",
        "sail",
        "camp",
        "steam",
        "leaf",
        "bridge",
        "store",
        "shop",
        "box",
        "pot",
        "bag",
        "bear",
        "nail",
        "wood",
        "iron",
        "sponge",
    ]
)
_LEAD_TO_VERB = frozenset(
    [
        "to",
        "and",
        "then",
        "step",
        "you",
        "carefully",
        "gently",
        "now",
        "always",
        "first",
        "next",
        "finally",
        "let",
    ]
)


@dataclass
class Reading:
    """What a prompt asks to see."""

    things: list[str] = field(default_factory=list)
    """Icons, the subject first; each once."""
    actions: list[str] = field(default_factory=list)
    """Icons that show what is being done, in the order of the prompt."""
    effects: list[str] = field(default_factory=list)
    place: str | None = None
    light: str | None = None
    weather: str | None = None
    count: int = 1
    """How many of the subject, up to three."""
    steps: tuple[int, ...] = ()
    """Numbers in the prompt: they tell the steps of one tutorial apart."""


@dataclass(frozen=True, slots=True)
class _Hit:
    start: int
    meaning: Meaning
    weight: float
    count: int = 1


def language_of(text: str) -> str:
    """The prompt's language: by its script, else by its small words; English where nothing tells."""
    if re.search(f"[{_HANGUL}]", text):
        return "ko"
    if re.search(f"[{_KANA}]", text):
        return "ja"
    if re.search(f"[{_HAN}]", text):
        return "zh"
    words = re.findall(r"[^\W\d_]+", fold(text))
    scores = {language: sum(word in small for word in words) for language, small in _FUNCTION.items()}
    best = max(scores, key=lambda language: scores[language])
    return best if scores[best] else "en"


def read(prompt: str) -> Reading:
    """What the prompt asks to see, in its own language; in another only where that finds nothing."""
    text = fold(prompt[:MAX_CHARS])
    first = language_of(text)
    hits = list(_hits(text, first))
    if not any(hit.meaning.kind in {"thing", "place", "action"} for hit in hits):
        for language in LANGUAGES:
            if language == first:
                continue
            others = list(_hits(text, language))
            if any(hit.meaning.kind in {"thing", "place"} for hit in others):
                hits = others
                break
    return _reading(text, hits)


def _reading(text: str, hits: list[_Hit]) -> Reading:
    """Sort what was found into its kinds, the heaviest thing first."""
    found = Reading(steps=tuple(int(number) for number in re.findall(r"\d{1,3}", text)[:4]))
    things: dict[str, tuple[float, int]] = {}
    place_weight = 0.0
    for hit in hits:
        kind, name = hit.meaning.kind, hit.meaning.name
        if kind == "thing":
            # Later words weigh less, but a strong later word beats a weak early one.
            weight = hit.weight / (1 + 0.08 * len(things))
            if name not in things or weight > things[name][0]:
                things[name] = (weight, hit.count)
        elif kind == "action" and name not in found.actions:
            found.actions.append(name)
        elif kind == "effect" and name not in found.effects:
            found.effects.append(name)
        elif kind == "place" and hit.weight > place_weight:
            found.place, place_weight = name, hit.weight
        elif kind == "light":
            found.light = found.light or name
        elif kind == "weather":
            found.weather = found.weather or name
    strong = [name for name, (weight, _) in things.items() if weight > 0.5]
    order = sorted(things, key=lambda name: -things[name][0])
    # A mere keyword is drawn only where the prompt names little else.
    found.things = [name for name in order if len(strong) < 2 or things[name][0] > 0.3 or name in strong]
    found.actions = [name for name in found.actions if name not in found.things]
    if found.things:
        found.count = things[found.things[0]][1]
    return found


def _hits(text: str, language: str) -> Iterator[_Hit]:
    """Everything that the language's words find, in the order of the text."""
    tokens = [(match.start(), match.group()) for match in _TOKEN.finditer(text)]
    factors = _clauses(text)
    position = 0
    while position < len(tokens):
        start, token = tokens[position]
        factor = next((value for end, value in factors if start < end), 1.0)
        if _CJK.match(token):
            yield from _cjk_hits(token, start, "ja" if language == "ja" else "zh", factor)
            position += 1
        elif language == "ko" and re.match(f"[{_HANGUL}]", token):
            yield from _korean_hits(token, start, factor)
            position += 1
        elif token[0].isalpha():
            used, hits = _latin_hits(
                tokens, position, "en" if language in {"zh", "ja", "ko"} else language, factor
            )
            yield from hits
            position += used
        else:
            position += 1


def _clauses(text: str) -> list[tuple[int, float]]:
    """Ends of clauses with their weight: the frame around a step weighs less than the step."""
    pieces: list[tuple[int, bool]] = []
    start = 0
    for match in re.finditer(r"[:：—–|\n。；;]|\.(?:\s|$)| - |, (?=step )|，(?=第)", text):
        pieces.append((match.end(), bool(_STEP.search(text[start : match.end()]))))
        start = match.end()
    pieces.append((len(text) + 1, bool(_STEP.search(text[start:]))))
    mixed = any(frame for _, frame in pieces) and not all(frame for _, frame in pieces)
    return [(end, 0.62 if frame and mixed else 1.0) for end, frame in pieces]


def _latin_hits(
    tokens: list[tuple[int, str]], position: int, language: str, factor: float
) -> tuple[int, list[_Hit]]:
    """What the longest known phrase at this place asks for, and how many tokens it took."""
    table = lexicon(language)
    for length in range(min(_LONGEST_PHRASE, len(tokens) - position), 0, -1):
        words = [token for _, token in tokens[position : position + length]]
        if not all(word[0].isalpha() for word in words):
            continue
        lead = " ".join([*words[:-1], ""])
        for form, verb in forms(words[-1], language):
            meanings = table.get(lead + form, ())
            if verb:
                meanings = tuple(item for item in meanings if item.kind in {"action", "effect"})
            meanings = _in_context(meanings, tokens, position, length, language)
            if meanings:
                return length, _weigh(meanings, tokens, position, length, language, factor)
    word = tokens[position][1]
    parts = [part for part in re.split("[-']", word) if part]
    start = tokens[position][0]
    if len(parts) > 1:
        hits = []
        for part in parts:
            hits += _latin_hits([(start, part)], 0, language, factor)[1]
        return 1, hits
    return 1, _compound(word, start, factor) if language == "de" else []


def _compound(word: str, start: int, factor: float) -> list[_Hit]:
    """A German compound is a kind of its last part: Gemüsesuppe is a soup."""
    for cut in range(3, len(word) - 3):
        for form, verb in forms(word[cut:], "de"):
            meanings = [item for item in lexicon("de").get(form, ()) if item.weight > 0.9]
            if len(form) > 3 and meanings and not verb:
                return [_Hit(start, item, 0.9 * factor) for item in meanings]
    return []


def _in_context(
    meanings: tuple[Meaning, ...], tokens: list[tuple[int, str]], position: int, length: int, language: str
) -> tuple[Meaning, ...]:
    """Leave out the noun where the word stands as a verb, and the verb where it stands as a noun."""
    if language != "en" or length > 1 or not meanings:
        return meanings
    word = tokens[position][1]
    before = tokens[position - 1][1] if position else ""
    after = tokens[position + 1][1] if position + 1 < len(tokens) else ""
    starts = not before or not before[0].isalpha() or before in _LEAD_TO_VERB
    as_verb = starts and (
        after in _ARTICLES or after in {"it", "them", "over", "until", "for", "out", "up", "each", "all"}
    )
    if as_verb and (
        word in _NOT_AS_VERB or any(item.kind == "action" for item in lexicon("en").get(word, ()))
    ):
        return tuple(item for item in lexicon("en").get(word, ()) if item.kind in {"action", "effect"})
    nouns = tuple(item for item in meanings if item.kind != "action")
    if nouns and (not starts or before in _ARTICLES):
        return nouns
    return meanings


def _weigh(
    meanings: tuple[Meaning, ...],
    tokens: list[tuple[int, str]],
    position: int,
    length: int,
    language: str,
    factor: float,
) -> list[_Hit]:
    """Give each meaning the weight of its place in the sentence."""
    before = [token for _, token in tokens[max(0, position - 4) : position]]
    after = [token for _, token in tokens[position + length : position + length + 1]]
    # Not past a comma: what was behind something there is not behind it here.
    reach: list[str] = []
    for token in reversed(before):
        if not token[0].isalnum() or token in {"and", "y", "und", "et"}:
            break
        reach.append(token)
    behind = any(token in _BEHIND.get(language, ()) for token in reach[:3])
    weight = factor * (0.6 if behind else 1.0)
    if after and after[0] in _OF and position + length + 1 < len(tokens):
        weight *= 0.8 if language == "en" else 0.97
    count = next((_COUNTS[token] for token in reach[:2] if token in _COUNTS and "step" not in before), 1)
    return [_Hit(tokens[position][0], item, item.weight * weight, count) for item in meanings]


def _cjk_hits(run: str, start: int, language: str, factor: float) -> Iterator[_Hit]:
    """The longest known word at each place of a run without spaces."""
    table = lexicon(language)
    place = 0
    behind = 1.0
    while place < len(run):
        for length in range(min(_LONGEST_CJK, len(run) - place), 0, -1):
            word = run[place : place + length]
            meanings = table.get(word, ())
            if meanings and _stands_alone(run, place, length):
                after = run[place + length : place + length + 1]
                scale = 0.6 if after and after in "里裡上中下旁で" else behind
                count = _CJK_COUNT.search(run[:place])
                number = (3 if count.group(1) in "三3" else 2) if count else 1
                for item in meanings:
                    yield _Hit(start + place, item, item.weight * factor * scale, number)
                place += length
                break
        else:
            place += 1


def _stands_alone(run: str, place: int, length: int) -> bool:
    """Whether the word is not merely the inside of another: kana and single signs are treacherous."""
    word = run[place : place + length]
    before, after = run[place - 1 : place], run[place + length : place + length + 1]
    if length == 1 and before in set("0123456789一二三四五六七八九十"):
        return word not in "月日本年分"
    if _KATAKANA.fullmatch(word[-1]) and _KATAKANA.match(after or " "):
        return False
    if all(_KATAKANA.match(char) for char in word):
        return length >= 3 or not _KATAKANA.match(before or " ")
    if length <= 2 and all(_HIRAGANA.match(char) for char in word):
        left = not before or not _HIRAGANA.match(before) or before in _PARTICLES
        right = not after or not _HIRAGANA.match(after) or after in _PARTICLES
        return left and right
    return True


def _korean_hits(token: str, start: int, factor: float) -> Iterator[_Hit]:
    """The longest known beginning of a Korean word: its particles follow."""
    for length in range(len(token), 1, -1):
        meanings = lexicon("ko").get(token[:length], ())
        if meanings:
            for item in meanings:
                yield _Hit(start, item, item.weight * factor)
            return


def kinds(prompt: str) -> dict[Kind, list[str]]:
    """All that the prompt's words find, by kind: for tests and for those who add words."""
    text = fold(prompt[:MAX_CHARS])
    found: dict[Kind, list[str]] = {}
    for hit in _hits(text, language_of(text)):
        found.setdefault(hit.meaning.kind, []).append(hit.meaning.name)
    return found
