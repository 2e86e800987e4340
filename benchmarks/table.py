"""Results as Markdown: every measure, and what stands against a target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .entries import BY_HAND, LIMNER, Entry
from .measures import Results

__all__ = ["ROWS", "TARGETS", "Row", "Target", "written"]


@dataclass(frozen=True)
class Row:
    """One measure, as it stands in the table."""

    measure: str
    title: str
    unit: str
    digits: int
    ratio: bool = True
    """Whether the ratio to the hand-written loop stands beside it."""


ROWS = (
    Row("whole_turn_cpu_ms", "sequential turn, CPU", "ms", 1),
    Row("streamed_turn_cpu_ms", "streamed turn, CPU", "ms", 1),
    Row("large_turn_cpu_ms", "turn with pictures of 1.5 MB, CPU", "ms", 0),
    Row("at_once_turns_per_s", "64 conversations at once", "turns/s", 0),
    Row("many_wall_s", "{many:,} conversations at once, pictures of 1 s: wall", "s", 1),
    Row("many_cpu_s", "… CPU", "s", 1),
    Row("many_peak_mb", "… peak memory", "MB", 0),
    Row("first_delta_ms", "first delta", "ms", 2),
    Row("deltas_burst_cpu_ms", "1,000 deltas in a burst, CPU", "ms", 1),
    Row("deltas_apart_cpu_ms", "1,000 deltas 1 ms apart, CPU", "ms", 0),
    Row("long_tenth_cpu_ms", "turn 10 of a conversation, CPU", "ms", 1),
    Row("long_last_cpu_ms", "turn {long_turns} of it, CPU", "ms", 1),
    Row("long_growth", "… against its own turn 10", "×", 1, ratio=False),
    Row("import_cpu_s", "import, CPU", "s", 2),
    Row("import_peak_mb", "… memory of that process", "MB", 0),
    Row("installed_mb", "installed size", "MB", 0),
    Row("reader_first_word_s", "first word of the body, pictures of {picture_s:g} s", "s", 2, ratio=False),
    Row("reader_complete_s", "complete reply", "s", 2, ratio=False),
    Row("reader_beyond_chain_s", "… beyond the longest chain", "s", 2, ratio=False),
)


@dataclass(frozen=True)
class Target:
    """What one of Limner's figures should be."""

    title: str
    limit: float
    reached: Callable[[Results], float | None]
    at_least: bool = False
    unit: str = "×"


def _figure(measure: str, name: str = LIMNER.name) -> Callable[[Results], float | None]:
    return lambda results: results.get(measure, {}).get(name)


def _ratio(measure: str, to: str = BY_HAND.name) -> Callable[[Results], float | None]:
    def ratio(results: Results) -> float | None:
        found = results.get(measure, {})
        return found[LIMNER.name] / found[to] if LIMNER.name in found and found.get(to) else None

    return ratio


TARGETS = (
    Target("sequential turn, CPU against the hand-written loop", 0.40, _ratio("whole_turn_cpu_ms")),
    Target("streamed turn, CPU", 0.25, _ratio("streamed_turn_cpu_ms")),
    Target("turns per second at 64 conversations", 5.0, _ratio("at_once_turns_per_s"), at_least=True),
    Target("{many:,} conversations, pictures of 1 s: wall", 0.25, _ratio("many_wall_s")),
    Target("… peak memory", 1.0, _ratio("many_peak_mb")),
    Target("CPU per 1,000 deltas, burst", 0.08, _ratio("deltas_burst_cpu_ms")),
    Target("first delta", 0.75, _ratio("first_delta_ms")),
    Target("turn {long_turns} of one conversation, CPU", 0.02, _ratio("long_last_cpu_ms")),
    Target("… against its own turn 10", 1.5, _figure("long_growth")),
    Target("import, CPU", 0.10, _figure("import_cpu_s"), unit=" s"),
    Target(
        "complete reply with pictures, beyond the longest chain",
        0.2,
        _figure("reader_beyond_chain_s", "limner_promises"),
        unit=" s",
    ),
    Target(
        "gateway: requests per second at 64 clients, against LiteLLM's proxy",
        20.0,
        _ratio("gateway_requests_per_s_64", "litellm_proxy"),
        at_least=True,
    ),
    Target(
        "gateway: answers of 200 deltas per second at 16 clients, against it",
        20.0,
        _ratio("gateway_answers_per_s_16", "litellm_proxy"),
        at_least=True,
    ),
    Target("gateway: added latency at one client, median", 1.0, _figure("gateway_added_ms_1"), unit=" ms"),
    Target("gateway: memory, one worker at rest", 80.0, _figure("gateway_rest_mb"), unit=" MB"),
)


def _cell(row: Row, results: Results, entry: Entry) -> str:
    value = results.get(row.measure, {}).get(entry.name)
    if value is None:
        return ""
    told = f"{value:,.{row.digits}f}"
    base = results[row.measure].get(BY_HAND.name)
    if row.ratio and base and entry.name != BY_HAND.name:
        told += f" ({_short(value / base)}×)"
    return told


def _short(ratio: float) -> str:
    """A ratio with two figures that count."""
    digits = 3 if ratio < 0.0995 else 2 if ratio < 9.95 else 0
    return f"{ratio:.{digits}f}"


