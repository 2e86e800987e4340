"""Pictures are decoded in processes that can break without breaking anything else, and only where they must be."""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from PIL import Image

import pictures
from limner.core.formats import FormatName
from limner.errors import ConfigError, PictureError
from limner.images.inspection.checking import inspect
from limner.images.inspection.limits import MAX_BYTES
from limner.images.inspector import Inspector, PictureUnjudged
from limner.images.workers.frames import lengths, pack
from waiting import until

pytestmark = pytest.mark.anyio

WORKER = [sys.executable, "-P", "-m", "limner.images.inspection.worker"]
SMALL = pictures.png(8, 6)
ASKED = pictures.jpeg(8, 6)
"""One that a worker is asked about."""
SLOW = pictures.scanned(6300, 6300, 12)
"""Legal, and decoded for most of a second."""
UNUSUAL = pictures.png(8, 6, extra=pictures.png_chunk(b"tRNS", bytes(6)))
NOTED = pictures.png(8, 6, extra=pictures.png_chunk(b"tEXt", b"Comment\0a note"))
JOB = {"formats": ["png"], "strip_metadata": False}


@asynccontextmanager
async def inspector(**options: Any) -> AsyncIterator[Inspector]:
    made = Inspector(**{"workers": 1, **options})
    try:
        with anyio.fail_after(40):
            yield made
    finally:
        await made.aclose()


async def refusal(made: Inspector, content: bytes | Path) -> PictureError:
    with pytest.raises(PictureError) as caught:
        await made.inspect(content)
    assert caught.value.billed == "yes"
    return caught.value


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def limits_of(pid: int) -> dict[str, str]:
    """What a process may take at most, by the system's own names."""
    path = Path(f"/proc/{pid}/limits")
    if not path.exists():
        pytest.skip("this system does not show limits")
    lines = path.read_text().splitlines()[1:]
    return {line[:25].strip(): line[26:].split()[0] for line in lines}


