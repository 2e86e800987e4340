"""What the user says, by argument, variable and file, and what becomes of it."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from limner.config.file import default_path
from limner.config.load import load_config, load_image_config
from limner.config.providers import PROVIDERS
from limner.config.rules import RULES
from limner.config.settings import Config
from limner.errors import ConfigError

OPENAI = "https://api.openai.com/v1"
OPENROUTER = "https://openrouter.ai/api/v1"
LOCAL = "http://localhost:11434/v1"
OTHER = "https://api.example.com/v1"


def written(folder: Path, text: str) -> Path:
    path = folder / "limner.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(
    environ: Mapping[str, str] | None = None, path: Path | None = None, overrides: Any = None
) -> tuple[str, str]:
    with pytest.raises(ConfigError) as raised:
        load_config(path, environ=environ or {}, overrides=overrides)
    return raised.value.code, str(raised.value)


# Where chat and pictures go, and with which key. "-" is offline.
ENDPOINTS: list[tuple[str, dict[str, str], str, dict[str, dict[str, object]], str, str]] = [
    # what, environment, file, arguments, chat "key @ address", image "key @ address"
    ("nothing said", {}, "", {}, "-", "-"),
    ("empty variables are not said", {"OPENAI_API_KEY": "", "LIMNER_CHAT_MODEL": " "}, "", {}, "-", "-"),
    ("one key", {"OPENAI_API_KEY": "oa"}, "", {}, f"oa @ {OPENAI}", f"oa @ {OPENAI}"),
    ("a key with white space", {"OPENAI_API_KEY": " oa\n"}, "", {}, f"oa @ {OPENAI}", f"oa @ {OPENAI}"),
    (
        "a key elsewhere",
        {"OPENAI_API_KEY": "oa", "OPENAI_BASE_URL": OTHER},
        "",
        {},
        f"oa @ {OTHER}",
        f"oa @ {OTHER}",
    ),
    ("the second provider", {"OPENROUTER_API_KEY": "or"}, "", {}, f"or @ {OPENROUTER}", f"or @ {OPENROUTER}"),
    (
        "the first provider wins",
        {"OPENAI_API_KEY": "oa", "OPENROUTER_API_KEY": "or"},
        "",
        {},
        f"oa @ {OPENAI}",
        f"oa @ {OPENAI}",
    ),
    (
        "an address without a key is a server of one's own",
        {"OPENAI_BASE_URL": LOCAL, "LIMNER_CHAT_MODEL": "m"},
        "",
        {},
        f"none @ {LOCAL}",
        "-",
    ),
    (
        "an address wins over another provider's key, which stays at home",
        {"OPENAI_BASE_URL": LOCAL, "OPENROUTER_API_KEY": "or", "LIMNER_CHAT_MODEL": "m"},
        "",
        {},
        f"none @ {LOCAL}",
        "-",
    ),
    (
        "an address finds the key that belongs to it",
        {"OPENAI_BASE_URL": OPENROUTER + "/", "OPENROUTER_API_KEY": "or"},
        "",
        {},
        f"or @ {OPENROUTER}/",
        f"or @ {OPENROUTER}/",
    ),
    (
        "our variables win over both",
        {
            "OPENAI_API_KEY": "oa",
            "OPENROUTER_API_KEY": "or",
            "LIMNER_CHAT_BASE_URL": OTHER,
            "LIMNER_CHAT_API_KEY": "lk",
        },
        "",
        {},
        f"lk @ {OTHER}",
        f"lk @ {OTHER}",
    ),
    (
        "our key alone goes to the address that is stated below it",
        {"OPENAI_API_KEY": "oa", "OPENAI_BASE_URL": OTHER, "LIMNER_CHAT_API_KEY": "lk"},
        "",
        {},
        f"lk @ {OTHER}",
        f"lk @ {OTHER}",
    ),
    ("our key alone", {"LIMNER_CHAT_API_KEY": "lk"}, "", {}, f"lk @ {OPENAI}", f"lk @ {OPENAI}"),
    (
        "a provider's key does not follow to another address",
        {"OPENAI_API_KEY": "oa", "LIMNER_CHAT_BASE_URL": LOCAL, "LIMNER_CHAT_MODEL": "m"},
        "",
        {},
        f"none @ {LOCAL}",
        "-",
    ),
    (
        "http and https are two servers",
        {
            "OPENAI_API_KEY": "oa",
            "LIMNER_CHAT_BASE_URL": "http://api.openai.com/v1",
            "LIMNER_CHAT_MODEL": "m",
        },
        "",
        {},
        "none @ http://api.openai.com/v1",
        "-",
    ),
    (
        "another port is another server",
        {
            "OPENAI_API_KEY": "oa",
            "LIMNER_CHAT_BASE_URL": "https://api.openai.com:8443/v1",
            "LIMNER_CHAT_MODEL": "m",
        },
        "",
        {},
        "none @ https://api.openai.com:8443/v1",
        "-",
    ),
    (
        "a name that only begins alike is another server",
        {
            "OPENAI_API_KEY": "oa",
            "LIMNER_CHAT_BASE_URL": "https://api.openai.com.evil.example/v1",
            "LIMNER_CHAT_MODEL": "m",
        },
        "",
        {},
        "none @ https://api.openai.com.evil.example/v1",
        "-",
    ),
    (
        "the same server spelled otherwise",
        {"OPENAI_API_KEY": "oa", "LIMNER_CHAT_BASE_URL": "https://API.OpenAI.com:443/v2"},
        "",
        {},
        "oa @ https://API.OpenAI.com:443/v2",
        "oa @ https://API.OpenAI.com:443/v2",
    ),
    (
        "the file alone",
        {},
        f'[chat]\nmodel = "m"\nbase_url = "{OTHER}"\napi_key = "fk"',
        {},
        f"fk @ {OTHER}",
        f"fk @ {OTHER}",
    ),
    ("a key in the file", {}, '[chat]\napi_key = "fk"', {}, f"fk @ {OPENAI}", f"fk @ {OPENAI}"),
    (
        "the environment wins over the file",
        {"OPENAI_API_KEY": "oa"},
        '[chat]\napi_key = "fk"',
        {},
        f"oa @ {OPENAI}",
        f"oa @ {OPENAI}",
    ),
    (
        "a server in the file keeps a key of the environment away",
        {"OPENAI_API_KEY": "oa"},
        f'[chat]\nmodel = "m"\nbase_url = "{LOCAL}"',
        {},
        f"none @ {LOCAL}",
        "-",
    ),
    (
        "an argument wins over everything",
        {"LIMNER_CHAT_BASE_URL": OTHER, "LIMNER_CHAT_API_KEY": "lk"},
        "",
        {"chat": {"base_url": "https://third.example/v1", "api_key": "ak"}},
        "ak @ https://third.example/v1",
        "ak @ https://third.example/v1",
    ),
    (
        "an argument's key goes to the address below it",
        {"LIMNER_CHAT_BASE_URL": OTHER, "LIMNER_CHAT_API_KEY": "lk"},
        "",
        {"chat": {"api_key": "ak"}},
        f"ak @ {OTHER}",
        f"ak @ {OTHER}",
    ),
    (
        "an argument's address takes no key along",
        {"LIMNER_CHAT_BASE_URL": OTHER, "LIMNER_CHAT_API_KEY": "lk", "LIMNER_CHAT_MODEL": "m"},
        "[chat]\napi_key = 'fk'",
        {"chat": {"base_url": LOCAL}},
        f"none @ {LOCAL}",
        "-",
    ),
    (
        "None among the arguments is not said",
        {"OPENAI_API_KEY": "oa"},
        "",
        {"chat": {"base_url": None, "model": None}},
        f"oa @ {OPENAI}",
        f"oa @ {OPENAI}",
    ),
    (
        "pictures elsewhere, with their own key",
        {"OPENAI_API_KEY": "oa", "LIMNER_IMAGE_BASE_URL": OTHER, "LIMNER_IMAGE_API_KEY": "ik"},
        "",
        {},
        f"oa @ {OPENAI}",
        f"ik @ {OTHER}",
    ),
    (
        "pictures elsewhere without a key: the chat key stays at home",
        {"OPENAI_API_KEY": "oa", "LIMNER_IMAGE_BASE_URL": LOCAL, "LIMNER_IMAGE_MODEL": "sd"},
        "",
        {},
        f"oa @ {OPENAI}",
        f"none @ {LOCAL}",
    ),
    (
        "pictures with another key of the same server",
        {"OPENAI_API_KEY": "oa", "LIMNER_IMAGE_API_KEY": "ik"},
        "",
        {},
        f"oa @ {OPENAI}",
        f"ik @ {OPENAI}",
    ),
    (
        "chat at home, pictures at a provider whose key is there",
        {
            "OPENAI_API_KEY": "oa",
            "LIMNER_CHAT_BASE_URL": LOCAL,
            "LIMNER_CHAT_MODEL": "m",
            "LIMNER_IMAGE_BASE_URL": OPENAI,
        },
        "",
        {},
        f"none @ {LOCAL}",
        f"oa @ {OPENAI}",
    ),
    (
        "a key of the file's pictures does not follow an argument's address",
        {"OPENAI_API_KEY": "oa"},
        f'[image]\nmodel = "sd"\nbase_url = "{OTHER}"\napi_key = "fk"',
        {"image": {"base_url": LOCAL}},
        f"oa @ {OPENAI}",
        f"none @ {LOCAL}",
    ),
    (
        "chat at home and a picture model there",
        {"LIMNER_CHAT_BASE_URL": LOCAL, "LIMNER_CHAT_MODEL": "m", "LIMNER_IMAGE_MODEL": "sd"},
        "",
        {},
        f"none @ {LOCAL}",
        f"none @ {LOCAL}",
    ),
    (
        "pictures alone",
        {"LIMNER_IMAGE_BASE_URL": OTHER, "LIMNER_IMAGE_API_KEY": "ik"},
        "",
        {},
        "-",
        f"ik @ {OTHER}",
    ),
    ("offline by name", {"OPENAI_API_KEY": "oa", "LIMNER_CHAT_MODEL": "offline"}, "", {}, "-", "-"),
    (
        "pictures offline by name",
        {"OPENAI_API_KEY": "oa"},
        '[image]\nmodel = "offline"',
        {},
        f"oa @ {OPENAI}",
        "-",
    ),
    (
        "the offline model with bought pictures",
        {"OPENAI_API_KEY": "oa", "LIMNER_CHAT_MODEL": "offline", "LIMNER_IMAGE_MODEL": "gpt-image-2"},
        "",
        {},
        "-",
        f"oa @ {OPENAI}",
    ),
]


@pytest.mark.parametrize(
    ("environ", "file", "overrides", "chat", "image"),
    [row[1:] for row in ENDPOINTS],
    ids=[row[0] for row in ENDPOINTS],
)
def test_each_key_goes_where_it_belongs(
    tmp_path: Path,
    environ: dict[str, str],
    file: str,
    overrides: dict[str, dict[str, object]],
    chat: str,
    image: str,
) -> None:
    """Configuration; a key is never sent to another origin than the one it belongs to."""
    config = load_config(written(tmp_path, file), environ=environ, overrides=overrides)

    def shown(room: Any) -> str:
        return f"{room.api_key} @ {room.base_url}" if room.model else "-"

    assert (shown(config.chat), shown(config.image)) == (chat, image)
    assert config.offline == (chat == "-")


KEYS = {
    "OPENAI_API_KEY": "oa",
    "OPENROUTER_API_KEY": "or",
    "LIMNER_CHAT_API_KEY": "lk",
    "LIMNER_IMAGE_API_KEY": "ik",
}
ADDRESSES = {
    "OPENAI_BASE_URL": OTHER,
    "LIMNER_CHAT_BASE_URL": LOCAL,
    "LIMNER_IMAGE_BASE_URL": "https://img.example/v1",
}


@pytest.mark.parametrize("chosen", range(2 ** len([*KEYS, *ADDRESSES])))
def test_no_combination_sends_a_providers_key_elsewhere(chosen: int) -> None:
    """Every combination of the seven variables: a provider's key is seen by its own server alone."""
    names = [*KEYS, *ADDRESSES]
    said = {name: {**KEYS, **ADDRESSES}[name] for place, name in enumerate(names) if chosen >> place & 1}
    try:
        config = load_config(environ={**said, "LIMNER_CHAT_MODEL": "m", "LIMNER_IMAGE_MODEL": "i"})
    except ConfigError:
        return  # nothing is sent at all
    homes: dict[str, set[str | None]] = {
        "oa": {said.get("OPENAI_BASE_URL", OPENAI)},
        "or": {OPENROUTER},
        # Ours goes where the user states an address for it, else where it always belongs.
        "lk": {said.get("LIMNER_CHAT_BASE_URL", said.get("OPENAI_BASE_URL", OPENAI))},
        "ik": {said.get("LIMNER_IMAGE_BASE_URL", config.chat.base_url)},
    }
    for room in (config.chat, config.image):
        if room.api_key not in (None, "none"):
            assert room.base_url in homes[room.api_key]


