"""The sentences for missing pictures, in the reply's language."""

from __future__ import annotations

import pytest

from limner.errors import CALL_CODES
from limner.reply.notices import LANGUAGES, REASONS, awaited, language, missing, silent
from limner.reply.placement import Text, place
from readers import fetched


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Teach me to brew green tea", "en"), ("", "en"), ("42", "en"), ("🦊", "en"), ("Kettle", "en"),
        ("用四张图教我怎么包饺子", "zh"), ("請用四張圖教我怎麼包餃子", "zh-hant"), ("山水", "zh"),
        ("怎麼泡烏龍茶", "zh-hant"), ("怎么泡乌龙茶", "zh"), ("綠茶與紅茶", "zh-hant"), ("皇后在山裡", "zh-hant"),
        ("お茶の淹れ方を教えてください", "ja"), ("絵を描いて", "ja"), ("김치 만드는 법을 알려 줘", "ko"),
        ("Как заварить зелёный чай", "ru"), ("كيف أحضر الشاي الأخضر", "ar"),
        ("Wie koche ich grünen Tee mit einer Kanne?", "de"), ("Cómo preparar el té con la tetera", "es"),
        ("Comment préparer le thé vert dans la théière", "fr"), ("Come si fa il tè con la teiera", "it"),
        ("Como fazer o chá em casa com uma chaleira", "pt"), ("Draw 狐 for me and tell the story of it", "en"),
    ],
)  # fmt: skip
def test_the_language_is_found_by_script_and_small_words(text: str, expected: str) -> None:
    """The reply: an honest reply in the language of the request; English where it is not clear."""
    assert language(text) == expected


def test_every_code_of_a_failed_call_has_a_reason() -> None:
    """errors.CALL_CODES is a closed list; a new code must be told to readers too."""
    assert set(REASONS) == set(CALL_CODES)
    inside = {code for code, reason in REASONS.items() if reason == "inside"}
    assert inside == {"tool_failed", "internal"}


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_reason_has_a_sentence_of_its_own_in_every_language(name: str) -> None:
    """DESIGN, "Promises": an honest sentence with the alt text."""
    one_code = {reason: code for code, reason in REASONS.items()}
    sentences = [missing("fox", code, name) for code in one_code.values()] + [
        awaited("fox", name),
        silent(name),
    ]
    assert len(set(sentences)) == len(one_code) + 2
    assert all("fox" in sentence for sentence in sentences[:-1])
    assert all("{" not in sentence and "\n" not in sentence for sentence in sentences)
    nameless = missing("", "internal", name)
    assert nameless not in sentences
    assert "“”" not in nameless


# Fails if the alt text is not escaped in a sentence.
@pytest.mark.parametrize(
    "alt",
    [
        "![x](https://e.example)",
        "<img src=x>",
        "https://e.example/a",
        "[a](javascript:b)",
        "`",
        "{} {0}",
        "www.e.example",
        "# a",
    ],
)
def test_a_sentence_never_looks_like_a_picture_or_a_link(alt: str) -> None:
    """DESIGN, "Promises": a broken promise is never shown as a picture."""
    for name in LANGUAGES:
        sentence = missing(alt, "image_policy", name)
        assert fetched(sentence) == []
        assert place(sentence, {}) == (Text(sentence),)
        assert "https://" not in sentence
        assert "www.e." not in sentence


def test_unknown_codes_and_languages_are_still_answered() -> None:
    """A sentence must always come: the reader waits for one."""
    assert missing("fox", "no_such_code", "xx") == missing("fox", "internal", "en")
