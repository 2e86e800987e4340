"""The samples of the two services' own documents, run against `limner serve --offline`.

Nothing in them is changed but the host and the key.
Sources: OpenRouter, "Image Generation" (server tools); ARouter, "Image generation" (both read 2026-11-21).
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from runtimes import client_python, node, run_program
from services import Service

FOLDER = Path(__file__).with_name("samples")
HOSTS = ("https://api.arouter.ai", "https://openrouter.ai")
KEYS = ("lr_live_xxxx", "<OPENROUTER_API_KEY>")


def said(name: str, command: list[str | Path], service: Service, folder: Path, then: str = "") -> str:
    """What a sample prints; `then` follows one that prints nothing."""
    source = (FOLDER / name).read_text(encoding="utf-8")
    assert sum(host in source for host in HOSTS) == sum(key in source for key in KEYS) == 1
    for host in HOSTS:
        source = source.replace(host, service.origin)
    for key in KEYS:
        source = source.replace(key, "any-key")
    done = run_program([*command, source + then], folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def in_node() -> list[str | Path]:
    return [node(), "--input-type=module", "--eval"]


def is_a_picture(service: Service, link: str) -> None:
    assert link.startswith(f"{service.origin}/images/"), link
    answer = service.get(link, key="")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")


def test_the_sample_for_curl_gets_a_picture(offline: Service, tmp_path: Path) -> None:
    """ARouter's first."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed; install it with the packages of your system")
    answer = json.loads(said("arouter_curl.sh", ["sh", "-e", "-c"], offline, tmp_path))
    assert len(answer["data"]) == 1
    is_a_picture(offline, answer["data"][0]["url"])
    assert answer["limner"]["offline"] is True


@pytest.mark.parametrize("environment", ["", "openai2", "openai1"])
def test_the_sample_for_python_prints_a_pictures_link(
    environment: str, offline: Service, tmp_path: Path
) -> None:
    """ARouter's second, with three majors of the package."""
    python = client_python(environment) if environment else Path(sys.executable)
    is_a_picture(offline, said("arouter_python.py", [python, "-c"], offline, tmp_path))


def test_the_sample_for_node_prints_a_pictures_link(offline: Service) -> None:
    """ARouter's third."""
    is_a_picture(offline, said("arouter_node.mjs", in_node(), offline, FOLDER))


def test_the_sample_for_javascript_prints_an_illustrated_text(offline: Service) -> None:
    """OpenRouter's first: the image tool in a chat, without any package."""
    text = said("openrouter_fetch.mjs", in_node(), offline, FOLDER)
    links = re.findall(r"!\[[^\]]+\]\(([^)\s]+)\)", text)
    assert links
    for link in links:
        is_a_picture(offline, link)


def test_the_sample_for_responses_gets_a_picture(offline: Service) -> None:
    """OpenRouter's second: the image tool in `/responses`; it ends with the answer unread."""
    then = "console.log(await response.text());"
    response = json.loads(said("openrouter_responses.mjs", in_node(), offline, FOLDER, then))
    pictures = [item for item in response["output"] if item["type"] == "openrouter:image_generation"]
    assert (response["status"], [item["status"] for item in pictures]) == ("completed", ["completed"])
    is_a_picture(offline, pictures[0]["imageUrl"])
    [message] = [item for item in response["output"] if item["type"] == "message"]
    assert f"]({pictures[0]['imageUrl']})" in message["content"][0]["text"]
