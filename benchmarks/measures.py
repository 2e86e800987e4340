"""What is measured of every contestant that is a library: what a reader waits for, and what a machine pays.

Each function takes the workers, asks them in alternation, and writes medians into the results. A contestant that
fails one measurement is left out of that one alone.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .processes import Failed, Upstream, Worker, turns_order
from .upstream import Behaviour

__all__ = ["MEASURES", "Plan", "Results", "Run"]

Results = dict[str, dict[str, float]]
"""By measure and contestant."""


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int
    turns: int
    at_once: int
    """Turns with 64 at once, in one round."""
    many: int
    """Conversations at once, with pictures of `many_picture_s`."""
    many_everybody: bool
    """Whether the frameworks take part in that, too."""
    long_turns: int
    picture_s: float
    """What a reader waits for: of one picture."""
    tokens: int
    """Of the final text that a reader waits for, 80 a second."""
    imports: int


QUICK = Plan(
    rounds=2,
    turns=4,
    at_once=64,
    many=150,
    many_everybody=False,
    long_turns=20,
    picture_s=1.0,
    tokens=40,
    imports=1,
)
FULL = Plan(
    rounds=5,
    turns=20,
    at_once=192,
    many=1000,
    many_everybody=True,
    long_turns=200,
    picture_s=5.0,
    tokens=120,
    imports=7,
)

TOKENS_PER_S = 80
LIMIT_S = 150.0
"""For one order; who takes longer is left out of that measure, with a line that says so."""
FEW = frozenset({"limner", "limner_sqlite", "limner_promises", "by_hand", "by_hand_aiohttp", "bare"})


@dataclass
class Run:
    """One run of everything: who takes part, and what came of it."""

    plan: Plan
    upstream: Upstream
    workers: dict[str, Worker]
    results: Results = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def note(self, measure: str, name: str, value: float) -> None:
        self.results.setdefault(measure, {})[name] = value

    def opened(self, behaviour: Behaviour, concurrency: int, only: Iterable[str] = ()) -> list[Worker]:
        """The workers, each with clients of its own for such a provider."""
        names = set(only) or set(self.workers)
        workers = [worker for name, worker in self.workers.items() if name in names]
        url = self.upstream.url(behaviour.prefix)
        return [
            worker
            for worker in workers
            if self.asked(worker, "open", "open", url=url, concurrency=concurrency) is not None
        ]

    def close(self, workers: Iterable[Worker]) -> None:
        for worker in workers:
            self.asked(worker, "close", "close")

    def asked(self, worker: Worker, what: str, order: str, **details: Any) -> dict[str, Any] | None:
        """What came of an order; None where it failed, which is told."""
        try:
            return worker.ask(order, LIMIT_S, **details)
        except Failed as error:
            self.failed(what, error)
            return None

    def failed(self, what: str, error: Failed) -> None:
        """Tell of a failure, once."""
        failure = f"{what}: {error}"
        if failure not in self.failures:
            self.failures.append(failure)
            print(f"  {failure}", flush=True)

    def alternating(
        self, what: str, workers: list[Worker], rounds: int, turns: int, **details: Any
    ) -> Mapping[str, list[dict[str, Any]]]:
        """The results of `rounds` rounds, in each of which every worker takes `turns` turns."""
        results: dict[str, list[dict[str, Any]]] = {worker.name: [] for worker in workers}
        failed: set[str] = set()
        for _ in range(rounds):
            for worker in workers:
                if worker.name in failed:
                    continue
                result = self.asked(worker, what, "turns", **turns_order(turns, **details))
                if result is None:
                    failed.add(worker.name)
                    del results[worker.name]
                else:
                    results[worker.name].append(result)
        return results


def _median_cpu_ms(results: Iterable[dict[str, Any]]) -> float:
    spent: list[float] = [result["cpu_s"] / result["turns"] * 1000 for result in results]
    return statistics.median(spent)


def turns(run: Run) -> None:
    """Sequential turns, whole and streamed, with small and with large pictures: CPU of one turn."""
    for measure, behaviour, streamed, share in (
        ("whole_turn_cpu_ms", Behaviour(), False, 1.0),
        ("streamed_turn_cpu_ms", Behaviour(), True, 1.0),
        ("large_turn_cpu_ms", Behaviour(picture_bytes=1_500_000), False, 0.25),
    ):
        workers = run.opened(behaviour, 64)
        several = max(2, round(run.plan.turns * share))
        run.alternating(measure, workers, 1, 2, streamed=streamed)
        rounds = 1 if share < 1 and run.plan is QUICK else run.plan.rounds
        found = run.alternating(measure, workers, rounds, several, streamed=streamed)
        for name, results in found.items():
            run.note(measure, name, _median_cpu_ms(results))
        run.close(workers)


def at_once(run: Run) -> None:
    """64 conversations at once: turns a second."""
    workers = run.opened(Behaviour(), 1024)
    rounds = 1
    if run.plan is not QUICK:
        run.alternating("warming 64", workers, 1, 64, at_once=64)
        rounds = 3
    found = run.alternating("at_once_turns_per_s", workers, rounds, run.plan.at_once, at_once=64)
    for name, results in found.items():
        run.note(
            "at_once_turns_per_s", name, statistics.median(each["turns"] / each["wall_s"] for each in results)
        )
    run.close(workers)


def many(run: Run) -> None:
    """Very many conversations at once, with pictures of a second: wall, CPU, and the most memory."""
    turns = run.plan.many
    workers = run.opened(Behaviour(picture_s=1.0), 4 * turns, () if run.plan.many_everybody else FEW)
    for worker in workers:
        found = run.alternating("many", [worker], 1, turns, at_once=turns).get(worker.name)
        if found:
            run.note("many_wall_s", worker.name, found[0]["wall_s"])
            run.note("many_cpu_s", worker.name, found[0]["cpu_s"])
            run.note("many_peak_mb", worker.name, found[0]["peak_bytes"] / 1e6)
    run.close(workers)


def deltas(run: Run) -> None:
    """Streamed words without pictures: CPU of 1,000 deltas in one burst and 1 ms apart, and the first one."""
    for measure, gap_s in (("deltas_burst_cpu_ms", 0.0), ("deltas_apart_cpu_ms", 0.001)):
        workers = run.opened(Behaviour(pictures=0, deltas=1000, gap_s=gap_s), 8)
        if run.plan is not QUICK:
            run.alternating(measure, workers, 1, 1, streamed=True, pictures=0)
        rounds = run.plan.rounds if not gap_s else 1 + (run.plan is not QUICK)
        found = run.alternating(measure, workers, rounds, 1, streamed=True, pictures=0)
        for name, results in found.items():
            run.note(measure, name, _median_cpu_ms(results))
        run.close(workers)
    workers = run.opened(Behaviour(pictures=0), 8)
    run.alternating("first_delta_ms", workers, 1, 3, streamed=True, pictures=0)
    found = run.alternating("first_delta_ms", workers, run.plan.rounds, 10, streamed=True, pictures=0)
    for name, results in found.items():
        run.note(
            "first_delta_ms", name, statistics.median(s for each in results for s in each["words_s"]) * 1000
        )
    run.close(workers)


def long(run: Run) -> None:
    """One conversation of many turns: CPU of its tenth turn, and of its last."""
    last = run.plan.long_turns
    for worker in run.opened(Behaviour(), 64):
        found = run.alternating("long", [worker], 1, last + 1, kept=True).get(worker.name)
        if found:
            spent_s = found[0]["turn_cpu_s"]
            tenth_s, last_s = (
                statistics.median(spent_s[8:11]),
                statistics.median(spent_s[last - 2 : last + 1]),
            )
            run.note("long_tenth_cpu_ms", worker.name, tenth_s * 1000)
            run.note("long_last_cpu_ms", worker.name, last_s * 1000)
            run.note("long_growth", worker.name, last_s / tenth_s)
        run.close([worker])


def reader(run: Run) -> None:
    """What a reader waits for: the first word of the body, and the complete reply beyond the longest chain."""
    behaviour = Behaviour(picture_s=run.plan.picture_s, deltas=run.plan.tokens, gap_s=1 / TOKENS_PER_S)
    # Imports, once; and then several together, for they do nothing but wait.
    warm = run.opened(Behaviour(), 64)
    run.alternating("warming reader", warm, 1, 1, streamed=True)
    workers = run.opened(behaviour, 64, [worker.name for worker in warm])
    for together in (workers[at : at + 4] for at in range(0, len(workers), 4)):
        for worker in together:
            worker.send("turns", **turns_order(1, streamed=True))
        for worker in together:
            try:
                result = worker.result(LIMIT_S)
            except Failed as error:
                run.failed("reader", error)
                continue
            run.note("reader_first_word_s", worker.name, result["words_s"][0])
            run.note("reader_complete_s", worker.name, result["whole_s"][0])
            beyond_s = result["whole_s"][0] - behaviour.longest_chain_s
            run.note("reader_beyond_chain_s", worker.name, beyond_s)
    run.note("reader_complete_s", "physics", behaviour.longest_chain_s)
    run.close(workers)


MEASURES: Mapping[str, Callable[[Run], None]] = {
    "turns": turns,
    "at_once": at_once,
    "deltas": deltas,
    "long": long,
    "reader": reader,
    "many": many,
}
