"""What comes back in a client's messages: links become references, pictures get numbers, strangers get nothing."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

import pictures
from chats import FOX, IMAGE, PUBLIC, Chats, chatting, drawn, tool_results
from gateways import key
from limner.wire.encodings import data_url
from providers import Provider, Said

BOAT = pictures.png(colour=(20, 90, 200))


def history_of(answer: dict[str, Any], *more: dict[str, Any], keep: bool = True) -> list[dict[str, Any]]:
    message = answer["choices"][0]["message"]
    said = message if keep else {"role": "assistant", "content": message["content"]}
    return [{"role": "user", "content": "Draw"}, said, *more]


def asked(provider: Provider) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = provider.posts("/chat/completions")[-1].json["messages"]
    return messages


@pytest.mark.parametrize("keep", [True, False], ids=["with details", "plain"])
def test_the_model_never_sees_a_link_of_ours(chats: Chats, provider: Provider, keep: bool) -> None:
    """DESIGN decision 1: a link that we minted becomes its reference again."""
    provider.chat_script(drawn("See ![the fox]({0}).", "a fox"))
    first = chats.ask("Draw")
    provider.chat_script(lambda body: "The fox again: ![fox](image://1)")
    answer = chats.ask(history_of(first, {"role": "user", "content": "Again"}, keep=keep))
    said = json.dumps(asked(provider))
    assert PUBLIC not in said
    assert "image://1" in said
    (image,) = answer["choices"][0]["message"]["images"]
    assert chats.picture(image["image_url"]["url"]).content == FOX


def test_links_become_references_also_where_the_tool_is_off(chats: Chats, provider: Provider) -> None:
    """The request goes through the engine for their sake; no tool is declared."""
    provider.chat_script(drawn("See ![the fox]({0}).", "a fox"))
    first = chats.ask("Draw")
    provider.chat_script(lambda body: "Here: ![fox](image://1)")
    answer = chats.ask(history_of(first, {"role": "user", "content": "Again"}), tools=None)
    assert f"![fox]({PUBLIC}/images/" in answer["choices"][0]["message"]["content"]
    sent = provider.posts("/chat/completions")[-1].json
    assert "tools" not in sent
    assert PUBLIC not in json.dumps(sent)


def test_a_picture_of_before_can_be_resembled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same fox, now in the rain: its bytes go with the order."""
    with Provider() as provider:
        provider.image_script(lambda body: FOX)
        provider.answers("/v1/images/edits")
        with chatting(tmp_path_factory.mktemp("like"), provider, image={"max_references": 2}) as chats:
            provider.chat_script(drawn("See ![the fox]({0}).", "a fox"))
            first = chats.ask("Draw")

            def like(body: dict[str, Any]) -> Said:
                results = [each for each in tool_results(body) if isinstance(each, dict)]
                if len(results) < 2:
                    call = {"prompt": "in rain", "alt": "wet", "like": ["image://1"]}
                    return Said("", [("generate_image", call)])
                return Said("Done.")

            provider.chat_script(like)
            from makers import b64

            provider.answers("/v1/images/edits", b64(base64.b64encode(BOAT).decode()))
            answer = chats.ask(history_of(first, {"role": "user", "content": "Again"}))
            (line,) = answer["limner"]["images"]
            assert line["status"] == "completed", line
            (order,) = provider.posts("/images/edits")
            assert FOX in order.body


def test_pictures_of_the_user_get_numbers_where_they_can_be_resembled(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """They stay what they are for the model's eyes, and have a name beside."""
    with Provider() as provider:
        provider.chat_script(lambda body: "I see it: ![yours](image://1)")
        message = {
            "role": "user",
            "content": [
                {"type": "text", "text": "Look"},
                {"type": "image_url", "image_url": {"url": data_url(BOAT)}},
            ],
        }
        with chatting(tmp_path_factory.mktemp("user"), provider, image={"max_references": 2}) as chats:
            answer = chats.ask([message])
            content = asked(provider)[0]["content"]
            assert content[1] == message["content"][1]
            assert "image://1" in content[2]["text"]
            (image,) = answer["choices"][0]["message"]["images"]
            assert chats.picture(image["image_url"]["url"]).content == BOAT
            # In the next turn its link is a reference again.
            chats.ask([message, answer["choices"][0]["message"], {"role": "user", "content": "And now?"}])
            assert "![yours](image://1)" in asked(provider)[1]["content"]
        with chatting(tmp_path_factory.mktemp("none"), provider) as chats:
            chats.ask([message])
            assert asked(provider)[0]["content"] == message["content"]


def test_pictures_that_came_by_value_are_known_again(chats: Chats, provider: Provider) -> None:
    """Base64 never goes into a model's context; the picture keeps its name."""
    provider.chat_script(drawn("See ![the fox]({0}).", "a fox"))
    first = chats.ask("Draw", tools=[{**IMAGE, "urls": "data"}])
    assert "data:image/png" in first["choices"][0]["message"]["content"]
    provider.chat_script(lambda body: "Again: ![fox](image://1)")
    answer = chats.ask(history_of(first, {"role": "user", "content": "Again"}, keep=False))
    assert "base64" not in json.dumps(asked(provider))
    assert asked(provider)[1]["content"] == "See ![the fox](image://1)."
    assert len(answer["choices"][0]["message"]["images"]) == 1


def test_pictures_of_others_are_left_as_words(tmp_path_factory: pytest.TempPathFactory) -> None:
    """S17: a valid link of another tenant is what a link is that nobody knows, and no picture."""
    with Provider() as provider:
        provider.image_script(lambda body: FOX)
        provider.chat_script(drawn("See ![the fox]({0}).", "a fox"))
        folder = tmp_path_factory.mktemp("tenants")
        with chatting(folder, provider, keys=[key("alice"), key("bob")]) as chats:
            first = chats.ask("Draw", tenant="alice")
            provider.chat_script(lambda body: "Mine: ![fox](image://1)")
            messages = history_of(first, {"role": "user", "content": "Again"})
            theirs = chats.ask(messages, tenant="bob")
            assert "image://1" not in json.dumps(asked(provider))
            assert "images" not in theirs["choices"][0]["message"]
            assert PUBLIC not in theirs["choices"][0]["message"]["content"]
            own = chats.ask(messages, tenant="alice")
            assert len(own["choices"][0]["message"]["images"]) == 1


def test_a_link_that_was_changed_is_no_link_of_ours(chats: Chats, provider: Provider) -> None:
    """S24: byte by byte what was minted, or nothing."""
    provider.chat_script(drawn("See ![the fox]({0}).", "a fox"))
    first = chats.ask("Draw")
    link = first["choices"][0]["message"]["images"][0]["image_url"]["url"]
    provider.chat_script(lambda body: "Words.")
    chats.ask([{"role": "user", "content": f"![x]({link}&q=secret) and ![y]({link})"}])
    said = asked(provider)[0]["content"]
    assert "(image://1)" in said
    assert said.count("image://") == 1
