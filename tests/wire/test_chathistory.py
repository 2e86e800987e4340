"""A client's messages as what the model reads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.history import continued
from limner.core.messages import ChatRequest, Message
from limner.errors import CALL_CODES
from limner.wire.asking import AskError
from limner.wire.chat.ask import read_chat_ask
from limner.wire.chat.history import (
    data_urls_in_messages,
    history,
    links_in_messages,
    numbered,
    sent_pictures,
)
from limner.wire.chat.writing import chat_body

OURS = "https://pictures.example/images/"
FOX = f"{OURS}{'F' * 43}?expires=1795000000&key=abcdefgh&signature={'s' * 42}_"
BOAT = f"{OURS}{'B' * 43}?expires=1795000000&key=abcdefgh&signature={'t' * 43}"
STRANGE = f"{OURS}{'S' * 43}?expires=1795000000&key=abcdefgh&signature={'u' * 43}"
DATA = "data:image/png;base64,iVBORw0KGgo="
OTHER_DATA = "data:image/jpeg;base64,/9j/4AAQ"
NUMBERS = {FOX: 1, BOAT: 2}
Messages = list[dict[str, Any]]


def read(messages: Messages) -> tuple[Mapping[str, Any], ...]:
    return read_chat_ask({"model": "m", "messages": messages}).messages


def told(messages: Messages, numbers: Mapping[str, int] = NUMBERS, **more: Any) -> tuple[Message, ...]:
    more.setdefault("ours", OURS)
    return history(read(messages), numbers, image_tool="draw", **more)


def one(message: dict[str, Any], numbers: Mapping[str, int] = NUMBERS, **more: Any) -> Message:
    (said,) = told([message], numbers, **more)
    return said


def sent(messages: Messages, numbers: Mapping[str, int] = NUMBERS, **more: Any) -> list[dict[str, Any]]:
    """What the provider is sent, after the engine has taken the history over."""
    entries, _ = continued(told(messages, numbers, **more))
    body: list[dict[str, Any]] = json.loads(chat_body(ChatRequest(entries), model="m", stream=False).data())[
        "messages"
    ]
    return body


def detail(
    arguments: object = '{"prompt": "a fox", "alt": "A fox"}', result: object = None, **more: Any
) -> dict[str, Any]:
    result = json.dumps({"status": "ok", "imageUrl": FOX}) if result is None else result
    return {
        "type": "reasoning.server_tool_call",
        "tool_name": "openrouter:image_generation",
        "arguments": arguments,
        "result": result,
        "tool_call_id": "call_1",
        "id": None,
        "index": 0,
        **more,
    }


TEXTS: dict[str, tuple[str, str]] = {
    "Markdown": (f"Here: ![A fox]({FOX})\n", "Here: ![A fox](image://1)\n"),
    "a bare link": (f"make the fox in {FOX} blue", "make the fox in image://1 blue"),
    "at the end of a sentence": (f"I like {BOAT}.", "I like image://2."),
    "in bold": (f"**{BOAT}**", "**image://2**"),
    "a signature that ends in a mark": (f"*{FOX}*, {FOX}!", "*image://1*, image://1!"),
    "after a colon": (f"this:{BOAT}", "this:image://2"),
    "in HTML": (f'<img src="{BOAT.replace("&", "&amp;")}">', '<img src="image://2">'),
    "beside Chinese": (f"图片{BOAT}。", "图片image://2。"),
    "with more behind": (f"{BOAT}&q=secret", f"{BOAT}&q=secret"),
    "with less": (BOAT[:-1], BOAT[:-1]),
    "within another link": (f"https://elsewhere.example/?u={FOX}", f"https://elsewhere.example/?u={FOX}"),
    "twice": (f"{FOX} {FOX}", "image://1 image://1"),
    "a reference": ("Again image://2, please.", "Again image://2, please."),
    "elsewhere": ("See https://elsewhere.example/a.png.", "See https://elsewhere.example/a.png."),
}


@pytest.mark.parametrize(("text", "shown"), TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("role", ["user", "assistant", "system", "developer", "tool"])
def test_a_link_of_ours_is_its_reference_wherever_it_comes_back(role: str, text: str, shown: str) -> None:
    """DESIGN decision 1: the model never sees a signed link; only what equals one byte by byte is one."""
    message = {"role": role, "content": text, "tool_call_id": "c"}
    said = one(message)
    assert said.text == shown
    assert said.given == {**message, "content": shown}
    parts = one({**message, "content": [{"type": "text", "text": text, "cache_control": {}}]})
    assert parts.given is not None
    assert parts.given["content"] == [{"type": "text", "text": shown, "cache_control": {}}]
    assert parts.text == shown


def test_a_link_of_somebody_else_is_text_and_never_an_image() -> None:
    """S17, S18: what has no number here is another tenant's, forged, or forgotten."""
    assert one({"role": "assistant", "content": f"![A fox]({STRANGE}) and ![B]( <{STRANGE}>)"}).text == (
        f"[A fox]({STRANGE}) and [B]( <{STRANGE}>)"
    )
    part = {"type": "image_url", "image_url": {"url": STRANGE}}
    said = one({"role": "user", "content": [{"type": "text", "text": "Look: "}, part]})
    assert said.given is not None
    assert said.given["content"] == [{"type": "text", "text": "Look: "}, {"type": "text", "text": STRANGE}]
    shown = one({"role": "assistant", "content": "x", "images": [part]})
    assert shown.text == "x\n\n(picture)"


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (f"![A fox]({DATA})", "A fox"),
        (f"![]({DATA})", "(picture)"),
        (f'![A fox](<{DATA}> "title")', "A fox"),
        (f"see {DATA} here", "see (picture) here"),
        (f'<img src="{DATA.replace("data:image", "DATA:Image")}">', '<img src="(picture)">'),
        (f"![A boat]({OTHER_DATA})", "![A boat](image://3)"),
        (f"{OTHER_DATA}", "image://3"),
        (f"![a [b] c]({DATA})", "![a [b] c]((picture))"),
        ("data: image/png is a type", "data: image/png is a type"),
    ],
)
def test_a_picture_by_value_never_goes_back_to_the_model_that_showed_it(content: str, shown: str) -> None:
    """DESIGN decision 6: no base64 in the context; it is named where it is known, and told in words where not."""
    numbers = {OTHER_DATA: 3}
    assert one({"role": "assistant", "content": content}, numbers).text == shown
    parts = one({"role": "assistant", "content": [{"type": "text", "text": content}]}, numbers)
    assert parts.text == shown


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": DATA}},
        {"type": "image_url", "image_url": DATA},
        {"type": "file", "file": {"filename": "a.png", "file_data": DATA}},
        {"type": "image", "image": DATA},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
    ],
)
def test_a_part_of_an_assistant_message_that_holds_a_picture_is_told_in_words(part: dict[str, Any]) -> None:
    """Providers refuse pictures in assistant messages; AI SDKs send them back as parts all the same."""
    assert one({"role": "assistant", "content": [part]}).text == "(picture)"
    known = {"role": "assistant", "content": [{"type": "image_url", "image_url": {"url": FOX}}]}
    assert one(known).text == "![picture](image://1)"


