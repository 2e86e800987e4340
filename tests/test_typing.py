"""The public API as a type checker sees it: `make check` runs mypy over this file, pytest runs it too.

An `assert_type` that no longer holds, or an ignored error that is none any more, fails mypy; the
program around it fails here.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, assert_never, assert_type

import pytest

import limner
from limner import (
    Budget,
    CallerError,
    ChatImages,
    Clock,
    Config,
    ConfigError,
    Conversation,
    Drawing,
    Engine,
    Fallback,
    FolderStorage,
    ImageBackend,
    ImageFailed,
    ImageFinished,
    ImagePart,
    ImagePartial,
    ImagePlaced,
    ImagePromised,
    ImageQueued,
    ImageRequest,
    ImageStarted,
    ImageTool,
    ImageUsage,
    Inspector,
    JournalError,
    Limits,
    LimnerError,
    LinkSigner,
    MemoryRecorder,
    MemoryStorage,
    Message,
    Model,
    ModelError,
    ModelOverloaded,
    ModelTimeout,
    ObjectStorage,
    OfflineModel,
    OpenAIImages,
    OpenAIModel,
    Painter,
    ParameterError,
    Picture,
    PictureError,
    Purchase,
    ReasoningDelta,
    Reply,
    ReplyFinished,
    ReplyStream,
    Resolved,
    ResponsesModel,
    RoundFinished,
    SQLiteRecorder,
    StopWhen,
    Storage,
    StoreError,
    SystemClock,
    TextDelta,
    TextFinished,
    TextPart,
    Tool,
    ToolPicture,
    ToolResult,
    load_config,
    save_pictures,
)
from limner.core.formats import FormatName
from limner.core.messages import ToolCall
from limner.engine.recorder import Recorder
from limner.images.protocol import Policy
from limner.images.throttle import Throttle
from limner.testing import PlainImages, Say, ScriptedModel, plain_png

CAT = Say(calls=[("generate_image", {"prompt": "A cat", "alt": "A cat"})])
ROUND_TRIP = [CAT, Say("Here: ![The cat](image://1)")]


async def nothing() -> ToolResult:
    return ToolResult({"n": 1}, pictures=(ToolPicture(plain_png("n"), "A plain square"),))


def test_parts_fit_their_protocols(tmp_path: Path) -> None:
    """CONVENTIONS, "Public API". Fails in mypy where a part no longer fits its protocol."""
    models: list[Model] = [OfflineModel(), OpenAIModel("m", api_key="k"), ScriptedModel([])]
    models.append(ResponsesModel("m", api_key="k"))
    first: ImageBackend = OpenAIImages("m", api_key="k")
    makers: list[ImageBackend] = [first, ChatImages("m", api_key="k"), Painter(), PlainImages()]
    makers.append(Fallback(first, *makers[1:]))
    links = LinkSigner("https://pictures.example", ["a key for tests, thirty-two bytes"])
    stores: list[Storage] = [
        MemoryStorage(),
        FolderStorage(tmp_path),
        ObjectStorage("memory:///", links=links),
    ]
    recorders: list[Recorder] = [MemoryRecorder(), SQLiteRecorder(tmp_path / "journal")]
    clock: Clock = SystemClock()
    assert_type(StopWhen("max_cost", number=0.5).number, float)
    assert [model.offline for model in models] == [True, False, False, False]
    assert all(maker.throttle.most > 0 for maker in makers)
    inspector = Inspector(("png", "avif"), strip_metadata=True)
    assert_type(inspector.formats, tuple[FormatName, ...])
    assert len({id(part) for part in (*stores, *recorders, clock, inspector)}) == 7


def test_wrong_arguments_are_seen_by_the_type_checker() -> None:
    """Each error that is ignored here is one that mypy reports: `warn_unused_ignores` holds it."""
    with pytest.raises(TypeError):
        Limits(pictures=3)  # type: ignore[call-arg]  # it is called images
    with pytest.raises(TypeError):
        OpenAIModel("m")  # type: ignore[call-arg]  # a key, or "" for none, is always said
    with pytest.raises(AttributeError):
        Limits().usd = 1.0  # type: ignore[misc]  # frozen


def test_the_pages_of_the_reference_are_there_after_one_import() -> None:
    """README, "In a program": `limner.pages.html(reply)`, by whoever wrote `import limner` alone."""
    program = "import limner; limner.pages.html; limner.testing.ScriptedModel; limner.errors.CALL_CODES"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    assert_type(limner.testing.plain_png("n"), bytes)


@pytest.mark.anyio
async def test_a_reply_is_typed_to_its_last_part(tmp_path: Path) -> None:
    """The README's ten lines, with every type said."""
    tool = ImageTool(PlainImages(), aspect_ratio="1:1", output_format="png")
    assert_type(tool.request({"prompt": "p"}), ImageRequest)
    config: Config = load_config(environ={})
    tools = [Tool("nothing", "Does nothing.", {"type": "object"}, nothing)]
    budget = Budget(1.0)
    assert_type(budget.left_usd, float | None)
    async with Engine(
        ScriptedModel(ROUND_TRIP), tool, tools=tools, config=config, limits=Limits(), budget=budget
    ) as engine:
        assert_type(engine, Engine)
        assert engine.budget is budget
        conversation = engine.conversation(history=[Message("user", "Good morning")])
        assert_type(conversation, Conversation)
        reply = await conversation.ask("A cat, please")
        assert_type(reply, Reply)
        paths = await save_pictures(reply, tmp_path)
        assert_type(paths, dict[int, Path])
        resumed: Callable[[str], Awaitable[Conversation]] = engine.resume
        assert resumed == engine.resume
    for part in reply.parts:
        assert_type(part, TextPart | ImagePart)
        if isinstance(part, ImagePart):
            assert_type(part.picture, Picture)
            assert_type(part.picture.cost_usd, float | None)
    assert_type(reply.images, tuple[ImagePart, ...])
    assert_type(reply.waiting, tuple[ToolCall, ...])
    assert_type(reply.calls, tuple[Mapping[str, Any], ...])
    assert_type(reply.to_dict(), dict[str, Any])
    assert reply.markdown(lambda part: paths[part.number].name) == "Here: ![The cat](01-the-cat.png)"


