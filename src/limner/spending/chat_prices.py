"""What a chat model's reply cost where its provider does not say: a table of others, kept up to date by them.

Source: the package `genai-prices` (extra `prices`), as it is installed; it is never asked to fetch a newer
table.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from types import ModuleType

import anyio
from anyio import to_thread

from limner.core.messages import Usage
from limner.core.money import price
from limner.logs import log

__all__ = ["priced"]


async def priced(usage: Usage, *, model: str, base_url: str | None, at_s: float) -> Usage:
    """`usage` with its price, marked as an estimate; as it is where the provider said one or nobody knows.

    `at_s`: when it was used, because prices change. Where `base_url` is None, nobody knows.
    """
    # No request is without a prompt: a provider that counted none has counted nothing.
    if usage.cost_usd is not None or base_url is None or not usage.prompt_tokens:
        return usage
    if not _table.cache_info().currsize:
        # It and what it stands on take 0.4 s to import, once. Shielded: the reply is here and must be recorded as one.
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(_table)
    cost_usd = _cost_usd(usage, model, base_url, at_s)
    return usage if cost_usd is None else replace(usage, cost_usd=cost_usd, estimated=True)


@cache
def _table() -> ModuleType | None:
    """The package, its table loaded; None where it is not installed."""
    try:
        import genai_prices

        # Whatever is asked first makes it read its table.
        with suppress(Exception):
            genai_prices.calc_price(genai_prices.Usage(), "gpt-4o")
    except ImportError:
        return None
    return genai_prices


def _cost_usd(usage: Usage, model: str, base_url: str, at_s: float) -> float | None:
    genai_prices = _table()
    if genai_prices is None:
        return None
    try:
        found = genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=usage.prompt_tokens,
                output_tokens=usage.completion_tokens,
                cache_read_tokens=min(usage.cached_tokens, usage.prompt_tokens),
            ),
            model,
            provider_api_url=base_url,
            genai_request_timestamp=datetime.fromtimestamp(at_s, UTC),
        )
        return price(float(found.total_price))
    except LookupError:
        return None
    except Exception as error:
        # Strategy: a table that cannot be read makes a price unknown, not a reply a failure.
        log.warning("chat_price.broke", model=model, error=type(error).__name__)
        return None
