"""Words of the user, made safe to repeat: in a prompt, in alt text, in Markdown."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["CJK", "capital", "clean", "escape", "pieces", "shorten", "tidy", "width"]

CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
"""Kana and Han, for character classes."""

HEAD_CHARS, TAIL_CHARS = 6_000, 2_000
"""Of one message; what the user wants stands at its beginning or at its end."""

_FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})[^\n]*$", re.MULTILINE)
_IMAGE = re.compile(r"!\[([^\]\[\n]{0,300})\](?:\([^)\n]{0,2000}\)|\[[^\]\n]{0,300}\])?")
_LINK = re.compile(r"\[([^\]\[\n]{0,300})\](?:\([^)\n]{0,2000}\)|\[[^\]\n]{0,300}\])")
_DEFINITION = re.compile(r"^[ \t]{0,3}\[[^\]\n]{1,300}\]:[^\n]*$", re.MULTILINE)
_HIDDEN = re.compile(r"<(script|style)\b.{0,4000}?(?:</\1\s*>|\Z)|<!--.{0,4000}?(?:-->|\Z)", re.I | re.DOTALL)
_TAG = re.compile(r"</?[a-z!?][^<>]{0,2000}>", re.IGNORECASE)
_ADDRESS = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{1,20}:/{1,3}|\b(?:data|javascript|vbscript|image|sandbox|file):(?=\S)|\bwww\.)"
    rf"[^\s<>\"'{CJK}，。；、）】」]*",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?=#|[a-z][a-z0-9]{1,30};)", re.IGNORECASE)
_MARKS = re.compile(
    r"`+|(?<!\d)[*~|]+|[*~|]+(?!\d)|(?<!\w)_+|_+(?!\w)|^[ \t]{0,3}(?:#{1,6}|>+)[ \t]+", re.MULTILINE
)
"""Marks of Markdown; what stands between two digits counts."""
_SPECIAL = re.compile(r"[\\`*_\[\]<>~|]|&(?=#|\w{1,31};)")
_SPACE = re.compile(r"\s+")
_PIECE = re.compile(rf"[{CJK}][^\w\s]*|\S(?:(?![{CJK}])\S)*\s*|\s+")


def clean(text: str) -> str:
    """`text` without markup, addresses and control characters; its lines stay lines."""
    if len(text) > HEAD_CHARS + TAIL_CHARS:
        text = f"{text[:HEAD_CHARS]}\n{text[-TAIL_CHARS:]}"
    plain = unicodedata.normalize("NFC", text)
    plain = "".join(
        char if char == "\n" or unicodedata.category(char) not in {"Cc", "Cs", "Cf", "Co", "Cn"} else " "
        for char in plain
    )
    plain = _FENCE.sub("", plain)
    for pattern in (_HIDDEN, _DEFINITION):
        plain = pattern.sub(" ", plain)
    # The words of pictures and links are the user's; where they lead to is nobody's business here.
    for pattern in (_IMAGE, _LINK):
        plain = pattern.sub(r"\1", plain)
    for pattern in (_TAG, _ADDRESS, _ENTITY):
        plain = pattern.sub(" ", plain)
    # A bullet is kept for the list finder; every other mark of Markdown goes.
    plain = re.sub(r"^([ \t]*)[*+][ \t]+", r"\1- ", plain, flags=re.MULTILINE)
    plain = re.sub(r"(?<=[ \t])\*(?=[ \t])", "-", plain)
    plain = _MARKS.sub("", plain)
    return "\n".join(re.sub(r"[^\S\n]+", " ", line).strip() for line in plain.split("\n")).strip()


def tidy(text: str) -> str:
    """One line without loose spaces and without punctuation at its ends."""
    line = _SPACE.sub(" ", text).strip()
    line = re.sub(r" +([,.;:!?，。；：！？、])", r"\1", line)
    line = re.sub(r"([,;，；])(?:\s*[,;，；])+", r"\1", line)
    line = line.strip(" \t,.;:!?，。；：！？、…-–—\"'“”‘’「」『』《》·/\\=+^$%@#&¿¡")
    for left, right in ("()", "（）", "[]", "{}", "【】"):
        if line.count(left) != line.count(right):
            line = line.replace(left, " ").replace(right, " ")
    return _SPACE.sub(" ", line).strip()


def escape(text: str) -> str:
    """`text` as Markdown that shows exactly these words and nothing else."""
    return _SPECIAL.sub(lambda found: "\\" + found.group(), _SPACE.sub(" ", text))


def capital(text: str) -> str:
    """`text` with its first letter large, the rest as it is."""
    return text[:1].upper() + text[1:] if len(text[:1].upper()) == 1 else text


def width(text: str) -> int:
    """Length in columns: a character of Chinese or Japanese counts twice."""
    return sum(2 if re.match(f"[{CJK}]", char) else 1 for char in text)


def shorten(text: str, columns: int) -> str:
    """`text`, cut at the end of a clause or a word if it is wider than `columns`."""
    if width(text) <= columns:
        return text
    taken, cut = 0, len(text)
    for position, char in enumerate(text):
        taken += width(char)
        if taken > columns:
            cut = position
            break
    head = text[:cut]
    clause = max(head.rfind(mark) for mark in ",;:，；：。、")
    if clause >= cut * 2 // 5:
        return tidy(head[:clause])
    word = head.rfind(" ")
    if word >= cut // 2 and not text[cut : cut + 1].isspace():
        head = head[:word]
    return tidy(head) + "…"


def pieces(text: str) -> list[str]:
    """`text` in word-sized pieces; joined again they are `text`."""
    found = _PIECE.findall(text)
    return found if "".join(found) == text else [text]
