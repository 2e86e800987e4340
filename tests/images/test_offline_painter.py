"""The painter as a backend: real worker processes, their pictures, and their ends."""

from __future__ import annotations

import io
import math
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

import anyio
import pytest
from PIL import Image

from limner.errors import ConfigError, ParameterError, PictureError
from limner.images.offline.painter import Painter
from limner.images.offline.sizes import MAX_SIDE, MIN_SIDE, PAINTER, RATIOS, size_of
from limner.images.protocol import Content, ImageBackend, ImageRequest, Purchase
from limner.images.workers.frames import lengths, pack
from waiting import until

pytestmark = pytest.mark.anyio

KEY = Purchase("key")
WORKER = [sys.executable, "-P", "-m", "limner.images.offline.worker"]
WHOLE = {
    "prompt": "fox",
    "width": 32,
    "height": 32,
    "format": "png",
    "inscriptions": [],
    "stranger": False,
}
SLOW = ImageRequest("a train in the city in the rain", size="2048x2048")


@asynccontextmanager
async def painter(workers: int = 1) -> AsyncIterator[Painter]:
    """A painter that is closed whatever happens; five seconds for all that it does."""
    made = Painter(workers=workers)
    try:
        with anyio.fail_after(20):
            yield made
    finally:
        await made.aclose()


async def until_busy(made: Painter) -> int:
    """The process that draws, as soon as there is one."""
    await until(lambda: bool(made.pids))
    return made.pids[0]


