"""What of an answer is written beside the event loop."""

from __future__ import annotations

import pytest

from clocks import OwnClock
from limner.gateway.exchange import Inbound
from limner.gateway.responses.voice import ResponsesVoice
from limner.gateway.tenant import Tenant
from limner.gateway.turns.voice import Ended
from limner.spending.budget import Budget
from limner.wire.encodings import data_url
from limner.wire.responses.ask import read_responses_ask
from limner.wire.responses.said import ResponseBuilder, ResponseHead

USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
LARGE_BYTES = 2**18


@pytest.mark.anyio
async def test_every_large_event_is_written_beside_the_loop() -> None:
    """A picture that stands in the words by value is in each event that ends them, too."""
    inbound = Inbound("req_1", "openai", Tenant("alice", Budget()), "POST", "/v1/responses", "", {})
    echo = read_responses_ask({"model": "m", "input": "Draw"}).echo
    builder = ResponseBuilder(ResponseHead("resp_1", 1, "m", "upstream"), echo, native=False)
    voice = ResponsesVoice(inbound, builder, OwnClock(), native=False)
    picture = data_url(b"\x89PNG\r\n\x1a\n" + bytes(2**19))
    pieces = [*voice.words("A fox: "), *voice.words(f"![a fox]({picture})")]
    pieces += await voice.end(Ended("stop", None, (), (), USAGE))
    large = [piece["type"] for piece in pieces if len(voice.frame(piece)) > LARGE_BYTES]
    assert large == [
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert all(voice.heavy(piece) for piece in pieces if piece["type"] in large[1:])
    assert [voice.heavy(piece) for piece in pieces if piece["type"] == large[0]] == [False, True]
