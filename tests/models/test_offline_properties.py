"""Whatever is said to the offline model, its answers keep their promises."""

from __future__ import annotations

import json
import re

import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st

from limner.core.messages import Message, ToolSpec
from limner.models.offline import plan
from limner.models.offline.wording import pieces

TOOL = ToolSpec(
    "image_generation",
    "Draws one picture.",
    {
        "type": "object",
        "properties": {
            "prompt": {"type": "string", "minLength": 1, "maxLength": 4000},
            "alt": {"type": "string", "minLength": 1, "maxLength": 300},
            "aspect_ratio": {"type": "string", "enum": ["1:1", "3:2", "2:3", "16:9", "9:16"]},
        },
        "required": ["prompt", "alt"],
        "additionalProperties": False,
    },
)
PICTURE = re.compile(r"(?<!\\)!\[((?:[^\]\\]|\\.)*)\]\(<?([^)>]*)>?\)")
FRAGMENTS = st.sampled_from(
    """teach me to|draw|explain|a story about|how to|in five steps|with 3 pictures|12 images|0 pictures|a fox|green tea
    first|then|finally|1.|2.|3.|- |* |:|, |and|?|another one|make the third one|at night|without pictures|hello|why|16:9
    画|一只|狐狸|怎么|教我|包饺子|四张图|五步|故事|解释|再来一张|第三张|改成|、|，|。|：|每步一张图|先|然后|最后
    zeichne|einen Fuchs|wie man|drei Bilder|dibuja|un zorro|cinco pasos|dessine|un renard|trois images|描いて|作り方|3枚
    ![x](y)|![|](|<img src=x>|<b>|</|https://a.example/b?c|image://3|`|```|**|_|\\|&lt;|{topic}|{|}|%s|\u0000|\ud800|①|②""".replace(
        "\n    ", "|"
    ).split("|")
)
REQUESTS = st.one_of(
    st.text(max_size=200),
    st.lists(FRAGMENTS, max_size=14).map(" ".join),
    st.lists(FRAGMENTS, max_size=14).map("".join),
    st.lists(FRAGMENTS, max_size=14).map("\n".join),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(REQUESTS, min_size=1, max_size=3), st.data())
def test_any_conversation_keeps_the_promises(texts: list[str], data: st.DataObject) -> None:
    """Never raises; 0 to 12 distinct prompts that fit the schema; each ok reference placed once, no other."""
    transcript: list[Message] = []
    for text in texts:
        transcript.append(Message("user", text))
        answer = plan(tuple(transcript), (TOOL,))
        transcript.append(answer)
        told = [json.loads(call.arguments) for call in answer.calls]
        for arguments in told:
            jsonschema.validate(arguments, TOOL.parameters)
        assert len(told) <= 12
        assert len({arguments["prompt"] for arguments in told}) == len(told)
        assert bool(told) != bool(answer.text)
        links = []
        for position, call in enumerate(answer.calls):
            link = f"image://{len(transcript) * 100 + position}"
            if data.draw(st.booleans()):
                links.append(link)
                said = json.dumps({"status": "ok", "imageUrl": link})
            else:
                said = json.dumps({"status": "error", "error": data.draw(REQUESTS), "code": "odd"})
            transcript.append(Message("tool", said, call_id=call.id))
        if answer.calls:
            transcript.append(plan(tuple(transcript), (TOOL,)))
        final = transcript[-1].text
        assert final
        assert sorted(link for _, link in PICTURE.findall(final)) == sorted(links)
        assert not re.search(r"(?<!\\)<(?=[a-z/!?])", PICTURE.sub("", final), re.IGNORECASE)


@settings(max_examples=200, deadline=None)
@given(REQUESTS, st.sampled_from(["auto", "none", "required", "image_generation"]))
def test_tool_choice_is_obeyed(text: str, choice: str) -> None:
    """ "none" never calls, "required" and a name always do."""
    calls = plan((Message("user", text),), (TOOL,), choice).calls
    assert not (choice == "none" and calls)
    assert choice in {"auto", "none"} or 1 <= len(calls) <= 12


@settings(max_examples=200, deadline=None)
@given(REQUESTS, st.integers(min_value=0, max_value=40))
def test_prompts_stay_distinct_within_a_short_limit(text: str, most: int) -> None:
    """A schema's `maxLength` is kept, and from a dozen characters on the prompts are still distinct."""
    properties = {"prompt": {"type": "string", "maxLength": most}}
    short = ToolSpec("draw", "", {"type": "object", "properties": properties, "required": ["prompt"]})
    told = [json.loads(call.arguments)["prompt"] for call in plan((Message("user", text),), (short,)).calls]
    assert all(len(prompt) <= most for prompt in told)
    assert most < 12 or len(set(told)) == len(told)


@settings(max_examples=300, deadline=None)
@given(REQUESTS)
def test_pieces_join_to_the_whole(text: str) -> None:
    """Streaming loses and adds nothing."""
    assert "".join(pieces(text)) == text


def test_long_requests_are_planned_in_linear_time() -> None:
    """Hostile repetition is planned like any other; of 100,000 characters 8,000 are read.

    Fails (by taking minutes) if repetitions in a language's expressions are unbounded again.
    """
    for seed in (
        "![",
        "](",
        "<",
        "1. a ",
        "a, ",
        "how to ",
        "、",
        "画",
        "- x\n",
        "`",
        "in 5 steps ",
        ":",
        "a picture ",
        "each step ",
        "by day and by night ",
        ": - a ",
        "我的",
        "每一步",
        "the same ",
        "the fox again, ",
        "\n",
        "(Attached pictures: image://1, ",
        "同一只",
        " in four seasons",
        "四季",
    ):
        text = (seed * 100_000)[:100_000]
        # What was said before is read as well.
        said = (Message("user", "Draw a fox"), Message("assistant", text), Message("user", text))
        answer = plan(said, (TOOL,))
        assert answer.calls or answer.text
