"""Figures in Prometheus' text format: turns, pictures, seconds, money, and failures by code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from ..exchange import Answer, Inbound, Whole
from .ended import Ended

__all__ = ["Metrics"]

_BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_HELP: Mapping[str, tuple[str, str]] = {
    "limner_requests_total": ("counter", "Requests that have ended, by route and status."),
    "limner_turns_total": ("counter", "Chat turns that were answered with the image tool."),
    "limner_pictures_total": ("counter", "Pictures that were drawn, by tenant."),
    "limner_cost_usd_total": ("counter", "US dollars that were spent, by tenant."),
    "limner_failures_total": ("counter", "Requests that were refused or broke off, by code."),
    "limner_picture_failures_total": ("counter", "Pictures that could not be drawn, by code."),
}

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """An observer that counts, and the endpoint that tells.

    Labels are routes, codes and tenants: all from lists of ours, so that no client can make them many.
    """

    def __init__(self, under_way: Callable[[], int]) -> None:
        """`under_way`: how many requests are being answered."""
        self._under_way = under_way
        self._counts: dict[str, defaultdict[Labels, float]] = {name: defaultdict(int) for name in _HELP}
        self._buckets = [0] * (len(_BOUNDS_S) + 1)
        self._seconds = 0.0

    def __call__(self, ended: Ended) -> None:
        """Count one request."""
        record = ended.record
        counts = self._counts
        counts["limner_requests_total"][("route", ended.route), ("status", str(ended.status))] += 1
        if record.get("turn"):
            counts["limner_turns_total"][()] += 1
        if ended.code is not None:
            counts["limner_failures_total"][("code", ended.code),] += 1
        self.late(ended.tenant or "", record)
        self._seconds += ended.seconds
        self._buckets[sum(bound < ended.seconds for bound in _BOUNDS_S)] += 1

    def late(self, name: str, record: Mapping[str, Any]) -> None:
        """Count a tenant's pictures and money, also where they come after their answer."""
        tenant: Labels = (("tenant", name),)
        counts = self._counts
        if record.get("pictures"):
            counts["limner_pictures_total"][tenant] += int(record["pictures"])
        if record.get("cost_usd"):
            counts["limner_cost_usd_total"][tenant] += record["cost_usd"]
        for code, count in record.get("failures", {}).items():
            counts["limner_picture_failures_total"][("code", code),] += count

    async def answer(self, _inbound: Inbound) -> Answer:
        """`GET /metrics`."""
        return Whole(self.text().encode(), content_type=_TYPE, headers={"cache-control": "no-store"})

    def text(self) -> str:
        """All figures."""
        lines: list[str] = []
        for name, (kind, sentence) in _HELP.items():
            lines += [f"# HELP {name} {sentence}", f"# TYPE {name} {kind}"]
            lines += [
                f"{name}{_braced(labels)} {_figure(count)}"
                for labels, count in sorted(self._counts[name].items())
            ]
        lines += self._histogram()
        lines += [
            "# HELP limner_requests_under_way Requests that are being answered.",
            "# TYPE limner_requests_under_way gauge",
            f"limner_requests_under_way {self._under_way()}",
        ]
        return "\n".join([*lines, ""])

    def _histogram(self) -> list[str]:
        name = "limner_request_seconds"
        lines = [f"# HELP {name} Seconds from a request's head to the end of its answer."]
        lines.append(f"# TYPE {name} histogram")
        total = 0
        for bound, count in zip((*map(str, _BOUNDS_S), "+Inf"), self._buckets, strict=True):
            total += count
            lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
        return [*lines, f"{name}_sum {self._seconds:.6f}", f"{name}_count {total}"]


def _braced(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _figure(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.9f}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
