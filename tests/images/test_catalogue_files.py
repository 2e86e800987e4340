"""A user's own rows: added, laid over ours, and refused with the place where they are wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from limner.errors import ConfigError
from limner.images.catalogue import ImageModel, fields, load_catalogue, resolve
from limner.images.protocol import ImageRequest

ROOT = Path(__file__).parents[2]


def rows(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "models.toml"
    path.write_text(text, encoding="utf-8")
    return path


def found(path: Path, model_id: str, base_url: str = "http://localhost:8080/v1") -> ImageModel:
    model = load_catalogue(path).find(model_id, base_url=base_url)
    assert model is not None
    return model


def test_a_row_that_only_says_a_price_lets_everything_pass(tmp_path: Path) -> None:
    """What a row does not say is unknown, and what is unknown is not refused."""
    path = rows(tmp_path, '[[models]]\nid = "my-model"\nprices = [{ per = "image", usd = 0.01 }]\n')
    request = ImageRequest("a fox", size="17x3", quality="best", style="gothic", n=4, references=(b"1",))
    resolved = resolve(found(path, "my-model"), request)
    assert resolved.request == request
    assert resolved.price_usd == 0.04
    assert resolved.notes == ()


def test_a_row_without_a_provider_holds_at_any_server(tmp_path: Path) -> None:
    """A new id needs no provider: whoever runs the model, it is the user's own word."""
    path = rows(tmp_path, '[[models]]\nid = "my-model"\nmax_n = 2\n')
    for base_url in ("http://localhost:8080/v1", "https://api.openai.com/v1", "https://relay.example/v1"):
        model = found(path, "my-model", base_url)
        assert (model.max_n, model.seller) == (2, None)


def test_a_row_is_laid_over_ours_key_by_key(tmp_path: Path) -> None:
    """What the row says replaces what ours says, and nothing else."""
    path = rows(tmp_path, '[[models]]\nid = "dall-e-3"\nmax_prompt_chars = 100\nretired = []\n')
    changed = found(path, "dall-e-3", "https://api.openai.com/v1")
    ours = load_catalogue().find("dall-e-3", base_url="https://api.openai.com/v1")
    assert ours is not None
    assert changed.max_prompt_chars == 100
    assert changed.retired == ()
    assert (changed.sizes, changed.prices, changed.aliases) == (ours.sizes, ours.prices, ours.aliases)
    assert ours.max_prompt_chars == 4000


def test_a_row_can_be_like_another_and_never_has_its_price(tmp_path: Path) -> None:
    """Prices, ids and retirements belong to a model at a provider; limits go with the model."""
    path = rows(
        tmp_path,
        """
        [providers.relay]
        name = "Our relay"
        hosts = ["relay.example:8443"]
        [[models]]
        id = "gpt-image-2"
        provider = "relay"
        like = "gpt-image-1"
        """,
    )
    model = found(path, "gpt-image-2", "https://relay.example:8443/v1")
    assert (model.provider.name, model.max_n, model.qualities[-1]) == ("Our relay", 10, "high")
    assert (model.prices, model.retired, model.aliases) == ((), (), ())
    # Another port is another server.
    assert found(path, "gpt-image-2", "https://relay.example/v1").provider.name == "OpenAI"


def test_a_users_row_for_any_server_wins_over_a_row_of_another_provider(tmp_path: Path) -> None:
    """The user's word about their own server counts more than ours about somebody else's."""
    path = rows(
        tmp_path,
        '[[models]]\nid = "dall-e-3"\nprovider = "any"\nlike = "flux-dev"\n'
        'prices = [{ per = "image", usd = 0 }]\n',
    )
    at_home = found(path, "dall-e-3")
    assert (at_home.provider.key, at_home.seller) == ("any", None)
    assert resolve(at_home, ImageRequest("a fox", size="512x512")).price_usd == 0
    assert found(path, "dall-e-3", "https://api.openai.com/v1").provider.key == "openai"