def opened(data: Content) -> Image.Image:
    assert isinstance(data, bytes)
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def ended(pid: int) -> bool:
    """Whether the process is no more, or only waits for somebody to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def environment_of(pid: int) -> bytes:
    path = Path(f"/proc/{pid}/environ")
    if not path.exists():
        pytest.skip("this system does not show environments")
    return path.read_bytes()


async def test_it_is_an_idempotent_backend_that_costs_nothing() -> None:
    """Embedded default; DESIGN: how a picture is paid for is a policy of its backend."""
    async with painter() as made:
        backend: ImageBackend = made
        request = ImageRequest("a fox", size="64x64")
        (drawing,) = await backend.draw(request, KEY)
        assert (backend.name, backend.offline, backend.policy) == ("offline-painter", True, "idempotent")
        assert (backend.throttle.most, backend.timeout_s, backend.resolve(request).price_usd) == (
            1,
            60.0,
            0.0,
        )
        assert (drawing.model, drawing.cost_usd, drawing.revised_prompt) == ("offline-painter", 0.0, None)


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp", None])
async def test_formats_and_sizes_are_honoured(output_format: Literal["png", "jpeg", "webp"] | None) -> None:
    """Embedded default: sizes and formats (png, jpeg, webp) are honoured; png where none is asked."""
    async with painter() as made:
        for size in ((16, 16), (97, 201), (320, 180)):
            asked = ImageRequest("a fox", size=f"{size[0]}x{size[1]}", output_format=output_format)
            picture = opened((await made.draw(asked, KEY))[0].data)
            assert picture.size == size
            assert picture.format == (output_format or "png").upper()


async def test_the_same_request_gives_the_same_bytes_in_two_processes() -> None:
    """Embedded default: the same prompt gives the same picture."""
    request = ImageRequest("In a snowy forest, a fox reads a book 读书", size="200x150")
    async with painter() as one, painter() as two:
        (first,), (second,) = await one.draw(request, KEY), await two.draw(request, KEY)
        assert one.pids != two.pids
        assert first.data == second.data
        (other,) = await one.draw(ImageRequest("In a snowy forest, a bear reads a book", size="200x150"), KEY)
        assert other.data != first.data


async def test_a_prompt_that_is_no_text_is_drawn_all_the_same() -> None:
    """Half a surrogate pair is no UTF-8; models write such things."""
    async with painter() as made:
        assert opened((await made.draw(ImageRequest("\ud800 fox \x00", size="64x64"), KEY))[0].data).size == (
            64,
            64,
        )


@pytest.mark.parametrize(
    ("param", "given", "named"),
    [("size", size, [str(MIN_SIDE), str(MAX_SIDE), "WIDTHxHEIGHT"]) for size in
     ("0x64", "4096x64", "10x10", "64", "64X64", "64x64x64", "-1x5", "", "huge", "2K")]
    + [("aspect_ratio", ratio, ["16:9"]) for ratio in ("0:1", "wide", "16/9", "")]
    + [("output_format", name, ["png", "jpeg", "webp"]) for name in ("gif", "svg", "")]
    + [("n", number, ["1 to 10"]) for number in (0, 11, -1)]
    + [("prompt", " ", ["description"])],
)  # fmt: skip
async def test_what_is_not_drawn_is_refused_before_anything_is(
    param: str, given: object, named: list[str]
) -> None:
    """The protocol: `resolve` names the parameter, what was given and what is allowed; `draw` does the same."""
    request = ImageRequest(**{"prompt": "x", param: given})  # type: ignore[arg-type]  # of a table
    async with painter() as made:
        with pytest.raises(ParameterError) as caught:
            made.resolve(request)
        assert (caught.value.param, caught.value.given) == (param, given)
        assert [part for part in named if part not in caught.value.allowed] == []
        with pytest.raises(ParameterError):
            await made.draw(request, KEY)
        assert made.pids == ()


@pytest.mark.parametrize(
    ("size", "ratio", "drawn"),
    [
        (None, None, (1024, 1024)),
        ("auto", "auto", (1024, 1024)),
        ("auto", "16:9", (1152, 648)),
        (None, "4:1", (1600, 400)),
        ("300x200", "16:9", (300, 200)),
        ("16x2048", None, (16, 2048)),
        ("2048x2048", None, (2048, 2048)),
    ],
)
def test_sizes_and_ratios_become_pixels(size: str | None, ratio: str | None, drawn: tuple[int, int]) -> None:
    """The catalogue: an explicit size wins over a ratio, with a note; "auto" is as good as none."""
    order = Painter().resolve(ImageRequest("a fox", size=size, aspect_ratio=ratio))
    assert (size_of(order.request.size), order.price_usd) == (drawn, 0.0)
    assert any("wins over" in note for note in order.notes) == (size == "300x200")


@pytest.mark.parametrize("ratio", ["7:11", "19.5:9", "2.39:1", "1:5"])
def test_a_ratio_without_a_name_is_drawn_as_near_as_can_be(ratio: str) -> None:
    """The catalogue: exact match first, then the nearest ratio by logarithm, and that is said."""
    order = Painter().resolve(ImageRequest("a fox", aspect_ratio=ratio))
    width, height = size_of(order.request.size)
    across, down = (float(part) for part in ratio.split(":"))
    assert abs(math.log(width / height) - math.log(across / down)) < 0.03
    assert MIN_SIDE <= min(width, height) <= max(width, height) <= MAX_SIDE
    assert all("nearest" in note for note in order.notes)


@pytest.mark.parametrize("param", ["quality", "style", "background", "moderation", "response_format"])
def test_what_makes_no_difference_is_said_and_not_refused(param: str) -> None:
    """It stands in for any model, so that a setting for a real one does not stop it."""
    order = Painter().resolve(ImageRequest(**{"prompt": "a fox", param: "url"}))  # type: ignore[arg-type]  # of a table
    assert getattr(order.request, param) is None
    (note,) = order.notes
    assert param in note


def test_every_ratio_has_a_size_of_its_shape_and_about_a_megapixel() -> None:
    """The usual ratios are drawn exactly, with 0.6 to about 1 megapixel."""
    for ratio, (width, height) in RATIOS.items():
        across, down = (int(part) for part in ratio.split(":"))
        assert width * down == height * across
        assert 0.6e6 <= width * height <= 1.05e6
        order = Painter().resolve(ImageRequest("a fox", aspect_ratio=ratio))
        assert (size_of(order.request.size), order.notes) == ((width, height), ())
    assert PAINTER.sizes is not None


async def test_several_pictures_of_a_prompt_are_not_the_same() -> None:
    """`limner image -n 3`: the first is the one that is always drawn, the others show the same things."""
    request = ImageRequest("a fox in the snow", size="160x120", n=3)
    async with painter() as made:
        drawn = [drawing.data for drawing in await made.draw(request, KEY)]
        assert len(set(drawn)) == 3
        assert [drawing.data for drawing in await made.draw(request, KEY)] == drawn
        (alone,) = await made.draw(replace(request, n=1), KEY)
        assert alone.data == drawn[0]


async def test_as_many_pictures_are_drawn_at_once_as_there_are_workers() -> None:
    """Embedded default: worker processes; one is never given two pictures."""
    async with painter(workers=2) as made:
        sizes: list[tuple[int, int]] = []

        async def one(side: int) -> None:
            (drawing,) = await made.draw(ImageRequest("a fox", size=f"{side}x{side}"), KEY)
            sizes.append(opened(drawing.data).size)

        async with anyio.create_task_group() as group:
            for side in (64, 80, 96, 112, 128):
                group.start_soon(one, side)
        assert sorted(sizes) == [(side, side) for side in (64, 80, 96, 112, 128)]
        assert len(made.pids) == 2


async def test_a_worker_is_started_when_needed_and_kept() -> None:
    """The brief of the painter: lazily; starting one costs more than a small picture."""
    async with painter() as made:
        assert made.pids == ()
        await made.draw(ImageRequest("a fox", size="32x32"), KEY)
        kept = made.pids
        await made.draw(ImageRequest("a bear", size="32x32"), KEY)
        assert made.pids == kept
        assert len(kept) == 1


async def test_a_worker_that_crashes_costs_its_own_call_alone() -> None:
    """The brief of the painter: the call fails unbilled, and the next one works."""
    async with painter() as made:
        caught: list[PictureError] = []

        async def fails() -> None:
            with pytest.raises(PictureError) as raised:
                await made.draw(SLOW, KEY)
            caught.append(raised.value)

        async with anyio.create_task_group() as group:
            group.start_soon(fails)
            pid = await until_busy(made)
            os.kill(pid, signal.SIGSEGV)
        assert [(error.code, error.billed, error.retryable) for error in caught] == [("internal", "no", True)]
        assert made.pids == ()
        await made.draw(ImageRequest("a fox", size="32x32"), KEY)
        assert pid not in made.pids


async def test_a_cancelled_picture_ends_its_worker_and_the_next_one_is_drawn() -> None:
    """The brief of the painter: rendering cannot be interrupted, so its process is replaced."""
    async with painter() as made:
        async with anyio.create_task_group() as group:
            group.start_soon(made.draw, SLOW, KEY)
            pid = await until_busy(made)
            group.cancel_scope.cancel()
        assert made.pids == ()
        assert ended(pid)
        await made.draw(ImageRequest("a fox", size="32x32"), KEY)
        assert pid not in made.pids


async def test_a_cancelled_wait_for_a_worker_leaves_the_others_alone() -> None:
    """Only who draws has a process to lose."""
    async with painter() as made:
        done: list[int] = []

        async def first() -> None:
            done.append(opened((await made.draw(ImageRequest("a fox", size="900x900"), KEY))[0].data).width)

        async with anyio.create_task_group() as group:
            group.start_soon(first)
            await until_busy(made)
            with anyio.move_on_after(0.01):
                await made.draw(ImageRequest("a bear", size="64x64"), KEY)
        assert len(done) == 1
        assert len(made.pids) == 1


async def test_closing_ends_every_worker_and_what_they_draw() -> None:
    """images/protocol.py: aclose gives back processes and is idempotent; what comes later is refused."""
    made = Painter(workers=2)
    await made.draw(ImageRequest("a fox", size="32x32"), KEY)
    failed: list[str] = []

    async def cut() -> None:
        with pytest.raises(PictureError) as raised:
            await made.draw(SLOW, KEY)
        failed.append(raised.value.code)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(cut)
            group.start_soon(cut)
            await until(lambda: len(made.pids) == 2)
            pids = made.pids
            await made.aclose()
    assert failed == ["internal", "internal"]
    assert all(ended(pid) for pid in pids)
    await made.aclose()
    with pytest.raises(PictureError) as late:
        await made.draw(ImageRequest("a fox", size="32x32"), KEY)
    assert late.value.code == "internal"
    assert made.pids == ()


PARENT = """
import anyio, os, sys
from limner.images.offline.painter import Painter
from limner.images.protocol import ImageRequest, Purchase

