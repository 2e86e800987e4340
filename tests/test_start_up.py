"""What is imported when: a program pays for what it uses, when it first uses it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection
from typing import Any

import pytest

from pictures import png
from providers import Provider, Said

IMPORT = "from limner import Engine, OpenAIImages, OpenAIModel"

UNUSED = (
    "PIL",
    "httpx2",
    "jsonschema",
    "limner.config.load",
    "limner.engine.sqlite",
    "limner.gateway",
    "limner.images.download",
    "limner.images.inspection.checking",
    "limner.images.offline",
    "limner.storage.folder",
    "limner.storage.objects",
    "openai",
    "pydantic",
    "referencing",
    "rich",
    "sqlite3",
    "structlog",
    "trio",
)
"""What a turn over asyncio does without, where the provider is not OpenAI and nobody hears the log."""

NOT_YET = (
    *UNUSED,
    "aiohttp",
    "asyncio",
    "email",
    "limner.core.machine",
    "limner.images.catalogue",
    "limner.images.workers",
    "limner.reply",
    "limner.storage.memory",
    "multiprocessing",
    "socket",
    "ssl",
    "subprocess",
    "tomllib",
    "urllib.request",
    "uuid",
)
"""What waits for the engine, its first turn or its first picture."""

TURN = f"""
import asyncio, sys
sys.modules["genai_prices"] = None  # as without the extra `prices`, which brings its own libraries
{IMPORT}

async def main(url):
    model = OpenAIModel("chat", base_url=url, api_key="k")
    images = OpenAIImages("image", base_url=url, api_key="k")
    async with Engine(model, images) as engine:
        reply = await engine.conversation().ask("draw")
    assert len(reply.images) == 1, reply.calls

asyncio.run(main(sys.argv[1]))
"""


def test_the_engine_and_its_makers_import_little() -> None:
    """The house: what is heavy is imported when it is first needed; held by counting, not by a clock."""
    imported = _imported(IMPORT)
    assert _among(imported, NOT_YET) == []
    assert len(_among(imported, ["limner"])) < 100
    assert len(imported) < 200


def test_a_turn_imports_no_library_that_it_does_not_use() -> None:
    """The house: pictures are decoded elsewhere; a log that nobody hears, and arguments that fit, cost nothing."""
    with Provider() as provider:
        provider.chat_script(_one_picture)
        provider.image_script(lambda body: png())
        imported = _imported(TURN, provider.base_url)
    assert _among(imported, UNUSED) == []


@pytest.mark.parametrize("heard", [False, True])
def test_structlog_is_imported_with_the_first_event_that_somebody_hears(heard: bool) -> None:
    """DESIGN decision 9: loggers wrap the standard library's, and the library itself never prints."""
    program = f"""
import logging, sys
records = []
if {heard}:
    handler = logging.Handler()
    handler.emit = records.append
    logging.getLogger("limner").addHandler(handler)
    logging.getLogger("limner").setLevel(logging.INFO)
from limner.logs import log
log.debug("never.heard", code=1)
assert "structlog" not in sys.modules
log.info("picture.drawn", call="t1/r1/c0", elapsed_s=0.5)
try:
    raise ValueError("why")
except ValueError:
    if {heard}:
        log.exception("tool.broke", tool="draw")
seen = [(each.levelname, each.getMessage().partition("\\n")[0], each.name) for each in records]
assert seen == [("INFO", "picture.drawn", "limner"), ("ERROR", "tool.broke", "limner")][: 2 * {heard}], seen
if records:
    assert (records[0].call, records[0].elapsed_s, records[1].tool) == ("t1/r1/c0", 0.5, "draw")
    told = getattr(records[1], "exception", None) or str(records[1].exc_info)
    assert "why" in told and "ValueError" in told, told
"""
    assert bool(_among(_imported(program), ["structlog"])) is heard


def _one_picture(body: dict[str, Any]) -> Said:
    answers = [json.loads(each["content"]) for each in body["messages"] if each["role"] == "tool"]
    if not answers:
        return Said("A fox.", calls=[("generate_image", {"prompt": "a fox", "alt": "a fox"})])
    return Said(f"![a fox]({answers[0]['imageUrl']})")


def _imported(program: str, *arguments: str) -> frozenset[str]:
    """The modules that `program` has imported at its end, beside those of a bare interpreter."""
    counted = f"import sys; _bare = set(sys.modules)\n{program}\nprint(*(set(sys.modules) - _bare))"
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", counted, *arguments],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return frozenset(done.stdout.split())


def _among(imported: Collection[str], names: Collection[str]) -> list[str]:
    """Which of `imported` are one of `names`, or stand in it."""
    return sorted(
        each for each in imported if any(each == name or each.startswith(f"{name}.") for name in names)
    )