def test_every_kind_of_size_and_price_can_be_written(tmp_path: Path) -> None:
    """docs/models.md: the whole language of the file."""
    path = rows(
        tmp_path,
        """
        [ratios.mine]
        "1:1" = "512x512"
        "2:1" = "704x352"
        [tokens.listed]
        low = { "512x512" = 100 }
        "*" = { "*" = 900 }
        [tokens.law]
        grid = { low = 16 }
        offset = 2_000_000
        divisor = 4_000_000
        [[models]]
        id = "listed"
        sizes = { list = ["512x512", "704x352"], usual = ["704x352"], ratios = { "2:1" = "704x352" }, words = ["auto"] }
        qualities = ["low", "high"]
        prices = [{ per = "token", text_in_usd = 0, image_out_usd = 10, output = "listed" }]
        [[models]]
        id = "stepped"
        sizes = { multiple_of = 8, min_edge = 64, max_edge = 1024, max_ratio = 2.5, usual_pixels = [200_000, 300_000] }
        qualities = ["low"]
        prices = [{ per = "token", text_in_usd = 0, image_out_usd = 10, output = "law" }]
        [[models]]
        id = "tiered"
        sizes = { table = "mine", tiers = { "S" = 1, "M" = 2 }, usual = "S" }
        prices = [{ per = "megapixel", first_usd = 0.01, further_usd = 0.005 }]
        [[models]]
        id = "ratios"
        sizes = { aspect_ratios = ["1:1", "2:1"], words = ["S", "M"], usual = "S" }
        prices = [{ per = "image", usd = 0.5, sizes = ["M"] }, { per = "image", usd = 0.25 }]
        """,
    )
    wide = ImageRequest("a fox", aspect_ratio="2:1")
    for model_id, size, ratio, usd in (
        ("listed", "704x352", None, 0.009),
        ("stepped", "640x320", None, 0.00071),
        ("tiered", "704x352", None, 0.01),
        ("ratios", None, "2:1", 0.25),
    ):
        resolved = resolve(found(path, model_id), wide)
        assert (resolved.request.size, resolved.request.aspect_ratio) == (size, ratio), model_id
        assert resolved.price_usd == pytest.approx(usd), model_id
    listed = found(path, "listed")
    assert resolve(listed, ImageRequest("a fox", size="512x512", quality="low")).price_usd == 0.001
    dear = resolve(found(path, "ratios"), ImageRequest("a fox", size="M", aspect_ratio="1:1"))
    assert dear.price_usd == 0.5


def test_nearness_is_by_logarithm_in_steps_too(tmp_path: Path) -> None:
    """1.45 is nearer to 2:1 than to 1:1, which a difference would get wrong."""
    path = rows(
        tmp_path,
        "[[models]]\nid = 'coarse'\n"
        "sizes = { multiple_of = 512, max_edge = 1024, usual_pixels = [500_000, 1_100_000] }\n",
    )
    resolved = resolve(found(path, "coarse"), ImageRequest("a fox", aspect_ratio="1.45:1"))
    assert resolved.request.size == "1024x512"


def test_the_name_of_a_ratio_wins_over_nearer_pixels(tmp_path: Path) -> None:
    """Exact match first, by what the model's documents call a size."""
    path = rows(
        tmp_path,
        "[[models]]\nid = 'named'\n"
        "sizes = { list = ['1792x1024', '1808x1024'], ratios = { '16:9' = '1792x1024' } }\n",
    )
    resolved = resolve(found(path, "named"), ImageRequest("a fox", aspect_ratio="16:9"))
    assert resolved.request.size == "1792x1024"


