"""What the gateway adds to a streamed turn with pictures, over real HTTP on loopback.

    python benchmarks/chats.py

A provider in a process of its own answers chats and pictures after fixed delays; `limner.gateway` serves in
another, put together as `limner serve` does, and a plain client reads its stream. "The model's call" is the
moment at which the provider has written the last byte of the reply that asks for the pictures.
"""

from __future__ import annotations

import asyncio
import base64
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, web

from limner.config.settings import ChatConfig, Config, GatewayConfig, ImageConfig
from limner.testing import plain_png

PICTURES = 4
PICTURE_S = 1.0
REPLY_S = 0.1
TURNS = 5
INTERFACES: dict[str, tuple[str, str, bytes]] = {
    "chats": ("/v1/chat/completions", "openrouter:image_generation", b'"delta":{"images"'),
    "responses, by link": (
        "/v1/responses",
        "openrouter:image_generation",
        b"event: response.output_item.done",
    ),
    "responses, by value": ("/v1/responses", "image_generation", b"event: response.output_item.done"),
}
"""By name: where it is asked, the tool, and what a stream has once for each picture (and for each message)."""


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


async def image(request: web.Request) -> web.Response:
    body = await request.json()
    await asyncio.sleep(PICTURE_S)
    picture = base64.b64encode(plain_png(body["prompt"], 256, 256)).decode()
    return web.json_response({"created": 1, "data": [{"b64_json": picture}]})


def line(name: str, seconds: list[float], allowed: str) -> None:
    low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
    print(f"{name:<58} {low:7.3f} {middle:7.3f} {high:7.3f}   {allowed}")


def provider(port: Connection) -> None:
    called_at: dict[str, float] = {}

    async def chat(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        await asyncio.sleep(REPLY_S)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        answers = [json.loads(each["content"]) for each in body["messages"] if each["role"] == "tool"]
        if answers:
            places = " ".join(f"![p]({each['imageUrl']})" for each in answers)
            await response.write(chunk({"content": f"There. {places}"}))
            await response.write(chunk({}, "stop"))
        else:
            calls = [
                {
                    "index": at,
                    "id": f"call_{at}",
                    "type": "function",
                    "function": {
                        "name": "generate_image",
                        "arguments": json.dumps({"prompt": f"p{at} {time.time()}", "alt": "p"}),
                    },
                }
                for at in range(PICTURES)
            ]
            await response.write(chunk({"tool_calls": calls}))
            await response.write(chunk({}, "tool_calls"))
            called_at[body["user"]] = time.time()
        await response.write(b"data: [DONE]\n\n")
        return response

    async def called(request: web.Request) -> web.Response:
        return web.json_response(called_at[request.match_info["user"]])

    async def main() -> None:
        application = web.Application()
        application.router.add_post("/v1/chat/completions", chat)
        application.router.add_post("/v1/images/generations", image)
        application.router.add_get("/called/{user}", called)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(main())


def gateway(url: str, folder: str, port: Connection) -> None:
    from limner.gateway.service import serve

    config = Config(
        chat=ChatConfig(model="m", base_url=f"{url}/v1", api_key="k"),
        image=ImageConfig(model="p", base_url=f"{url}/v1", api_key="k", price_usd=0.01),
        gateway=GatewayConfig(port=0, state=Path(folder)),
    )
    # Its log is not what is measured here.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    with suppress(KeyboardInterrupt):
        serve(config, offline=False, ready=port.send)


async def turn(
    session: ClientSession, address: str, provider_url: str, interface: str, user: str
) -> tuple[float, float]:
    """Seconds from the model's call to the first progress, and of the whole turn beyond the model's own."""
    path, tool, mark = INTERFACES[interface]
    said: dict[str, Any] = {"messages": [{"role": "user", "content": "draw"}]}
    if path.endswith("responses"):
        said = {"input": "draw"}
    body = {"model": "m", "user": user, "stream": True, "tools": [{"type": tool}], **said}
    started, progress = time.time(), 0.0
    async with session.post(f"{address}{path}", json=body) as answer:
        # By pieces, because a picture by value is longer than a line may be.
        whole = b""
        async for received in answer.content.iter_any():
            whole += received
            if not progress and b'"in_progress"' in received:
                progress = time.time()
    ended = time.time()
    images = whole.count(mark) - path.endswith("responses")
    assert images == PICTURES, images
    async with session.get(f"{provider_url}/called/{user}") as called:
        called_at = await called.json()
    return progress - called_at, ended - started - 2 * REPLY_S


async def measure(address: str, provider_url: str) -> dict[str, list[tuple[float, float]]]:
    times: dict[str, list[tuple[float, float]]] = {}
    async with ClientSession() as session:
        for name in INTERFACES:
            # Connections, workers and imports, once.
            await turn(session, address, provider_url, name, f"{name} warm")
            times[name] = [
                await turn(session, address, provider_url, name, f"{name} {at}") for at in range(TURNS)
            ]
    return times


def main() -> None:
    here, there = multiprocessing.Pipe()
    upstream = multiprocessing.Process(target=provider, args=(there,), daemon=True)
    upstream.start()
    provider_url = f"http://127.0.0.1:{here.recv()}"
    with tempfile.TemporaryDirectory() as folder:
        # Not a daemon: it has worker processes of its own.
        served = multiprocessing.Process(target=gateway, args=(provider_url, folder, there))
        served.start()
        try:
            times = asyncio.run(measure(here.recv(), provider_url))
        finally:
            served.terminate()
            served.join()
    upstream.terminate()
    print(f"{'seconds':<58} {'min':>7} {'median':>7} {'max':>7}   allowed")
    for name, turns in times.items():
        line(f"{name}: first progress after the model's call", [first for first, _ in turns], "< 0.05")
        line(f"{name}: four pictures of 1 s, beyond the model", [whole for _, whole in turns], "< 1.5")


if __name__ == "__main__":
    main()
