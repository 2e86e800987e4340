"""Words first, in a real browser: a plain page of `<img>` shows its text at once and each picture when it is drawn."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any, TypeVar

import pytest

import pictures
from gateways import Gateway, serving
from limner.gateway.front.app import Route
from limner.gateway.server.serving import listen
from picture_services import PictureService, picture_service
from providers import Provider, raw

T = TypeVar("T")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")

FOX, BOAT = pictures.png(64, 48), pictures.jpeg(80, 60)
TOLD = """
<script>
  // Two frames later the text has been painted, whatever has become of the pictures.
  const beacon = (name) => fetch("/" + name, {mode: "no-cors"});
  const shown = () => [...document.images].map((each) => each.naturalWidth);
  addEventListener("DOMContentLoaded", () => requestAnimationFrame(() => requestAnimationFrame(() => {
    document.body.dataset.first = JSON.stringify(shown());
    beacon("painted");
  })));
  addEventListener("load", () => { document.body.dataset.last = JSON.stringify(shown()); });
</script>
"""


@dataclass
class Page:
    """A gateway that promises pictures, and another server with a page that shows them."""

    gateway: Gateway
    provider: Provider
    service: PictureService

    def on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        """`work`, done where the gateway lives."""
        return asyncio.run_coroutine_threadsafe(work, self.gateway._loop).result(20)

    def promise(self, number: int, alt: str) -> str:
        return self.on_loop(self.service.promises.make("ada", "run-1", number, alt))

    def keep(self, link: str, data: bytes) -> None:
        async def work() -> None:
            picture = await self.service.keep(data)
            await self.service.promises.kept(self.service.links.id_of(link) or "", picture)

        self.on_loop(work())

    def refuse(self, link: str, code: str) -> None:
        self.on_loop(self.service.promises.broken(self.service.links.id_of(link) or "", code))

    def redirects(self) -> int:
        return sum(each.status == 307 for each in self.gateway.ended)

    def show(self, links: Iterable[str], folder: Path) -> subprocess.Popen[str]:
        """A browser that opens a page with these pictures, and writes the page when all of it is there."""
        images = "".join(f'<img src="{link.replace("&", "&amp;")}" alt="A picture">' for link in links)
        html = f"<!doctype html><title>Fox</title><h1>A fox and a boat</h1>{TOLD}{images}"
        self.provider.pictures["/page.html"] = raw(html.encode(), "text/html; charset=utf-8")
        self.provider.pictures["/painted"] = raw(b"")
        return _chromium(folder, "--dump-dom", f"{self.provider.origin}/page.html")

    def wait_for_paint(self) -> None:
        self.gateway.wait_until(
            lambda: any(each.path == "/painted" for each in self.provider.requests), timeout_s=60
        )


@contextlib.contextmanager
def page(folder: Path, *, wait_s: float) -> Iterator[Page]:
    listener = listen("127.0.0.1", 0)
    services: list[PictureService] = []

    @contextlib.asynccontextmanager
    async def routes() -> AsyncIterator[list[Route]]:
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with picture_service(folder, base_url=base_url, wait_s=wait_s) as service:
            services.append(service)
            yield [Route("GET", "/images/{id}", service.endpoint.answer, at_root=True)]

    with Provider() as provider, serving(open_routes=routes, listener=listener) as gateway:
        yield Page(gateway, provider, services[0])


def _chromium(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    assert CHROMIUM is not None
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage"]
    # A proxy of the environment must not see these requests.
    options += [
        "--no-proxy-server",
        "--disable-background-networking",
        f"--user-data-dir={folder / 'profile'}",
    ]
    return subprocess.Popen(
        [CHROMIUM, *options, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def _told(browser: subprocess.Popen[str]) -> tuple[list[int], list[int]]:
    """The widths of the pictures when the text was painted, and when all was there."""
    dom, _ = browser.communicate(timeout=60)
    found = {name: re.search(f'data-{name}="([^"]*)"', dom) for name in ("first", "last")}
    first, last = (json.loads(unescape(each[1])) if each else [] for each in found.values())
    return first, last


def test_a_plain_page_shows_the_text_at_once_and_every_picture_when_it_is_drawn(tmp_path: Path) -> None:
    """What it must show, 3: text first, then each picture, one of them refused; from a page of another origin."""
    with page(tmp_path, wait_s=0.5) as here:
        fox, boat, owl = (here.promise(number, "an owl at night") for number in (1, 2, 3))
        browser = here.show([fox, boat, owl], tmp_path)
        # Nothing is drawn before the text has been seen.
        here.wait_for_paint()
        here.keep(fox, FOX)
        here.refuse(owl, "image_policy")
        # The boat takes longer than any proxy waits.
        before = here.redirects()
        here.gateway.wait_until(lambda: here.redirects() >= before + 3, timeout_s=20)
        here.keep(boat, BOAT)
        first, last = _told(browser)
        assert first == [0, 0, 0]
        assert last == [64, 80, 768]


def test_a_browser_follows_the_link_to_itself_for_as_long_as_a_turn_may_take(tmp_path: Path) -> None:
    """Words first: sixteen rounds of 50 s are more than any turn; the same link each time, for it is signed."""
    with page(tmp_path, wait_s=0.1) as here:
        fox = here.promise(1, "a fox")
        browser = here.show([fox], tmp_path)
        here.gateway.wait_until(lambda: here.redirects() >= 16, timeout_s=60)
        here.keep(fox, FOX)
        _, last = _told(browser)
        assert last == [64]


def test_two_places_of_one_promise_wait_together(tmp_path: Path) -> None:
    """A picture that is shown twice on a page is shown twice."""
    with page(tmp_path, wait_s=0.5) as here:
        fox = here.promise(1, "a fox")
        browser = here.show([fox, fox], tmp_path)
        here.wait_for_paint()
        here.keep(fox, FOX)
        _, last = _told(browser)
        assert last == [64, 64]
