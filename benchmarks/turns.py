"""How long a turn takes beside its pictures, over real HTTP on loopback.

    python benchmarks/turns.py

A provider in a process of its own answers chat requests and pictures after fixed delays; the
figures are what an engine adds to them.
"""

from __future__ import annotations

import asyncio
import base64
import json
import multiprocessing
import statistics
import time
from multiprocessing.connection import Connection
from typing import Any

import anyio
from aiohttp import web

from limner import Engine, OpenAIImages, OpenAIModel, TextDelta
from limner.testing import plain_png

WORDS = "Here are the pictures that you asked for. "


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


async def chat(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    await asyncio.sleep(float(request.match_info["reply_ms"]) / 1000)
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    answers = [json.loads(message["content"]) for message in body["messages"] if message["role"] == "tool"]
    if answers:
        places = " ".join(f"![p]({each['imageUrl']})" for each in answers)
        await response.write(chunk({"content": WORDS + places}))
        await response.write(chunk({}, "stop"))
    else:
        calls = [
            {
                "index": at,
                "id": f"call_{at}",
                "type": "function",
                "function": {
                    "name": "generate_image",
                    "arguments": json.dumps({"prompt": f"p{at}", "alt": "p"}),
                },
            }
            for at in range(int(request.match_info["pictures"]))
        ]
        await response.write(chunk({"tool_calls": calls}))
        await response.write(chunk({}, "tool_calls"))
    await response.write(b"data: [DONE]\n\n")
    return response


async def image(request: web.Request) -> web.Response:
    body = await request.json()
    await asyncio.sleep(float(request.match_info["picture_ms"]) / 1000)
    picture = base64.b64encode(plain_png(body["prompt"], 256, 256)).decode()
    return web.json_response({"created": 1, "data": [{"b64_json": picture}]})


def serve(port: Connection) -> None:
    async def main() -> None:
        application = web.Application()
        prefix = "/{reply_ms}/{picture_ms}/{pictures}/v1"
        application.router.add_post(f"{prefix}/chat/completions", chat)
        application.router.add_post(f"{prefix}/images/generations", image)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(main())


def engine(
    url: str, *, reply_s: float, picture_s: float, pictures: int, promise_after_s: float | None
) -> Engine:
    base = f"{url}/{reply_s * 1000:.0f}/{picture_s * 1000:.0f}/{pictures}/v1"
    return Engine(
        OpenAIModel("m", base_url=base, api_key="k"),
        OpenAIImages("m", base_url=base, api_key="k", concurrency=8),
        promise_after_s=promise_after_s,
    )


async def turn(made: Engine) -> tuple[float, float]:
    """Seconds until the first word of the body, and until the whole reply."""
    started, first = time.perf_counter(), 0.0
    async with made.conversation().stream("draw") as stream:
        async for event in stream:
            if isinstance(event, TextDelta) and event.text.strip() and not first:
                first = time.perf_counter() - started
    assert stream.reply.complete
    return first, time.perf_counter() - started


async def measure(made: Engine, turns: int) -> list[tuple[float, float]]:
    async with made:
        await turn(made)  # connections and imports, once
        return [await turn(made) for _ in range(turns)]


def line(name: str, seconds: list[float], allowed: str) -> None:
    low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
    print(f"{name:<52} {low:7.3f} {middle:7.3f} {high:7.3f}   {allowed}")


def main() -> None:
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(there,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{here.recv()}"
    print(f"{'seconds':<52} {'min':>7} {'median':>7} {'max':>7}   allowed")
    for backend in ("asyncio", "trio"):
        six = engine(url, reply_s=0.1, picture_s=0.5, pictures=6, promise_after_s=None)
        times = anyio.run(measure, six, 10, backend=backend)
        line(
            f"{backend}: six pictures of 0.5 s behind replies of 0.1 s",
            [whole for _, whole in times],
            "< 0.9",
        )
        slow = engine(url, reply_s=0.1, picture_s=5.0, pictures=6, promise_after_s=0)
        times = anyio.run(measure, slow, 2, backend=backend)
        # The model's own first word of the body comes after two replies of 0.1 s.
        line(
            f"{backend}: promised, first word after the model's own",
            [first - 0.2 for first, _ in times],
            "< 0.1",
        )
        # The longest chain is the first reply and a picture.
        line(
            f"{backend}: promised, turn beyond its longest chain",
            [whole - 5.1 for _, whole in times],
            "< 0.2",
        )
    server.terminate()


if __name__ == "__main__":
    main()
