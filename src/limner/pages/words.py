"""The few sentences that a page says by itself, in the languages it knows."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Words", "words"]


@dataclass(frozen=True, slots=True)
class Words:
    """What is said in one language."""

    offline: str
    """Where no language model was connected."""
    unreadable: str
    """In the place of a picture whose bytes are gone."""


_WORDS = {
    "en": Words(
        "No language model was connected. Limner’s offline stand-in arranged these words from the request.",
        "This picture could not be read.",
    ),
    "zh-hans": Words("未连接语言模型：以上文字由 Limner 的离线程序根据请求编排而成。", "无法读取这张图片。"),
    "zh-hant": Words("未連接語言模型：以上文字由 Limner 的離線程式依請求編排而成。", "無法讀取這張圖片。"),
    "ja": Words(
        "言語モデルは接続されていません。この文章は Limner のオフライン機能がご依頼をもとに組み立てたものです。",
        "この画像は読み込めませんでした。",
    ),
    "ko": Words(
        "언어 모델이 연결되지 않았습니다. 이 글은 Limner의 오프라인 기능이 요청을 바탕으로 구성했습니다.",
        "이 그림을 읽을 수 없습니다.",
    ),
    "de": Words(
        "Es war kein Sprachmodell verbunden. Limners Offline-Ersatz hat diesen Text aus der Anfrage zusammengestellt.",
        "Dieses Bild konnte nicht gelesen werden.",
    ),
    "fr": Words(
        "Aucun modèle de langage n’était connecté. Le mode hors ligne de Limner a composé ce texte à partir de la demande.",
        "Cette image n’a pas pu être lue.",
    ),
    "es": Words(
        "No había ningún modelo de lenguaje conectado. El modo sin conexión de Limner compuso este texto a partir de la petición.",
        "No se pudo leer esta imagen.",
    ),
    "it": Words(
        "Nessun modello linguistico era collegato. La modalità offline di Limner ha composto questo testo dalla richiesta.",
        "Non è stato possibile leggere questa immagine.",
    ),
    "pt": Words(
        "Nenhum modelo de linguagem estava conectado. O modo offline do Limner compôs este texto a partir do pedido.",
        "Não foi possível ler esta imagem.",
    ),
    "nl": Words(
        "Er was geen taalmodel verbonden. De offlinemodus van Limner stelde deze tekst samen uit het verzoek.",
        "Deze afbeelding kon niet worden gelezen.",
    ),
    "ru": Words(
        "Языковая модель не была подключена. Этот текст составлен автономным режимом Limner по запросу.",
        "Не удалось прочитать это изображение.",
    ),
    "ar": Words(
        "لم يكن هناك نموذج لغوي متصل. رتّب وضع Limner غير المتصل هذا النص انطلاقًا من الطلب.",
        "تعذّرت قراءة هذه الصورة.",
    ),
    "he": Words(
        "לא היה מודל שפה מחובר. המצב הלא מקוון של Limner הרכיב את הטקסט הזה מתוך הבקשה.",
        "לא ניתן היה לקרוא את התמונה הזו.",
    ),
}


def words(language: str) -> Words:
    """The sentences in `language` (BCP 47), or in English."""
    tag = language.lower().replace("_", "-")
    if tag.startswith("zh"):
        old = any(mark in tag for mark in ("hant", "-tw", "-hk", "-mo"))
        return _WORDS["zh-hant" if old else "zh-hans"]
    return _WORDS.get(tag.partition("-")[0], _WORDS["en"])