@pytest.mark.parametrize("row", PROVIDERS, ids=lambda row: row.key_variable)
def test_a_key_without_a_model_takes_a_dated_default_and_says_so(row: Any) -> None:
    """A key without a model takes a dated default and says so."""
    config = load_config(environ={row.key_variable: "secret-7"})
    assert (config.chat.model, config.image.model) == (row.chat_model, row.image_model)
    assert len(config.notes) == 2
    for note, model in zip(config.notes, (row.chat_model, row.image_model), strict=True):
        assert model in note
        assert row.as_of in note
        assert "secret-7" not in note


def test_a_key_for_an_unknown_server_takes_the_common_names() -> None:
    """A gateway with a key mostly speaks for the first provider's models, and the note says what was taken."""
    config = load_config(environ={"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": OTHER})
    assert (config.chat.model, config.image.model) == (PROVIDERS[0].chat_model, PROVIDERS[0].image_model)
    assert len(config.notes) == 2


def test_named_models_need_no_note() -> None:
    """Only what the user did not say is said back."""
    said = {"OPENAI_API_KEY": "k", "LIMNER_CHAT_MODEL": "a", "LIMNER_IMAGE_MODEL": "b"}
    config = load_config(environ=said)
    assert (config.chat.model, config.image.model, config.notes) == ("a", "b", ())