def test_a_price_that_one_choice_lacks_is_unknown_while_that_choice_is_open(tmp_path: Path) -> None:
    """The provider may choose it: the price of the other would be no bound."""
    path = rows(
        tmp_path,
        "[[models]]\nid = 'half'\nqualities = ['low', 'high']\n"
        "prices = [{ per = 'image', usd = 0.01, qualities = ['low'] }]\n",
    )
    assert resolve(found(path, "half"), ImageRequest("a fox")).price_usd is None
    assert resolve(found(path, "half"), ImageRequest("a fox", quality="low")).price_usd == 0.01


def test_a_row_is_like_one_of_its_own_file_before_one_of_ours(tmp_path: Path) -> None:
    """Whoever writes two rows means the one beside, not the one of the same name in our file."""
    path = rows(
        tmp_path,
        "[[models]]\nid = 'dall-e-3'\nprovider = 'any'\nmax_n = 7\n"
        "[[models]]\nid = 'mine'\nlike = 'dall-e-3'\n",
    )
    assert found(path, "mine").max_n == 7
    # Ours that are like a row which the file lays over stay as they are.
    path = rows(tmp_path, "[[models]]\nid = 'gpt-image-1'\nmax_n = 3\n")
    openai = "https://api.openai.com/v1"
    assert (found(path, "gpt-image-1", openai).max_n, found(path, "gpt-image-2", openai).max_n) == (3, 10)


def test_a_row_that_is_laid_over_ours_can_be_like_another(tmp_path: Path) -> None:
    """What it is like comes over ours, and what it says itself over both."""
    path = rows(tmp_path, "[[models]]\nid = 'dall-e-3'\nlike = 'dall-e-2'\nmax_references = 2\n")
    model = found(path, "dall-e-3", "https://api.openai.com/v1")
    assert (model.max_n, model.max_prompt_chars, model.max_references) == (10, 1000, 2)
    assert (model.aliases, len(model.prices)) == (("openai/dall-e-3",), 4)


