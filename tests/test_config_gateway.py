"""What the service is told by its file, by variables and by arguments, and what it is not started with."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.config.file import default_state
from limner.config.load import load_config, load_gateway_config
from limner.config.rules import ROWS, RULES
from limner.config.settings import Config, GatewayConfig, ImageConfig, KeyConfig, UpstreamConfig, is_loopback
from limner.errors import ConfigError

SHA = hashlib.sha256(b"lim_alice").hexdigest()
OTHER_SHA = hashlib.sha256(b"lim_bob").hexdigest()
LOCAL = "http://127.0.0.1:11434/v1"
HOME = {"HOME": "/home/ann"}
CONNECTED = HOME | {"OPENAI_API_KEY": "secret-7"}

FULL = f"""
[chat]
base_url = "{LOCAL}"
[image]
model = "offline"
[gateway]
host = "0.0.0.0"
port = 9000
public_url = "https://pictures.example.com/limner/"
state = "kept"
models = ["openai/*", "small"]
illustrated = ["openai/*"]
image_models = ["openai/gpt-image-*"]
show = "images"
urls = "data"
promise_after_s = 0
forward = ["min_p", "chat_template_kwargs"]
metrics = true
concurrency = 64
body_bytes = 1048576
header_s = 5
body_s = 6
write_s = 7
drain_s = 8
keep_alive_s = 9
keep_days = 0.5
store_days = 0
[[gateway.keys]]
name = "alice"
sha256 = "{SHA.upper()}"
usd = 2
requests_per_minute = 60
concurrency = 4
[[gateway.keys]]
name = "bob"
sha256 = "{OTHER_SHA}"
[[gateway.upstreams]]
prefix = "openai/"
base_url = "https://api.openai.com/v1"
api_key = "secret-7"
[[gateway.upstreams]]
prefix = "other/"
base_url = "https://other.example/v1"
strip_prefix = false
api = "responses"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "limner.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(
    path: Path | None = None,
    environ: Mapping[str, str] = CONNECTED,
    overrides: Any = None,
    *,
    offline: bool = False,
) -> tuple[str, str]:
    with pytest.raises(ConfigError) as raised:
        load_gateway_config(path, environ=environ, overrides=overrides, offline=offline)
    return raised.value.code, str(raised.value)


def test_every_key_of_the_file_arrives(tmp_path: Path) -> None:
    """A setting that is accepted and not heard would be a promise unkept."""
    gateway = load_gateway_config(written(tmp_path, FULL), environ=HOME).gateway
    assert gateway == GatewayConfig(
        host="0.0.0.0",
        port=9000,
        public_url="https://pictures.example.com/limner",
        state=tmp_path / "kept",
        keys=(KeyConfig("alice", SHA, 2.0, 60, 4), KeyConfig("bob", OTHER_SHA)),
        upstreams=(
            UpstreamConfig("openai/", "https://api.openai.com/v1", "secret-7"),
            UpstreamConfig("other/", "https://other.example/v1", None, strip_prefix=False, api="responses"),
            UpstreamConfig("", LOCAL, None),
        ),
        models=("openai/*", "small"),
        illustrated=("openai/*",),
        image_models=("openai/gpt-image-*",),
        show="images",
        urls="data",
        promise_after_s=0.0,
        forward=("min_p", "chat_template_kwargs"),
        metrics=True,
        concurrency=64,
        body_bytes=1 << 20,
        header_s=5.0,
        body_s=6.0,
        write_s=7.0,
        drain_s=8.0,
        keep_alive_s=9.0,
        keep_days=0.5,
        store_days=0.0,
    )
    default = GatewayConfig()
    for field in dataclasses.fields(GatewayConfig):
        assert getattr(gateway, field.name) != getattr(default, field.name), f"{field.name} is not tried here"
    assert isinstance(gateway.drain_s, float)
    assert isinstance(gateway.keys[0].usd, float)


