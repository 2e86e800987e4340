"""The money of a process: whoever reserves, settles and leaves in whatever order, it adds up."""

from __future__ import annotations

import math
import sys
import threading

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from limner import Budget
from limner.errors import CallerError
from limner.spending.budget import Account, Name

A, B = ("run", "a"), ("run", "b")


def figures(budget: Budget) -> tuple[float, float, float | None]:
    return budget.spent_usd, budget.reserved_usd, budget.left_usd


def test_money_is_set_aside_then_spent() -> None:
    """DESIGN decision 5: reserved before, settled after by what it really cost."""
    budget = Budget(0.1)
    account = Account(budget)
    assert account.reserve(A, 0.04)
    assert account.reserve(B, 0.06)
    assert figures(budget) == (0.0, 0.1, 0.0)
    account.settle(A, 0.01)
    assert figures(budget) == (0.01, 0.06, 0.03)
    account.release(B)
    assert figures(budget) == (0.01, 0.0, 0.09)


def test_the_last_affordable_picture_is_affordable() -> None:
    """Three times 0.1 is 0.3, also where floats say 0.30000000000000004."""
    budget = Budget(0.3)
    account = Account(budget)
    assert [account.reserve(("run", str(at)), 0.1) for at in range(4)] == [True, True, True, False]
    assert account.reserve(("run", "free"), 0.0), "what costs nothing fits into nothing"


def test_everything_may_be_said_twice() -> None:
    """A fact may be told again; money must not move again."""
    budget = Budget(1.0)
    account = Account(budget)
    for _ in range(2):
        assert account.reserve(A, 0.4)
    for _ in range(2):
        account.ordered(A)
    for _ in range(2):
        account.settle(A, 0.3)
    account.release(A)
    assert figures(budget) == (0.3, 0.0, 0.7)


def test_what_was_ordered_is_not_taken_back() -> None:
    """DESIGN decision 4: an order that has left may be billed, whoever goes."""
    budget = Budget(1.0)
    account = Account(budget)
    for name in (A, B):
        account.reserve(name, 0.4)
    account.ordered(A)
    for name in (A, B):
        account.release(name)
    assert figures(budget) == (0.0, 0.4, 0.6)
    account.leave()
    assert figures(budget) == (0.0, 0.4, 0.6)


def test_somebody_else_takes_over_what_was_left_behind() -> None:
    """A run that is resumed by another engine of the process is not counted twice."""
    budget = Budget(1.0)
    first, second = Account(budget), Account(budget)
    first.reserve(A, 0.4)
    first.ordered(A)
    first.leave()
    second.hold(A, 0.4)
    second.hold(A, 0.4)
    assert figures(budget) == (0.0, 0.4, 0.6)
    second.settle(A, 0.5)
    assert figures(budget) == (0.5, 0.0, 0.5)


def test_two_engines_may_call_their_runs_alike() -> None:
    """Names are an engine's own: another one's picture of the same name costs money of its own."""
    budget = Budget(1.0)
    first, second = Account(budget), Account(budget)
    assert first.reserve(A, 0.6)
    assert not second.reserve(A, 0.6)
    assert second.reserve(A, 0.4)
    first.settle(A, 0.6)
    assert figures(budget) == (0.6, 0.4, 0.0)


def test_what_was_ordered_before_counts_whether_it_fits_or_not() -> None:
    """A crash must not refill a budget."""
    budget = Budget(0.1)
    account = Account(budget)
    account.hold(A, 0.4)
    assert figures(budget) == (0.0, 0.4, 0.0)
    assert not account.reserve(B, 0.01)


def test_the_last_look_refuses_what_others_have_spent_meanwhile() -> None:
    """Never costs more than allowed, also where a picture cost more than it was thought to."""
    budget = Budget(0.12)
    account = Account(budget)
    names: list[Name] = [("run", str(at)) for at in range(3)]
    for name in names:
        account.reserve(name, 0.04)
    assert account.renew(names[0], 0.04)
    account.ordered(names[0])
    account.settle(names[0], 0.07)
    assert not account.renew(names[1], 0.04)
    assert figures(budget) == (0.07, 0.04, 0.01)
    assert account.renew(names[2], 0.04)
    assert account.renew(names[1], 0.01), "what was taken back is set aside again where it fits"


@pytest.mark.parametrize("wrong", [-0.01, math.nan, -math.inf])
def test_a_budget_that_holds_nothing_is_refused(wrong: float) -> None:
    """A budget of NaN would buy without a limit."""
    with pytest.raises(CallerError) as caught:
        Budget(wrong)
    assert caught.value.code == "limits_invalid"


@pytest.mark.parametrize("usd", [None, math.inf, 1e300])
def test_without_a_limit_money_is_only_counted(usd: float | None) -> None:
    """`Engine.budget` says what was spent, also where nobody set a limit."""
    budget = Budget(usd)
    account = Account(budget)
    assert account.reserve(A, 1e6)
    account.settle(A, 2e6)
    assert (budget.usd, budget.spent_usd) == (usd, 2e6)
    assert (budget.left_usd is None) == (usd is None)