def test_a_key_that_stays_at_home_is_noted() -> None:
    """A 401 from a server that got no key would otherwise be a riddle."""
    config = load_config(
        environ={"OPENAI_API_KEY": "secret-7", "LIMNER_CHAT_BASE_URL": OTHER, "LIMNER_CHAT_MODEL": "m"}
    )
    assert any("OPENAI_API_KEY" in note and "api.example.com" in note for note in config.notes)
    assert "secret-7" not in repr(config)


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"LIMNER_CHAT_MODEL": "m"}, "OPENAI_API_KEY"),
        ({"LIMNER_IMAGE_MODEL": "m"}, "LIMNER_IMAGE_BASE_URL"),
        ({"LIMNER_CHAT_BASE_URL": LOCAL}, "LIMNER_CHAT_MODEL"),
        ({"OPENAI_API_KEY": "k", "LIMNER_IMAGE_BASE_URL": LOCAL}, "LIMNER_IMAGE_MODEL"),
    ],
    ids=["a model without a server", "an image model without a server", "a server without a model", "an image server without a model"],
)  # fmt: skip
def test_what_is_incomplete_says_what_to_set(environ: dict[str, str], named: str) -> None:
    """Nothing is guessed where a guess would send words or keys to the wrong place."""
    code, sentence = refused(environ)
    assert code == "config_incomplete"
    assert named in sentence


