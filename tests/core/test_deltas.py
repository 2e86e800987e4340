"""The fold of streamed calls. Source: quirks 1 to 10, scorecard U27."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.deltas import MAX_ARGUMENTS, MAX_CALLS, MAX_TEXT, Fold, fold
from limner.core.events import AskedCall
from limner.core.messages import Delta, Usage

A = '{"prompt": "a fox"}'
B = '{"prompt": "an owl"}'
FOX, OWL = AskedCall("draw", A), AskedCall("draw", B)


def d(
    arguments: str | None = None,
    *,
    index: int | None = None,
    call_id: str | None = None,
    name: str | None = None,
) -> Delta:
    return Delta(index=index, call_id=call_id, name=name, arguments=arguments)


CASES: dict[str, tuple[list[Delta], list[AskedCall]]] = {
    "well behaved": (
        [
            d("", index=0, call_id="a", name="draw"),
            d(A[:5], index=0),
            d(A[5:], index=0),
            d("", index=1, call_id="b", name="draw"),
            d(B, index=1),
        ],
        [FOX, OWL],
    ),
    "interleaved": (
        [
            d("", index=0, call_id="a", name="draw"),
            d("", index=1, call_id="b", name="draw"),
            d(A[:5], index=0),
            d(B[:7], index=1),
            d(A[5:], index=0),
            d(B[7:], index=1),
        ],
        [FOX, OWL],
    ),
    "no index (quirk 1)": (
        [d("", call_id="a", name="draw"), d(A), d("", call_id="b", name="draw"), d(B)],
        [FOX, OWL],
    ),
    "no index, interleaved by id": (
        [
            d(A[:5], call_id="a", name="draw"),
            d(B[:5], call_id="b", name="draw"),
            d(A[5:], call_id="a"),
            d(B[5:], call_id="b"),
        ],
        [FOX, OWL],
    ),
    "all index 0 with other ids (quirk 2)": (
        [d(A, index=0, call_id="a", name="draw"), d(B, index=0, call_id="b", name="draw")],
        [FOX, OWL],
    ),
    "index starts at 1 (quirk 3)": ([d("", index=1, call_id="a", name="draw"), d(A, index=1)], [FOX]),
    "index resets to 0 (quirk 3)": (
        [d("", index=1, call_id="a", name="draw"), d(A[:4], index=0), d(A[4:], index=0)],
        [FOX],
    ),
    "empty ids (quirk 4)": (
        [d("", index=0, call_id="", name="draw"), d(A, index=0), d(B, index=1, call_id="", name="draw")],
        [FOX, OWL],
    ),
    "id only in a later delta": (
        [d(A[:3], index=0, name="draw"), d(A[3:], index=0, call_id="late")],
        [FOX],
    ),
    "same id at two indexes (quirk 5)": (
        [d(A, index=0, call_id="draw", name="draw"), d(B, index=1, call_id="draw", name="draw")],
        [FOX, OWL],
    ),
    "same id twice without index (quirk 5)": (
        [d(A, call_id="call_0", name="draw"), d(B, call_id="call_0", name="draw")],
        [FOX, OWL],
    ),
    "name later (quirk 6)": (
        [d("", index=0, call_id="a"), d("", index=0, name="draw"), d(A, index=0)],
        [FOX],
    ),
    "name repeated in every delta (quirk 6)": (
        [d(part, index=0, call_id="a", name="draw") for part in ("", A[:6], A[6:])],
        [FOX],
    ),
    "name repeated, nothing else known": ([d(part, name="draw") for part in (A[:6], A[6:])], [FOX]),
    "placeholder arguments first (quirk 7)": (
        [d("{}", index=0, call_id="a", name="draw"), d(A, index=0)],
        [FOX],
    ),
    "no arguments at all (quirk 7)": ([d(None, index=0, call_id="a", name="now")], [AskedCall("now", "")]),
    "repeated with empty arguments (quirk 8)": (
        [d(A, index=0, call_id="a", name="draw"), d("", index=0, call_id="a", name="draw")],
        [FOX],
    ),
    "repeated whole (quirk 8)": (
        [d(A, index=0, call_id="a", name="draw"), d(A, index=0, call_id="a", name="draw")],
        [FOX],
    ),
    "a parsable prefix is not the end (quirk 9)": (
        [d('{"a": 1}', index=0, call_id="a", name="draw"), d(" ", index=0)],
        [AskedCall("draw", '{"a": 1} ')],
    ),
    "whole calls in one delta each, nothing to tell them apart (quirk 10)": (
        [d(A, name="draw"), d(B, name="draw")],
        [FOX, OWL],
    ),
    "whole calls, all index 0, no id (quirk 10)": (
        [d(A, index=0, name="draw"), d(B, index=0, name="draw")],
        [FOX, OWL],
    ),
    "other names are other calls": (
        [d("{}", index=0, name="draw"), d("{}", index=0, name="now")],
        [AskedCall("draw", "{}"), AskedCall("now", "{}")],
    ),
    "a call without a name is none": ([d(A, index=0)], []),
}


@pytest.mark.parametrize("case", CASES)
def test_fragments_of_every_provider_become_the_calls_that_were_meant(case: str) -> None:
    """Quirks 1 to 10; fails if a guard of `Fold._find` or `_starts_anew` is removed."""
    deltas, wanted = CASES[case]
    assert list(fold(deltas).calls) == wanted


def test_text_finish_reason_and_usage_are_kept() -> None:
    """The last word of a stream counts."""
    folded = fold([Delta("Hel"), Delta("lo"), Delta(finish_reason="stop"), Delta(usage=Usage(3, 4))])
    assert (folded.text, folded.finish_reason, folded.usage) == ("Hello", "stop", Usage(3, 4))


def test_runaway_arguments_are_cut() -> None:
    """Quirk 22: a provider may stream arguments for ever."""
    folded = fold([d("", index=0, name="draw"), *(d("x" * 1000, index=0) for _ in range(600))])
    assert len(folded.calls[0].arguments) == MAX_ARGUMENTS


def test_calls_without_end_are_read_and_not_kept() -> None:
    """U28: what a reply asks for is bounded, and the calls before stay as they were."""
    many = [d(f'{{"n": {at}}}', index=at, call_id=f"c{at}", name="draw") for at in range(3000)]
    calls = fold([*many, d("more", index=2999), d("x")]).calls
    assert [call.arguments for call in calls] == [f'{{"n": {at}}}' for at in range(MAX_CALLS)]


def test_a_model_that_never_stops_is_cut_off() -> None:
    """What one reply may say is bounded; it ends as by a limit of length."""
    folding = Fold()
    while not folding.full:
        folding.add(Delta("word " * 10_000))
    assert MAX_TEXT < len(folding.text) < MAX_TEXT + 60_000
    assert folding.finish().finish_reason == "length"


arguments = st.lists(st.text(max_size=20), min_size=1, max_size=6, unique=True).map(
    lambda prompts: [json.dumps({"prompt": prompt}) for prompt in prompts]
)


@given(arguments, st.data(), st.sampled_from(["index", "id", "both"]))
def test_any_cut_and_interleaving_gives_each_call_once_in_order(
    texts: list[str], data: st.DataObject, known: str
) -> None:
    """U27: whichever of index and id identifies the calls, however the fragments are mixed."""
    opening = [
        d(
            "",
            index=at if known != "id" else None,
            call_id=f"c{at}" if known != "index" else None,
            name="draw",
        )
        for at in range(len(texts))
    ]
    rest: list[list[Delta]] = []
    for at, text in enumerate(texts):
        cut = data.draw(st.integers(0, len(text)))
        rest.append(
            [
                d(part, index=at if known != "id" else None, call_id=f"c{at}" if known != "index" else None)
                for part in (text[:cut], text[cut:])
            ]
        )
    mixed: list[Delta] = []
    while any(rest):
        queue = data.draw(st.sampled_from([each for each in rest if each]))
        mixed.append(queue.pop(0))
    assert [call.arguments for call in fold([*opening, *mixed]).calls] == texts