def test_threads_cannot_share_the_last_dollar() -> None:
    """S26: engines of several event loops race for it; exactly as many as fit come through.

    Fails if the lock is taken away.
    """
    budget = Budget(5.0)
    together = threading.Barrier(8)
    granted: list[int] = []

    def race(number: int) -> None:
        account = Account(budget)
        together.wait()
        count = 0
        for at in range(200):
            name = (str(number), str(at))
            if account.reserve(name, 0.01):
                count += 1
                account.settle(name, 0.01)
        granted.append(count)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    interval_s = sys.getswitchinterval()
    # As often as can be: otherwise a thread mostly keeps its turn from looking to setting aside.
    sys.setswitchinterval(1e-7)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval_s)
    assert sum(granted) == 500
    assert figures(budget) == (5.0, 0.0, 0.0)


class Books(RuleBasedStateMachine):
    """Any number of engines in any order, against a plain list of what was said."""

    names = Bundle("names")

    def __init__(self) -> None:
        super().__init__()
        self.limit = 0
        self.budget = Budget(0.0)
        self.accounts: list[Account] = []
        self.open: dict[tuple[int, Name], tuple[int, bool]] = {}
        self.behind: dict[Name, int] = {}
        self.lost = 0
        """Left behind twice under one name: set aside until the process ends."""
        self.spent = 0
        self.surprises = 0
        """By how much more was spent or held than was granted."""

    @initialize(limit=st.integers(0, 2000))
    def begin(self, limit: int) -> None:
        self.limit, self.budget = limit, Budget(limit / 1000)
        self.accounts = [Account(self.budget) for _ in range(3)]

    @property
    def reserved(self) -> int:
        return sum(amount for amount, _ in self.open.values()) + sum(self.behind.values()) + self.lost

    @rule(target=names, name=st.sampled_from("abcdef"))
    def named(self, name: str) -> Name:
        return "run", name

    @rule(at=st.integers(0, 2), name=names, price=st.integers(0, 600))
    def reserve(self, at: int, name: Name, price: int) -> None:
        known = (at, name) in self.open
        fits = not price or self.spent + self.reserved + price <= self.limit
        assert self.accounts[at].reserve(name, price / 1000) == (known or fits)
        if fits and not known:
            self.open[at, name] = price, False

    @rule(at=st.integers(0, 2), name=names, price=st.integers(0, 600))
    def renew(self, at: int, name: Name, price: int) -> None:
        amount, ordered = self.open.get((at, name), (price, False))
        more = 0 if (at, name) in self.open else price
        fits = ordered or not amount or self.spent + self.reserved + more <= self.limit
        assert self.accounts[at].renew(name, price / 1000) == fits
        if fits:
            self.open.setdefault((at, name), (price, False))
        else:
            self.open.pop((at, name), None)

    @rule(at=st.integers(0, 2), name=names)
    def ordered(self, at: int, name: Name) -> None:
        self.accounts[at].ordered(name)
        if (at, name) in self.open:
            self.open[at, name] = self.open[at, name][0], True

    @rule(at=st.integers(0, 2), name=names, price=st.integers(0, 600))
    def hold(self, at: int, name: Name, price: int) -> None:
        self.accounts[at].hold(name, price / 1000)
        if (at, name) not in self.open:
            self.surprises += 0 if name in self.behind else price
            self.open[at, name] = self.behind.pop(name, price), True

    @rule(at=st.integers(0, 2), name=names, cost=st.integers(0, 900))
    def settle(self, at: int, name: Name, cost: int) -> None:
        self.accounts[at].settle(name, cost / 1000)
        amount, _ = self.open.pop((at, name), (None, False))
        if amount is not None:
            self.spent += cost
            self.surprises += max(0, cost - amount)

    @rule(at=st.integers(0, 2), name=names)
    def release(self, at: int, name: Name) -> None:
        self.accounts[at].release(name)
        if not self.open.get((at, name), (0, True))[1]:
            del self.open[at, name]

    @rule(at=st.integers(0, 2))
    def leave(self, at: int) -> None:
        self.accounts[at].leave()
        for (owner, name), (amount, ordered) in tuple(self.open.items()):
            if owner == at:
                del self.open[owner, name]
                if ordered:
                    self.lost += self.behind.get(name, 0)
                    self.behind[name] = amount

    @invariant()
    def adds_up(self) -> None:
        assert self.budget.spent_usd == pytest.approx(self.spent / 1000, abs=1e-9)
        assert self.budget.reserved_usd == pytest.approx(self.reserved / 1000, abs=1e-9)
        assert self.budget.left_usd == pytest.approx(
            max(0, self.limit - self.spent - self.reserved) / 1000, abs=1e-9
        )

    @invariant()
    def never_grants_more_than_there_is(self) -> None:
        assert self.spent + self.reserved <= self.limit + self.surprises


Books.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestBooks = Books.TestCase