def test_the_rows_name_exactly_the_fields() -> None:
    """A field that no file can set, or a key that nothing reads, would be a promise unkept."""
    elsewhere = {"api_key_env", "api_key_file"}
    for table, settings in (("keys", KeyConfig), ("upstreams", UpstreamConfig)):
        fields = {field.name for field in dataclasses.fields(settings)}
        assert set(ROWS["gateway", table]) - elsewhere == fields


def test_who_asks_is_not_troubled_by_what_only_a_service_needs(tmp_path: Path) -> None:
    """One file serves `limner ask` and `limner serve`; only the second needs its upstreams' keys."""
    text = f"""
    [gateway]
    host = "0.0.0.0"
    [[gateway.upstreams]]
    prefix = "a/"
    base_url = "{LOCAL}"
    api_key_env = "NOT_SET"
    """
    assert load_config(written(tmp_path, text), environ={}).gateway.host == "0.0.0.0"
    assert load_config(environ={}).gateway == Config().gateway


def test_the_chat_server_is_the_default_upstream() -> None:
    """Configuration as for `ask`: the same variables say where words come from."""
    config = load_gateway_config(environ=CONNECTED)
    assert config.gateway.upstreams == (UpstreamConfig("", "https://api.openai.com/v1", "secret-7"),)
    assert (config.chat.model, config.chat.base_url) == (None, "https://api.openai.com/v1")
    assert config.chat.api_key == "secret-7"
    assert config.image.model is not None
    environ = HOME | {"LIMNER_CHAT_BASE_URL": LOCAL, "LIMNER_IMAGE_MODEL": "offline"}
    assert load_gateway_config(environ=environ).gateway.upstreams == (UpstreamConfig("", LOCAL, None),)


def test_a_key_that_stays_at_home_is_noted() -> None:
    """A key is sent to the server it belongs to and to no other, also by a service."""
    environ = CONNECTED | {"LIMNER_CHAT_BASE_URL": LOCAL, "LIMNER_IMAGE_MODEL": "offline"}
    config = load_gateway_config(environ=environ)
    assert config.gateway.upstreams[0].api_key is None
    assert any("OPENAI_API_KEY" in note for note in config.notes)


def test_upstreams_alone_are_enough(tmp_path: Path) -> None:
    """One or several upstreams, by model prefix; none has to be the default."""
    text = f'[image]\nmodel = "offline"\n[[gateway.upstreams]]\nprefix = "a/"\nbase_url = "{LOCAL}"\n'
    config = load_gateway_config(written(tmp_path, text), environ=HOME)
    assert config.gateway.upstreams == (UpstreamConfig("a/", LOCAL),)


def test_a_service_without_an_upstream_says_what_to_set() -> None:
    """Without one, `limner serve` says what to set; it never falls back to offline silently."""
    for environ in (HOME, HOME | {"LIMNER_CHAT_MODEL": "offline"}, HOME | {"LIMNER_CHAT_MODEL": "any"}):
        code, sentence = refused(environ=environ)
        assert code == "config_incomplete"
        for word in ("OPENAI_API_KEY", "OPENROUTER_API_KEY", "[chat]", "[[gateway.upstreams]]", "--offline"):
            assert word in sentence


def test_a_service_draws_offline_only_where_it_is_told_to() -> None:
    """It never falls back to offline silently, nor do its pictures."""
    environ = HOME | {"LIMNER_CHAT_BASE_URL": LOCAL}
    code, sentence = refused(environ=environ)
    assert code == "config_incomplete"
    assert "LIMNER_IMAGE_MODEL" in sentence
    assert load_gateway_config(environ=environ | {"LIMNER_IMAGE_MODEL": "offline"}).image.model is None