HEAD = '[[models]]\nid = "mine"\n'


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("[[model]]\n", "config_unknown_key", ("'model'", "did you mean 'models'?")),
        (HEAD + "max_prompt = 5\n", "config_unknown_key", ("'mine'", "did you mean 'max_prompt_chars'?")),
        (HEAD + "Max-N = 5\n", "config_unknown_key", ("'Max-N'", "did you mean 'max_n'?")),
        ("[[models]]\nmax_n = 1\n", "config_invalid_value", ("'id' is missing",)),
        (HEAD + HEAD, "config_invalid_value", ("'mine'", "twice")),
        (HEAD + "max_n = 0\n", "config_invalid_value", ("'mine'", "'max_n'", "1 or more")),
        (HEAD + "max_n = true\n", "config_invalid_value", ("'max_n'",)),
        (HEAD + 'qualities = "low"\n', "config_invalid_value", ("'qualities'", "list of texts")),
        (HEAD + 'as_of = "2026-11-21"\n', "config_invalid_value", ("'as_of'", "without quotes")),
        (HEAD + 'answers = "pdf"\n', "config_invalid_value", ("'answers'", '"url"')),
        (HEAD + 'provider = "nobody"\n', "config_invalid_value", ("'provider'", "openai")),
        (HEAD + 'like = "nobody"\n', "config_invalid_value", ("'like'", "there is none")),
        (HEAD + 'like = "mine"\n', "config_invalid_value", ("'like'",)),
        (HEAD + 'like = "b"\n[[models]]\nid = "b"\nlike = "mine"\n', "config_invalid_value", ("in turn",)),
        (
            "".join(f'[[models]]\nid = "{at}"\nlike = "{at + 1}"\n' for at in range(1500)),
            "config_invalid_value",
            ("'like'", "at most 20"),
        ),
        (HEAD + 'previews = { prompt = ["x"] }\n', "config_invalid_value", ("'previews'",)),
        (HEAD + "sizes = {}\n", "config_invalid_value", ("sizes say nothing",)),
        (HEAD + 'sizes = { list = ["big"] }\n', "config_invalid_value", ("sizes", "'list'", "1024x768")),
        (HEAD + 'sizes = { list = ["8x8"], usual = ["9x9"] }\n', "config_invalid_value", ("'usual'",)),
        (HEAD + 'sizes = { list = ["8x8"], step = 1 }\n', "config_unknown_key", ("'step'",)),
        (HEAD + "sizes = { multiple_of = 16 }\n", "config_invalid_value", ("'usual_pixels' is missing",)),
        (
            HEAD + "sizes = { multiple_of = 16, usual_pixels = [9, 8] }\n",
            "config_invalid_value",
            ("'usual_pixels'",),
        ),
        (
            HEAD + "sizes = { multiple_of = 512, max_edge = 512, usual_pixels = [1, 2] }\n",
            "config_invalid_value",
            ("'usual_pixels'", "bounds"),
        ),
        (
            HEAD + "sizes = { multiple_of = 16, max_pixels = 1000, usual_pixels = [900, 2000] }\n",
            "config_invalid_value",
            ("'usual_pixels'",),
        ),
        (
            HEAD + 'sizes = { multiple_of = 16, usual_pixels = [1000, 9000], ratios = { "1:1" = "8x8" } }\n',
            "config_invalid_value",
            ("'ratios'",),
        ),
        (
            HEAD + "sizes = { multiple_of = 16, usual_multiple_of = 24, usual_pixels = [1000, 9000] }\n",
            "config_invalid_value",
            ("'usual_multiple_of'",),
        ),
        (
            HEAD + "sizes = { multiple_of = 1, usual_pixels = [1, 900_000_000] }\n",
            "config_invalid_value",
            ("'usual_multiple_of'", "coarser"),
        ),
        (
            HEAD + 'sizes = { table = "nobody", tiers = { S = 1 }, usual = "S" }\n',
            "config_invalid_value",
            ("'table'", "gemini-3"),
        ),
        (
            HEAD + 'sizes = { table = "gemini-3", tiers = { S = 1 }, usual = "M" }\n',
            "config_invalid_value",
            ("'usual'",),
        ),
        (
            HEAD + 'sizes = { aspect_ratios = ["wide"] }\n',
            "config_invalid_value",
            ("'aspect_ratios'", "16:9"),
        ),
        (HEAD + "prices = [{ usd = 1 }]\n", "config_invalid_value", ("price 1", "'per' is missing")),
        (HEAD + 'prices = [{ per = "day", usd = 1 }]\n', "config_invalid_value", ("price 1", "'per'")),
        (HEAD + "prices = [{ per = [], usd = 1 }]\n", "config_invalid_value", ("price 1", "'per'")),
        (HEAD + 'prices = [{ per = "image", usd = -1 }]\n', "config_invalid_value", ("price 1", "'usd'")),
        (HEAD + 'prices = [{ per = "image", usd = nan }]\n', "config_invalid_value", ("price 1", "'usd'")),
        (HEAD + 'prices = [{ per = "image", usd = inf }]\n', "config_invalid_value", ("price 1", "'usd'")),
        (HEAD + 'prices = [{ per = "image", price = 1 }]\n', "config_unknown_key", ("price 1", "'price'")),
        (
            HEAD + 'prices = [{ per = "token", output = "nobody" }]\n',
            "config_invalid_value",
            ("'output'", "gpt-image-2"),
        ),
        (HEAD + 'retired = [{ by = "me" }]\n', "config_invalid_value", ("retirement 1", "'on' is missing")),
        ('[providers.me]\nhosts = ["x"]\n', "config_invalid_value", ("provider 'me'", "'name' is missing")),
        ('[ratios.me]\n"wide" = "8x8"\n', "config_invalid_value", ("'ratios'",)),
        ("[tokens.me]\nlow = 5\n", "config_invalid_value", ("tokens 'me'", "'low'")),
        ('[tokens.me]\nlow = { "8x8" = 0 }\n', "config_invalid_value", ("'low.8x8'",)),
        ("[tokens.me]\ngrid = { low = 5 }\n", "config_invalid_value", ("'offset' is missing",)),
        ("models = 5\n", "config_invalid_value", ("'models'", "[[models]]")),
        ("[[models]\n", "config_file_invalid", ("is not TOML", "line 1")),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_the_place(
    tmp_path: Path, text: str, code: str, said: tuple[str, ...]
) -> None:
    """CONVENTIONS, "Errors": an error names the file, the row and the key, and what can stand there."""
    path = rows(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_catalogue(path)
    assert caught.value.code == code
    for words in (str(path), *said):
        assert words in str(caught.value)


def test_an_id_of_several_rows_needs_a_provider(tmp_path: Path) -> None:
    """Laid over one of two rows by luck, a price would be wrong half of the time."""
    text = '[providers.me]\nname = "Me"\n[[models]]\nid = "dall-e-3"\nprovider = "me"\n'
    with pytest.raises(ConfigError) as caught:
        load_catalogue(rows(tmp_path, text + '[[models]]\nid = "dall-e-3"\n'))
    assert caught.value.code == "config_invalid_value"
    assert "openai, me" in str(caught.value)


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    """A file that somebody names is meant."""
    with pytest.raises(ConfigError) as caught:
        load_catalogue(tmp_path / "nowhere.toml")
    assert caught.value.code == "config_file_missing"


def test_what_is_no_file_of_text_is_refused(tmp_path: Path) -> None:
    """A folder, a pipe that never ends, a picture, two megabytes of comments: none is read to its end."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    large = tmp_path / "large.toml"
    large.write_text("# nothing\n" * 200_000, encoding="utf-8")
    for path in (tmp_path, pipe, picture, large):
        with pytest.raises(ConfigError) as caught:
            load_catalogue(path)
        assert caught.value.code == "config_file_invalid"
        assert str(path) in str(caught.value)


def test_a_file_that_begins_as_notepad_writes_it_is_read(tmp_path: Path) -> None:
    """A byte order mark is not TOML, and no fault of the user's."""
    path = tmp_path / "models.toml"
    path.write_bytes(b"\xef\xbb\xbf" + HEAD.encode())
    assert found(path, "mine").id == "mine"


def test_an_unknown_provider_is_the_callers_mistake() -> None:
    """A word for a provider that nobody defined would silently mean: unknown price."""
    with pytest.raises(ConfigError) as caught:
        load_catalogue().find("dall-e-3", provider="opennai")
    assert caught.value.code == "config_invalid_value"
    assert "arouter" in str(caught.value)


@pytest.mark.parametrize(
    "keys",
    [
        fields.ALL,
        fields.PROVIDER,
        fields.MODEL,
        fields.LISTED,
        fields.STEPPED,
        fields.TIERED,
        fields.RATIOS_ONLY,
        fields.RETIREMENT,
        fields.PER_IMAGE,
        fields.PER_MEGAPIXEL,
        fields.PER_TOKEN,
        fields.GRID,
    ],
)
def test_every_key_stands_in_the_page(keys: Mapping[str, fields.Field]) -> None:
    """docs/models.md is the reference of the file."""
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    said = set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", page))))
    assert set(keys) - said == set()


def test_our_rows_are_read_once() -> None:
    """Importing does nothing; the first use reads, the others don't."""
    program = (
        "import sys\n"
        "opened = []\n"
        "note = lambda event, args: opened.append(str(args[0])) if event == 'open' else None\n"
        "sys.addaudithook(note)\n"
        "from limner.images.catalogue import load_catalogue\n"
        "reads = lambda: sum(name.endswith('models.toml') for name in opened)\n"
        "assert reads() == 0\n"
        "assert load_catalogue() is load_catalogue()\n"
        "assert reads() == 1\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_wheel_holds_the_data(tmp_path: Path) -> None:
    """A catalogue that only a clone has would be no catalogue."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        assert "limner/images/catalogue/models.toml" in opened.namelist()
