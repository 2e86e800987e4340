"""The S3 server is started once for all tests that need it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from buckets import Swift, running_swift


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    """A real S3 server on loopback."""
    with running_swift(tmp_path_factory.mktemp("swift")) as server:
        yield server
