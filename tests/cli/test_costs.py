"""What `limner ask` says about money."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from answers import Answer, call, drawn, finish, sse, text, usage
from limner.cli.main import main
from pictures import png
from providers import Provider

FOX = {"prompt": "a fox", "alt": "A fox"}


def chat(cost: float | None) -> Any:
    """A model that asks for a picture, and says what its words cost if it knows."""
    figures = {"prompt_tokens": 10, "completion_tokens": 5} | ({} if cost is None else {"cost": cost})

    def answer(body: dict[str, Any]) -> Answer:
        if body["messages"][-1]["role"] == "user":
            return sse(call("generate_image", FOX), finish("tool_calls"), usage(**figures))
        return sse(text("A fox."), finish(), usage(**figures))

    return answer


def sold(cost: float | None) -> Any:
    """A picture, with what it cost if the provider says so."""
    answer = drawn(png(), 0)
    if cost is None:
        return lambda _: answer
    (body,) = answer.steps
    assert isinstance(body, bytes)
    return lambda _: Answer((body[:-1] + b', "usage": {"cost": %f}}' % cost,), chunked=False)


@pytest.mark.parametrize(
    ("words", "picture", "settings", "told"),
    [
        (0.001, 0.03, "", ", $0.0320)\n"),
        (0.001, None, "[image]\nprice_usd = 0.04", ", about $0.0420)\n"),
        (None, 0.03, "", ", $0.0300 for pictures, price of the words unknown)\n"),
        (
            None,
            None,
            "[image]\nprice_usd = 0.04",
            ", about $0.0400 for pictures, price of the words unknown)\n",
        ),
        (None, None, "[image]\nprice_usd = 0", ", price of the words unknown)\n"),
        (0.001, None, "", ", $0.0020 for words, price of the pictures unknown)\n"),
        (0.0, None, "", ", price of the pictures unknown)\n"),
        (None, None, "", ", price unknown)\n"),
        (0.0, 0.0, "", " s)\n"),
        (0.7, 0.8, "", ", $2.20)\n"),
    ],
)
def test_the_last_line_says_what_a_reply_cost(
    here: Path,
    provider: Provider,
    capfd: pytest.CaptureFixture[str],
    words: float | None,
    picture: float | None,
    settings: str,
    told: str,
) -> None:
    """Money: the sum, what of it is an estimate, and what nobody knows."""
    provider.chat_script(chat(words))
    provider.image_script(sold(picture))
    (here / "limner.toml").write_text(settings)
    assert main(["ask", "a fox", "--config", "limner.toml"]) == 0
    assert capfd.readouterr().err.endswith(told)


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "words"),
    [
        (["--budget-usd", "1"], "", 3, "`price_usd` in [image]"),
        ([], "[limits]\nconversation_usd = 1", 3, '`unknown_prices = "allow"` in [limits]'),
        (["--budget-usd", "1"], '[limits]\nunknown_prices = "allow"', 0, "1 picture in"),
        (["--budget-usd", "0.03"], "[image]\nprice_usd = 0.04", 3, "Raise the budget"),
        ([], "[image]\nprice_usd = 0.04\n[limits]\nprocess_usd = 0.03", 3, "Raise the budget"),
        ([], "[image]\nprice_usd = 0.04\n[limits]\nprocess_usd = 0.04", 0, "1 picture in"),
    ],
)
def test_what_was_not_bought_comes_with_what_to_do(
    here: Path,
    provider: Provider,
    capfd: pytest.CaptureFixture[str],
    arguments: list[str],
    settings: str,
    code: int,
    words: str,
) -> None:
    """Money: refused until the user gives its price or says to go on."""
    provider.chat_script(chat(0.0))
    (here / "limner.toml").write_text(settings)
    assert main(["ask", "a fox", "--config", "limner.toml", *arguments]) == code
    assert words in capfd.readouterr().err
    assert len(provider.posts("/images/generations")) == (code == 0)
