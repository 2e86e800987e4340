"""One gateway for the tests of a file: its provider is given another script by each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chats import FOX, Chats, chatting
from providers import Provider


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chats]:
    with Provider() as provider:
        provider.image_script(lambda body: FOX)
        # Deadlines are short, because silence is scripted, too.
        deadlines = {"first_byte_s": 2.5, "idle_s": 2.5}
        with chatting(tmp_path_factory.mktemp("gateway"), provider, upstream_s=deadlines) as chats:
            yield chats


@pytest.fixture
def chats(shared: Chats) -> Chats:
    provider = shared.provider
    assert provider is not None
    provider.image_script(lambda body: FOX)
    provider.requests.clear()
    shared.parts["waits"].slept.clear()
    return shared


@pytest.fixture
def provider(chats: Chats) -> Provider:
    assert chats.provider is not None
    return chats.provider