async def test_bytes_and_files_are_judged_as_by_a_plain_call(tmp_path: Path) -> None:
    """The process in between changes nothing but where the work is done."""
    async with inspector(formats=("png", "jpeg", "webp", "gif", "avif")) as made:
        for data in (SMALL, pictures.jpeg(), pictures.webp(), pictures.gif(), pictures.avif()):
            for tail in (b"", b"<script>"):
                plain = inspect(data, formats=made.formats)
                assert await made.inspect(data + tail) == plain
                path = tmp_path / "picture"
                path.write_bytes(data + tail)
                found = await made.inspect(path)
                assert (found.content, path.read_bytes()) == (path, data)
                assert (found.format, found.width, found.height, found.sha256, found.size_bytes) == (
                    plain.format,
                    plain.width,
                    plain.height,
                    plain.sha256,
                    plain.size_bytes,
                )
        assert len(made.pids) == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "image_bad_payload"),
        (b"<!doctype html>", "image_type_not_allowed"),
        (pictures.gif(), "image_type_not_allowed"),
        (pictures.png_claiming(20_000, 20_000), "image_too_many_pixels"),
        (SMALL[:-5], "image_truncated"),
        (SMALL.replace(b"IDATx", b"IDAT\xff"), "image_decode_failed"),
        (SMALL + bytes(MAX_BYTES), "image_too_large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_no_picture_is_refused_wherever_it_lies(data: bytes, code: str, tmp_path: Path) -> None:
    """I07, I08, I12: the same codes for bytes and for files; a refusal is a judgement."""
    path = tmp_path / "picture"
    path.write_bytes(data)
    async with inspector() as made:
        for content in (data, path):
            error = await refusal(made, content)
            assert (error.code, isinstance(error, PictureUnjudged)) == (code, False)
        # The worker that refused serves on.
        assert (await made.inspect(ASKED)).width == 8
    assert path.read_bytes() == data


async def test_i22_a_picture_that_moves_is_refused() -> None:
    """I22: seen without decoding any frame."""
    frame = pictures.gif()[pictures.gif().index(b"\x2c", 13) : -1]
    async with inspector(formats=("gif",)) as made:
        assert (await made.inspect(pictures.gif())).format == "gif"
        assert (
            await refusal(made, pictures.gif()[:-1] + frame * 10_000 + b";")
        ).code == "image_type_not_allowed"


async def test_metadata_goes_by_choice_from_bytes_and_from_files(tmp_path: Path) -> None:
    """`strip_metadata`: what is stored, hashed and counted is what is left."""
    path = tmp_path / "picture"
    path.write_bytes(NOTED + b"tail")
    async with inspector(strip_metadata=True) as made:
        found = await made.inspect(NOTED)
        assert found == inspect(SMALL)
        left = await made.inspect(path)
        assert (path.read_bytes(), left.sha256, left.size_bytes) == (SMALL, found.sha256, len(SMALL))
        assert os.listdir(tmp_path) == [path.name]
    async with inspector() as made:
        assert (await made.inspect(NOTED)).content == NOTED


async def test_a_file_without_its_metadata_is_still_its_owners_alone(tmp_path: Path) -> None:
    """Files lie in a folder that all users share: nobody else reads them, and no link put there is followed."""
    path, other = tmp_path / "picture", tmp_path / "other"
    path.touch(0o600)
    path.write_bytes(NOTED)
    other.write_bytes(b"somebody's")
    (tmp_path / "picture.stripped").symlink_to(other)
    async with inspector(strip_metadata=True) as made:
        await made.inspect(path)
    assert path.read_bytes() == SMALL
    assert path.stat().st_mode & 0o077 == 0
    assert other.read_bytes() == b"somebody's"


async def test_a_picture_of_many_megabytes_comes_and_goes_as_it_is() -> None:
    """Both ways, through a pipe that holds little of it at a time."""
    target = io.BytesIO()
    Image.frombytes("RGB", (2700, 2700), os.urandom(2700 * 2700 * 3)).save(target, "PNG", compress_level=0)
    plain = target.getvalue()
    noted = plain[:33] + pictures.png_chunk(b"tEXt", b"Comment\0a note") + plain[33:]
    assert len(plain) > 20_000_000
    async with inspector(strip_metadata=True) as made:
        assert (await made.inspect(noted)).content == plain


async def test_a_file_that_is_not_there_is_not_judged(tmp_path: Path) -> None:
    """Nothing can be said of it, least of all that it is no picture."""
    async with inspector() as made:
        error = await refusal(made, tmp_path / "gone")
        assert isinstance(error, PictureUnjudged)
        assert error.code == "internal"
        assert (await made.inspect(ASKED)).width == 8


async def test_i25_a_decoder_that_crashes_costs_its_own_picture_alone() -> None:
    """I25: `image_decode_failed`; the worker is replaced, and what another one decodes goes on."""
    async with inspector(workers=2) as made:
        codes: list[str] = []
        widths: list[int] = []

        async def crashes() -> None:
            codes.append((await refusal(made, SLOW)).code)

        async def goes_on() -> None:
            widths.append((await made.inspect(SLOW)).width)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(crashes)
            await until(lambda: len(made.pids) == 1)
            (pid,) = made.pids
            tasks.start_soon(goes_on)
            await until(lambda: len(made.pids) == 2)
            os.kill(pid, signal.SIGSEGV)
        assert (codes, widths) == (["image_decode_failed"], [6300])
        assert pid not in made.pids
        for _ in range(2):
            assert (await made.inspect(ASKED)).width == 8
        assert ended(pid)


async def test_i25_a_decoder_that_hangs_is_ended_and_replaced() -> None:
    """I25: `image_decode_failed` once its time is over; a stopped process is one that hangs for good."""
    async with inspector(limit_s=0.5) as made:
        await made.inspect(ASKED)
        (pid,) = made.pids
        os.kill(pid, signal.SIGSTOP)
        error = await refusal(made, ASKED)
        assert (error.code, isinstance(error, PictureUnjudged)) == ("image_decode_failed", True)
        assert ended(pid)
    async with inspector() as made:
        assert (await made.inspect(ASKED)).width == 8


async def test_i25_a_worker_that_died_while_nobody_looked_costs_nothing() -> None:
    """I25: a picture is never given to a process that is known to be gone."""
    async with inspector() as made:
        await made.inspect(ASKED)
        (pid,) = made.pids
        os.kill(pid, signal.SIGKILL)
        await until(lambda: made.pids == ())
        assert (await made.inspect(ASKED)).width == 8
        assert made.pids != (pid,)


async def test_i25_a_picture_that_waits_for_its_turn_is_not_too_slow() -> None:
    """`limit_s` is counted from when a worker has the picture."""
    async with inspector(limit_s=20.0) as made:
        found: list[int] = []

        async def one() -> None:
            found.append((await made.inspect(SLOW)).width)

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(one)
        assert found == [6300] * 3
        assert len(made.pids) == 1


async def test_no_more_memory_than_a_picture_may_take_is_given_to_a_worker() -> None:
    """I12: what a decoder asks for beyond that, it does not get."""
    async with inspector() as made:
        await made.inspect(ASKED)
        limits = limits_of(made.pids[0])
        assert limits["Max address space"] == str(1536 * 1024 * 1024)
        assert int(limits["Max cpu time"]) <= 70


async def test_cancelling_ends_the_decoder_and_leaves_the_file(tmp_path: Path) -> None:
    """Cancel: safe."""
    path = tmp_path / "picture"
    path.write_bytes(SLOW)
    async with inspector() as made:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(made.inspect, path)
            await until(lambda: bool(made.pids))
            (pid,) = made.pids
            tasks.cancel_scope.cancel()
        assert made.pids == ()
        assert ended(pid)
        assert path.read_bytes() == SLOW
        assert (await made.inspect(ASKED)).width == 8


async def test_usual_pngs_start_no_worker_whatever_their_size(tmp_path: Path) -> None:
    """0026: neither few bytes nor many, alone or at once, nor a file; the first that is none of them does."""
    path = tmp_path / "picture"
    path.write_bytes(NOTED + b"tail")
    large = pictures.png(900, 900, extra=pictures.png_chunk(b"caBX", os.urandom(300_000)))
    async with inspector() as made:
        assert await made.inspect(SMALL + b"tail") == inspect(SMALL)
        assert await made.inspect(bytearray(SMALL)) == inspect(SMALL)  # type: ignore[arg-type]  # as servers hold them
        found = await made.inspect(path)
        assert (found.content, found.sha256, path.read_bytes()) == (path, inspect(NOTED).sha256, NOTED)
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(made.inspect, large)
        assert await made.inspect(large) == inspect(large)
        assert made.pids == ()
        assert await made.inspect(UNUSUAL) == inspect(UNUSUAL)
        assert len(made.pids) == 1


@pytest.mark.parametrize("options", [{"strip_metadata": True}, {"formats": ("jpeg", "webp")}])
async def test_where_pngs_are_not_judged_as_they_are_a_worker_is_asked(options: dict[str, Any]) -> None:
    """0026: something is taken from them, or they are no pictures here; workers are expected for them, too."""
    async with inspector(**options) as made:
        assert (made.lacks_worker(), made.lacks_worker("png")) == (True, True)
        if options.get("formats"):
            assert (await refusal(made, SMALL)).code == "image_type_not_allowed"
        else:
            assert await made.inspect(NOTED) == inspect(SMALL)
        assert len(made.pids) == 1
        assert not made.lacks_worker()


async def test_a_worker_is_there_before_the_first_picture_where_one_is_expected() -> None:
    """`warm`: once, and only where there is none; most makers send PNGs, for which none is started."""
    async with inspector(workers=2) as made:
        assert not made.pids
        assert not any(map(made.lacks_worker, (None, "png")))
        assert all(map(made.lacks_worker, ("jpeg", "webp")))
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(made.warm)
        warmed = made.pids
        assert len(warmed) == 1
        assert not made.lacks_worker("jpeg")
        await made.inspect(ASKED)
        await made.warm()
        assert made.pids == warmed


async def test_closing_ends_every_worker_and_refuses_what_comes_later() -> None:
    """`aclose` is idempotent; a picture that comes too late is not said to be bad."""
    made = Inspector(workers=2)
    with anyio.fail_after(20):
        await made.inspect(ASKED)
        pids = made.pids
        await made.aclose()
        await made.aclose()
        assert made.pids == ()
        assert all(ended(pid) for pid in pids)
        error = await refusal(made, ASKED)
        assert (error.code, isinstance(error, PictureUnjudged)) == ("internal", True)
        await made.warm()
        assert made.pids == ()


async def test_closing_while_a_worker_is_being_started_leaves_none_behind() -> None:
    """A process without an owner would never be ended."""
    made = Inspector(workers=1)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:

            async def asks() -> None:
                assert isinstance(await refusal(made, ASKED), PictureUnjudged)

            tasks.start_soon(asks)
            await anyio.lowlevel.checkpoint()
            await made.aclose()
        assert made.pids == ()


@pytest.mark.parametrize("asked", [False, True], ids=["in place", "by a worker"])
async def test_p13_the_event_loop_is_not_held_up(asked: bool, tmp_path: Path) -> None:
    """P13: 50 ms at most; counted as processor time of the loop's thread between two of its rounds."""
    path = tmp_path / "picture"
    notes = pictures.png_chunk(b"caBX", bytes(24_000_000))
    large = pictures.png(8, 6, extra=notes)
    if asked:
        large = pictures.png(8, 6, extra=notes + pictures.png_chunk(b"tRNS", bytes(6)))
    path.write_bytes(large)
    longest = 0.0
    async with inspector(workers=2) as made:
        if asked:
            await made.warm()

        async def watch() -> None:
            nonlocal longest
            while True:
                began = time.thread_time()
                await anyio.lowlevel.checkpoint()
                longest = max(longest, time.thread_time() - began)

        async def judge(content: bytes | Path) -> None:
            assert (await made.inspect(content)).size_bytes == len(large)

        # As the service does: what other tests have left in memory is not gone through meanwhile.
        gc.collect()
        gc.freeze()
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(watch)
                async with anyio.create_task_group() as judging:
                    for content in (large, path, large + b"tail"):
                        judging.start_soon(judge, content)
                tasks.cancel_scope.cancel()
        finally:
            gc.unfreeze()
        assert bool(made.pids) == asked
    assert longest < 0.05


@pytest.mark.parametrize("formats", [(), ("png", "bmp"), ("jpg",)])
def test_formats_that_nobody_can_inspect_are_refused(formats: tuple[FormatName, ...]) -> None:
    """CONVENTIONS, errors: the sentence names what can be given."""
    with pytest.raises(ConfigError) as caught:
        Inspector(formats)
    assert caught.value.code == "formats_invalid"
    assert "png, jpeg, webp, gif, avif" in str(caught.value)


def test_less_than_one_worker_is_refused() -> None:
    """Every picture would wait for ever."""
    with pytest.raises(ConfigError) as caught:
        Inspector(workers=0)
    assert caught.value.code == "workers_invalid"


def test_inspecting_is_cheap_to_import() -> None:
    """Pillow is the worker's."""
    code = (
        "import sys; from limner.images.inspector import Inspector; Inspector();"
        "print(*sorted({'PIL', 'subprocess', 'resource'} & set(sys.modules) - {'subprocess'}))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "\n"


def test_a_worker_ends_with_its_input_and_survives_a_broken_job() -> None:
    """A job without what it needs is that job's failure."""
    with subprocess.Popen(WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        answers, _ = process.communicate(pack({}) + pack(JOB, SMALL) + pack(JOB, b"<svg/>"), timeout=20)
    assert process.returncode == 0
    heads = []
    while answers:
        head, body = lengths(answers[:8])
        heads.append(json.loads(answers[8 : 8 + head]))
        answers = answers[8 + head + body :]
    assert "broke" in heads[0]
    assert (heads[1]["format"], heads[1]["width"], heads[1]["size_bytes"]) == ("png", 8, len(SMALL))
    assert heads[2] == {"code": "image_type_not_allowed", "detail": ""}