def _table(header: list[str], rows: Iterable[list[str]]) -> list[str]:
    return [
        f"| {' | '.join(header)} |",
        f"|{'---|' * len(header)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def written(
    results: Results, entries: Iterable[Entry], *, meta: Mapping[str, Any], plan: Mapping[str, Any]
) -> str:
    """The whole report."""
    present = [entry for entry in entries if any(entry.name in found for found in results.values())]
    lines = [
        f"{meta['date']} · {meta['machine']} · {meta['system']} · Python {meta['python']} · "
        f"Limner {meta['commit']} · {meta['extent']}",
        "",
        "**Against the targets** (ratios to the hand-written loop over the `openai` package where nothing else is said)",
        "",
        *_table(["", "target", "measured", ""], _targets(results, plan)),
        "",
        "**Every contestant** (median; in brackets the ratio to the hand-written loop)",
        "",
        *_table(
            ["", *(entry.title for entry in present)],
            (
                [
                    f"{row.title.format(**plan)} ({row.unit})",
                    *(_cell(row, results, entry) for entry in present),
                ]
                for row in ROWS
                if results.get(row.measure)
            ),
        ),
        "",
        *_gateways(results),
        "Versions: "
        + ", ".join(f"{name} {version}" for name, version in sorted(meta["versions"].items()))
        + ".",
    ]
    return "\n".join(lines) + "\n"


def _targets(results: Results, plan: Mapping[str, Any]) -> Iterable[list[str]]:
    for target in TARGETS:
        value = target.reached(results)
        sign = "≥" if target.at_least else "≤"
        unit = target.unit
        limit = f"{sign} {target.limit:g}{unit}"
        if value is None:
            yield [target.title.format(**plan), limit, "not measured", ""]
            continue
        met = value >= target.limit if target.at_least else value <= target.limit
        told = f"{_short(value)}{unit}" if unit == "×" else f"{value:.2f}{unit}"
        yield [target.title.format(**plan), limit, told, "met" if met else "missed"]


GATEWAYS = {"direct": "no gateway", "limner": "Limner", "litellm_proxy": "LiteLLM's proxy"}
_GATEWAY_ROWS = (
    *(
        row
        for clients in (1, 16, 64)
        for row in (
            Row(f"gateway_requests_per_s_{clients}", f"whole answers, {clients} clients", "/s", 0),
            Row(f"gateway_added_ms_{clients}", "… added latency, median", "ms", 2),
            Row(f"gateway_added_p99_ms_{clients}", "… added latency, 99 of 100", "ms", 2),
            Row(f"gateway_request_cpu_ms_{clients}", "… CPU of one", "ms", 2),
        )
    ),
    Row("gateway_answers_per_s_16", "streamed answers of 200 deltas, 16 clients", "/s", 1),
    Row("gateway_burst_frame_cpu_us", "… CPU of one delta", "µs", 1),
    Row("gateway_responses_whole_per_s_16", "Responses API, whole, 16 clients", "/s", 0),
    Row("gateway_responses_streamed_per_s_16", "Responses API, 200 deltas, 16 clients", "/s", 1),
    Row("gateway_whole_turn_cpu_ms", "turn with four pictures, CPU", "ms", 1),
    Row("gateway_streamed_turn_cpu_ms", "… streamed", "ms", 1),
    Row("gateway_held_streams", "streams held at once, ten deltas a second each", "", 0),
    Row("gateway_held_lost", "… lost", "", 0),
    Row("gateway_held_words_missing", "… words missing", "", 0),
    Row("gateway_held_longest_gap_s", "… longest gap", "s", 2),
    Row("gateway_held_stream_kib", "… memory of one", "KiB", 0),
    Row("gateway_held_frame_cpu_us", "… CPU of one delta", "µs", 0),
    Row("gateway_waiting_links", "links of promised pictures, waiting at once", "", 0),
    Row("gateway_waiting_links_lost", "… lost", "", 0),
    Row("gateway_waiting_link_kib", "… memory of one", "KiB", 0),
    Row("gateway_waiting_link_cpu_ms", "… CPU of one", "ms", 2),
    Row("gateway_waiting_links_spread_s", "… from the first to the last that is answered", "s", 2),
    Row("gateway_rest_mb", "memory of one worker at rest", "MB", 1),
    Row("gateway_loaded_mb", "… after all this", "MB", 0),
    Row("gateway_others_cores", "cores that clients and provider took (of those of the machine)", "", 2),
    Row("gateway_cores", "cores of the machine", "", 0),
)


def _gateways(results: Results) -> list[str]:
    """What concerns gateways; their measures begin with `gateway_`."""
    rows = [
        [
            f"{row.title} ({row.unit})" if row.unit else row.title,
            *(_plain(results[row.measure].get(each), row) for each in GATEWAYS),
        ]
        for row in _GATEWAY_ROWS
        if results.get(row.measure)
    ]
    return ["**Gateways**", "", *_table(["", *GATEWAYS.values()], rows), ""] if rows else []


def _plain(value: float | None, row: Row) -> str:
    return "" if value is None else f"{value:,.{row.digits}f}"