def _image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}, "index": 0}


def test_pictures_beside_the_text_are_put_where_the_model_can_read_them() -> None:
    """The model would forget what it has drawn, and how to show it, if `images` were only dropped."""
    message = {"role": "assistant", "content": "Here.", "images": [_image(FOX), _image(BOAT), _image(FOX)]}
    message["reasoning_details"] = [detail(arguments='{"alt": "A [red]\\nfox"}')]
    said = told([message])[-1]
    assert said.text == "Here.\n\n![A redfox](image://1)\n\n![picture](image://2)"
    assert said.given == {"role": "assistant", "content": said.text}
    empty = one({"role": "assistant", "content": None, "images": [_image(FOX)]})
    assert empty.text == "![picture](image://1)"
    parts = one(
        {"role": "assistant", "content": [{"type": "text", "text": "Here."}], "images": [_image(FOX)]}
    )
    assert parts.text == "Here.\n\n![picture](image://1)"


@pytest.mark.parametrize("url", [FOX, DATA, STRANGE])
def test_a_picture_that_the_text_shows_already_is_shown_once(url: str) -> None:
    """The default answer has each picture in the text and in `images`."""
    said = one({"role": "assistant", "content": f"![A fox]({url})", "images": [_image(url)]})
    assert said.text == one({"role": "assistant", "content": f"![A fox]({url})"}).text


def test_numbers_that_begin_alike_are_told_apart() -> None:
    """`image://12` in the text does not show `image://1`."""
    said = one({"role": "assistant", "content": f"![x]({BOAT})", "images": [_image(FOX)]}, {FOX: 1, BOAT: 12})
    assert said.text == "![x](image://12)\n\n![picture](image://1)"


