"""A reply's pictures as files that people can find again."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from disks import tiny_file_system
from limner.core.pictures import Picture
from limner.errors import StoreError
from limner.reply.parts import ImagePart, Part, TextPart
from limner.reply.reply import Reply
from limner.storage.export import save_pictures
from limner.storage.memory import MemoryStorage

pytestmark = pytest.mark.anyio


def picture(shade: int = 0, kind: str = "PNG") -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (16, 9), (shade % 256, shade // 256, 160)).save(written, kind)
    return written.getvalue()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def reply_of(*alts: str, kind: str = "PNG", shade: int = 0) -> Reply:
    """A reply with one picture per alt text, numbered from 3 as later in a conversation."""
    store = MemoryStorage()
    parts: list[Part] = [TextPart("Words. ")]
    for number, alt in enumerate(alts, 3):
        name = await store.put("local", picture(number + shade, kind))
        kept = Picture(id=name, sha256="", format=kind.lower(), width=16, height=9, size_bytes=1)
        parts.append(ImagePart(number=number, alt=alt, picture=kept, link=store.link(name)))
    return Reply(parts=tuple(parts), read=store.open)


async def name_of(alt: str, folder: Path) -> str:
    (path,) = (await save_pictures(await reply_of(alt), folder)).values()
    return path.name


async def test_files_are_named_by_place_and_alt_text(tmp_path: Path) -> None:
    """The command line's promise: pictures are written beside the output, readable by name."""
    reply = await reply_of("Pour the water", "Let it steep, 3 minutes!")
    paths = await save_pictures(reply, tmp_path / "limner-images")
    assert paths == {
        3: tmp_path / "limner-images" / "01-pour-the-water.png",
        4: tmp_path / "limner-images" / "02-let-it-steep-3-minutes.png",
    }
    assert [path.read_bytes() for path in paths.values()] == [picture(3), picture(4)]


@pytest.mark.parametrize(("kind", "suffix"), [("PNG", ".png"), ("JPEG", ".jpg"), ("WEBP", ".webp")])
async def test_the_bytes_decide_the_extension(tmp_path: Path, kind: str, suffix: str) -> None:
    """Scorecard I09."""
    (path,) = (await save_pictures(await reply_of("fox", kind=kind), tmp_path)).values()
    assert path.name == f"01-fox{suffix}"


@pytest.mark.parametrize(
    ("alt", "expected"),
    [
        ("包饺子，第一步：和面", "01-包饺子-第一步-和面.png"),
        ("お湯を注ぐ", "01-お湯を注ぐ.png"),
        ("شاي أخضر", "01-شاي-أخضر.png"),
        ("नमस्ते", "01-नमस्ते.png"),
        ("Crème brûlée", "01-crème-brûlée.png"),
        ("cre\u0300me", "01-crème.png"),
        ("", "01.png"),
        ("❤\ufe0f 🦊", "01.png"),
        ("con", "01-con.png"),
        ("../../etc/passwd", "01-etc-passwd.png"),
        ('a<b>c:d"e/f\\g|h?i*j\0k\n', "01-a-b-c-d-e-f-g-h-i-j-k.png"),
        ("trailing dots...", "01-trailing-dots.png"),
        ("\u202egnp.exe", "01-gnp-exe.png"),
    ],
)
async def test_a_name_keeps_letters_and_nothing_else(tmp_path: Path, alt: str, expected: str) -> None:
    """A name that works on every system, in a link and in a shell, in any script."""
    assert await name_of(alt, tmp_path) == expected


@pytest.mark.parametrize("alt", ["word " * 80, "x" * 300, "图" * 300, "𠮷" * 300, "न्" * 300])
async def test_a_long_alt_text_gives_a_name_that_every_system_takes(tmp_path: Path, alt: str) -> None:
    """At most 60 characters of it, and below the 255 bytes that file systems allow, also with `-2`."""
    (path,) = (await save_pictures(await reply_of(alt), tmp_path)).values()
    (second,) = (await save_pictures(await reply_of(alt, shade=9), tmp_path)).values()
    assert len(path.stem) <= 3 + 60
    assert len(second.name.encode()) < 255
    assert second.stem == f"{path.stem}-2"