@pytest.mark.anyio
async def test_a_stream_can_be_matched_without_a_rest() -> None:
    """Fails in mypy where an event is added that this `match` does not know."""
    seen = []
    async with Engine(ScriptedModel(ROUND_TRIP), PlainImages()) as engine:
        entered = engine.conversation().stream("A cat, please")
        assert_type(entered, AbstractAsyncContextManager[ReplyStream])
        async with entered as stream:
            async for event in stream:
                match event:
                    case TextDelta(text=text):
                        seen.append(text)
                    case ImagePlaced(picture=picture):
                        assert_type(picture, Picture | None)
                    case ImageQueued() | ImageStarted() | ImagePromised():
                        assert_type(event.number, int | None)
                    case ReasoningDelta(text=thought):
                        assert_type(thought, str)
                    case ImagePartial(data=data, index=index):
                        assert_type((data, index), tuple[bytes, int])
                    case ImageFinished(link=link):
                        assert_type(link, str)
                    case ImageFailed(notice=notice):
                        assert_type(notice, str)
                    case RoundFinished(round=number):
                        assert_type(number, int)
                    case TextFinished():
                        seen.append("|")
                    case ReplyFinished(reply=reply):
                        assert_type(reply, Reply)
                        assert reply is stream.reply
                    case _:
                        assert_never(event)
    assert "".join(seen) == "Here: |"


def test_errors_form_the_documented_tree() -> None:
    """errors.py: the tree in its docstring is the tree of its classes."""
    overloaded = ModelOverloaded("later", code="upstream_rate_limited", retry_after_s=2.0)
    assert_type(overloaded.retry_after_s, float | None)
    assert_type(overloaded.code, str)
    roots = (CallerError, ModelError, PictureError, StoreError, JournalError)
    assert all(issubclass(error, LimnerError) for error in roots)
    assert issubclass(ConfigError, CallerError)
    assert issubclass(ParameterError, CallerError)
    assert issubclass(ModelOverloaded, ModelError)
    assert issubclass(ModelTimeout, ModelError)


def test_a_maker_of_ones_own_is_a_class_of_nine_members() -> None:
    """docs/reference.md, "Parts that can be exchanged": no base class is needed."""

    class Squares:
        name = "squares"
        offline = True
        policy: Policy = "idempotent"
        throttle = Throttle(2)
        max_references = 0
        timeout_s = 1.0

        def resolve(self, request: ImageRequest) -> Resolved:
            return Resolved(request, 0.0)

        async def draw(self, request: ImageRequest, purchase: Purchase) -> tuple[Drawing, ...]:
            return (Drawing(plain_png(request.prompt), self.name, usage=ImageUsage(text_in=9)),)

        async def aclose(self) -> None:
            return None

    maker: ImageBackend = Squares()
    members = {name for name in vars(ImageBackend) if not name.startswith("_")}
    assert members == {name for name in vars(type(maker)) if not name.startswith("_")}
    assert len(members) == 9


def test_every_public_name_is_used_here() -> None:
    """CONVENTIONS, "Public API": a name is public when it stands in the typing test."""
    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert set(limner.__all__) - used == set()


def test_the_package_tells_type_checkers_that_it_is_typed() -> None:
    """PEP 561; and the names for type checkers are the names of the program."""
    source = Path(limner.__file__)
    assert (source.parent / "py.typed").is_file()
    for_types = set(re.findall(r"from \.\w\S* import (\w+) as \1$", source.read_text(encoding="utf-8"), re.M))
    assert for_types == set(limner.__all__)