def test_finished_calls_are_told_again_before_the_text() -> None:
    """Clients replay `reasoning_details`; the model reads its calls and their results in its own words.

    What it thought before a call stands beside it (quirks 33 to 35).
    """
    failed = '{"status": "error", "error": "The picture was refused.", "code": "image_policy"}'
    other = {"type": "reasoning.text", "text": "Hm.", "signature": "xyz"}
    second, third = ({"type": "reasoning.encrypted", "data": word, "id": word} for word in "bc")
    foreign = {**detail(), "tool_name": "openrouter:web_search"}
    message = {
        "role": "assistant",
        "content": f"![A fox]({FOX})",
        "reasoning_details": [
            other | {"text": "H", "index": 0},
            other | {"text": "m.", "index": 0},
            detail(),
            second,
            detail('{"prompt": "a boat", "like": ["' + FOX + '"]}', failed),
            third,
            foreign,
        ],
    }
    assert sent([{"role": "user", "content": "Draw."}, message]) == [
        {"role": "user", "content": "Draw."},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "h00000000",
                    "type": "function",
                    "function": {"name": "draw", "arguments": '{"prompt": "a fox", "alt": "A fox"}'},
                },
                {
                    "id": "h00000001",
                    "type": "function",
                    "function": {"name": "draw", "arguments": '{"prompt": "a boat", "like": ["image://1"]}'},
                },
            ],
            "reasoning_details": [other | {"index": 0}, second],
        },
        {"role": "tool", "tool_call_id": "h00000000", "content": '{"status": "ok", "imageUrl": "image://1"}'},
        {"role": "tool", "tool_call_id": "h00000001", "content": failed},
        {"role": "assistant", "content": "![A fox](image://1)", "reasoning_details": [third, foreign]},
    ]


@pytest.mark.parametrize(
    "odd",
    [
        detail(arguments="{"),
        detail(arguments="[]"),
        detail(arguments=None),
        detail(arguments={"prompt": "x"}),
        detail(arguments="[" * 100_000),
        detail(result="{"),
        detail(result="null"),
        detail(result={"status": "ok"}),
        detail(result='{"status": "ok"}'),
        detail(result='{"status": "ok", "imageUrl": 1}'),
        detail(result=json.dumps({"status": "ok", "imageUrl": STRANGE})),
        detail(result=json.dumps({"status": "ok", "imageUrl": "image://1"})),
        detail(result='{"status": "error"}'),
        detail(result='{"status": ["error"], "error": "x"}'),
        detail(result='{"status": "done", "error": "x"}'),
    ],
)
def test_a_call_that_was_never_finished_here_is_dropped(odd: dict[str, Any]) -> None:
    """A client can write anything; only what we would have written is told to the model as its own doing."""
    assert sent([{"role": "assistant", "content": "x", "reasoning_details": [odd]}]) == [
        {"role": "assistant", "content": "x"}
    ]


def test_the_code_of_a_failed_call_is_one_of_ours() -> None:
    """The closed list of codes; a sentence of megabytes is cut."""
    result = json.dumps({"status": "error", "error": "x" * 100_000, "code": "made_up"})
    said = told([{"role": "assistant", "content": "x", "reasoning_details": [detail(result=result)]}])
    assert len(said[1].text) < 3000
    assert "made_up" not in said[1].text


def test_a_broken_promise_is_told_as_what_became_of_it() -> None:
    """DESIGN, promises: never shown as a picture; the next request carries the true result."""
    message = {"role": "assistant", "content": f"Look: ![A fox]({FOX})", "reasoning_details": [detail()]}
    said = told([message], {BOAT: 1}, broken={FOX: "image_policy"})
    sentence = CALL_CODES["image_policy"].sentence
    assert json.loads(said[1].text) == {"status": "error", "error": sentence, "code": "image_policy"}
    assert said[2].text == "Look: A fox"