@pytest.mark.parametrize(
    ("environ", "model", "base_url"),
    [
        ({"OPENAI_BASE_URL": LOCAL, "LIMNER_IMAGE_MODEL": "m"}, "m", LOCAL),
        ({"LIMNER_CHAT_MODEL": "c", "LIMNER_IMAGE_BASE_URL": LOCAL, "LIMNER_IMAGE_MODEL": "m"}, "m", LOCAL),
        ({"OPENAI_API_KEY": "k", "LIMNER_IMAGE_MODEL": "m"}, "m", OPENAI),
        ({"OPENAI_API_KEY": "k", "LIMNER_CHAT_MODEL": "offline"}, None, None),
        ({"OPENAI_BASE_URL": LOCAL}, None, None),
        ({"LIMNER_CHAT_MODEL": "c"}, None, None),
    ],
)
def test_who_only_draws_needs_no_chat_model(
    environ: dict[str, str], model: str | None, base_url: str | None
) -> None:
    """Pictures with your own key: "it needs no chat model", so nothing is asked or said of one."""
    config = load_image_config(environ=environ)
    assert (config.image.model, config.image.base_url) == (model, base_url)
    assert not any("LIMNER_CHAT" in note for note in config.notes)


def test_a_key_that_could_belong_to_two_servers_is_sent_to_neither() -> None:
    """A picture key without an address was meant for the server below it; an argument then moved the chat."""
    environ = {"OPENAI_API_KEY": "oa", "LIMNER_IMAGE_API_KEY": "secret-7"}
    code, sentence = refused(environ, overrides={"chat": {"base_url": LOCAL, "model": "m"}})
    assert code == "config_incomplete"
    for word in ("LIMNER_IMAGE_API_KEY", "LIMNER_IMAGE_BASE_URL", "api.openai.com", "localhost"):
        assert word in sentence
    assert "secret-7" not in sentence


FULL = """
[chat]
model = "talker"
base_url = "https://chat.example/v1"
api_key = "ck"
stream = false
api = "responses"
[image]
model = "drawer"
base_url = "https://image.example/v1"
api_key = "ik"
size = "1024x768"
aspect_ratio = "16:9"
quality = "high"
style = "vivid"
style_sentence = "watercolour, soft light"
background = "opaque"
output_format = "webp"
output_compression = 80
moderation = "low"
partial_images = 2
timeout_s = 90
concurrency = 3
price_usd = 0.04
policy = "idempotent"
server = "localai"
api = "chat"
fallback_model = "other-drawer"
max_references = 2
catalogue = "models.toml"
accept = ["webp", "avif"]
strip_metadata = true
[limits]
rounds = 2
calls = 3
images = 4
seconds = 60
usd = 1
conversation_usd = 2
process_usd = 3
unknown_prices = "allow"
[storage]
url = "s3://pictures/limner"
link_base_url = "https://pictures.example"
link_keys = ["new new new new new new new new ", "old old old old old old old old "]
link_ttl_s = 3600
[storage.options]
region = "eu-central-1"
access_key_id = "ak"
"""