def test_offline_sends_nothing_anywhere_and_keeps_its_state_apart(tmp_path: Path) -> None:
    """What was played must never be taken up in earnest: a replay would answer with a drawn stand-in."""
    config = load_gateway_config(written(tmp_path, FULL), environ=CONNECTED, offline=True)
    assert config.gateway.upstreams == ()
    assert config.gateway.state == tmp_path / "kept" / "offline"
    assert (config.chat.base_url, config.chat.api_key, config.image.model) == (None, None, None)
    assert config.gateway.port == 9000
    overrides: dict[str, dict[str, object]] = {
        "chat": {"model": "words"},
        "image": {"model": "colours"},
        "gateway": {"port": 7},
    }
    config = load_gateway_config(environ=CONNECTED, overrides=overrides, offline=True)
    assert (config.image.model, config.gateway.upstreams, config.gateway.port) == (None, (), 7)


def test_offline_forgets_how_another_model_spells_its_parameters(tmp_path: Path) -> None:
    """The file of a real service can be tried offline: the painter knows no "2K" and no fallback."""
    text = """
    [image]
    model = "gpt-image-2"
    size = "2K"
    quality = "high"
    fallback_model = "other"
    aspect_ratio = "16:9"
    style_sentence = "watercolour"
    accept = ["png", "webp"]
    catalogue = "models.toml"
    """
    image = load_gateway_config(written(tmp_path, text), environ=HOME, offline=True).image
    assert image == ImageConfig(aspect_ratio="16:9", style_sentence="watercolour", accept=("png", "webp"))


def test_whatever_the_file_says_is_answered_with_a_sentence(tmp_path: Path) -> None:
    """A file is loaded, or refused with a sentence; no value that was refused is shown."""
    values = st.one_of(
        st.just("canary-7"),
        st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), max_size=8),
        st.integers(-(10**20), 10**20),
        st.floats(),
        st.booleans(),
        st.lists(st.just("canary-7"), max_size=2),
        st.lists(
            st.dictionaries(st.sampled_from(ROW_KEYS), st.just("canary-7 canary-7"), max_size=3), max_size=2
        ),
    )

    @given(st.dictionaries(st.sampled_from([*RULES["gateway"], "keyz"]), values, max_size=4))
    def check(said: dict[str, Any]) -> None:
        for offline in (False, True):
            refused: ConfigError | None = None
            try:
                found = load_gateway_config(environ=CONNECTED, overrides={"gateway": said}, offline=offline)
            except ConfigError as error:
                refused = error
            if refused is None:
                assert found.gateway.keys or found.gateway.loopback
            elif refused.code == "config_invalid_value":
                assert "canary-7" not in str(refused)

    check()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", "localhost.example.com"])
@pytest.mark.parametrize("offline", [False, True])
def test_without_keys_only_this_machine_is_served(host: str, offline: bool) -> None:
    """Without keys the service listens on loopback only."""
    code, sentence = refused(overrides={"gateway": {"host": host}}, offline=offline)
    assert code == "config_incomplete"
    for word in ("[[gateway.keys]]", "--new-key", "127.0.0.1"):
        assert word in sentence


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "localhost", "LOCALHOST"])
def test_loopback_needs_no_keys(host: str) -> None:
    """Nobody else can reach it."""
    assert load_gateway_config(environ=CONNECTED, overrides={"gateway": {"host": host}}).gateway.loopback


def test_mapped_loopback_is_not_taken_for_granted() -> None:
    """What is not surely this machine alone needs keys; a mapped address is judged as what it maps."""
    assert not is_loopback("::ffff:192.168.1.5")
    assert not is_loopback("128.0.0.1")


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_who_listens_everywhere_says_where_clients_find_it(tmp_path: Path, host: str) -> None:
    """Links use the configured `public_url`, never the request's `Host`."""
    path = written(tmp_path, f'[[gateway.keys]]\nname = "alice"\nsha256 = "{SHA}"\n')
    code, sentence = refused(path, overrides={"gateway": {"host": host}})
    assert code == "config_incomplete"
    assert "LIMNER_GATEWAY_PUBLIC_URL" in sentence
    overrides = {"gateway": {"host": host, "public_url": "http://10.0.0.5:8000"}}
    assert load_gateway_config(path, environ=CONNECTED, overrides=overrides).gateway.host == host


