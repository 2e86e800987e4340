"""When a refused request is sent again, and after how long."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.transport.retries import CHAT, IDEMPOTENT_PICTURES, PAID_PICTURES, RetryPolicy, retry_after_s

NOW = datetime(2026, 11, 21, tzinfo=UTC).timestamp()


def date(offset_s: float) -> str:
    return format_datetime(datetime.fromtimestamp(NOW + offset_s, UTC), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({}, None, id="nothing asked"),
        pytest.param({"retry-after": "2"}, 2, id="U01 seconds"),
        pytest.param({"retry-after": "1.5"}, 1.5, id="U01 a fraction"),
        pytest.param({"retry-after": "0"}, 0, id="U01 at once"),
        pytest.param({"retry-after-ms": "250", "retry-after": "9"}, 0.25, id="U01 milliseconds win"),
        pytest.param({"retry-after": date(30)}, 30, id="U01 a date"),
        pytest.param({"retry-after": "120"}, 120, id="U01 the longest"),
        pytest.param({"retry-after": "121"}, math.inf, id="U02 too long"),
        pytest.param({"retry-after": "3600"}, math.inf, id="U02 an hour"),
        pytest.param({"retry-after": "-1"}, math.inf, id="U02 negative"),
        pytest.param({"retry-after": "NaN"}, math.inf, id="U02 no number"),
        pytest.param({"retry-after": "inf"}, math.inf, id="U02 endless"),
        pytest.param({"retry-after": "soon"}, math.inf, id="U02 garbage"),
        pytest.param({"retry-after": ""}, math.inf, id="U02 empty"),
        pytest.param({"retry-after": date(-1)}, math.inf, id="U02 a date in the past"),
        pytest.param({"retry-after": date(3600)}, math.inf, id="U02 a date far ahead"),
        pytest.param({"retry-after": "Mon, 99 Jan 2026 00:00:00 GMT"}, math.inf, id="U02 no date"),
        pytest.param({"retry-after-ms": "-5"}, math.inf, id="U02 negative milliseconds"),
    ],
)
def test_a_wait_is_read_or_known_to_be_absurd(headers: dict[str, str], seconds: float | None) -> None:
    """Scorecard U01, U02; RFC 9110, 10.2.3."""
    assert retry_after_s(headers, NOW) == seconds


def spent(reset: str, unit: str = "-input-images", remaining: str = "0") -> dict[str, str]:
    return {f"x-ratelimit-remaining{unit}": remaining, f"x-ratelimit-reset{unit}": reset}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param(spent("12s"), 12, id="seconds"),
        pytest.param(spent("6m0s"), math.inf, id="longer than anybody waits"),
        pytest.param(spent("1m30s"), 90, id="minutes"),
        pytest.param(spent("20ms"), 0.02, id="milliseconds"),
        pytest.param(spent("1h0m0s"), math.inf, id="hours"),
        pytest.param(spent("2m"), 120, id="minutes alone"),
        pytest.param(spent("1.5"), 1.5, id="a number"),
        pytest.param(spent(str(int(NOW) + 30)), 30, id="a moment in seconds"),
        pytest.param(spent(str((int(NOW) + 30) * 1000), ""), 30, id="a moment in milliseconds"),
        pytest.param(spent(str(int(NOW) - 30)), 0, id="a moment in the past"),
        pytest.param(spent("12s", remaining="3"), None, id="not spent"),
        pytest.param({"x-ratelimit-reset-requests": "12s"}, None, id="nobody knows whether it is spent"),
        pytest.param(spent("1s", "-requests") | spent("9s", "-tokens"), 9, id="the last of several"),
        pytest.param(spent("1s", "-requests") | spent("soon", "-tokens"), 1, id="what can be read"),
        pytest.param(spent("soon"), None, id="garbage"),
        pytest.param(spent(""), None, id="empty"),
        pytest.param(spent("-4"), None, id="negative"),
        pytest.param(spent("12s") | {"retry-after": "3"}, 3, id="what is asked for wins"),
    ],
)
def test_an_allowance_that_is_spent_says_when_it_comes_back(
    headers: dict[str, str], seconds: float | None
) -> None:
    """Images sheet, 2.6: any `x-ratelimit-*-<unit>`, for nobody documents those of pictures."""
    assert retry_after_s(headers, NOW) == seconds


@given(st.integers(1, 2), st.floats(0, 1, exclude_max=True))
def test_u04_a_wait_of_our_own_stays_between_half_a_second_and_eight(retry: int, jitter: float) -> None:
    """Scorecard U04: full jitter 0.5 to 8 s."""
    wait_s = CHAT.wait_s(retry, jitter)
    assert wait_s is not None
    assert 0.5 <= wait_s <= 8


@given(st.integers(1, 2), st.floats(0, 1, exclude_max=True), st.floats(0, 120))
def test_u01_a_wait_that_was_asked_for_is_never_cut(retry: int, jitter: float, asked_s: float) -> None:
    """Scorecard U01: waits at least that long."""
    wait_s = CHAT.wait_s(retry, jitter, asked_s)
    assert wait_s is not None
    assert asked_s <= wait_s <= asked_s + 0.5


def test_the_third_retry_never_comes() -> None:
    """Scorecard U04: tries ≤ 3."""
    assert CHAT.wait_s(2, 0.0) is not None
    assert CHAT.wait_s(3, 0.0) is None
    assert CHAT.wait_s(3, 0.0, 1.0) is None


def test_an_absurd_wait_is_none() -> None:
    """Scorecard U02."""
    assert CHAT.wait_s(1, 0.5, math.inf) is None


@pytest.mark.parametrize("status", [200, 307, 400, 401, 402, 403, 404, 408, 413, 422, 504, 524])
@pytest.mark.parametrize(
    "policy", [CHAT, PAID_PICTURES, IDEMPOTENT_PICTURES], ids=["chat", "paid", "idempotent"]
)
def test_what_may_be_at_work_still_is_not_sent_again(policy: RetryPolicy, status: int) -> None:
    """DESIGN decision 4, scorecard U08."""
    assert status not in policy.statuses


def test_i03_a_paid_picture_is_sent_again_after_429_alone() -> None:
    """Scorecard I03, DESIGN decision 4."""
    assert PAID_PICTURES.statuses == {429}
    assert PAID_PICTURES.statuses < IDEMPOTENT_PICTURES.statuses