def test_ids_of_calls_that_are_told_again_are_nobodys() -> None:
    """A result must answer one call: ours are told from the client's own and from each other."""
    own = {"id": "p00000001", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": "x", "reasoning_details": [detail()], "tool_calls": [own]}
    result = {"role": "tool", "tool_call_id": "p00000001", "content": "sunny"}
    said = told([message, result, message, result])
    ids = [call.id for each in said for call in each.calls if call.name == "draw"]
    assert len(set(ids)) == 2
    assert "p00000001" not in ids


def test_the_clients_own_calls_and_results_stay_as_they_are() -> None:
    """Ids and signatures are the providers' (quirks 33 and 34); links in them were references once."""
    signed = {
        "id": "call_x",
        "type": "function",
        "function": {"name": "mail", "arguments": json.dumps({"body": f"Look: {FOX}"})},
        "extra_content": {"google": {"thought_signature": "abc"}},
    }
    messages: Messages = [
        {"role": "assistant", "content": None, "tool_calls": [signed], "reasoning_content": ""},
        {"role": "tool", "tool_call_id": "call_x", "content": f"sent {FOX}", "name": "mail"},
        {"role": "function", "name": "old", "content": "x"},
    ]
    arguments = json.dumps({"body": "Look: image://1"})
    assert sent(messages) == [
        {**messages[0], "tool_calls": [{**signed, "function": {"name": "mail", "arguments": arguments}}]},
        {**messages[1], "content": "sent image://1"},
        messages[2],
    ]
    said = told(messages)
    assert said[0].calls[0].arguments == arguments
    assert [(each.role, each.call_id) for each in said] == [
        ("assistant", None),
        ("tool", "call_x"),
        ("tool", None),
    ]


def test_an_assistant_message_that_says_nothing_is_left_out() -> None:
    """Several providers refuse one; an empty list of calls, too."""
    assert (
        told([{"role": "assistant", "content": ""}, {"role": "assistant", "content": None, "tool_calls": []}])
        == ()
    )
    assert one({"role": "assistant", "content": "x", "tool_calls": []}).given == {
        "role": "assistant",
        "content": "x",
    }


def test_pictures_that_the_user_sends_stay_and_get_names() -> None:
    """S31: passed by value, nothing is fetched; with a number the model can name them."""
    elsewhere = "https://elsewhere.example/a.png"
    content = [{"type": "text", "text": "Like these."}, _image(DATA), _image(elsewhere), _image(OTHER_DATA)]
    said = one({"role": "user", "content": content}, {DATA: 3, OTHER_DATA: 4})
    assert said.given is not None
    assert said.given["content"] == [
        *content,
        {"type": "text", "text": "\n\n(Attached pictures: image://3, image://4)"},
    ]
    assert said.text == "Like these.\n\n(Attached pictures: image://3, image://4)"
    untouched = {"role": "user", "content": content}
    assert one(untouched).given == untouched


def test_a_picture_from_elsewhere_that_has_a_number_is_known_by_its_address() -> None:
    """What the user sends and the caller keeps can be spoken of like every other picture."""
    elsewhere = "https://elsewhere.example/a.png"
    content = [_image(elsewhere), {"type": "text", "text": f"Make {elsewhere} blue."}]
    numbers = numbered(read([{"role": "user", "content": content}]), {elsewhere: "e"}, OURS)
    said = one({"role": "user", "content": content}, numbers)
    assert said.text == "Make image://1 blue.\n\n(Attached pictures: image://1)"
    assert said.given is not None
    assert said.given["content"][0] == content[0]


def test_a_picture_of_ours_that_the_user_shows_goes_on_by_value_or_by_name() -> None:
    """The model's provider could not open our link, and is not to have it."""
    content = [
        {"type": "text", "text": "Bluer."},
        {"type": "image_url", "image_url": {"url": FOX, "detail": "low"}},
    ]
    name = {"type": "text", "text": "\n\n(Attached pictures: image://1)"}
    seen = one({"role": "user", "content": content}, values={FOX: DATA})
    assert seen.given is not None
    shown = {"type": "image_url", "image_url": {"url": DATA, "detail": "low"}}
    assert seen.given["content"] == [content[0], shown, name]
    named = one({"role": "user", "content": content})
    assert named.given is not None
    assert named.given["content"] == [content[0], name]


def test_what_could_be_ours_is_listed_in_order() -> None:
    """The first of two steps: whose a link is takes a store to say."""
    call = {"id": "c", "function": {"name": "f", "arguments": '{"a": "https://d.example/4"}'}}
    messages: Messages = [
        {"role": "system", "content": "https://a.example/1."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "x"}, _image(OTHER_DATA), _image("https://b.example/2")],
        },
        {
            "role": "assistant",
            "content": f"![x]({FOX}) ![y]({DATA}) https://a.example/1",
            "images": [_image(BOAT), _image(DATA), {"image_url": 1}, 7],
            "reasoning_details": [detail()],
            "tool_calls": [call],
        },
    ]
    checked = read(messages)
    assert links_in_messages(checked) == (
        "https://a.example/1.",
        "https://a.example/1",
        "https://b.example/2",
        FOX,
        FOX[:-1],
        BOAT,
        "https://d.example/4",
    )
    assert links_in_messages(checked, OURS) == (FOX, FOX[:-1], BOAT)
    within = read([{"role": "user", "content": f"https://elsewhere.example/?u={BOAT}"}])
    assert links_in_messages(within, OURS) == ()
    assert data_urls_in_messages(checked) == (OTHER_DATA, DATA)
    assert sent_pictures(checked) == (OTHER_DATA, "https://b.example/2")


