"""What a reply cost where its provider does not say: looked up, marked as an estimate, or unknown."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import anyio
import genai_prices
import pytest
from genai_prices import data_snapshot, types

from limner.core.messages import Usage
from limner.spending.chat_prices import priced

pytestmark = pytest.mark.anyio

AT_S = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
URL = "https://api.example.com/v1"


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    """Prices that stay as they are, whatever the installed table says: $2, $0.5 cached and $10 per million."""
    tiered = types.TieredPrices(base=Decimal(2), tiers=[types.Tier(start=100_000, price=Decimal(4))])
    steady = types.ModelPrice(input_mtok=tiered, cache_read_mtok=Decimal("0.5"), output_mtok=Decimal(10))
    cheaper = types.ModelPrice(input_mtok=Decimal(1), output_mtok=Decimal(5))
    prices = [
        types.ConditionalPrice(prices=steady),
        types.ConditionalPrice(types.StartDateConstraint(date(2026, 7, 1)), prices=cheaper),
    ]
    writer = types.ModelInfo("writer", types.ClauseEquals("writer"), prices=prices)
    example = types.Provider("example", "Example", r"https://api\.example\.com", models=[writer])
    data_snapshot.set_custom_snapshot(data_snapshot.DataSnapshot([example], from_auto_update=False))
    yield
    data_snapshot.set_custom_snapshot(None)


async def cost(
    usage: Usage, *, model: str = "writer", base_url: str | None = URL, at_s: float = AT_S
) -> Usage:
    return await priced(usage, model=model, base_url=base_url, at_s=at_s)


@pytest.mark.parametrize(
    ("usage", "cost_usd"),
    [
        (Usage(1000, 100), 0.002 + 0.001),
        (Usage(1000, 0), 0.002),
        (Usage(1000, 100, cached_tokens=400), 0.0012 + 0.0002 + 0.001),
        (Usage(200_000, 100), 0.8 + 0.001),
        (Usage(1, 0), 0.000002),
    ],
    ids=["plain", "calls alone", "partly read before", "a long prompt", "one token"],
)
async def test_a_price_is_looked_up_for_each_request(usage: Usage, cost_usd: float) -> None:
    """Money: chat prices come from the provider's own figure, else from `genai-prices`, by its tiers."""
    found = await cost(usage)
    assert found.cost_usd == pytest.approx(cost_usd)
    assert found.estimated
    assert (found.prompt_tokens, found.completion_tokens) == (usage.prompt_tokens, usage.completion_tokens)


async def test_a_price_is_of_the_day_on_which_it_was_used() -> None:
    """A reply that is read later cost what it cost."""
    july = datetime(2026, 7, 2, tzinfo=UTC).timestamp()
    assert (await cost(Usage(1000, 100), at_s=july)).cost_usd == pytest.approx(0.001 + 0.0005)


@pytest.mark.parametrize("told", [0.0, 0.7])
async def test_the_providers_own_figure_wins(told: float) -> None:
    """Money: what chat replies cost."""
    assert await cost(Usage(1000, 100, told)) == Usage(1000, 100, told)


@pytest.mark.parametrize(
    ("usage", "model", "base_url"),
    [
        (Usage(1000, 100), "somebody-elses", URL),
        (Usage(1000, 100), "writer", "http://127.0.0.1:8000/v1"),
        (Usage(1000, 100), "writer", "https://api.example.org/v1"),
        (Usage(1000, 100), "writer", None),
        (Usage(1000, 100), "", URL),
        (Usage(0, 0), "writer", URL),
        (Usage(0, 100), "writer", URL),
    ],
    ids=["model", "own server", "provider", "no address", "no name", "no figures", "no prompt counted"],
)
async def test_what_nobody_knows_stays_unknown(usage: Usage, model: str, base_url: str | None) -> None:
    """Money: unknown prices are said to be unknown. U31: missing figures are no figures."""
    assert await cost(usage, model=model, base_url=base_url) == usage


async def test_a_reply_that_is_there_is_priced_whoever_has_no_time_left() -> None:
    """It is whole and will be recorded: the end of the turn's time must not make it an interrupted one."""
    with anyio.CancelScope() as scope:
        scope.cancel()
        found = await cost(Usage(1000, 100))
    assert found.estimated


async def test_absurd_figures_break_nothing() -> None:
    """U31: 10^18 tokens are clamped where they are read; here they cost what they cost."""
    found = await cost(Usage(10**9, 10**9, cached_tokens=10**12))
    assert found.cost_usd is not None
    assert 0 < found.cost_usd < 1e6


def test_the_installed_table_knows_what_people_use() -> None:
    """The real table: providers are found by the addresses that people configure."""
    data_snapshot.set_custom_snapshot(None)
    for model, url in {
        "gpt-5-mini": "https://api.openai.com/v1",
        "openai/gpt-5-mini": "https://openrouter.ai/api/v1",
        "gemini-2.5-flash": "https://generativelanguage.googleapis.com/v1beta/openai/",
        "mistral-large-latest": "https://api.mistral.ai/v1",
    }.items():
        usage = genai_prices.Usage(input_tokens=1000, output_tokens=100)
        assert genai_prices.calc_price(usage, model, provider_api_url=url).total_price > 0


WITHOUT = """
import sys
sys.modules["genai_prices"] = None
import anyio
from limner.core.messages import Usage
from limner.spending.chat_prices import priced
async def main():
    print((await priced(Usage(1000, 100), model="gpt-5-mini", base_url="https://api.openai.com/v1", at_s=0)).cost_usd)
anyio.run(main)
"""
ALONE = """
import json, socket, sys, threading
import anyio
from limner.core.messages import Usage
from limner.spending.chat_prices import priced
opened = []
sys.addaudithook(lambda event, _: opened.append(event) if event.startswith("socket.connect") else None)
async def main():
    loaded = "genai_prices" in sys.modules
    found = await priced(Usage(1000, 100), model="gpt-5-mini", base_url="https://api.openai.com/v1", at_s=1e9)
    named = [thread.name for thread in threading.enumerate() if "AnyIO" not in thread.name]
    print(json.dumps([loaded, found.estimated, opened, named]))
anyio.run(main)
"""


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_without_the_extra_a_price_is_unknown() -> None:
    """`prices` is an extra: nothing fails without it."""
    assert run(WITHOUT) == "None"


def test_the_table_is_loaded_when_it_is_needed_and_never_fetched() -> None:
    """Importing does nothing; a lookup opens no connection and leaves no thread that would."""
    assert json.loads(run(ALONE)) == [False, True, [], ["MainThread"]]
