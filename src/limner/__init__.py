"""Any chat model, one call in, one illustrated reply out.

    async with Engine() as engine:
        reply = await engine.conversation().ask("Teach me to fold a paper crane")
        print(reply.markdown())

Importing this does no work and opens nothing: each name below is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import errors as errors
    from . import pages as pages
    from . import testing as testing
    from .clock import Clock as Clock
    from .clock import SystemClock as SystemClock
    from .config.load import load_config as load_config
    from .config.settings import Config as Config
    from .core.limits import Limits as Limits
    from .core.messages import Message as Message
    from .core.pictures import Picture as Picture
    from .core.stopping import StopWhen as StopWhen
    from .engine.conversation import Conversation as Conversation
    from .engine.engine import Engine as Engine
    from .engine.progress import ImageFailed as ImageFailed
    from .engine.progress import ImageFinished as ImageFinished
    from .engine.progress import ImagePartial as ImagePartial
    from .engine.progress import ImagePlaced as ImagePlaced
    from .engine.progress import ImagePromised as ImagePromised
    from .engine.progress import ImageQueued as ImageQueued
    from .engine.progress import ImageStarted as ImageStarted
    from .engine.progress import ReasoningDelta as ReasoningDelta
    from .engine.progress import ReplyFinished as ReplyFinished
    from .engine.progress import RoundFinished as RoundFinished
    from .engine.progress import TextDelta as TextDelta
    from .engine.progress import TextFinished as TextFinished
    from .engine.recorder import MemoryRecorder as MemoryRecorder
    from .engine.sqlite import SQLiteRecorder as SQLiteRecorder
    from .engine.stream import ReplyStream as ReplyStream
    from .errors import CallerError as CallerError
    from .errors import ConfigError as ConfigError
    from .errors import JournalError as JournalError
    from .errors import LimnerError as LimnerError
    from .errors import ModelError as ModelError
    from .errors import ModelOverloaded as ModelOverloaded
    from .errors import ModelTimeout as ModelTimeout
    from .errors import ParameterError as ParameterError
    from .errors import PictureError as PictureError
    from .errors import StoreError as StoreError
    from .images.chat import ChatImages as ChatImages
    from .images.fallback import Fallback as Fallback
    from .images.inspector import Inspector as Inspector
    from .images.offline.painter import Painter as Painter
    from .images.openai import OpenAIImages as OpenAIImages
    from .images.protocol import Drawing as Drawing
    from .images.protocol import ImageBackend as ImageBackend
    from .images.protocol import ImageRequest as ImageRequest
    from .images.protocol import ImageUsage as ImageUsage
    from .images.protocol import Purchase as Purchase
    from .images.protocol import Resolved as Resolved
    from .models.offline import OfflineModel as OfflineModel
    from .models.openai import OpenAIModel as OpenAIModel
    from .models.protocol import Model as Model
    from .models.responses import ResponsesModel as ResponsesModel
    from .reply.parts import ImagePart as ImagePart
    from .reply.parts import TextPart as TextPart
    from .reply.reply import Reply as Reply
    from .spending.budget import Budget as Budget
    from .storage.export import save_pictures as save_pictures
    from .storage.folder import FolderStorage as FolderStorage
    from .storage.links import LinkSigner as LinkSigner
    from .storage.memory import MemoryStorage as MemoryStorage
    from .storage.objects import ObjectStorage as ObjectStorage
    from .storage.protocol import Storage as Storage
    from .tools.image import ImageTool as ImageTool
    from .tools.tool import Tool as Tool
    from .tools.tool import ToolPicture as ToolPicture
    from .tools.tool import ToolResult as ToolResult

_HOMES = {
    "clock": ("Clock", "SystemClock"),
    "config.load": ("load_config",),
    "config.settings": ("Config",),
    "core.limits": ("Limits",),
    "core.messages": ("Message",),
    "core.pictures": ("Picture",),
    "core.stopping": ("StopWhen",),
    "engine.conversation": ("Conversation",),
    "engine.engine": ("Engine",),
    "engine.progress": (
        "ImageFailed",
        "ImageFinished",
        "ImagePartial",
        "ImagePlaced",
        "ImagePromised",
        "ImageQueued",
        "ImageStarted",
        "ReasoningDelta",
        "ReplyFinished",
        "RoundFinished",
        "TextDelta",
        "TextFinished",
    ),
    "engine.recorder": ("MemoryRecorder",),
    "engine.sqlite": ("SQLiteRecorder",),
    "engine.stream": ("ReplyStream",),
    "errors": (
        "CallerError",
        "ConfigError",
        "JournalError",
        "LimnerError",
        "ModelError",
        "ModelOverloaded",
        "ModelTimeout",
        "ParameterError",
        "PictureError",
        "StoreError",
    ),
    "images.chat": ("ChatImages",),
    "images.fallback": ("Fallback",),
    "images.inspector": ("Inspector",),
    "images.offline.painter": ("Painter",),
    "images.openai": ("OpenAIImages",),
    "images.protocol": ("Drawing", "ImageBackend", "ImageRequest", "ImageUsage", "Purchase", "Resolved"),
    "models.offline": ("OfflineModel",),
    "models.openai": ("OpenAIModel",),
    "models.protocol": ("Model",),
    "models.responses": ("ResponsesModel",),
    "reply.parts": ("ImagePart", "TextPart"),
    "reply.reply": ("Reply",),
    "spending.budget": ("Budget",),
    "storage.export": ("save_pictures",),
    "storage.folder": ("FolderStorage",),
    "storage.links": ("LinkSigner",),
    "storage.memory": ("MemoryStorage",),
    "storage.objects": ("ObjectStorage",),
    "storage.protocol": ("Storage",),
    "tools.image": ("ImageTool",),
    "tools.tool": ("Tool", "ToolPicture", "ToolResult"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
_MODULES = ("errors", "pages", "testing")
"""Those that the reference calls by their whole name, as in `limner.pages.html`."""

__version__ = "0.1.0"
__all__ = sorted(_HOME)  # noqa: PLE0605  one list of names, not two


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
