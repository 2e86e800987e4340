"""Copies with changes: what `dataclasses.replace` makes, of everything that is copied."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.calls import Call
from limner.core.copies import copied
from limner.core.state import State

ORIGINALS: tuple[Any, ...] = (
    State(owner="me", turn=3, pictures=2),
    Call("t1/r1/c0/draw", 1, 1, "abcdefghi", "draw", "{}", "image", like=(1, 2)),
)


@given(st.data(), st.sampled_from(ORIGINALS))
def test_a_copy_is_what_replace_makes(data: st.DataObject, original: Any) -> None:
    """Every field, whichever are changed; and the original stays as it was."""
    names = [each.name for each in fields(original)]
    changes = data.draw(st.dictionaries(st.sampled_from(names), st.integers()))
    before = replace(original)
    assert copied(original, **changes) == replace(original, **changes)
    assert original == before


def test_a_copy_has_no_other_fields_than_its_original() -> None:
    """A name that is misspelt must not be lost."""
    with pytest.raises(KeyError):
        copied(State(), tunr=1)