def test_references_are_numbered_in_order_of_first_appearance() -> None:
    """A conversation that only grows keeps its numbers; a link that was signed anew is the same picture."""
    anew = FOX.replace("1795000000", "1796000000")
    messages: Messages = [
        {"role": "assistant", "content": f"![x]({BOAT}) ![y]({FOX})"},
        {"role": "user", "content": f"The fox of {anew}, like {STRANGE}"},
    ]
    pictures = {FOX: "f", BOAT: "b", anew: "f", DATA: "never there"}
    assert numbered(read(messages), pictures) == {BOAT: 1, FOX: 2, anew: 2}
    assert numbered(read(messages[:1]), pictures) == {BOAT: 1, FOX: 2}
    assert numbered(read(messages), pictures, OURS) == {BOAT: 1, FOX: 2, anew: 2}


@pytest.mark.parametrize(
    "text",
    [
        "![" * 100_000,
        "![a](data:image/" * 50_000,
        "![a](data:image/png;base64," + "A" * 2_000_000,
        "![" + "a" * 2_000_000 + f"]({STRANGE})",
        f"![a]({OURS}" * 20_000,
        "https://" * 100_000,
        "h" * 2_000_000,
        FOX + "." * 1_000_000,
        "data:image/png" * 100_000,
        f"![{'x' * 999}" * 1_000,
    ],
    ids=[
        "openings",
        "beginnings",
        "no end",
        "a long alt",
        "ours",
        "schemes",
        "letters",
        "dots",
        "data",
        "alts",
    ],
)
def test_s14_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    """Fails (by not ending) if an alt text may go on over the openings of others, or links be looked for in links."""
    messages = read([{"role": "assistant", "content": text}])
    assert len(links_in_messages(messages)) <= 10
    assert DATA not in data_urls_in_messages(messages)
    said = history(messages, NUMBERS, image_tool="draw", ours=OURS, broken={STRANGE: "internal"})
    assert len(said[0].text) <= len(text) + 10


PIECES = st.sampled_from(
    [
        FOX,
        BOAT,
        STRANGE,
        DATA,
        OTHER_DATA,
        "![",
        "](",
        ")",
        "a",
        " ",
        ".",
        "_",
        "<",
        ">",
        "image://1",
        "\n",
        "图",
    ]
)
TEXT = st.lists(PIECES, max_size=8).map("".join)
PART = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, TEXT),
    st.builds(_image, TEXT.filter(bool)),
    st.builds(lambda text: {"type": "refusal", "refusal": text}, TEXT),
    st.builds(lambda text: {"type": "other", "file": text, "text": 1}, st.sampled_from([DATA, FOX, "x"])),
)
RESULT = st.one_of(
    TEXT,
    st.builds(lambda url: json.dumps({"status": "ok", "imageUrl": url}), TEXT),
    st.builds(lambda error: json.dumps({"status": "error", "error": error}), TEXT),
    st.none(),
)
ANYTHING = st.recursive(
    st.none() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "assistant", "tool", "function", "developer"])},
    optional={
        "content": TEXT | st.lists(PART, max_size=3) | st.none(),
        "images": ANYTHING | st.lists(TEXT.map(_image), max_size=3),
        "reasoning_details": ANYTHING | st.lists(st.builds(detail, RESULT, RESULT) | ANYTHING, max_size=3),
        "tool_calls": st.none()
        | st.lists(
            st.builds(lambda text: {"id": "c", "function": {"name": "f", "arguments": text}}, TEXT),
            max_size=2,
        ),
        "tool_call_id": st.just("c"),
        "name": st.just("f"),
    },
)


@given(st.lists(MESSAGE, min_size=1, max_size=4))
@settings(max_examples=400, deadline=None)
def test_no_history_makes_the_model_read_what_it_must_not(messages: Messages) -> None:
    """As a property of all messages that are taken: no base64 of the model's pictures, and results for all calls."""
    try:
        checked = read(messages)
    except AskError:
        return
    numbers = numbered(checked, {FOX: "f", BOAT: "b", OTHER_DATA: "o"})
    said = history(checked, numbers, image_tool="draw", ours=OURS)
    for message in said:
        if message.role == "assistant":
            assert "data:image" not in json.dumps(_said(message))
        assert re.search(r"!\[[^\[\]]*\]\(" + re.escape(OURS), message.text) is None
    asked = [call.id for message in said if message.given is None for call in message.calls]
    answered = [message.call_id for message in said if message.given is None and message.role == "tool"]
    assert asked == answered
    continued(said)


def _said(message: Message) -> Any:
    """What the model reads of its own: content and images, not what it gave to tools."""
    given = message.given or {}
    return [message.text, given.get("content"), given.get("images")]
