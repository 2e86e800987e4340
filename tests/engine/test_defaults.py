"""What the configuration says, as the parts of an engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

import pictures
from buckets import Swift, running_swift
from limner import Engine, FolderStorage, MemoryStorage, ObjectStorage, SQLiteRecorder
from limner.clock import SystemClock
from limner.config.load import load_config
from limner.engine.defaults import default_inspector, default_storage
from limner.engine.recorder import MemoryRecorder
from limner.errors import ConfigError, PictureError
from limner.storage.links import LinkSigner

pytestmark = pytest.mark.anyio

KEY = "a key of links, long enough to sign with"


def written(folder: Path, text: str) -> Path:
    path = folder / "limner.toml"
    path.write_text(text, encoding="utf-8")
    return path


def stored(path: Path, recorder: MemoryRecorder | SQLiteRecorder | None = None) -> object:
    config = load_config(path, environ={})
    return default_storage(config, recorder or MemoryRecorder(), SystemClock())


def test_pictures_are_kept_where_the_file_says(tmp_path: Path) -> None:
    """A bucket, a folder, else beside the journal, else in memory."""
    journal = SQLiteRecorder(tmp_path / "run.db")
    nothing = written(tmp_path, "")
    assert isinstance(stored(nothing), MemoryStorage)
    beside = stored(nothing, journal)
    assert isinstance(beside, FolderStorage)
    assert beside.path == tmp_path / "run.db.pictures"

    folder = stored(written(tmp_path, '[storage]\npath = "kept"\n'), journal)
    assert isinstance(folder, FolderStorage)
    assert folder.path == tmp_path / "kept"
    bucket = '[storage]\nurl = "s3://pictures/limner"\n[storage.options]\nregion = "eu-central-1"\n'
    assert isinstance(stored(written(tmp_path, bucket), journal), ObjectStorage)


@pytest.mark.parametrize("place", ["", 'path = "kept"\n'])
async def test_links_are_signed_with_the_keys_of_the_file(tmp_path: Path, place: str) -> None:
    """`link_base_url`, `link_key_file` and `link_ttl_s` in [storage]."""
    (tmp_path / "keys").write_text(f"{KEY}\nthe key before it, also long enough\n")
    lines = 'link_base_url = "https://pictures.example"\nlink_key_file = "keys"\nlink_ttl_s = 60\n'
    storage = stored(written(tmp_path, f"[storage]\n{place}{lines}"))
    assert isinstance(storage, MemoryStorage | FolderStorage)
    link = storage.link(await storage.put("local", pictures.png()))
    assert link.startswith("https://pictures.example/images/")
    assert LinkSigner("https://pictures.example", [KEY], ttl_s=60).verify(link) is not None
    await storage.aclose()


@pytest.mark.parametrize(
    "lines",
    [
        'link_base_url = "https://x.example"\nlink_keys = ["short"]',
        'url = "nowhere://bucket"',
        'url = "file:///x"',
    ],
)
def test_what_a_store_refuses_is_a_mistake_of_the_configuration(tmp_path: Path, lines: str) -> None:
    """Known before anything is bought."""
    with pytest.raises(ConfigError):
        Engine(config=load_config(written(tmp_path, f"[storage]\n{lines}\n"), environ={}))


async def test_what_is_a_picture_is_what_the_file_accepts(tmp_path: Path) -> None:
    """`accept` and `strip_metadata` in [image]."""
    config = load_config(written(tmp_path, '[image]\naccept = ["webp"]\nstrip_metadata = true\n'), environ={})
    inspector = default_inspector(config)
    try:
        with anyio.fail_after(20), pytest.raises(PictureError) as caught:
            await inspector.inspect(pictures.png())
        assert caught.value.code == "image_type_not_allowed"
    finally:
        await inspector.aclose()


@pytest.fixture(scope="module")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    """A real S3 server on loopback."""
    with running_swift(tmp_path_factory.mktemp("swift")) as server:
        yield server


async def test_a_bucket_of_the_file_keeps_pictures(tmp_path: Path, swift: Swift) -> None:
    """`url` and [storage.options]."""
    options = "\n".join(f'{name} = "{value}"' for name, value in swift.options.items())
    text = f'[storage]\nurl = "s3://{swift.common}/defaults"\nlink_ttl_s = 60\n[storage.options]\n{options}\n'
    storage = stored(written(tmp_path, text))
    assert isinstance(storage, ObjectStorage)
    name = await storage.put("local", pictures.png())
    assert await storage.open(name) == pictures.png()
    assert "X-Amz-Expires=60" in storage.link(name)
    await storage.aclose()
