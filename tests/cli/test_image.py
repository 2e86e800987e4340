"""`limner image`: what the model takes, how many files there are, what they cost."""

from __future__ import annotations

import base64
import io
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import pictures
from commands import Shell, painter
from disks import tiny_file_system
from limner.cli.main import main
from limner.cli.spare import spare_folder
from limner.errors import PictureError
from limner.images.inspection.checking import inspect
from providers import Answer, Gate, Provider, raw, status, whole

ORDERS = "/images/generations"


def several(count: int, **more: Any) -> Answer:
    """An answer with so many pictures, each of its own colour."""
    made = [pictures.png(colour=(40 * number, 90, 10)) for number in range(count)]
    return whole(
        {"created": 1, "data": [{"b64_json": base64.b64encode(data).decode()} for data in made], **more}
    )


def shape(path: Path) -> tuple[str, tuple[int, int]]:
    found = inspect(path.read_bytes(), formats=("png", "jpeg", "webp", "gif", "avif"))
    return found.format, (found.width, found.height)


def test_every_option_reaches_the_model_by_the_name_that_it_has_there(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """The catalogue: `--model`, `--size`, `--quality`, `--style`, `-n` and the rest."""
    arguments = ["--model", "dall-e-3", "--quality", "hd", "--style", "vivid", "--size", "1792x1024"]
    assert main(["image", "a fox", *arguments]) == 0
    (order,) = provider.posts(ORDERS)
    asked = order.json
    assert asked.pop("prompt") == "a fox"
    asked.pop("response_format", None)
    assert asked == {"model": "dall-e-3", "quality": "hd", "style": "vivid", "size": "1792x1024"}

    provider.images(several(2))
    arguments = ["--image-model", "gpt-image-2", "-n", "2", "--background", "transparent", "--format", "webp"]
    assert main(["image", "a fox", *arguments, "--aspect-ratio", "16:9"]) == 0
    asked = provider.posts(ORDERS)[1].json
    expected = {"model": "gpt-image-2", "n": 2, "background": "transparent", "output_format": "webp"}
    assert {key: asked[key] for key in expected} == expected
    width, height = map(int, asked["size"].split("x"))
    assert abs(width / height - 16 / 9) < 0.05
    assert [shape(here / f"limner-image-{number}.webp")[0] for number in (1, 2)] == ["webp", "webp"]


@pytest.mark.parametrize(
    ("model", "arguments", "option", "allowed"),
    [
        ("dall-e-3", ["-n", "2"], "-n: ", "1"),
        ("dall-e-3", ["--size", "640x480"], "--size: ", "1024x1024, 1792x1024 or 1024x1792"),
        ("dall-e-3", ["--quality", "medium"], "--quality: ", "standard or hd"),
        ("dall-e-3", ["--style", "watercolour"], "--style: ", "vivid or natural, or write it into the prompt"),
        ("dall-e-3", ["--background", "transparent"], "--background: ", "leave it out"),
        ("dall-e-3", ["--format", "webp"], "--format: ", ""),
        ("gpt-image-2", ["--style", "vivid"], "--style: ", "leave it out and write it into the prompt"),
        ("gpt-image-2", ["--quality", "hd"], "--quality: ", "auto, low, medium or high"),
        ("gpt-image-2", ["-n", "11"], "-n: ", "1 to 10"),
        ("gpt-image-2", ["--size", "100x100"], "--size: ", "multiples of 16"),
        ("gpt-image-2", ["--background", "pink"], "--background: ", "auto, transparent or opaque"),
        ("offline", ["--size", "10x10"], "--size: ", "16"),
        ("offline", ["--format", "gif"], "", "accept"),
    ],
)  # fmt: skip
def test_what_the_model_does_not_take_is_refused_by_its_name_before_anything_is_sent(
    here: Path,
    provider: Provider,
    capfd: pytest.CaptureFixture[str],
    model: str,
    arguments: list[str],
    option: str,
    allowed: str,
) -> None:
    """The catalogue: a usage error (exit 2) that names the parameter."""
    assert main(["image", "a fox", "--model", model, *arguments]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(f"error: {option}")
    assert allowed in err
    assert err.count("\n") == 1
    assert provider.connections == 0
    assert not list(here.iterdir())


def test_a_prompt_that_is_too_long_is_refused_without_being_repeated(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """A 4,001-character prompt on dall-e-3."""
    assert main(["image", "x" * 4001, "--model", "dall-e-3"]) == 2
    err = capfd.readouterr().err
    assert "prompt" in err
    assert "4,000" in err
    assert "xxx" not in err
    assert provider.connections == 0


def test_what_a_file_says_is_refused_by_the_files_name_for_it(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """For `ask` too: once, before the chat model is asked, and not for each picture."""
    (here / "limner.toml").write_text('[image]\nmodel = "gpt-image-2"\nquality = "hd"\n')
    del os.environ["LIMNER_IMAGE_MODEL"]
    for command in (["ask", "foxes"], ["image", "a fox"]):
        assert main([*command, "--config", "limner.toml"]) == 2
        out, err = capfd.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "'quality' in [image]" in err
    assert provider.connections == 0
    # The command line wins over the file.
    assert main(["image", "a fox", "--quality", "high", "--config", "limner.toml"]) == 0
    assert provider.posts(ORDERS)[0].json["quality"] == "high"


def test_a_size_that_the_painter_does_not_draw_is_refused_once_and_at_the_start(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """It failed for each picture, after the chat model had been asked."""
    (here / "limner.toml").write_text('[image]\nsize = "4096x4096"\n')
    assert main(["ask", "foxes", "--image-model", "offline", "--config", "limner.toml"]) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "'size' in [image]" in err
    assert provider.connections == 0


def test_several_pictures_are_numbered_files(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """`-n 3 -o fox.png` is fox-1.png to fox-3.png, from one order."""
    provider.images(several(3))
    assert main(["image", "a fox", "-n", "3", "-o", "fox.png"]) == 0
    assert sorted(path.name for path in here.iterdir()) == ["fox-1.png", "fox-2.png", "fox-3.png"]
    assert len({path.read_bytes() for path in here.iterdir()}) == 3
    assert [order.json["n"] for order in provider.posts(ORDERS)] == [3]
    assert "3 pictures" in capfd.readouterr().err


def test_no_numbered_file_is_replaced(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """Only a file whose own name was said gives way, and that is seen before anything is bought."""
    (here / "fox-2.png").write_text("old")
    assert main(["image", "a fox", "-n", "3", "-o", "fox.png"]) == 2
    err = capfd.readouterr().err
    assert "'fox-2.png'" in err
    assert "-n 3" in err
    assert provider.connections == 0
    assert (here / "fox-2.png").read_text() == "old"


def test_fewer_pictures_than_were_asked_for_are_kept_and_told(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """Facts, images, section 4: some servers send fewer than `n`; exit code 3."""
    provider.images(several(2))
    assert main(["image", "a fox", "-n", "3", "-o", "fox.png"]) == 3
    assert sorted(path.name for path in here.iterdir()) == ["fox-1.png", "fox-2.png"]
    assert "2 of 3 pictures came" in capfd.readouterr().err


def test_one_bad_picture_takes_no_other_with_it(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """DESIGN decision 3: what succeeded is never thrown away."""
    good = base64.b64encode(pictures.png()).decode()
    bad = base64.b64encode(b"%PDF-1.7 " + b"x" * 100).decode()
    provider.images(whole({"created": 1, "data": [{"b64_json": bad}, {"b64_json": good}]}))
    assert main(["image", "a fox", "-n", "2", "-o", "fox.png"]) == 3
    assert [path.name for path in here.iterdir()] == ["fox-2.png"]
    assert str(PictureError("image_type_not_allowed")) in capfd.readouterr().err


@pytest.mark.parametrize("how", ["base64", "link"])
def test_a_picture_that_is_not_accepted_is_kept_as_it_came(
    here: Path,
    tmp_path: Path,
    provider: Provider,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    """0016: it was paid for, although nobody shows it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "home"))
    avif = pictures.avif()
    provider.pictures["/fox"] = raw(avif)
    provider.image_script(lambda _: avif if how == "base64" else f"{provider.origin}/fox")
    assert main(["image", "a fox", "-o", "fox.png"]) == 1
    (aside,) = (tmp_path / "home").iterdir()
    assert aside.read_bytes() == avif
    err = capfd.readouterr().err
    assert str(PictureError("image_type_not_allowed")) in err
    assert str(aside) in err
    assert not list(here.iterdir())


@pytest.mark.parametrize(
    ("arguments", "name", "format"),
    [
        (["--format", "webp"], "limner-image.webp", "webp"),
        (["--format", "jpg"], "limner-image.jpg", "jpeg"),
        (["--format", "jpeg", "-o", "fox.JPG"], "fox.JPG", "jpeg"),
        (["--format", "webp", "-o", "fox"], "fox", "webp"),
        (["-o", "fox.webp"], "fox.webp", "webp"),
    ],
)
def test_a_format_and_a_name_go_together(
    here: Path, provider: Provider, arguments: list[str], name: str, format: str
) -> None:
    """`--format` says what a name without a suffix does not."""
    assert main(["image", "a fox", *arguments]) == 0
    assert [path.name for path in here.iterdir()] == [name]
    assert shape(here / name)[0] == format
    assert provider.posts(ORDERS)[0].json["output_format"] == format


def test_a_format_that_contradicts_the_name_is_a_mistake(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """A .png that is none would be found out late."""
    assert main(["image", "a fox", "--format", "webp", "-o", "fox.png"]) == 2
    assert "contradict" in capfd.readouterr().err
    assert provider.connections == 0


def test_a_name_asks_for_a_conversion_where_the_model_knows_no_such_format(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """Only `--format` is about the model; a file's name says what somebody wants to have."""
    assert main(["image", "a fox", "--model", "dall-e-3", "-o", "fox.webp"]) == 0
    assert "output_format" not in provider.posts(ORDERS)[0].json
    assert shape(here / "fox.webp")[0] == "webp"
    assert "converted to webp" in capfd.readouterr().err


def test_gif_and_avif_are_written_by_choice(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """`accept` in [image] says what may be sent, and so what may be written."""
    assert main(["image", "a fox", "-o", "fox.avif"]) == 2
    (here / "limner.toml").write_text('[image]\naccept = ["png", "gif", "avif"]\n')
    for name in ("fox.avif", "fox.gif"):
        assert main(["image", "a fox", "-o", name, "--config", "limner.toml"]) == 0
        assert shape(here / name)[0] == Path(name).suffix[1:]
    still = io.BytesIO()
    Image.new("RGB", (8, 8)).save(still, "GIF")
    provider.image_script(lambda _: still.getvalue())
    assert main(["image", "a fox", "-o", "sent.gif", "--config", "limner.toml"]) == 0
    assert main(["image", "a fox", "-o", "sent.png"]) == 1


@pytest.mark.parametrize(
    ("settings", "usage", "told"),
    [
        ('price_usd = 0.04', None, ", at most $0.0400"),
        ('model = "gpt-image-2"\nsize = "1024x1024"\nquality = "low"\ncatalogue = "mine.toml"',
         {"input_tokens": 10, "output_tokens": 196, "total_tokens": 206,
          "input_tokens_details": {"text_tokens": 10, "image_tokens": 0}}, ", $0.0059"),
        ('model = "gpt-image-2"', None, ", price unknown"),
    ],
)  # fmt: skip
def test_what_it_cost_is_told_afterwards(
    here: Path,
    provider: Provider,
    capfd: pytest.CaptureFixture[str],
    settings: str,
    usage: dict[str, Any] | None,
    told: str,
) -> None:
    """The provider's own count where it gives one, else what it is at most; unknown prices are said to be so."""
    row = '[providers.here]\nname = "Here"\nhosts = ["127.0.0.1"]\n[[models]]\nid = "gpt-image-2"\n'
    prices = (
        "{ per = 'token', text_in_usd = 5, image_in_usd = 8, image_out_usd = 30, output = 'gpt-image-2' }"
    )
    (here / "mine.toml").write_text(f'{row}provider = "here"\nlike = "gpt-image-2"\nprices = [{prices}]\n')
    (here / "limner.toml").write_text(f"[image]\n{settings}\n")
    if "model" in settings:
        del os.environ["LIMNER_IMAGE_MODEL"]
    provider.images(several(1, **({"usage": usage} if usage else {})))
    assert main(["image", "a fox", "--config", "limner.toml"]) == 0
    assert f"{told}\n" in capfd.readouterr().err


def test_pictures_of_the_painter_cost_nothing_and_nothing_is_said(offline_shell: Shell) -> None:
    """A price of nothing is no news."""
    done = offline_shell.run("image", "a fox", "--size", "64x64")
    assert done.code == 0
    assert "$" not in done.err
    assert "price" not in done.err


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        (["--budget-usd", "0.10", "-n", "3"], "price_usd = 0.04", "up to $0.1200"),
        (["--budget-usd", "1"], "", "unknown"),
        ([], "price_usd = 0.04\n[limits]\nusd = 0.03", "up to $0.0400"),
        ([], "price_usd = 0.04\n[limits]\nprocess_usd = 0.03", "up to $0.0400"),
    ],
)
def test_more_than_the_budget_is_not_bought(
    here: Path,
    provider: Provider,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    settings: str,
    words: str,
) -> None:
    """Never cost more than allowed; one of unknown price is refused until the user says it, or to go on."""
    (here / "limner.toml").write_text(f"[image]\n{settings}\n")
    assert main(["image", "a fox", "--config", "limner.toml", *arguments]) == 2
    assert words in capfd.readouterr().err
    assert provider.connections == 0


def test_an_unknown_price_may_be_allowed(here: Path, provider: Provider) -> None:
    """`unknown_prices` in [limits]."""
    (here / "limner.toml").write_text('[limits]\nunknown_prices = "allow"\n')
    assert main(["image", "a fox", "--config", "limner.toml", "--budget-usd", "0.5"]) == 0


@pytest.mark.parametrize(
    ("answer", "code", "advice", "charged"),
    [
        (status(401), "image_auth", "LIMNER_IMAGE_API_KEY", False),
        (status(400), "image_bad_request", "LIMNER_DEBUG", False),
        (raw(b"<html>", "text/html"), "image_bad_payload", "LIMNER_IMAGE_BASE_URL", True),
    ],
)
def test_a_failure_says_what_to_do_and_what_is_known_of_the_bill(
    here: Path,
    provider: Provider,
    capfd: pytest.CaptureFixture[str],
    answer: Answer,
    code: str,
    advice: str,
    charged: bool,
) -> None:
    """CONVENTIONS, errors: a sentence that ends with what to do; doubts about money are told."""
    provider.images(answer)
    assert main(["image", "a fox"]) == 1
    err = capfd.readouterr().err
    assert str(PictureError(code)) in err
    assert advice in err
    assert ("the provider may charge for it" in err) == charged
    assert not list(here.iterdir())


@pytest.mark.skipif(not os.path.exists("/proc/self"), reason="a folder that takes no files, of Linux")
def test_what_cannot_be_written_is_put_elsewhere(
    here: Path,
    tmp_path: Path,
    provider: Provider,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that is taken while pictures are drawn is not replaced, and no picture is lost."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", None)
    spare_folder.cache_clear()

    def taken(body: dict[str, Any]) -> Answer:
        (here / "fox-2.png").write_text("somebody else's")
        return several(2)

    provider.image_script(taken)
    assert main(["image", "a fox", "-n", "2", "-o", "fox.png"]) == 2
    assert (here / "fox-2.png").read_text() == "somebody else's"
    assert shape(here / "fox-1.png")[0] == "png"
    (aside,) = (tmp_path / "home").rglob("fox-2.png")
    assert shape(aside)[0] == "png"
    assert str(aside) in capfd.readouterr().err
    spare_folder.cache_clear()


def test_what_finds_no_room_anywhere_stays_where_it_was_downloaded_to(
    here: Path,
    tmp_path: Path,
    provider: Provider,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """P03: the picture's folder is gone and the temporary one is full, but the picture lies there already."""
    picture = pictures.png(extra=pictures.png_chunk(b"tEXt", b"Comment\0" + bytes(150_000)))
    provider.pictures["/fox.png"] = raw(picture)
    (here / "out").mkdir()

    def gone(_: dict[str, Any]) -> str:
        (here / "out").rmdir()
        (here / "out").touch()
        return f"{provider.origin}/fox.png"

    provider.image_script(gone)
    with tiny_file_system(tmp_path / "full", "256k") as full:
        monkeypatch.setattr("tempfile.tempdir", str(full))
        spare_folder.cache_clear()
        assert main(["image", "a fox", "-o", "out/fox.png"]) == 2
        (aside,) = full.iterdir()
        assert aside.read_bytes() == picture
        assert str(aside) in capfd.readouterr().err
        spare_folder.cache_clear()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_receives_what_was_ordered(shell: Shell, provider: Provider) -> None:
    """DESIGN decision 11: it is paid for by then."""
    gate = Gate()
    answer = several(2)
    provider.images(Answer(answer.steps, answer.status, answer.headers, (gate,), chunked=False))
    with shell.start("image", "a fox", "-n", "2", "-o", "fox.png") as running:
        assert gate.reached.wait(10)
        running.process.send_signal(signal.SIGINT)
        running.wait_for_line("waiting up to")
        gate.open()
        done = running.end()
    assert done.code == 0
    assert sorted(path.name for path in shell.folder.iterdir()) == ["fox-1.png", "fox-2.png"]


def test_a_style_sentence_of_the_file_is_in_every_prompt(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """Likeness: one visual voice, from `--style` or from the file; the model never reads it."""
    assert main(["ask", "foxes", "--style", "watercolour, soft light"]) == 0
    (here / "limner.toml").write_text('[image]\nstyle_sentence = "ink on paper"\n')
    assert main(["image", "a fox", "--config", "limner.toml"]) == 0
    prompts = [order.json["prompt"] for order in provider.posts(ORDERS)]
    assert [prompt.partition("\n\nStyle: ")[2] for prompt in prompts] == [
        "watercolour, soft light",
        "watercolour, soft light",
        "ink on paper",
    ]
    assert "watercolour" not in str([request.json for request in provider.posts("/chat/completions")])


def test_nobody_pays_for_partial_pictures_that_a_terminal_does_not_show(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """`partial_images` of the file is for those who stream; the model is one that is known to send them."""
    (here / "limner.toml").write_text('[image]\nmodel = "gpt-image-2"\npartial_images = 3\n')
    del os.environ["LIMNER_IMAGE_MODEL"]
    assert main(["ask", "foxes", "--config", "limner.toml"]) == 0
    assert main(["image", "a fox", "--config", "limner.toml"]) == 0
    orders = [order.json for order in provider.posts(ORDERS)]
    assert {order["model"] for order in orders} == {"gpt-image-2"}
    assert not any({"stream", "partial_images"} & order.keys() for order in orders)


def test_settings_of_the_file_reach_the_providers(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """A key that nobody hears would be a promise unkept."""
    (here / "limner.toml").write_text(
        '[chat]\nstream = false\n[image]\nmodel = "gpt-image-2"\nquality = "low"\nbackground = "opaque"\n'
        'output_format = "webp"\noutput_compression = 50\nmoderation = "low"\nsize = "1024x1024"\n'
    )
    del os.environ["LIMNER_IMAGE_MODEL"]
    provider.image_script(painter())
    assert main(["ask", "foxes", "--config", "limner.toml"]) == 0
    assert not provider.posts("/chat/completions")[0].json.get("stream")
    expected = {
        "model": "gpt-image-2",
        "quality": "low",
        "background": "opaque",
        "output_format": "webp",
        "output_compression": 50,
        "moderation": "low",
        "size": "1024x1024",
    }
    for order in provider.posts(ORDERS):
        assert {key: order.json[key] for key in expected} == expected


@pytest.mark.parametrize("name", ["fox.png", "fox.jpg"])
def test_a_picture_behind_a_link_leaves_no_temporary_file(
    here: Path, tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A download is a file of its own, which belongs to whoever was given it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "home"))
    provider.pictures["/fox.png"] = raw(pictures.png())
    provider.image_script(lambda _: f"{provider.origin}/fox.png")
    assert main(["image", "a fox", "-o", name]) == 0
    assert shape(here / name)[0] == ("png" if name.endswith("png") else "jpeg")
    assert list((tmp_path / "home").iterdir()) == []


@pytest.mark.parametrize("command", ["image", "ask"])
def test_the_providers_own_words_are_shown_to_whoever_asks_for_them(
    shell: Shell, provider: Provider, command: str
) -> None:
    """Reference, "Configuration": LIMNER_DEBUG; the advice of a refused request promises its reason there."""
    provider.images(status(400))
    quiet = shell.run(command, "a fox")
    assert "LIMNER_DEBUG=1" in quiet.err
    assert "canary-words" not in quiet.err
    assert "canary-words 400" in shell.run(command, "a fox", LIMNER_DEBUG="1").err