def test_every_key_of_the_file_arrives(tmp_path: Path) -> None:
    """Tables [chat] [image] [limits] [storage]."""
    config = load_config(written(tmp_path, FULL), environ={})
    found = dataclasses.asdict(config)
    assert found.pop("notes") == ()
    del found["gateway"]  # test_config_gateway.py
    assert found == {
        "chat": {
            "model": "talker",
            "base_url": "https://chat.example/v1",
            "api_key": "ck",
            "stream": False,
            "api": "responses",
        },
        "image": {
            "model": "drawer",
            "base_url": "https://image.example/v1",
            "api_key": "ik",
            "size": "1024x768",
            "aspect_ratio": "16:9",
            "quality": "high",
            "style": "vivid",
            "style_sentence": "watercolour, soft light",
            "background": "opaque",
            "output_format": "webp",
            "output_compression": 80,
            "moderation": "low",
            "partial_images": 2,
            "timeout_s": 90.0,
            "concurrency": 3,
            "price_usd": 0.04,
            "policy": "idempotent",
            "server": "localai",
            "api": "chat",
            "fallback_model": "other-drawer",
            "max_references": 2,
            "catalogue": tmp_path / "models.toml",
            "accept": ("webp", "avif"),
            "strip_metadata": True,
        },
        "limits": {
            "rounds": 2,
            "calls": 3,
            "images": 4,
            "seconds": 60.0,
            "usd": 1.0,
            "conversation_usd": 2.0,
            "process_usd": 3.0,
            "unknown_prices": "allow",
        },
        "storage": {
            "path": None,
            "url": "s3://pictures/limner",
            "options": {"region": "eu-central-1", "access_key_id": "ak"},
            "link_base_url": "https://pictures.example",
            "link_keys": ("new " * 8, "old " * 8),
            "link_key_file": None,
            "link_ttl_s": 3600.0,
        },
    }
    assert isinstance(config.limits.usd, float)


def test_the_rules_name_exactly_the_fields() -> None:
    """A field that no file can set, or a key that nothing reads, would be a promise unkept."""
    fields = {
        room.name: {field.name for field in dataclasses.fields(getattr(Config(), room.name))}
        for room in dataclasses.fields(Config)
        if room.name != "notes"
    }
    assert {table: set(keys) for table, keys in RULES.items()} == fields


def test_nothing_said_is_the_offline_default() -> None:
    """No key and no base URL: the offline default."""
    assert load_config(environ={}) == Config()
    assert Config().offline


def test_arguments_win_over_variables_and_those_over_the_file(tmp_path: Path) -> None:
    """Arguments, environment, one TOML file, in that order."""
    path = written(tmp_path, FULL)
    environ = {"LIMNER_CHAT_MODEL": "from-env", "LIMNER_IMAGE_MODEL": "from-env"}
    config = load_config(
        path, environ=environ, overrides={"chat": {"model": "from-argument"}, "limits": {"images": 9}}
    )
    assert (config.chat.model, config.image.model) == ("from-argument", "from-env")
    assert (config.limits.images, config.limits.calls) == (9, 3)


def test_a_variable_says_through_which_api_a_model_is_asked(tmp_path: Path) -> None:
    """What says where a model is, says how it is spoken to: a container has variables and no file."""
    path = written(tmp_path, FULL)
    assert load_config(path, environ={}).chat.api == "responses"
    assert load_config(path, environ={"LIMNER_CHAT_API": "chat"}).chat.api == "chat"
    environ = {"OPENAI_API_KEY": "k", "LIMNER_CHAT_API": "responses", "LIMNER_IMAGE_API": "chat"}
    config = load_config(environ=environ)
    assert (config.chat.api, config.image.api, config.notes[2:]) == ("responses", "chat", ())
    assert load_config(environ={}).chat.api == "chat"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[imge]\n", ["[imge]", "[chat]", "[image]", "[limits]", "[storage]", "did you mean 'image'"]),
        ("[chat]\nmodle = 'm'\n", ["'modle'", "[chat]", "base_url", "did you mean 'model'"]),
        ("[chat]\napi-key = 'secret-7'\n", ["'api-key'", "did you mean 'api_key'"]),
        ("api_key = 'secret-7'\n", ["'api_key' belongs below [chat]"]),
        ("[limits.deep]\nx = 1\n", ["'deep'", "[limits]", "rounds"]),
    ],
)
def test_an_unknown_name_is_named_with_the_known_ones(tmp_path: Path, text: str, words: list[str]) -> None:
    """Scorecard P17: the error names the key, not its value."""
    path = written(tmp_path, text)
    code, sentence = refused(path=path)
    assert code == "config_unknown_key"
    for word in [str(path), *words]:
        assert word in sentence
    assert "secret-7" not in sentence


