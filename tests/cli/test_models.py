"""`limner models --images`: what each image model takes and costs, without a key and without a network."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from commands import Shell
from limner.cli.main import main
from limner.images.catalogue import load_catalogue
from providers import Provider
from screens import on_a_terminal

OWN = """
[[models]]
id = "house-painter"
aliases = ["house"]
max_n = 2
sizes = { list = ["512x512"] }
qualities = ["quick", "good"]
prices = [{ per = "image", usd = 0.5, qualities = ["quick"] }, { per = "image", usd = 1.25 }]
source = "my bill"

[[models]]
id = "gpt-image-2"
provider = "openai"
max_n = 3
"""


def listed(capfd: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    """The rows as JSON."""
    assert main(["models", "--images", "--json", *arguments]) == 0
    rows: list[dict[str, Any]] = json.loads(capfd.readouterr().out)
    return rows


def test_the_catalogue_is_printed_without_a_key_and_without_a_network(offline_shell: Shell) -> None:
    """The catalogue: `limner models --images` prints sizes, qualities, price, retirement."""
    done = offline_shell.run("models", "--images")

    assert done.code == 0
    blocks = re.split(r"\n(?=  \S)", done.out)
    (block,) = (block for block in blocks if block.startswith("  dall-e-3 (retired)"))
    facts = dict(re.findall(r"^    (\w+) +(.+)$", block, re.M))
    assert facts["sizes"] == "1024x1024, 1792x1024, 1024x1792"
    assert facts["qualities"] == "standard, hd"
    assert re.fullmatch(r"\$0\.040 to \$0\.120 \(\d{4}-\d\d-\d\d\)", facts["price"])
    assert "was retired by OpenAI on 2026-05-12" in facts["retirement"]
    assert "offline-painter (configured)" in done.out
    assert "US dollars" in done.err


def test_every_row_stands_in_it_by_its_provider(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing that the catalogue knows is left out, and the painter stands beside it."""
    rows = listed(capfd)
    known = [(model.provider.key, model.id) for model in load_catalogue().models]
    assert [(row["provider"], row["id"]) for row in rows] == [*known, ("offline", "offline-painter")]
    assert main(["models", "--images", "--quiet"]) == 0
    out, err = capfd.readouterr()
    assert [name for _, name in known if f"  {name}\n" not in out and f"  {name} (" not in out] == []
    assert err == ""


@pytest.mark.parametrize(
    ("words", "ids"), [("DALL-E-3", {"dall-e-3", "openai/dall-e-3"}), ("V_3", {"ideogram-v3"})]
)
def test_a_filter_asks_names_in_any_case_and_shows_all_that_is_known(
    here: Path, capfd: pytest.CaptureFixture[str], words: str, ids: set[str]
) -> None:
    """The other names of a model find it as well."""
    assert {row["id"] for row in listed(capfd, words)} == ids
    assert main(["models", "--images", words]) == 0
    out = capfd.readouterr().out
    assert len(re.findall(r"^    source ", out, re.M)) == len(ids)


def test_a_filter_by_provider_shows_its_models(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Whoever has a key of one provider wants to see its models."""
    assert {row["provider"] for row in listed(capfd, "openrouter")} == {"openrouter"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["models"], "--images"), (["models", "--images", "no such model"], "'no such model'")],
)
def test_what_cannot_be_listed_is_a_mistake_of_usage(
    here: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    """One sentence that says what to type."""
    assert main(arguments) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert words in err
    assert "limner models --images" in err


def test_ones_own_rows_are_included_and_marked(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The catalogue: users add or override rows in their own file."""
    (here / "my-models.toml").write_text(OWN)
    (here / "limner.toml").write_text('[image]\ncatalogue = "my-models.toml"\n')
    rows = {row["id"]: row for row in listed(capfd, "--config", "limner.toml")}

    assert {name for name, row in rows.items() if row["own"]} == {"house-painter", "gpt-image-2"}
    assert rows["house-painter"]["price_usd"] == [0.5, 1.25]
    assert (rows["gpt-image-2"]["max_n"], rows["gpt-image-2"]["qualities"]) == (
        3,
        ["auto", "low", "medium", "high"],
    )
    assert main(["models", "--images", "house", "--config", "limner.toml"]) == 0
    assert "  house-painter (your row)\n" in capfd.readouterr().out


def test_the_configured_model_is_marked(
    here: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By any of its names, at the server that is configured; a price of somebody else's is said to be that."""
    monkeypatch.setenv("LIMNER_IMAGE_MODEL", "gpt-image-2-2026-04-21")
    assert [row["id"] for row in listed(capfd) if row["configured"]] == ["gpt-image-2"]
    assert main(["models", "--images", "gpt-image-2"]) == 0
    assert "what gpt-image-2 costs at 127.0.0.1 is unknown" in capfd.readouterr().err

    monkeypatch.setenv("LIMNER_IMAGE_MODEL", "something-else")
    assert main(["models", "--images"]) == 0
    out, err = capfd.readouterr()
    assert "(configured)" not in out
    assert "'something-else' is not in the catalogue" in err


def test_a_model_without_a_server_does_not_keep_anybody_from_reading(offline_shell: Shell) -> None:
    """Which model to take is read before a key is bought."""
    done = offline_shell.run("models", "--images", "dall-e-3", LIMNER_IMAGE_MODEL="dall-e-3")
    assert done.code == 0
    assert "  dall-e-3 (retired)\n" in done.out
    assert "OPENAI_API_KEY" in done.err


@pytest.mark.parametrize(
    ("text", "words"),
    [('[[models]]\nid = "x"\nsise = 1\n', "sise"), ("[[models]\n", "not TOML"), (None, "no file")],
)
def test_a_file_of_rows_that_cannot_be_read_is_a_mistake_of_usage(
    here: Path, capfd: pytest.CaptureFixture[str], text: str | None, words: str
) -> None:
    """Named with the file, like every mistake in a configuration."""
    if text is not None:
        (here / "my-models.toml").write_text(text)
    (here / "limner.toml").write_text('[image]\ncatalogue = "my-models.toml"\n')
    assert main(["models", "--images", "--config", "limner.toml"]) == 2
    err = capfd.readouterr().err
    assert words in err
    assert "my-models.toml" in err
    assert err.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals of POSIX")
@pytest.mark.parametrize("columns", [80, 40, 20, 0])
def test_no_line_is_wider_than_the_terminal(here: Path, columns: int) -> None:
    """Readable in 80 columns, and in half of them; words are broken nowhere but at their spaces."""
    code, written = on_a_terminal("models", "--images", "--quiet", columns=columns)
    assert code == 0
    lines = written.replace("\r\n", "\n").splitlines()
    wide = [line for line in lines if len(line) >= max(columns or 80, 24) and len(line.split()) > 1]
    assert wide == []
    assert "655,360 to 8,294,400 pixels" in " ".join(written.split())


def test_a_pipe_gets_each_fact_on_one_line(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`limner models --images | grep` finds whole facts."""
    assert main(["models", "--images", "recraftv3"]) == 0
    out = capfd.readouterr().out
    assert re.search(r"^    sizes +1024x1024, .*, 1024x1820$", out, re.M)


def test_nothing_is_sent(here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]) -> None:
    """The catalogue is data; no server is asked, whatever is configured."""
    assert main(["models", "--images"]) == 0
    assert provider.connections == 0
