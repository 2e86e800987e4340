"""An illustrated tutorial as one page of HTML that opens everywhere.

python examples/tutorial.py        writes tutorial.html
"""

import asyncio
from pathlib import Path

from limner import Engine, ImagePart, Reply
from limner.pages import html

REQUEST = "Teach me to repot a houseplant in four illustrated steps"


async def main() -> tuple[Reply, str]:
    async with Engine() as engine:
        reply = await engine.conversation().ask(REQUEST)
        return reply, await html(reply)


if __name__ == "__main__":
    reply, page = asyncio.run(main())
    Path("tutorial.html").write_text(page, encoding="utf-8")
    pictures = {part.picture.sha256 for part in reply.parts if isinstance(part, ImagePart)}
    assert len(pictures) == 4, "four steps, four different pictures"
    assert page.count("<img") == 4, "each picture once"
    assert "http://" not in page.replace("http://www.w3.org", ""), "the page fetches nothing"
    assert reply.receipt["cost_usd"] == 0, "drawn offline, for nothing"
    print(f"tutorial.html: {len(page) // 1024} KiB, {len(pictures)} pictures")
