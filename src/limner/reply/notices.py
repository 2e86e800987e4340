"""The honest sentences that stand where a picture is missing, in the reply's language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from limner.core.chinese import script
from limner.errors import CALL_CODES

from .ink import SEAM
from .markdown import escape, tidy

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LANGUAGES", "REASONS", "Reason", "awaited", "language", "missing", "silent"]

Reason = Literal["policy", "limit", "request", "provider", "time", "unknown", "cancelled", "inside", "later"]

_GROUPS: Mapping[Reason, str] = {
    "policy": "image_policy",
    "limit": "too_many_calls too_many_images budget_exceeded price_unknown repeated_call image_quota image_store_full",
    "request": "unknown_tool arguments_invalid_json arguments_not_object arguments_schema arguments_truncated "
    "image_bad_request",
    "provider": "image_rate_limited image_auth image_unreachable image_provider_error image_bad_payload "
    "image_type_not_allowed image_truncated image_too_large image_too_many_pixels image_decode_failed "
    "image_url_expired image_fetch_blocked",
    "time": "turn_deadline tool_timeout image_timeout image_download_timeout",
    "unknown": "outcome_unknown",
    "cancelled": "cancelled",
    "inside": "tool_failed internal",
}

REASONS: Mapping[str, Reason] = {
    **dict.fromkeys(CALL_CODES, "inside"),
    **{code: reason for reason, codes in _GROUPS.items() for code in codes.split()},
}
"""Why a picture is missing, as a reader needs to know it, for each code of a failed call."""

# What the picture is called: with its alt text, and without.
_NAMES: Mapping[str, tuple[str, str]] = {
    "en": ("The picture “{}”", "A picture"),
    "de": ("Das Bild „{}“", "Ein Bild"),
    "es": ("La imagen «{}»", "Una imagen"),
    "fr": ("L’image « {} »", "Une image"),
    "it": ("L’immagine «{}»", "Un’immagine"),
    "pt": ("A imagem “{}”", "Uma imagem"),
    "ru": ("Изображение «{}»", "Изображение"),
    "ar": ("الصورة «{}»", "إحدى الصور"),
    "zh": ("图片“{}”", "有一张图片"),
    "zh-hant": ("圖片「{}」", "有一張圖片"),
    "ja": ("画像「{}」", "画像の一つ"),
    "ko": ("‘{}’ 그림", "그림 하나"),
}

_SENTENCES: Mapping[str, Mapping[Reason, str]] = {
    "en": {
        "policy": "{} is missing: the picture service declined to draw it.",
        "limit": "{} is missing: the limit for this reply was reached.",
        "request": "{} is missing: it could not be drawn as it was asked for.",
        "provider": "{} is missing: the picture service did not deliver it.",
        "time": "{} is missing: there was not enough time to draw it.",
        "unknown": "{} is missing: it is not known whether it was drawn.",
        "cancelled": "{} is missing: it was cancelled before it was drawn.",
        "inside": "{} is missing: something went wrong inside this application.",
        "later": "{} was not ready in time for this reply.",
    },
    "de": {
        "policy": "{} fehlt: Der Bilddienst hat es abgelehnt, es zu zeichnen.",
        "limit": "{} fehlt: Die Grenze für diese Antwort war erreicht.",
        "request": "{} fehlt: Es ließ sich so, wie es verlangt war, nicht zeichnen.",
        "provider": "{} fehlt: Der Bilddienst hat es nicht geliefert.",
        "time": "{} fehlt: Die Zeit reichte nicht, um es zu zeichnen.",
        "unknown": "{} fehlt: Ob es gezeichnet wurde, ist nicht bekannt.",
        "cancelled": "{} fehlt: Es wurde abgebrochen, bevor es gezeichnet war.",
        "inside": "{} fehlt: In dieser Anwendung ist etwas schiefgegangen.",
        "later": "{} war für diese Antwort nicht rechtzeitig fertig.",
    },
    "es": {
        "policy": "{} no está: el servicio de imágenes rechazó dibujarla.",
        "limit": "{} no está: se alcanzó el límite para esta respuesta.",
        "request": "{} no está: no se pudo dibujar tal como se pidió.",
        "provider": "{} no está: el servicio de imágenes no la entregó.",
        "time": "{} no está: no hubo tiempo suficiente para dibujarla.",
        "unknown": "{} no está: no se sabe si llegó a dibujarse.",
        "cancelled": "{} no está: se canceló antes de dibujarla.",
        "inside": "{} no está: algo falló dentro de esta aplicación.",
        "later": "{} no estuvo lista a tiempo para esta respuesta.",
    },
    "fr": {
        "policy": "{} manque : le service d’images a refusé de la dessiner.",
        "limit": "{} manque : la limite pour cette réponse était atteinte.",
        "request": "{} manque : elle n’a pas pu être dessinée telle que demandée.",
        "provider": "{} manque : le service d’images ne l’a pas livrée.",
        "time": "{} manque : le temps n’a pas suffi pour la dessiner.",
        "unknown": "{} manque : on ne sait pas si elle a été dessinée.",
        "cancelled": "{} manque : elle a été annulée avant d’être dessinée.",
        "inside": "{} manque : une erreur est survenue dans cette application.",
        "later": "{} n’était pas prête à temps pour cette réponse.",
    },
    "it": {
        "policy": "{} manca: il servizio di immagini ha rifiutato di disegnarla.",
        "limit": "{} manca: è stato raggiunto il limite per questa risposta.",
        "request": "{} manca: non è stato possibile disegnarla come richiesto.",
        "provider": "{} manca: il servizio di immagini non l’ha consegnata.",
        "time": "{} manca: non c’è stato abbastanza tempo per disegnarla.",
        "unknown": "{} manca: non si sa se sia stata disegnata.",
        "cancelled": "{} manca: è stata annullata prima di essere disegnata.",
        "inside": "{} manca: qualcosa è andato storto in questa applicazione.",
        "later": "{} non era pronta in tempo per questa risposta.",
    },
    "pt": {
        "policy": "{} está em falta: o serviço de imagens recusou desenhá-la.",
        "limit": "{} está em falta: o limite para esta resposta foi atingido.",
        "request": "{} está em falta: não foi possível desenhá-la como pedido.",
        "provider": "{} está em falta: o serviço de imagens não a entregou.",
        "time": "{} está em falta: não houve tempo suficiente para desenhá-la.",
        "unknown": "{} está em falta: não se sabe se foi desenhada.",
        "cancelled": "{} está em falta: foi cancelada antes de ser desenhada.",
        "inside": "{} está em falta: algo correu mal dentro desta aplicação.",
        "later": "{} não ficou pronta a tempo para esta resposta.",
    },
    "ru": {
        "policy": "{} отсутствует: сервис изображений отказался его рисовать.",
        "limit": "{} отсутствует: достигнут предел для этого ответа.",
        "request": "{} отсутствует: его не удалось нарисовать так, как было запрошено.",
        "provider": "{} отсутствует: сервис изображений его не прислал.",
        "time": "{} отсутствует: не хватило времени, чтобы его нарисовать.",
        "unknown": "{} отсутствует: неизвестно, было ли оно нарисовано.",
        "cancelled": "{} отсутствует: оно было отменено до начала работы.",
        "inside": "{} отсутствует: в этом приложении что-то пошло не так.",
        "later": "{} не успело появиться к этому ответу.",
    },
    "ar": {
        "policy": "{} غير موجودة: رفضت خدمة الصور رسمها.",
        "limit": "{} غير موجودة: تم بلوغ الحد المسموح به لهذا الرد.",
        "request": "{} غير موجودة: تعذّر رسمها كما طُلبت.",
        "provider": "{} غير موجودة: لم تسلّمها خدمة الصور.",
        "time": "{} غير موجودة: لم يكفِ الوقت لرسمها.",
        "unknown": "{} غير موجودة: لا يُعرف إن كانت قد رُسمت.",
        "cancelled": "{} غير موجودة: أُلغيت قبل رسمها.",
        "inside": "{} غير موجودة: حدث خطأ داخل هذا التطبيق.",
        "later": "{} لم تكن جاهزة في الوقت المناسب لهذا الرد.",
    },
    "zh": {
        "policy": "{}未能显示：图片服务拒绝绘制。",
        "limit": "{}未能显示：已达到本次回复的上限。",
        "request": "{}未能显示：无法按所要求的方式绘制。",
        "provider": "{}未能显示：图片服务没有送达。",
        "time": "{}未能显示：绘制时间不够。",
        "unknown": "{}未能显示：无法确定是否已经绘制。",
        "cancelled": "{}未能显示：在绘制之前已被取消。",
        "inside": "{}未能显示：应用内部出了问题。",
        "later": "{}没能赶上这次回复。",
    },
    "zh-hant": {
        "policy": "{}未能顯示：圖片服務拒絕繪製。",
        "limit": "{}未能顯示：已達到本次回覆的上限。",
        "request": "{}未能顯示：無法依所要求的方式繪製。",
        "provider": "{}未能顯示：圖片服務沒有送達。",
        "time": "{}未能顯示：繪製時間不夠。",
        "unknown": "{}未能顯示：無法確定是否已經繪製。",
        "cancelled": "{}未能顯示：在繪製之前已被取消。",
        "inside": "{}未能顯示：應用程式內部出了問題。",
        "later": "{}沒能趕上這次回覆。",
    },
    "ja": {
        "policy": "{}は表示できません。画像サービスが描画を断りました。",
        "limit": "{}は表示できません。この返信の上限に達しました。",
        "request": "{}は表示できません。求められた形では描けませんでした。",
        "provider": "{}は表示できません。画像サービスから届きませんでした。",
        "time": "{}は表示できません。描く時間が足りませんでした。",
        "unknown": "{}は表示できません。描かれたかどうかを確認できませんでした。",
        "cancelled": "{}は表示できません。描かれる前に取り消されました。",
        "inside": "{}は表示できません。アプリケーションの内部で問題が起きました。",
        "later": "{}はこの返信に間に合いませんでした。",
    },
    "ko": {
        "policy": "{}이 빠졌습니다. 그림 서비스가 그리기를 거절했습니다.",
        "limit": "{}이 빠졌습니다. 이 답변의 한도에 도달했습니다.",
        "request": "{}이 빠졌습니다. 요청한 대로 그릴 수 없었습니다.",
        "provider": "{}이 빠졌습니다. 그림 서비스가 보내 주지 않았습니다.",
        "time": "{}이 빠졌습니다. 그릴 시간이 부족했습니다.",
        "unknown": "{}이 빠졌습니다. 그려졌는지 확인할 수 없습니다.",
        "cancelled": "{}이 빠졌습니다. 그리기 전에 취소되었습니다.",
        "inside": "{}이 빠졌습니다. 애플리케이션 내부에서 문제가 생겼습니다.",
        "later": "{}이 이 답변에 맞춰 준비되지 못했습니다.",
    },
}

_SILENCE: Mapping[str, str] = {
    "en": "The model wrote no answer.",
    "de": "Das Modell hat keine Antwort geschrieben.",
    "es": "El modelo no escribió ninguna respuesta.",
    "fr": "Le modèle n’a écrit aucune réponse.",
    "it": "Il modello non ha scritto alcuna risposta.",
    "pt": "O modelo não escreveu nenhuma resposta.",
    "ru": "Модель не написала ответа.",
    "ar": "لم يكتب النموذج أي رد.",
    "zh": "模型没有写出回答。",
    "zh-hant": "模型沒有寫出回答。",
    "ja": "モデルは回答を書きませんでした。",
    "ko": "모델이 답변을 쓰지 않았습니다.",
}

LANGUAGES = tuple(_SENTENCES)
"""The languages that have their own sentences; any other gets English ones."""

_WORD = re.compile(r"[^\W\d_]+")
_SMALL_WORDS: Mapping[str, str] = {
    "en": "the and of to is are you it that with for this on how what your can i me my in a an",
    "de": "der die das und ist nicht ein eine einen mit für auf zu wie ich mir du sie den dem von im es sind bitte",
    "es": "el la los las y es de que un una con para por cómo en del se mi su al más tu me",
    "fr": "le la les et est de des un une avec pour dans que qui du en ce pas sur comment je vous au",
    "it": "il lo la gli le e è di che un una con per come del della nel si mi non sono al dei in",
    "pt": "o a os as e é de que um uma com para por como do da em no na não se ao meu mais",
}
_STOP_WORDS = {name: frozenset(words.split()) for name, words in _SMALL_WORDS.items()}


def language(text: str) -> str:
    """The language that `text` is written in, as one of `LANGUAGES`; "en" where that is not clear."""
    sample = text[:20_000]
    counts = {
        "ja": len(re.findall("[\u3041-\u30ff]", sample)),
        "ko": len(re.findall("[\u1100-\u11ff\uac00-\ud7a3]", sample)),
        "zh": len(re.findall("[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0002ffff]", sample)),
        "ru": len(re.findall("[\u0400-\u04ff]", sample)),
        "ar": len(re.findall("[\u0600-\u06ff]", sample)),
        "latin": len(re.findall("[A-Za-z\u00c0-\u024f]", sample)) / 2,
    }
    # Kana beside Chinese characters is Japanese; a character says more than a letter does.
    if counts["ja"] and counts["ja"] * 5 >= counts["zh"]:
        counts["ja"] += counts["zh"]
        counts["zh"] = 0
    best = max(counts, key=lambda name: counts[name])
    if not counts[best]:
        return "en"
    if best == "zh":
        return "zh-hant" if script(sample) == "traditional" else "zh"
    return _latin(sample) if best == "latin" else best


def _latin(sample: str) -> str:
    """A vote of small words: another language than English must win it clearly."""
    words = [word.casefold() for word in _WORD.findall(sample)]
    votes = {name: sum(word in small for word in words) for name, small in _STOP_WORDS.items()}
    first, second = sorted(votes, key=lambda name: -votes[name])[:2]
    clear = votes[first] >= 2 and votes[first] * 4 >= votes[second] * 5
    return first if clear and votes[first] > votes["en"] else "en"


_ADDRESS = re.compile(r":(?=//)|(?<=[^\W_])[.@](?=[^\W\d_])")


def _sentence(alt: str, reason: Reason, language: str) -> str:
    known = language if language in _SENTENCES else "en"
    named, unnamed = _NAMES[known]
    # Renderers make links of bare addresses.
    words = escape(_ADDRESS.sub(f"\\g<0>{SEAM}", tidy(alt)))
    return _SENTENCES[known][reason].format(named.format(words) if words else unnamed)


def missing(alt: str, code: str, language: str) -> str:
    """One sentence that says which picture is not there and why; safe in the middle of Markdown."""
    return _sentence(alt, REASONS.get(code, "inside"), language)


def awaited(alt: str, language: str) -> str:
    """One sentence for a picture that was promised and did not arrive in time for this reply."""
    return _sentence(alt, "later", language)


def silent(language: str) -> str:
    """One sentence for a reply in which the model wrote nothing at all."""
    return _SILENCE[language if language in _SILENCE else "en"]