UNUSABLE = [
    ("chat", "model", ["''", "' '", "1", "['secret-7']", '"a\\nb"']),
    ("chat", "base_url", ["'secret-7'", "'ftp://x.example'", "'https://'", "'https://u:secret-7@x.example'", "'https://x.example?k=secret-7'", "'https://x.example:port'", "'https://[::1'", "'https://a\\\\@b.example'", "'https://a.example/v1/responses'", "true"]),
    ("chat", "api_key", ["''", '"secret-7\\nX: y"', "'secret-7 and more'", "'secret-7é'", "7", "{ k = 'secret-7' }"]),
    ("chat", "stream", ["1", "'true'"]),
    ("chat", "api", ["'completions'", "1", "''"]),
    ("image", "size", ["'1024'", "'1024X768'", "'0x0'", "'1024x768\\n'", "1024", "'huge'", "'K'"]),
    ("image", "aspect_ratio", ["'16/9'", "'0:1'", "1.7"]),
    ("image", "style_sentence", ["''", "' '", '"a\\u001b[2Jb"', "'" + "x" * 1001 + "'", "[]"]),
    ("image", "output_compression", ["-1", "101", "1.5", "true", "'80'"]),
    ("image", "output_format", ["'jpg'", "'svg'", "1"]),
    ("image", "policy", ["'always'", "[]"]),
    ("image", "timeout_s", ["0", "-1", "nan", "inf", "'60'", "true"]),
    ("image", "concurrency", ["0", "-1", "1.5", "true", "100000"]),
    ("image", "price_usd", ["-0.01", "nan", "'free'"]),
    ("limits", "rounds", ["-1", "1.0", "true"]),
    ("limits", "seconds", ["0", "inf", "1" + "0" * 400]),
    ("limits", "usd", ["-1", "inf", "true"]),
    ("image", "max_references", ["-1", "17", "true"]),
    ("image", "accept", ["[]", "'png'", "['png', 'svg']", "[1]", "{ png = 1 }"]),
    ("image", "strip_metadata", ["1", "'yes'"]),
    ("image", "catalogue", ["''", "1", '"a\\u0000b"']),
    ("image", "api", ["'chats'", "1"]),
    ("storage", "url", ["''", "'bucket'", "'s3://'", "'://bucket'", "'s3://u:secret-7@bucket'", "'s3://bucket?k=secret-7'", "1"]),
    ("storage", "options", ["'secret-7'", "['secret-7']", "{ region = 1 }", "{ region = '' }"]),
    ("storage", "link_keys", ["'secret-7'", "[]", "['']", "[7]"]),
    ("storage", "link_ttl_s", ["0", "'3600'", "nan"]),
    ("storage", "path", ["''", "1", '"a\\u0000b"']),
]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "key", "value"), [(table, key, value) for table, key, values in UNUSABLE for value in values]
)
def test_an_unusable_value_is_refused_without_being_shown(
    tmp_path: Path, table: str, key: str, value: str
) -> None:
    """The error names file, table and key, and what is allowed; what stands there may be a secret."""
    path = written(tmp_path, f"[{table}]\n{key} = {value}\n")
    code, sentence = refused(path=path)
    assert code == "config_invalid_value"
    for word in (str(path), f"[{table}]", repr(key), RULES[table][key].expected):
        assert word in sentence
    assert "secret-7" not in sentence


@pytest.mark.parametrize(
    "name", ["OPENAI_BASE_URL", "LIMNER_CHAT_BASE_URL", "LIMNER_IMAGE_BASE_URL", "OPENROUTER_API_KEY"]
)
def test_an_unusable_variable_is_named_without_being_shown(name: str) -> None:
    """Scorecard P17."""
    code, sentence = refused({name: "secret-7 secret-7"})
    assert code == "config_invalid_value"
    assert name in sentence
    assert "secret-7" not in sentence


def test_an_unusable_argument_is_named() -> None:
    """The same rules for every source."""
    code, sentence = refused(overrides={"limits": {"images": -1}})
    assert code == "config_invalid_value"
    assert "'images' in [limits]" in sentence
    assert refused(overrides={"limits": {"image": 1}})[0] == "config_unknown_key"
    assert refused(overrides={"limit": {"images": 1}})[0] == "config_unknown_key"


@pytest.mark.parametrize("text", ["[chat\n", "model = secret-7\n", "[chat]\n[chat]\n", "chat = 'x'\n"])
def test_a_file_that_is_not_toml_is_named_by_file_and_place(tmp_path: Path, text: str) -> None:
    """The parser's own words may hold what stands there, so only the place is said."""
    path = written(tmp_path, text)
    code, sentence = refused(path=path)
    assert code in ("config_file_invalid", "config_invalid_value")
    assert str(path) in sentence
    assert "secret-7" not in sentence


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """TOML is UTF-8."""
    path = tmp_path / "limner.toml"
    path.write_bytes("[chat]\nmodel = 'é'\n".encode("latin-1"))
    assert refused(path=path)[0] == "config_file_invalid"


