"""The S3 server of the tests, and the buckets in it."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import S3Store

__all__ = ["Swift", "running_swift"]

ROOT = Path(__file__).parents[1]
ENVIRONMENT = ROOT / ".venv-swift"
ACCESS_KEY, SECRET_KEY, REGION = "test:tester", "testing", "us-east-1"


@dataclass
class Swift:
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]
    folder: Path
    _names: Iterator[int] = field(default_factory=itertools.count)

    @cached_property
    def common(self) -> str:
        """A bucket that the tests share; each has a prefix of its own in it."""
        return self.bucket()

    @property
    def options(self) -> dict[str, str]:
        """What opens a bucket of it."""
        return {
            "endpoint": f"http://127.0.0.1:{self.port}",
            "region": REGION,
            "access_key_id": ACCESS_KEY,
            "secret_access_key": SECRET_KEY,
        }

    def bucket(self) -> str:
        """Make a new bucket; its name."""
        name = f"pictures-{next(self._names)}"
        made = urllib.request.Request(
            obstore.sign(self.store(name), "PUT", "", timedelta(minutes=1)), method="PUT"
        )
        with urllib.request.urlopen(made, timeout=10) as answer:
            assert answer.status == 200
        return name

    def store(self, bucket: str, prefix: str | None = None) -> S3Store:
        """A bucket of it, opened past our code."""
        options: Any = self.options
        return S3Store(bucket, prefix=prefix, config=options, client_options={"allow_http": True})


@contextlib.contextmanager
def running_swift(folder: Path) -> Iterator[Swift]:
    """A server that keeps its things in `folder`; skips where its environment is not installed."""
    if not (ENVIRONMENT / ".ready").exists():
        pytest.skip("the S3 server of the tests is not installed; install it with: make swift")
    command = [str(ENVIRONMENT / "bin" / "python"), "-W", "ignore", str(ROOT / "tests" / "s3" / "server.py")]
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            [*command, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        said = process.stdout.readline()
        if not said.strip().isdigit():
            pytest.fail(f"the S3 server did not start: {(folder / 'errors').read_text()[-2000:]}")
        yield Swift(int(said), process, folder)
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