def test_arguments_win_over_variables_and_those_over_the_file(tmp_path: Path) -> None:
    """Arguments, environment, one TOML file, in that order."""
    path = written(tmp_path, FULL)
    environ = HOME | {
        "LIMNER_GATEWAY_HOST": "10.0.0.1",
        "LIMNER_GATEWAY_PORT": " 9001 ",
        "LIMNER_GATEWAY_PUBLIC_URL": "https://env.example",
        "LIMNER_GATEWAY_STATE": "~/env",
    }
    gateway = load_gateway_config(path, environ=environ, overrides={"gateway": {"host": "10.0.0.2"}}).gateway
    assert (gateway.host, gateway.port, gateway.public_url) == ("10.0.0.2", 9001, "https://env.example")
    assert gateway.state == Path("/home/ann/env")
    assert load_gateway_config(path, environ=environ).notes == ()


def test_a_relative_folder_in_a_variable_is_below_the_working_directory(tmp_path: Path) -> None:
    """Only what stands in the file is beside the file."""
    environ = HOME | {"LIMNER_GATEWAY_STATE": "here"}
    state = load_gateway_config(written(tmp_path, FULL), environ=environ).gateway.state
    assert state == Path(os.getcwd(), "here")


@pytest.mark.parametrize("value", ["http", "-1", "65536", "8000.0", "٨٠"])
def test_an_unusable_port_in_a_variable_is_named(value: str) -> None:
    """The same rules for every source."""
    code, sentence = refused(environ=CONNECTED | {"LIMNER_GATEWAY_PORT": value})
    assert code == "config_invalid_value"
    assert "LIMNER_GATEWAY_PORT must be a whole number" in sentence


ROW_KEYS = sorted({key for row in ROWS.values() for key in row})
UNUSABLE = [
    ("host", ["''", "'[::1]'", "'a b'", "'http://x'", "'x/y'", "'1.2.3.4:80'", "8000", "'-x'"]),
    ("port", ["-1", "65536", "'8000'", "true", "80.0"]),
    ("public_url", ["'secret-7'", "'ftp://x.example'", "'https://x.example?k=secret-7'", "'https://x.example#f'", "'https://x.example/v1'", "'https://x.example/api/v1/'", "'https://u:secret-7@x.example'", "'https://x.example:0'", "'https://x.example/ü'"]),
    ("state", ["''", "1", '"a\\u0000b"']),
    ("models", ["'a'", "[1]", "['']", "['a b']", "{ a = 1 }"]),
    ("illustrated", ["true"]),
    ("image_models", ["['a?']"]),
    ("show", ["'all'", "['both']", "true"]),
    ("urls", ["'link'"]),
    ("promise_after_s", ["-1", "nan", "inf", "'1'", "true"]),
    ("forward", ["'min_p'", "['a-b']", "['']", "[1]"]),
    ("metrics", ["1", "'yes'"]),
    ("concurrency", ["0", "1.5", "true", "100001"]),
    ("body_bytes", ["1023", "1.5", "'20 MiB'"]),
    ("header_s", ["0", "-1", "inf", "true"]),
    ("body_s", ["0"]),
    ("write_s", ["0"]),
    ("drain_s", ["-1"]),
    ("keep_alive_s", ["0"]),
    ("keep_days", ["0", "'7'"]),
    ("store_days", ["-1", "nan", "'7'", "true"]),
    ("keys", ["'secret-7'", "['secret-7']", "{ name = 'secret-7' }"]),
    ("upstreams", ["'secret-7'", "{ api_key = 'secret-7' }"]),
]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in UNUSABLE for value in values])
def test_an_unusable_value_is_refused_without_being_shown(tmp_path: Path, key: str, value: str) -> None:
    """The error names file, table and key, and what is allowed; what stands there may be a secret."""
    path = written(tmp_path, f"[gateway]\n{key} = {value}\n")
    for load in (load_config, load_gateway_config):
        with pytest.raises(ConfigError) as raised:
            load(path, environ=CONNECTED)
        assert raised.value.code == "config_invalid_value"
        for word in (str(path), "[gateway]", repr(key), RULES["gateway"][key].expected):
            assert word in str(raised.value)
        assert "secret-7" not in str(raised.value)


