"""What a file says about pictures, as the providers see it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

import pictures
from answers import spoken
from commands import illustrator
from limner.cli.main import main
from limner.images.inspection.checking import inspect
from providers import Answer, Provider, status, whole

ORDERS = "/images/generations"


def settings(folder: Path, text: str) -> list[str]:
    """The options that name a file with these settings."""
    (folder / "limner.toml").write_text(text, encoding="utf-8")
    return ["--config", "limner.toml"]


def test_another_model_is_asked_where_the_first_surely_has_not_billed(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """The makers: a fallback model may be named for retryable failures."""
    spent = {"error": {"message": "no", "type": "insufficient_quota", "code": "insufficient_quota"}}
    provider.image_script(lambda body: status(429, spent) if body["model"] == "colours" else pictures.png())
    said = settings(here, '[image]\nfallback_model = "other-colours"\n')
    assert main(["image", "a fox", *said]) == 0
    assert [order.json["model"] for order in provider.posts(ORDERS)] == ["colours", "other-colours"]
    assert "other-colours" in capfd.readouterr().err


def test_the_painter_may_stand_in(here: Path, provider: Provider) -> None:
    """`fallback_model = "offline"`: a drawing instead of none, by somebody's own wish."""
    spent = {"error": {"message": "no", "type": "insufficient_quota", "code": "insufficient_quota"}}
    provider.images(status(429, spent))
    said = settings(here, '[image]\nsize = "64x64"\nfallback_model = "offline"\n')
    assert main(["image", "a fox", *said]) == 0
    assert inspect((here / "limner-image.png").read_bytes()).width == 64


def test_pictures_may_be_ordered_in_a_chat(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """The makers: chat completions with `modalities`; `api` in [image] says so."""
    talk = illustrator("a fox")
    url = f"data:image/png;base64,{base64.b64encode(pictures.png()).decode()}"

    def answer(body: dict[str, Any]) -> Answer:
        if "modalities" not in body:
            return spoken(talk(body), body)
        message = {"role": "assistant", "content": "", "images": [{"image_url": {"url": url}}]}
        return whole({"choices": [{"message": message, "finish_reason": "stop"}]})

    provider.chat_script(answer)
    said = settings(here, '[image]\napi = "chat"\naspect_ratio = "16:9"\n')
    assert main(["ask", "foxes", "-o", "reply.md", *said]) == 0
    (order,) = (request for request in provider.requests if "modalities" in request.json)
    assert order.json["model"] == "colours"
    assert order.json["image_config"]["aspect_ratio"] == "16:9"
    assert not provider.posts(ORDERS)
    assert (here / "reply-images" / "01-a-fox.png").read_bytes() == pictures.png()

    assert main(["image", "a fox", "-n", "2", *said]) == 2
    assert "error: -n: colours does not take n 2" in capfd.readouterr().err


def test_a_server_is_asked_in_its_own_way(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """`server` in [image]: at a loopback address nobody can tell what answers."""
    assert main(["image", "a fox | no cat", *settings(here, '[image]\nserver = "localai"\n')]) == 0
    (order,) = provider.posts(ORDERS)
    assert order.json["response_format"] == "b64_json"
    assert "|" not in order.json["prompt"]
    assert "'|' would command this server" in capfd.readouterr().err

    assert main(["image", "a fox", *settings(here, '[image]\nserver = "locali"\n')]) == 2
    err = capfd.readouterr().err
    assert "'locali'" in err
    assert "localai" in err


def test_rows_of_ones_own_decide_what_is_sent(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """The catalogue: users add or override rows in their own file."""
    (here / "mine.toml").write_text(
        '[[models]]\nid = "colours"\nmax_n = 1\nqualities = ["good"]\nsizes = { list = ["640x480", "480x640"] }\n'
        'prices = [{ per = "image", usd = 0.25 }]\n'
    )
    said = settings(here, '[image]\ncatalogue = "mine.toml"\n')
    assert main(["image", "a fox", "--quality", "bad", *said]) == 2
    assert "--quality: colours does not take quality 'bad'; give good" in capfd.readouterr().err
    assert main(["image", "a fox", "--aspect-ratio", "3:4", "--budget-usd", "0.3", *said]) == 0
    assert provider.posts(ORDERS)[0].json["size"] == "480x640"
    assert "at most $0.2500" in capfd.readouterr().err


def bucket(provider: Provider) -> str:
    """[storage] with a bucket at the provider, which is none."""
    return (
        '[storage]\nurl = "s3://pictures"\n[storage.options]\nregion = "x"\naccess_key_id = "secret-7"\n'
        f'secret_access_key = "secret-8"\nendpoint = "{provider.origin}"\n'
    )


def test_a_bucket_that_refuses_is_found_out_before_anything_is_bought(
    here: Path, provider: Provider, capfd: pytest.CaptureFixture[str]
) -> None:
    """DESIGN, decision 6: bytes are kept on arrival, so there must be a place for them."""
    for suffix in ("", ".json"):
        provider.pictures[f"/pictures/pictures/{'A' * 43}{suffix}"] = status(403)
    assert main(["ask", "foxes", *settings(here, bucket(provider))]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "pictures" in err
    assert "secret-" not in err
    assert not [request for request in provider.requests if request.method == "POST"]


def test_where_a_picture_is_that_could_not_be_kept_is_told(
    here: Path,
    tmp_path: Path,
    provider: Provider,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was paid for: a bucket that reads and does not write leaves it in a file aside."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    provider.chat_script(illustrator("a fox"))
    assert main(["ask", "foxes", *settings(here, bucket(provider))]) == 3
    (aside,) = tmp_path.glob("limner-*.image")
    assert str(aside) in capfd.readouterr().err
    assert inspect(aside.read_bytes()).format == "png"
