"""What every test shares: both backends of anyio, properties without deadlines, and a temporary folder that
goes with the tests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import settings

# How long an example takes is the machine's affair: a busy one must not fail a property that holds.
settings.register_profile("limner", deadline=None)
settings.load_profile("limner")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Each asynchronous test runs on both: the engine promises both."""
    return str(request.param)


@pytest.fixture(scope="session", autouse=True)
def temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Pictures that are put aside stay for ever, and tests are not to fill anybody's disk with them."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path_factory.mktemp("temporary"))
    yield
    tempfile.tempdir = before
