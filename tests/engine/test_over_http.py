"""Whole turns over real HTTP: the engine, the OpenAI-compatible clients and a provider on loopback."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest

from limner import Engine, FolderStorage, OpenAIImages, OpenAIModel, TextDelta
from limner.errors import ModelOverloaded
from pictures import png, webp
from providers import STALL, Provider, Said, finish, raw, sse, status, text
from waiting import until

pytestmark = pytest.mark.anyio


def connected(provider: Provider, **more: Any) -> Engine:
    return Engine(
        OpenAIModel("chat", base_url=provider.base_url, api_key="sk-chat"),
        OpenAIImages("image", base_url=provider.base_url, api_key="sk-image", timeout_s=5),
        **more,
    )


def three_pictures(body: dict[str, Any]) -> Said:
    answers = [json.loads(each["content"]) for each in body["messages"] if each["role"] == "tool"]
    if not answers:
        calls = [("generate_image", {"prompt": name, "alt": name}) for name in ("base64", "refused", "link")]
        return Said("Three pictures.", calls=calls)
    return Said("\n\n".join(f"![{at}]({each.get('imageUrl', 'missing')})" for at, each in enumerate(answers)))


async def test_a_turn_over_http_places_base64_and_links_and_names_refusals(tmp_path: Any) -> None:
    """Real providers: `url` or `b64_json`; a `url` is downloaded at once."""
    with Provider() as provider:
        provider.pictures["/made.webp"] = raw(webp())

        def draw(body: dict[str, Any]) -> Any:
            if body["prompt"] == "refused":
                refusal = {
                    "message": "SECRET words",
                    "type": "image_generation_user_error",
                    "code": "moderation_blocked",
                }
                return status(400, {"error": refusal})
            return f"{provider.origin}/made.webp" if body["prompt"] == "link" else png()

        provider.chat_script(three_pictures)
        provider.image_script(draw)
        async with connected(provider, storage=FolderStorage(tmp_path)) as engine:
            reply = await engine.conversation().ask("draw")
    assert [image.picture.format for image in reply.images] == ["png", "webp"]
    assert [call["code"] for call in reply.calls] == [None, "image_policy", None]
    assert [call["paid"] for call in reply.calls] == [True, False, True]
    chats = provider.posts("/chat/completions")
    assert len(chats) == 2
    assert "SECRET" not in json.dumps(chats[1].json) + json.dumps(reply.to_dict())
    assert len(json.dumps(chats[1].json)) < 6000, "no bytes of a picture in the model's context"
    assert {request.headers["authorization"] for request in chats} == {"Bearer sk-chat"}


async def test_leaving_a_stream_closes_the_providers_connection() -> None:
    """Leaving early closes the provider's stream."""
    with Provider() as provider:
        provider.chat(sse(text("One "), text("two "), STALL))
        async with connected(provider) as engine:
            async with engine.conversation().stream("count") as stream:
                async for event in stream:
                    if isinstance(event, TextDelta):
                        break
            with anyio.fail_after(5):
                await until(provider.requests[-1].closed.is_set)


async def test_an_overloaded_model_is_asked_again_and_then_said_to_be_overloaded() -> None:
    """U01: at most two retries, nothing billed."""
    with Provider() as provider:
        provider.chat(status(429, {"error": {"message": "slow down"}}, retry_after="0"))
        async with connected(provider) as engine:
            with pytest.raises(ModelOverloaded) as caught:
                await engine.conversation().ask("hello")
        assert caught.value.code == "upstream_rate_limited"
        assert len(provider.posts("/chat/completions")) == 3
        provider.chat(sse(text("Hi."), finish()))
        async with connected(provider) as engine:
            assert (await engine.conversation().ask("hello")).text == "Hi."