async def test_a_long_name_ends_with_a_whole_word(tmp_path: Path) -> None:
    """Readable names: no word is cut where words are short enough."""
    name = await name_of("a small red fox that jumps over a very lazy dog in the deepest forest", tmp_path)
    assert name == "01-a-small-red-fox-that-jumps-over-a-very-lazy-dog-in-the.png"


async def test_no_other_file_is_ever_overwritten(tmp_path: Path) -> None:
    """A different file of that name stays; ours gets the next free number."""
    (tmp_path / "01-fox.png").write_bytes(b"somebody's")
    (tmp_path / "01-fox-2.png").mkdir()
    assert await name_of("fox", tmp_path) == "01-fox-3.png"
    assert (tmp_path / "01-fox.png").read_bytes() == b"somebody's"


async def test_the_same_bytes_are_written_once(tmp_path: Path) -> None:
    """Asking for the same output twice does not fill the folder with copies."""
    reply = await reply_of("fox", "fox")
    assert await save_pictures(reply, tmp_path) == await save_pictures(reply, tmp_path)
    assert names(tmp_path) == ["01-fox.png", "02-fox.png"]


async def test_a_stem_comes_first_and_cannot_leave_the_folder(tmp_path: Path) -> None:
    """`-o demo.md` gives `demo-01-….png`; a stem is a name, never a path."""
    (path,) = (await save_pictures(await reply_of("fox"), tmp_path, stem="Demo 1")).values()
    assert path == tmp_path / "demo-1-01-fox.png"
    (path,) = (await save_pictures(await reply_of("fox"), tmp_path, stem="../up")).values()
    assert path == tmp_path / "up-01-fox.png"


async def test_names_sort_in_reading_order(tmp_path: Path) -> None:
    """As many digits as the reply needs."""
    paths = await save_pictures(await reply_of(*["x"] * 101), tmp_path)
    assert sorted(paths.values()) == list(paths.values())
    assert paths[3].name == "001-x.png"


async def test_a_reply_without_pictures_makes_no_folder(tmp_path: Path) -> None:
    """Nothing to write, nothing written."""
    assert await save_pictures(Reply(parts=(TextPart("Words."),)), tmp_path / "none") == {}
    assert names(tmp_path) == []


async def test_a_picture_that_is_lost_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    """DESIGN decision 3: what succeeded is never thrown away, and the loss is said."""
    reply = await reply_of("one", "two")
    assert reply.read is not None
    lost = ImagePart(9, "lost", Picture("A" * 43, "", "png", 1, 1, 1), "")
    with pytest.raises(StoreError) as raised:
        await save_pictures(Reply(parts=(lost, *reply.parts), read=reply.read), tmp_path)
    assert raised.value.code == "image_not_found"
    assert names(tmp_path) == ["02-one.png", "03-two.png"]


async def test_a_reply_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """A reply read back from JSON holds no bytes."""
    reply = await reply_of("fox")
    with pytest.raises(StoreError) as raised:
        await save_pictures(Reply(parts=reply.parts), tmp_path)
    assert raised.value.code == "store_unavailable"


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """The sentence names the folder, because that is what the user can change."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError) as raised:
        await save_pictures(await reply_of("fox"), tmp_path / "file")
    assert raised.value.code == "store_unavailable"
    assert str(tmp_path / "file") in str(raised.value)


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 KiB, where this process may mount one."""
    with tiny_file_system(tmp_path / "disk", "64k") as disk:
        yield disk


async def test_a_full_disk_is_named(tiny_disk: Path) -> None:
    """Scorecard P03: `image_store_full`, and no temporary file stays."""
    (tiny_disk / "rest").write_bytes(b"\0" * 60_000)
    with pytest.raises(StoreError) as raised:
        await save_pictures(await reply_of(*["x"] * 9), tiny_disk / "pictures")
    assert raised.value.code == "image_store_full"
    assert str(tiny_disk) in str(raised.value)
    assert not [name for name in names(tiny_disk / "pictures") if name.startswith(".")]
