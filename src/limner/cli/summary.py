"""The last lines on standard error: what was written, what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from limner.errors import CALL_CODES
from limner.reply.reply import Reply

from .advice import advice
from .output import Output

__all__ = ["dollars", "missing_pictures", "summary"]

_ENDS = {
    "seconds": "its time was over (raise `seconds` in [limits])",
    "max_tool_rounds": "its rounds were used up (raise `rounds` in [limits])",
    "limit": "a limit was reached",
    "length": "the model reached its own length limit",
    "content_filter": "the provider's content filter stopped it",
}


def summary(reply: Reply, output: Output, folder: Path | None, seconds: float) -> str:
    """What was written where."""
    count = len(reply.images)
    pictures = "no pictures" if not count else "1 picture" if count == 1 else f"{count} pictures"
    where = f" in {folder}" if count and folder is not None else ""
    cost = _cost(reply.receipt) if reply.receipt else ""
    written = f"{output.file}: " if output.file is not None else ""
    line = f"{written}{pictures}{where} ({seconds:.1f} s{cost and f', {cost}'})"
    if reply.incomplete not in (None, "interrupted"):
        line += f"\nnote: the reply ended early: {_ENDS.get(reply.incomplete or '', reply.incomplete)}"
    return line


def _cost(receipt: Mapping[str, Any]) -> str:
    """What a reply cost, as far as anybody knows; empty where it cost nothing."""
    words, pictures = (receipt["chat"],), (*receipt["images"], *receipt["late"])
    words_usd, pictures_usd = receipt["chat"]["cost_usd"], receipt["images_usd"]
    if words_usd is None and pictures_usd is None:
        return "price unknown"
    if words_usd is None:
        return f"{_amount(pictures_usd, pictures, ' for pictures, ')}price of the words unknown"
    if pictures_usd is None:
        return f"{_amount(words_usd, words, ' for words, ')}price of the pictures unknown"
    return _amount(receipt["cost_usd"], (*words, *pictures))


def _amount(usd: float, lines: Iterable[Mapping[str, Any]], what: str = "") -> str:
    about = "about " if any(line["estimated"] and line["cost_usd"] for line in lines) else ""
    return f"{about}{dollars(usd)}{what}" if usd else ""


def dollars(amount_usd: float) -> str:
    """As in "$0.0421"; whole cents from a dollar on."""
    return f"${amount_usd:.4f}" if amount_usd < 1 else f"${amount_usd:.2f}"


def missing_pictures(reply: Reply) -> str:
    """Which pictures are missing and why, in one line; empty where none is."""
    if reply.complete:
        return ""
    calls = [call for call in reply.calls if "prompt" in call and not call["made_good"]]
    reasons = Counter(
        CALL_CODES[call["code"]].sentence if call["code"] else "It was not ready."
        for call in calls
        if call["status"] != "ok"
    )
    codes = dict.fromkeys(call["code"] for call in calls if call["status"] != "ok")
    count = reasons.total()
    told = " ".join(
        reason if times == count else f"{reason[:-1]} ({times})." for reason, times in reasons.items()
    )
    aside = [call["rescued"] for call in calls if call.get("rescued")]
    kept = f"Kept as they came: {', '.join(aside)}." if aside else ""
    told = " ".join(filter(None, [told, *(advice(code or "") for code in codes), kept]))
    if count == len(calls):
        return f"{'The picture is' if count == 1 else f'All {count} pictures are'} missing: {told}"
    return f"{count} of {len(calls)} pictures {'is' if count == 1 else 'are'} missing: {told}"