def test_a_byte_order_mark_is_harmless(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    path = written(tmp_path, "\ufeff[limits]\nimages = 2\n")
    assert load_config(path, environ={}).limits.images == 2


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    """One clear sentence, never a traceback."""
    assert refused(path=tmp_path)[0] == "config_file_invalid"


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 100_000,
        "[limits]\nrounds = " + "9" * 5000,
        "# " + "x" * (1 << 20),
    ],
    ids=["deep", "long number", "large"],
)
def test_a_file_that_is_made_to_hurt_is_refused(tmp_path: Path, text: str) -> None:
    """The parser's own limits came out as errors of the program."""
    code, sentence = refused(path=written(tmp_path, text))
    assert code == "config_file_invalid"
    assert "limner.toml" in sentence


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of POSIX")
def test_what_is_not_a_file_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe that nobody writes to, and a device that never ends, hung the program."""
    pipe = tmp_path / "limner.toml"
    os.mkfifo(pipe)
    assert refused(path=pipe)[0] == "config_file_invalid"
    assert refused({"LIMNER_CONFIG": "/dev/zero"})[0] == "config_file_invalid"


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    """A missing explicit file is an error, by argument and by variable."""
    missing = tmp_path / "none.toml"
    assert refused(path=missing)[0] == "config_file_missing"
    code, sentence = refused({"LIMNER_CONFIG": str(missing)})
    assert code == "config_file_missing"
    assert "LIMNER_CONFIG" in sentence


def test_the_argument_wins_over_the_variable_and_that_over_the_users_file(tmp_path: Path) -> None:
    """`--config`, else LIMNER_CONFIG, else the user's configuration folder."""
    (tmp_path / "limner").mkdir()
    own, variable, argument = tmp_path / "limner" / "config.toml", tmp_path / "v.toml", tmp_path / "a.toml"
    for count, path in enumerate((own, variable, argument), 1):
        path.write_text(f"[limits]\nimages = {count}\n")
    environ = {"XDG_CONFIG_HOME": str(tmp_path), "APPDATA": str(tmp_path)}
    named = {**environ, "LIMNER_CONFIG": str(variable)}
    assert load_config(argument, environ=named).limits.images == 3
    assert load_config(environ=named).limits.images == 2
    own_file = default_path(environ, "linux")
    assert own_file == own
    assert load_config(own_file, environ=environ).limits.images == 1


def test_the_working_directory_is_never_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never the working directory; a project must not choose where prompts and keys go."""
    for name in ("limner.toml", "config.toml", ".limner.toml", ".env", "pyproject.toml"):
        (tmp_path / name).write_text("[limits]\nimages = 1\n")
    monkeypatch.chdir(tmp_path)
    for environ in (
        {},
        {"XDG_CONFIG_HOME": ""},
        {"XDG_CONFIG_HOME": "."},
        {"LIMNER_CONFIG": ""},
        {"HOME": ""},
    ):
        assert load_config(environ=environ) == Config()


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({"HOME": "/home/ann"}, "linux", "/home/ann/.config/limner/config.toml"),
        ({"HOME": "/home/ann", "XDG_CONFIG_HOME": "/etc/ann"}, "linux", "/etc/ann/limner/config.toml"),
        (
            {"HOME": "/home/ann", "XDG_CONFIG_HOME": "relative"},
            "linux",
            "/home/ann/.config/limner/config.toml",
        ),
        ({"HOME": "/Users/ann"}, "darwin", "/Users/ann/Library/Application Support/limner/config.toml"),
        ({"APPDATA": "/c/ann/Roaming"}, "win32", "/c/ann/Roaming/limner/config.toml"),
        ({}, "linux", None),
        ({}, "darwin", None),
        ({}, "win32", None),
    ],
)
def test_the_users_file_is_where_the_system_puts_such_files(
    environ: dict[str, str], platform: str, expected: str | None
) -> None:
    """XDG Base Directory Specification; the customs of macOS and Windows."""
    assert default_path(environ, platform) == (Path(expected) if expected else None)


def test_a_path_in_the_file_is_beside_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file means the same wherever it is read from; an argument means the shell's folder."""
    path = written(tmp_path, '[image]\ncatalogue = "models.toml"\n[storage]\npath = "kept/../pictures"\n')
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load_config(path, environ={}).storage.path == tmp_path / "pictures"
    assert load_config(path, environ={}).image.catalogue == tmp_path / "models.toml"
    argument = {"storage": {"path": Path("mine")}}
    assert load_config(path, environ={}, overrides=argument).storage.path == tmp_path / "elsewhere" / "mine"