def test_every_rule_refuses_something_here() -> None:
    """The table above leaves nothing out."""
    assert {key for key, _ in UNUSABLE} == set(RULES["gateway"])


KEY = f'[[gateway.keys]]\nname = "alice"\nsha256 = "{SHA}"\n'
UPSTREAM = f'[[gateway.upstreams]]\nprefix = "a/"\nbase_url = "{LOCAL}"\n'


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (KEY + "usd = -1\n", "config_invalid_value", ["'usd' in [[gateway.keys]]", "US dollars"]),
        (KEY + "concurrency = 0\n", "config_invalid_value", ["'concurrency' in [[gateway.keys]]"]),
        (KEY + "requests_per_minute = 1.5\n", "config_invalid_value", ["'requests_per_minute'"]),
        (KEY + 'key = "secret-7"\n', "config_unknown_key", ["'key'", "[[gateway.keys]]", "sha256"]),
        (KEY + "requests_per_minutes = 1\n", "config_unknown_key", ["its keys are name, sha256, usd", "did you mean 'requests_per_minute'"]),
        ('[[gateway.keys]]\nname = "alice"\nsha256 = "secret-7"\n', "config_invalid_value", ["--new-key"]),
        ('[[gateway.keys]]\nname = "a/b"\n', "config_invalid_value", ["'name' in [[gateway.keys]]"]),
        ('[[gateway.keys]]\nname = "alice"\n', "config_incomplete", ["the name 'alice' lacks 'sha256'"]),
        (f'[[gateway.keys]]\nsha256 = "{SHA}"\n', "config_incomplete", ["[[gateway.keys]] lacks 'name'"]),
        (KEY + KEY, "config_invalid_value", ["the name 'alice' twice"]),
        (KEY + KEY.replace("alice", "bob"), "config_invalid_value", ["the sha256 twice"]),
        (UPSTREAM + "strip_prefix = 1\n", "config_invalid_value", ["'strip_prefix' in [[gateway.upstreams]]"]),
        (UPSTREAM + 'api_key = "secret-7 x"\n', "config_invalid_value", ["'api_key' in [[gateway.upstreams]]"]),
        (
            UPSTREAM.replace(LOCAL, f"{LOCAL}/chat/completions"),
            "config_invalid_value",
            ["'base_url'", 'without "/chat/completions"'],
        ),
        (UPSTREAM + 'url = "x"\n', "config_unknown_key", ["'url'", "base_url"]),
        (UPSTREAM + UPSTREAM, "config_invalid_value", ["the prefix 'a/' twice"]),
        ('[[gateway.upstreams]]\nprefix = "a/"\n', "config_incomplete", ["'a/' lacks 'base_url'"]),
        (f'[[gateway.upstreams]]\nprefix = ""\nbase_url = "{LOCAL}"\n', "config_invalid_value", ["'prefix'"]),
        (
            UPSTREAM + 'api_key = "secret-7"\napi_key_env = "X"\n',
            "config_invalid_value",
            ["both 'api_key' and 'api_key_env'", "keep one"],
        ),
        ("[gateway]\npubic_url = 'x'\n", "config_unknown_key", ["'pubic_url'", "did you mean 'public_url'"]),
        ("[getaway]\n", "config_unknown_key", ["[getaway]", "did you mean 'gateway'"]),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_meant_says_what_to_do(
    tmp_path: Path, text: str, code: str, words: list[str]
) -> None:
    """P17: unknown keys are named with a near match, also in tables of which there are several."""
    path = written(tmp_path, text)
    found, sentence = refused(path)
    assert found == code
    for word in words:
        assert word in sentence
    assert "secret-7" not in sentence
    assert SHA not in sentence


