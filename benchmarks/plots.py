"""Two plots for the documentation, as SVG: bars, written down; no library is worth its size for them."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from .entries import Entry
from .measures import Results

__all__ = ["machine_plot", "reader_plot"]

_WIDTH = 760
_LEFT = 150
_BAR = 18
_GAP = 8
_OURS, _OTHERS, _LIGHT = "#c2410c", "#64748b", "#cbd5e1"
_STYLE = (
    "<style>text{font:13px system-ui,sans-serif;fill:#334155}.t{font-weight:600;font-size:15px}"
    ".v{fill:#475569}@media(prefers-color-scheme:dark){text,.v{fill:#e2e8f0}}</style>"
)


def _svg(height: float, parts: Iterable[str], title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" role="img" '
        f'aria-label="{escape(title)}">{_STYLE}<title>{escape(title)}</title>{"".join(parts)}</svg>\n'
    )


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>'


def _bar(x: float, y: float, width: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:g}" width="{max(width, 1):.1f}" height="{_BAR}" rx="3" fill="{colour}"/>'


def _colour(entry: Entry) -> str:
    return _OURS if entry.name.startswith("limner") else _OTHERS


def reader_plot(results: Results, entries: Iterable[Entry], picture_s: float) -> str:
    """What a reader waits for: until the first word (dark), and from there to the complete reply (light)."""
    first = results.get("reader_first_word_s", {})
    whole = results.get("reader_complete_s", {})
    chosen = sorted(
        (entry for entry in entries if entry.name in whole),
        key=lambda entry: (first[entry.name], whole[entry.name]),
    )
    title = f"Seconds until the first word, and until the complete reply (pictures of {picture_s:g} s)"
    scale = (_WIDTH - _LEFT - 130) / max(whole[entry.name] for entry in chosen)
    parts = [_text(0, 18, title, "t")]
    y = 34.0
    for entry in chosen:
        words_s, all_s = first[entry.name], whole[entry.name]
        parts += [
            _text(_LEFT - 10, y + 14, entry.title, anchor="end"),
            _bar(_LEFT, y, all_s * scale, _LIGHT),
            _bar(_LEFT, y, words_s * scale, _colour(entry)),
            _text(_LEFT + all_s * scale + 8, y + 14, f"{words_s:.2f} · {all_s:.2f} s", "v"),
        ]
        y += _BAR + _GAP
    return _svg(y + 4, parts, title)


def machine_plot(results: Results, entries: Iterable[Entry]) -> str:
    """What a machine pays for a turn, and how many turns it takes in a second."""
    entries = list(entries)
    parts: list[str] = []
    y = 0.0
    for measure, title, unit, digits, most_first in (
        ("whole_turn_cpu_ms", "CPU of one illustrated turn (less is better)", "ms", 1, False),
        (
            "at_once_turns_per_s",
            "Turns a second with 64 conversations at once (more is better)",
            "/s",
            0,
            True,
        ),
    ):
        found = results.get(measure, {})
        chosen = sorted(
            (entry for entry in entries if entry.name in found),
            key=lambda entry: found[entry.name],
            reverse=most_first,
        )
        if not chosen:
            continue
        scale = (_WIDTH - _LEFT - 110) / max(found[entry.name] for entry in chosen)
        parts.append(_text(0, y + 18, title, "t"))
        y += 34
        for entry in chosen:
            value = found[entry.name]
            parts += [
                _text(_LEFT - 10, y + 14, entry.title, anchor="end"),
                _bar(_LEFT, y, value * scale, _colour(entry)),
                _text(_LEFT + value * scale + 8, y + 14, f"{value:,.{digits}f} {unit}", "v"),
            ]
            y += _BAR + _GAP
        y += 14
    return _svg(y, parts, "What a machine pays")
