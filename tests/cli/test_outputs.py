"""Where a reply goes, and what the command says about it."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from commands import Shell, illustrator, linked, painter
from limner.cli.advice import advice
from limner.cli.main import main
from limner.cli.spare import leave_spare_folder, spare_folder
from limner.errors import PictureError
from limner.images.inspection.checking import inspect
from providers import Provider, status


def test_markdown_on_standard_output_links_to_files_that_exist(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The command line: the reply is Markdown on standard output, its pictures in limner-images/."""
    assert main(["ask", "foxes"]) == 0

    out, err = capfd.readouterr()
    links = linked(out)
    assert links == ["limner-images/01-雪中的狐狸.png", "limner-images/02-an-owl.png"]
    assert all(inspect((here / link).read_bytes()).format == "png" for link in links)
    assert out.startswith("# The steps\n")
    assert out.endswith("The end.\n")
    assert "picture 1: done" in err
    assert "2 pictures in limner-images" in err


def test_a_markdown_file_has_its_pictures_beside_it(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """NAME-images/ beside NAME.md; links are relative to the file; nothing on standard output."""
    (here / "文档").mkdir()
    assert main(["ask", "foxes", "-o", "文档/狐狸 一.md"]) == 0

    text = (here / "文档" / "狐狸 一.md").read_text("utf-8")
    assert linked(text) == ["狐狸%20一-images/01-雪中的狐狸.png", "狐狸%20一-images/02-an-owl.png"]
    assert sorted(path.name for path in (here / "文档" / "狐狸 一-images").iterdir()) == [
        "01-雪中的狐狸.png",
        "02-an-owl.png",
    ]
    assert capfd.readouterr().out == ""


def test_a_page_holds_its_pictures_and_leaves_no_folder(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """In .html they are embedded, and only written with --images-dir. An old file is replaced."""
    (here / "reply.html").write_text("old")
    assert main(["ask", "foxes", "-o", "reply.html", "--quiet"]) == 0

    page = (here / "reply.html").read_text("utf-8")
    assert page.count("data:image/png;base64,") == 2
    assert [path.name for path in here.iterdir()] == ["reply.html"]
    assert capfd.readouterr() == ("", "")

    assert main(["ask", "foxes", "-o", "reply.html", "--images-dir", "pictures"]) == 0
    assert len(list((here / "pictures").iterdir())) == 2


def test_json_says_where_each_picture_is(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The reply: -o reply.json and --json write `to_dict` with paths; nothing else is on standard output."""
    assert main(["ask", "foxes", "-o", "reply.json", "--json"]) == 0

    printed = json.loads(capfd.readouterr().out)
    written = json.loads((here / "reply.json").read_text("utf-8"))
    assert printed == written
    shown = [part for part in printed["parts"] if part["type"] == "image"]
    assert [part["path"] for part in shown] == [
        "reply-images/01-雪中的狐狸.png",
        "reply-images/02-an-owl.png",
    ]
    for part in shown:
        assert hashlib.sha256((here / part["path"]).read_bytes()).hexdigest() == part["sha256"]
    assert printed["run"]
    assert printed["offline"] is False


def test_a_missing_picture_is_exit_code_three(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """The command line: 3 is a reply without some pictures; a failed one is told, its siblings stay."""
    provider.image_script(painter(refused="owl"))
    assert main(["ask", "foxes", "--quiet"]) == 3

    out, err = capfd.readouterr()
    assert len(linked(out)) == 1
    assert err.startswith(f"1 of 2 pictures is missing: {PictureError('image_provider_error')} ")
    assert err.endswith(f"{advice('image_provider_error')}\n")


def test_limits_on_the_command_line_hold(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """--max-images, --budget-usd, --system and the models are arguments, which win."""
    assert main(["ask", "foxes", "--max-images", "1", "--system", "Be kind.", "--model", "other"]) == 3
    assert len(provider.posts("/images/generations")) == 1
    asked = provider.posts("/chat/completions")[0].json
    assert asked["model"] == "other"
    assert asked["messages"][0] == {"role": "system", "content": "Be kind."}

    capfd.readouterr()
    assert main(["ask", "foxes", "--budget-usd", "5"]) == 3
    assert len(provider.posts("/images/generations")) == 1  # its price is unknown
    # Told before words are paid for that speak of pictures.
    assert "no picture is bought under a budget" in capfd.readouterr().err.partition("missing")[0]
    (here / "limner.toml").write_text("[image]\nprice_usd = 6\n")
    assert main(["ask", "foxes", "--budget-usd", "5", "--config", "limner.toml"]) == 3
    assert "up to $6.00, which is more than the budget of $5.00" in capfd.readouterr().err


def test_a_refused_key_is_one_sentence_and_no_file(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """The command line: 1 is a provider that failed; where there is nothing, nothing is written."""
    provider.chat(status(401))
    assert main(["ask", "foxes", "-o", "reply.md", "--quiet"]) == 1
    assert main(["ask", "foxes", "--quiet"]) == 1

    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("error: ") == 2
    assert err.count("\n") == 2
    assert not list(here.iterdir())


def test_what_exists_when_the_model_fails_is_written_all_the_same(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """DESIGN decision 3: what succeeded is never thrown away, and pictures were paid for."""
    ask = illustrator("a fox", "an owl")

    def failing(body: dict[str, object]) -> object:
        return ask(body) if body["messages"][-1]["role"] == "user" else status(400)  # type: ignore[index]  # JSON

    provider.chat_script(failing)  # type: ignore[arg-type]  # as above
    assert main(["ask", "foxes", "-o", "reply.md"]) == 1

    assert len(linked((here / "reply.md").read_text("utf-8"))) == 2
    assert "error: " in capfd.readouterr().err
    assert main(["ask", "foxes"]) == 1
    assert len(linked(capfd.readouterr().out)) == 2


def test_a_failed_run_is_tried_again_and_keeps_what_was_bought(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """DESIGN decision 3: `limner resume` after the provider came back finishes the same turn."""
    whole = illustrator("雪中的狐狸", "an owl")

    def breaks_after_the_pictures(body: Any) -> Any:
        return status(400) if body["messages"][-1]["role"] == "tool" else whole(body)

    provider.chat_script(breaks_after_the_pictures)
    assert main(["ask", "foxes", "--journal", "run.db", "-o", "reply.md"]) == 1
    bought = len(provider.posts("/images/generations"))

    provider.chat_script(whole)
    assert main(["resume", "run.db", "-o", "reply.md"]) == 0

    assert len(provider.posts("/images/generations")) == bought == 2
    assert len(linked((here / "reply.md").read_text("utf-8"))) == 2
    assert "had failed; asking the model again" in capfd.readouterr().err


def test_a_finished_run_is_written_again_without_buying(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """The command line: `limner resume FILE` with the same outputs; pictures survive beside the journal."""
    assert main(["ask", "foxes", "--journal", "run.db", "-o", "first.md"]) == 0
    bought = len(provider.requests)

    assert main(["resume", "run.db", "-o", "again.md"]) == 0
    assert main(["resume", "run.db", "no-such-run"]) == 2

    assert len(provider.requests) == bought
    first, again = ((here / f"{name}.md").read_text("utf-8") for name in ("first", "again"))
    assert again == first.replace("first-images", "again-images")
    err = capfd.readouterr().err
    assert "is finished" in err
    assert "no-such-run" in err


def test_what_cannot_be_written_at_the_end_is_put_elsewhere(
    here: Path,
    provider: Provider,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing paid for is lost when the output cannot be written in the end."""
    spare = tmp_path / "spare"
    spare.mkdir()
    monkeypatch.setenv("TMPDIR", str(spare))
    monkeypatch.setattr("tempfile.tempdir", None)
    ask, folder = illustrator("a fox"), here / "out"
    folder.mkdir()

    def vanishing(body: dict[str, object]) -> object:
        if folder.is_dir():
            folder.rmdir()
            folder.write_text("now a file")
        return ask(body)

    provider.chat_script(vanishing)  # type: ignore[arg-type]  # JSON
    spare_folder.cache_clear()
    assert main(["ask", "foxes", "-o", "out/reply.md"]) == 2

    (reply,) = spare.rglob("reply.md")
    (link,) = linked(reply.read_text("utf-8"))
    assert inspect((reply.parent / link).read_bytes()).format == "png"
    assert str(reply) in capfd.readouterr().err


@pytest.mark.parametrize(("name", "format"), [("狐狸.png", "png"), ("fox.JPG", "jpeg"), ("fox.webp", "webp")])
def test_one_picture_is_written_in_the_format_of_its_name(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str], name: str, format: str
) -> None:
    """The suffix decides, whatever the provider sends; an old file is replaced."""
    (here / name).write_text("old")
    assert main(["image", "a fox", "-o", name, "--size", "512x512"]) == 0

    assert inspect((here / name).read_bytes()).format == format
    assert provider.posts("/images/generations")[0].json["size"] == "512x512"
    assert capfd.readouterr().out == ""


def test_a_picture_that_fails_is_exit_code_one_and_changes_no_file(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """`limner image` goes through the same inspection and the same codes."""
    (here / "limner-image.png").write_text("old")
    gif = base64.b64decode("R0lGODdhAQABAAAAACwAAAAAAQABAAA=")
    provider.image_script(lambda _: gif)
    assert main(["image", "a fox", "--quiet"]) == 1

    assert (here / "limner-image.png").read_text() == "old"
    said, _, aside = capfd.readouterr().err.strip().partition(" It is kept as it came, in ")
    assert said == f"error: {PictureError('image_type_not_allowed')} {advice('image_type_not_allowed')}"
    assert "`accept`" in said
    assert Path(aside).read_bytes() == gif
    Path(aside).unlink()


def test_standard_output_that_takes_no_more_loses_nothing(
    here: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the disk is full in the end, the reply is put elsewhere, and that is said."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", None)
    for arguments, name in ((["ask", "foxes"], "reply.md"), (["ask", "foxes", "--json"], "reply.json")):
        spare_folder.cache_clear()
        with open("/dev/full", "w", encoding="utf-8") as full, contextlib.redirect_stdout(full):
            assert main(arguments) == 2
        (reply,) = (tmp_path / "home").rglob(name)
        assert str(reply) in capfd.readouterr().err
        links = linked(reply.read_text("utf-8")) if name.endswith(".md") else []
        assert all((reply.parent / link).is_file() for link in links)
        assert len(links) == (2 if name.endswith(".md") else 0)


def test_whoever_has_connected_nothing_is_told_and_gets_pictures(
    offline_shell: Shell,
) -> None:
    """The embedded default: it always says on standard error that no language model is connected."""
    done = offline_shell.run("ask", "用两张图教我怎么包饺子", "-o", "饺子.html", "--journal", "run.db")

    assert done.code == 0
    assert "no language model is connected" in done.err
    assert (offline_shell.folder / "饺子.html").read_text("utf-8").count("data:image/png;base64,") == 2
    assert sorted(path.name for path in offline_shell.folder.iterdir()) == [
        "run.db",
        "run.db.pictures",
        "饺子.html",
    ]


def test_a_size_wins_over_a_ratio_and_that_is_said(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """`ImageRequest.size` wins; whoever says both is told which one was heard."""
    assert main(["image", "a fox", "--size", "512x512", "--aspect-ratio", "16:9"]) == 0
    assert provider.posts("/images/generations")[0].json["size"] == "512x512"
    assert "size 512x512 wins over aspect_ratio 16:9" in capfd.readouterr().err


def test_the_only_picture_is_not_counted(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """ "1 of 1 pictures is missing"."""
    provider.chat_script(illustrator("an owl"))
    provider.image_script(painter(refused="owl"))
    assert main(["ask", "foxes", "--quiet"]) == 3
    reason = PictureError("image_provider_error")
    assert capfd.readouterr().err == f"The picture is missing: {reason} {advice(reason.code)}\n"


def test_a_spare_folder_that_takes_nothing_is_not_left_behind(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the fallback was full as well, an empty folder stayed."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    spare_folder.cache_clear()
    folder = spare_folder()
    leave_spare_folder()
    assert not folder.exists()

    kept = spare_folder()
    (kept / "reply.md").write_text("words")
    leave_spare_folder()
    assert spare_folder() == kept
    spare_folder.cache_clear()
