"""What differs between servers of pictures is data."""

from __future__ import annotations

import pytest

from limner.errors import ConfigError
from limner.images.quirks import QUIRKS, quirk_of


@pytest.mark.parametrize(
    ("base_url", "name", "path"),
    [
        ("https://api.openai.com/v1", "openai", "/images/generations"),
        ("https://eu.api.openai.com/v1", "openai", "/images/generations"),
        ("https://me.openai.azure.com/openai/v1", "openai", "/images/generations"),
        ("http://127.0.0.1:8080/v1", "", "/images/generations"),
        ("https://openrouter.ai/api/v1", "openrouter", "/images"),
        ("https://eu.openrouter.ai./api/v1", "openrouter", "/images"),
        ("https://openrouter.ai.example.com/v1", "", "/images/generations"),
        ("https://notopenrouter.ai/v1", "", "/images/generations"),
        ("https://api.x.ai/v1", "xai", "/images/generations"),
        ("https://ark.ap-southeast.bytepluses.com/api/v3", "byteplus", "/images/generations"),
    ],
)
def test_a_server_is_known_by_its_address(base_url: str, name: str, path: str) -> None:
    """Facts, wire, section 5.1: the usual path answers 404 at one of them."""
    quirk = quirk_of(base_url)
    assert (quirk.name, quirk.path) == (name, path)


@pytest.mark.parametrize("name", ["sd.cpp", "localai", "vllm-omni", "sglang", "xinference", "openrouter"])
def test_a_server_of_ones_own_is_known_by_its_name(name: str) -> None:
    """Facts, images, section 4: no address tells what answers there."""
    assert quirk_of("http://127.0.0.1:8080/v1", name).name == name


@pytest.mark.parametrize("name", ["", "comfy"])
def test_a_server_that_nobody_knows_is_refused_with_those_there_are(name: str) -> None:
    """CONVENTIONS, errors: the sentence ends with what to do."""
    with pytest.raises(ConfigError, match=r"sd\.cpp, localai") as caught:
        quirk_of("http://127.0.0.1:8080/v1", name)
    assert caught.value.code == "config_invalid_value"


def test_every_row_has_its_source_and_date() -> None:
    """DESIGN decision 8."""
    assert all(quirk.source and quirk.as_of for quirk in QUIRKS)
    assert QUIRKS[-1].name == "", "the last row is for everybody else"
    names = [quirk.name for quirk in QUIRKS]
    assert len(set(names)) == len(names)
