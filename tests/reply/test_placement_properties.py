"""What holds for every text, wherever it is cut. Source: DESIGN decisions 1 and 2; scorecard S21–S25, U14, U15."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from limner.reply.ink import merged
from limner.reply.placement import Place, Placement, Text, place
from readers import FRAGMENTS, fetched, joined, numbers, told

PICTURES = {1: "a fox", 2: 'a "hen" <b> *x* ![y](z)', 3: ""}

FEW = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
MANY = settings(max_examples=20_000, deadline=None, suppress_health_check=list(HealthCheck))

fragments = st.sampled_from(FRAGMENTS)
# Joined, nested (one fragment put into the middle of another) and mutated (one character of a fragment lost).
nested = st.builds(
    lambda a, b, i: a[: i % (len(a) + 1)] + b + a[i % (len(a) + 1) :],
    fragments,
    fragments,
    st.integers(0, 40),
)
mutated = st.builds(lambda a, i: a[: i % len(a)] + a[i % len(a) + 1 :], fragments, st.integers(0, 40))
noise = st.text(alphabet="![]()<>`~\\$|:/ \n\t-#*ai1\"'&;\u2028\ud83d", max_size=12)
texts = st.lists(st.one_of(fragments, fragments, nested, mutated, noise), min_size=1, max_size=14).map(
    "".join
)
cuts = st.lists(st.integers(0, 200), max_size=6)


def stays_the_same_wherever_it_is_cut(text: str, places: list[int]) -> None:
    whole, notes, unplaced = told(text, PICTURES)
    some = told(text, PICTURES, sorted({cut for cut in places if cut < len(text)}))
    every = told(text, PICTURES, range(1, len(text)))
    for pieces, cut_notes, cut_unplaced in (some, every):
        assert merged(pieces) == merged(whole) == place(text, PICTURES)
        assert (cut_notes, cut_unplaced) == (notes, unplaced)


def fetches_nothing_but_our_pictures(text: str) -> None:
    pieces, _, unplaced = told(text, PICTURES)
    shown = numbers(pieces)
    assert sorted([*shown, *unplaced]) == sorted(PICTURES)
    markdown = joined(pieces)
    markdown.encode("utf-8")
    assert fetched(markdown) == []


# Fails if a decision looks at the end of what has arrived as if it were the end of the text (Window.search).
@FEW
@given(texts, cuts)
def test_cut_anywhere_the_pieces_equal_the_whole_ones(text: str, places: list[int]) -> None:
    """DESIGN decision 2: the streamed parts equal the whole ones; at most 1 KiB is held back."""
    stays_the_same_wherever_it_is_cut(text, places)


# Fails if any one guard of scanner.py, links.py, inlines.py or blocks.py is removed.
@FEW
@given(texts)
def test_nothing_that_the_model_wrote_is_fetched_or_run(text: str) -> None:
    """DESIGN decision 1; scorecard S21–S25: two renderers and an HTML parser find nothing of the model's making."""
    fetches_nothing_but_our_pictures(text)


@pytest.mark.soak
@MANY
@given(texts, cuts)
def test_cut_anywhere_the_pieces_equal_the_whole_ones_in_the_long_run(text: str, places: list[int]) -> None:
    """At least 2,000 examples."""
    stays_the_same_wherever_it_is_cut(text, places)


@pytest.mark.soak
@MANY
@given(texts)
def test_nothing_that_the_model_wrote_is_fetched_or_run_in_the_long_run(text: str) -> None:
    """At least 2,000 examples."""
    fetches_nothing_but_our_pictures(text)


@FEW
@given(st.text(alphabet=st.characters(), max_size=60), cuts)
def test_any_unicode_passes_and_can_be_written(text: str, places: list[int]) -> None:
    """Scorecard U15: the output is always valid UTF-8; a lone surrogate becomes U+FFFD."""
    stays_the_same_wherever_it_is_cut(text, places)
    joined(place(text, PICTURES)).encode("utf-8")


# Fails if a decision asks how much has arrived (Window.far) before it searched in vain.
@example("![a](\n\n" + "![x](https://evil.example)![a](image://1)" * 5, 7, "x ", 900, [10])
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    texts,
    st.integers(0, 40),
    st.sampled_from(["x ", "y", "\n", "> ", "`", "a`b", "[", "*"]),
    st.integers(900, 1100),
    st.lists(st.integers(0, 2500), max_size=8),
)
def test_what_is_longer_than_the_window_is_the_same_wherever_it_is_cut(
    text: str, start: int, filler: str, length: int, places: list[int]
) -> None:
    """DESIGN decision 2: what 1 KiB cannot decide is neutralised, however it arrives."""
    middle = start % (len(text) + 1)
    long = text[:middle] + filler * (length // len(filler)) + text[middle:]
    whole, notes, _ = told(long, PICTURES)
    pieces, cut_notes, _ = told(long, PICTURES, sorted({cut for cut in places if cut < len(long)}))
    assert (merged(pieces), cut_notes) == (merged(whole), notes)
    assert fetched(joined(whole)) == []


# Fails if a picture that becomes known later is forgotten (Album.add), or one of an earlier turn is missed.
@FEW
@given(texts, texts)
def test_pictures_that_come_between_feeds_are_placed_from_then_on(first: str, second: str) -> None:
    """DESIGN decision 2: every picture of the reply exactly once, also one that a later round drew."""
    placement = Placement()
    placement.know(1, "old", own=False)
    pieces = list(placement.feed(first))
    placement.know(2, "new")
    pieces += [*placement.feed(second), *placement.feed("\n\n![n](image://2)\n"), *placement.finish()]
    shown = numbers(pieces)
    assert len(shown) == len(set(shown))
    assert set(shown) <= {1, 2}
    assert placement.unplaced == (() if 2 in shown else (2,))
    assert fetched(joined(pieces)) == []


@pytest.mark.parametrize(
    "unit",
    ["![", "[", "`", "<", "![a](", "[a](", "](", "`a``b", "<b ", "> ", "- ", "[a]: ", "image:/", "![a](image://1", "\n```", "$", "\\[",
     "<a href=", "[a`", "1. ", "    ", "\n[a]:", "*"],
)  # fmt: skip
def test_a_long_reply_of_one_sign_is_read_in_time(unit: str) -> None:
    """Linear in the length: ten times this size would never end if it were not."""
    text = unit * (30_000 // len(unit))
    pieces = place(text, {1: "a"})
    # Nothing is swallowed by a window that closed: at most the destinations of links to references.
    assert sum(len(piece.text) for piece in pieces if isinstance(piece, Text)) > len(text) / 2
    assert fetched(joined(pieces)[:3000]) == []


def test_a_megabyte_of_prose_is_read_in_time() -> None:
    """Scorecard: replies may be long; prose costs a search, not a loop."""
    text = ("The quick brown fox jumps over the lazy dog. " * 22 + "\n\n") * 1000 + "![fox](image://1)"
    pieces = place(text, {1: "fox"})
    assert pieces[-1] == Place(1, "fox")
    assert pieces[0] == Text(text[: -len("![fox](image://1)")])
