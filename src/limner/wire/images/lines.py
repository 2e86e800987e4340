"""The top-level field `limner` of an answer: every picture that was asked for, and what became of it.

An extension that no published schema knows and strict clients ignore. In an answer in one piece, and in
a stream's chunk with the finish reason, all pictures of the answer stand in it; in the chunks before, those
of which something is new. A later line with the same `index` takes an earlier one's place.

    limner.images[]
      index        int            position among the pictures of the answer, in the order asked, from 0
      call_id      string         `tool_call_id` of the same call in `reasoning_details`
      number       int | null     its reference, `image://{number}`, in the whole conversation; null where it
                                  was refused before it got one
      alt          string         what it shows
      status       string         "in_progress" (checked, its money is set aside), "generating" (ordered),
                                  "completed" or "failed": OpenAI's words for the same
    where the answer has it already, or promises it:
      url          string         where it is found, or will be
      promised     true           the words did not wait for it; `url` answers when it is there
    in a stream, where partial pictures were asked for, of one that is "generating":
      partial_image_index  int    which of them, from 0; a later one takes an earlier one's place
      partial_image_b64    string what the picture looks like now; never the picture itself
      partial_image_format string "png", "jpeg" or "webp"
    of a completed one:
      width, height  int          pixels
      format       string         "png", "jpeg" or "webp"
      seconds      number         from the order to the last byte
      cost_usd     number         left out where unknown
      estimated    true           nobody said what it cost; `cost_usd` is what was set aside
    of a failed one:
      code         string         one of a closed list
      error        string         a sentence for people
      retryable    bool           whether the same picture may work when it is asked for again
      paid         bool | null    whether it cost something all the same; null where nobody knows
      cost_usd, estimated         as above, where it did
      made_good    true           the model asked again and got it
    limner.offline true           no chat model and no maker of pictures was connected: all of it is made up here
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from limner.core.pictures import Picture
from limner.errors import CALL_CODES

__all__ = ["Status", "image_line", "image_lines", "limner", "partial_line"]

Status = Literal["in_progress", "generating", "completed", "failed"]

_STATUS: Mapping[str, Status] = {"ok": "completed", "error": "failed", "pending": "generating"}
_NOTHING: Mapping[str, Any] = {}


def image_line(
    index: int,
    call_id: str,
    number: int | None,
    alt: str,
    status: Status,
    *,
    code: str | None = None,
    picture: Picture | None = None,
    url: str | None = None,
    promised: bool = False,
) -> dict[str, Any]:
    """One line, as the module's docstring has it; `code` of a failed one, `picture` of a completed one."""
    line: dict[str, Any] = {
        "index": index,
        "call_id": call_id,
        "number": number,
        "alt": alt,
        "status": status,
        "url": url,
        "promised": promised or None,
    }
    if picture is not None:
        line |= {
            "width": picture.width,
            "height": picture.height,
            "format": picture.format,
            "seconds": picture.seconds,
            "cost_usd": picture.cost_usd,
        }
    if code is not None:
        known = CALL_CODES.get(code, CALL_CODES["internal"])
        line |= {"code": code, "error": known.sentence, "retryable": known.retryable}
    return {key: value for key, value in line.items() if value is not None or key == "number"}


def partial_line(line: Mapping[str, Any], index: int, data: bytes, format: str) -> dict[str, Any]:
    """`line` with what its picture looks like now."""
    return {
        **line,
        "partial_image_index": index,
        "partial_image_b64": base64.b64encode(data).decode("ascii"),
        "partial_image_format": format,
    }


def image_lines(
    calls: Iterable[Mapping[str, Any]],
    *,
    pictures: Mapping[int, Picture],
    urls: Mapping[int, str],
    receipt: Mapping[str, Any] = _NOTHING,
) -> list[dict[str, Any]]:
    """The lines of a whole turn, from `Reply.calls` and `Reply.receipt`.

    `pictures` and `urls` by number; calls that ask for no picture have no line.
    """
    costs = {line["call"]: line for line in (*receipt.get("images", ()), *receipt.get("late", ()))}
    asked = [call for call in calls if "prompt" in call]
    return [
        _line(index, call, pictures, urls, costs.get(call.get("call"), _NOTHING))
        for index, call in enumerate(asked)
    ]


def limner(lines: Sequence[Mapping[str, Any]] | None = None, *, offline: bool = False) -> dict[str, Any]:
    """The field itself; empty where there is nothing to say, and then left out."""
    field: dict[str, Any] = {} if lines is None else {"images": [dict(line) for line in lines]}
    return field | {"offline": True} if offline else field


def _line(
    index: int,
    call: Mapping[str, Any],
    pictures: Mapping[int, Picture],
    urls: Mapping[int, str],
    cost: Mapping[str, Any],
) -> dict[str, Any]:
    status = _STATUS[call["status"]]
    number = call["number"]
    failed = status == "failed"
    line = image_line(
        index,
        call["call_id"],
        number,
        call["alt"],
        status,
        code=call["code"],
        picture=pictures.get(number) if status == "completed" else None,
        url=None if failed else urls.get(number),
        promised=status == "generating",
    )
    if failed:
        line["paid"] = call.get("paid")
        if call.get("made_good"):
            line["made_good"] = True
    # What a failure that cost nothing cost is no news.
    if status != "generating" and cost.get("cost_usd") and (not failed or call.get("paid") is not False):
        line["cost_usd"] = cost["cost_usd"]
        if cost.get("estimated"):
            line["estimated"] = True
    return line