def test_an_upstreams_key_comes_from_a_variable(tmp_path: Path) -> None:
    """A file that is shared should hold no key."""
    path = written(tmp_path, UPSTREAM + 'api_key_env = "LIMNER_MY_KEY"\n[image]\nmodel = "offline"\n')
    config = load_gateway_config(path, environ=HOME | {"LIMNER_MY_KEY": " secret-7\n"})
    assert config.gateway.upstreams[0].api_key == "secret-7"
    assert config.notes == (), "a variable that is read is not called unknown"
    code, sentence = refused(path, HOME | {"LIMNER_MY_KEYS": "secret-7"})
    assert code == "config_incomplete"
    assert "'LIMNER_MY_KEY', which is not set" in sentence
    assert "did you mean 'LIMNER_MY_KEYS'" in sentence
    code, sentence = refused(path, HOME | {"LIMNER_MY_KEY": "secret-7 and more"})
    assert code == "config_invalid_value"
    assert "secret-7" not in sentence


def test_an_upstreams_key_comes_from_a_file_beside_the_file(tmp_path: Path) -> None:
    """As services of a system and containers are given their secrets."""
    path = written(tmp_path, UPSTREAM + 'api_key_file = "key.txt"\n[image]\nmodel = "offline"\n')
    assert refused(path, HOME)[0] == "config_file_missing"
    assert "api_key_file in [[gateway.upstreams]]" in refused(path, HOME)[1]
    (tmp_path / "key.txt").write_text("secret-7\n", encoding="utf-8")
    assert load_gateway_config(path, environ=HOME).gateway.upstreams[0].api_key == "secret-7"
    for text, code in (
        ("", "config_file_invalid"),
        ("secret-7\nsecret-8\n", "config_file_invalid"),
        ("secret-7 and more", "config_invalid_value"),
    ):
        (tmp_path / "key.txt").write_text(text, encoding="utf-8")
        found, sentence = refused(path, HOME)
        assert found == code
        assert "secret-7" not in sentence


@pytest.mark.parametrize(
    ("platform", "environ", "folder"),
    [
        ("linux", {"HOME": "/home/ann"}, "/home/ann/.local/state/limner"),
        ("linux", {"HOME": "/home/ann", "XDG_STATE_HOME": "/var/ann"}, "/var/ann/limner"),
        ("linux", {"HOME": "/home/ann", "XDG_STATE_HOME": "relative"}, "/home/ann/.local/state/limner"),
        ("darwin", {"HOME": "/Users/ann"}, "/Users/ann/Library/Application Support/limner/state"),
        ("win32", {"LOCALAPPDATA": "/x/Local"}, "/x/Local/limner/state"),
        ("linux", {}, None),
        ("win32", {}, None),
    ],
)
def test_state_is_kept_where_the_system_keeps_such_things(
    platform: str, environ: dict[str, str], folder: str | None
) -> None:
    """XDG Base Directory Specification 0.8: state that outlives the process and is not the user's to move."""
    assert default_state(environ, platform) == (None if folder is None else Path(folder))


def test_a_user_without_a_home_is_told_to_name_a_folder() -> None:
    """Services of a system often have none."""
    code, sentence = refused(environ={"OPENAI_API_KEY": "secret-7"})
    assert code == "config_incomplete"
    assert "LIMNER_GATEWAY_STATE" in sentence
    environ = {"OPENAI_API_KEY": "secret-7", "LIMNER_GATEWAY_STATE": "/var/lib/limner"}
    assert load_gateway_config(environ=environ).gateway.state == Path("/var/lib/limner")


def test_nothing_secret_is_shown_by_a_configuration(tmp_path: Path) -> None:
    """Values are printed in tracebacks and logs."""
    shown = repr(load_gateway_config(written(tmp_path, FULL), environ=HOME))
    assert "secret-7" not in shown
    assert SHA not in shown


def test_an_address_of_the_sixth_version_stands_in_brackets() -> None:
    """Source: RFC 3986, section 3.2.2."""
    assert GatewayConfig(host="::1", port=1).address == "http://[::1]:1"
    assert GatewayConfig(host="localhost", port=1).address == "http://localhost:1"