def test_a_tilde_is_the_users_home(tmp_path: Path) -> None:
    """People write `~/pictures` in files, where no shell expands it."""
    path = written(tmp_path, '[storage]\npath = "~/pictures"\n')
    environ = {"HOME": str(tmp_path / "home"), "LIMNER_CONFIG": str(path)}
    assert load_config(environ=environ).storage.path == tmp_path / "home" / "pictures"


def test_no_key_is_ever_shown(tmp_path: Path) -> None:
    """Scorecard S05: representations end up in logs and tracebacks."""
    config = load_config(
        written(tmp_path, FULL.replace('"ck"', '"secret-7"').replace('"ik"', '"secret-8"')), environ={}
    )
    assert (config.chat.api_key, config.image.api_key) == ("secret-7", "secret-8")
    assert "secret-" not in repr(config) + repr(config.chat) + repr(config.image) + "".join(config.notes)


def test_a_variable_with_a_typing_error_is_noted_without_its_value() -> None:
    """LIMNER_CHAT_MODLE was ignored, and nobody said so."""
    known = {"LIMNER_DEBUG": "1", "LIMNER_CONFIG": ""}
    assert load_config(environ=known).notes == ()

    notes = load_config(environ={**known, "LIMNER_CHAT_MODLE": "secret", "LIMNER_XYZ": "secret"}).notes
    assert len(notes) == 2
    assert "'LIMNER_CHAT_MODLE'" in notes[0]
    assert "did you mean LIMNER_CHAT_MODEL?" in notes[0]
    assert "'LIMNER_XYZ'" in notes[1]
    assert not any("secret" in note for note in notes)


@pytest.mark.parametrize("size", ["1024x768", "auto", "2K", "0.5K", "1.5k", "512"])
def test_a_size_may_be_a_word_of_the_model(size: str) -> None:
    """Facts, images, section 1b: tiers such as 1K, 2K and 512 stand where others have pixels."""
    assert load_config(environ={}, overrides={"image": {"size": size}}).image.size == size


def test_a_format_is_not_asked_for_that_would_not_be_accepted(tmp_path: Path) -> None:
    """Each picture would be paid for and thrown away."""
    path = written(tmp_path, '[image]\noutput_format = "gif"\n')
    code, sentence = refused(path=path)
    assert code == "config_invalid_value"
    assert "`accept`" in sentence
    path.write_text('[image]\noutput_format = "gif"\naccept = ["gif"]\n')
    assert load_config(path, environ={}).image.output_format == "gif"


@pytest.mark.parametrize(
    ("lines", "code", "words"),
    [
        ("path = 'p'\nurl = 's3://b'", "config_invalid_value", ["'path'", "'url'"]),
        ("options = { region = 'secret-7' }", "config_incomplete", ["'options'", "`url`"]),
        ("link_keys = ['secret-7']", "config_incomplete", ["'link_keys'", "`link_base_url`"]),
        ("link_base_url = 'https://x.example'", "config_incomplete", ["'link_base_url'", "`link_key_file`"]),
        ("link_ttl_s = 60", "config_incomplete", ["'link_ttl_s'", "`url`"]),
        (
            "link_base_url = 'https://x.example'\nlink_keys = ['secret-7']\nlink_key_file = 'keys'",
            "config_invalid_value",
            ["'link_keys'", "'link_key_file'"],
        ),
        (
            "link_base_url = 'https://x.example'\nlink_key_file = 'nowhere'",
            "config_file_missing",
            ["nowhere", "link_key_file"],
        ),
        ("link_base_url = 'https://x.example'\nlink_key_file = 'empty'", "config_file_invalid", ["empty"]),
        (
            "link_base_url = 'https://x.example'\nlink_key_file = '.'",
            "config_file_invalid",
            ["cannot be read"],
        ),
    ],
)
def test_a_storage_that_contradicts_itself_is_refused(
    tmp_path: Path, lines: str, code: str, words: list[str]
) -> None:
    """What was said and would not be heard is a mistake, and no key is ever shown."""
    (tmp_path / "empty").write_text("\n \n")
    found, sentence = refused(path=written(tmp_path, f"[storage]\n{lines}\n"))
    assert found == code
    assert [word for word in words if word not in sentence] == []
    assert "secret-7" not in sentence


def test_keys_of_links_come_from_a_file_beside_the_file(tmp_path: Path) -> None:
    """A line each, the newest first; a secret store writes such files."""
    (tmp_path / "keys").write_text("\ufeffsecret-new\r\n\n  secret-old \n", encoding="utf-8")
    text = "[storage]\nlink_base_url = 'https://x.example'\nlink_key_file = 'keys'\n"
    storage = load_config(written(tmp_path, text), environ={}).storage
    assert storage.link_keys == ("secret-new", "secret-old")
    assert storage.link_key_file == tmp_path / "keys"
    assert "secret" not in repr(storage)