async def main():
    painter = Painter(workers=1)
    await painter.draw(ImageRequest("a fox", size="32x32"), Purchase("k"))
    print(painter.pids[0], flush=True)
    await anyio.sleep_forever()

anyio.run(main, backend=sys.argv[1])
"""


async def test_workers_end_when_their_parent_is_killed(anyio_backend_name: str) -> None:
    """The brief of the painter: a parent that cannot say goodbye leaves nobody behind."""
    parent = await anyio.open_process([sys.executable, "-c", PARENT, anyio_backend_name], stderr=None)
    async with parent:
        assert parent.stdout is not None
        with anyio.fail_after(20):
            pid = int(await parent.stdout.receive())
            assert not ended(pid)
            parent.kill()
            await parent.wait()
            await until(lambda: ended(pid))


def test_a_worker_ends_with_its_input_and_survives_a_broken_request() -> None:
    """The brief of the painter: it ends when stdin closes; one bad request is that request's failure."""
    with subprocess.Popen(WORKER, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        answers, _ = process.communicate(
            pack({"prompt": "fox"}) + pack(WHOLE),
            timeout=20,
        )
    assert process.returncode == 0
    head, body = lengths(answers[:8])
    assert (b'{"broke"' in answers[8 : 8 + head], body) == (True, 0)
    rest = answers[8 + head :]
    head, body = lengths(rest[:8])
    assert opened(rest[8 + head : 8 + head + body]).size == (32, 32)


@pytest.mark.parametrize("sent", [b"", b"\x00\x00", b"\xff" * 8, pack({"prompt": "fox"})[:-3]])
def test_a_worker_ends_quietly_when_what_it_reads_is_no_frame(sent: bytes) -> None:
    """Half a request is what a dying parent leaves."""
    done = subprocess.run(WORKER, input=sent, capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_length_beyond_reason_is_no_frame() -> None:
    """A stray byte on the pipe must not make anybody wait for gigabytes."""
    with pytest.raises(ValueError, match="frame"):
        lengths(b"\xff" * 8)
    assert lengths(pack({"a": 1}, b"xyz")[:8]) == (8, 3)


def test_the_painter_is_cheap_to_import() -> None:
    """The brief of the painter: icons, Pillow and the renderer are the worker's."""
    code = (
        "import sys, limner.images.offline.painter as p; p.Painter();"
        "print(*sorted({'resvg_py', 'PIL', 'limner.images.offline.icons'} & set(sys.modules)))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        == "\n"
    )


def test_a_missing_extra_says_how_to_install_it() -> None:
    """DESIGN: the base install is enough for real providers; the renderer is the extra `offline`."""
    code = (
        "import sys; sys.modules['resvg_py'] = None\n"
        "from limner.errors import ConfigError\n"
        "from limner.images.offline.painter import Painter\n"
        "try:\n    Painter()\nexcept ConfigError as error:\n    print(error.code, error)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith("extra_missing ")
    assert "pip install 'limner[offline]'" in said


def test_less_than_one_worker_is_refused() -> None:
    """A painter without hands would wait for ever."""
    with pytest.raises(ConfigError) as caught:
        Painter(workers=0)
    assert caught.value.code == "workers_invalid"


async def test_no_key_of_ours_reaches_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker reads what models wrote; it has no use for keys."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-the-worker")
    async with painter() as made:
        await made.draw(ImageRequest("a fox", size="32x32"), KEY)
        assert b"not-for-the-worker" not in environment_of(made.pids[0])
