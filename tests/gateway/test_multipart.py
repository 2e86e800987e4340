"""Forms, read within bounds."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms import BOUNDARY, TYPE, file, form, part, text
from limner.gateway.front.multipart import boundary_of, is_form, read_form
from limner.gateway.refusal import Refusal
from limner.wire.forms import FormPart

DELIMITER = f"--{BOUNDARY}".encode()


def read(body: bytes, content_type: str = TYPE) -> tuple[FormPart, ...]:
    async def main() -> tuple[FormPart, ...]:
        return await read_form(body, content_type)

    return anyio.run(main)


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ("Multipart/Form-Data;Boundary=abc", b"abc"),
        ('multipart/form-data; charset=utf-8; boundary="a b:c"', b"a b:c"),
        ("multipart/form-data; boundary=----=_Part_1_2.3", b"----=_Part_1_2.3"),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=", None),
        ('multipart/form-data; boundary="abc', None),
        ('multipart/form-data; boundary="abc "', None),
        ("multipart/form-data; boundary=a\x00c", None),
        ("multipart/form-data; boundary=ü", None),
        ("multipart/form-data; boundary=a; boundary=b", None),
        ("multipart/mixed; boundary=abc", None),
        ("application/json; boundary=abc", None),
        ("", None),
    ],
)
def test_the_boundary_stands_in_the_content_type(content_type: str, boundary: bytes | None) -> None:
    """RFC 2046, section 5.1.1: 1 to 70 of its characters, the last of them no space; quoted or not."""
    assert boundary_of(content_type) == boundary
    assert is_form(content_type) == content_type.lower().startswith("multipart/form-data")


names = st.text(st.characters(codec="utf-8", exclude_characters='"\\'), min_size=1).filter(
    lambda name: name.isprintable() and len(name.encode()) < 200
)
contents = st.binary(max_size=300).filter(lambda data: DELIMITER not in data)


@given(st.lists(st.tuples(names, contents, st.none() | st.just("a picture.png")), max_size=8))
def test_what_was_sent_is_read(sent: list[tuple[str, bytes, str | None]]) -> None:
    """RFC 7578: names and bytes as they are, in the order sent, whatever lines the bytes have."""
    parts = [
        part(f'Content-Disposition: form-data; name="{name}"', data)
        if filename is None
        else file(name, data, filename)
        for name, data, filename in sent
    ]
    assert [(each.name, each.data, each.filename) for each in read(form(parts))] == sent


pieces = st.lists(
    st.sampled_from(
        [
            DELIMITER,
            b"--",
            b"\r\n",
            b"\r",
            b"\n",
            b" ",
            b"\t",
            b":",
            b";",
            text("a", "b"),
            file("c", b"d"),
            DELIMITER[:5],
        ]
    )
    | st.binary(max_size=5),
    max_size=20,
)


@given(pieces)
def test_whatever_is_sent_is_read_or_refused(sent: list[bytes]) -> None:
    """Nothing else is raised, and what is read stood in the body."""
    body = b"".join(sent)
    refused: Refusal | None = None
    parts: tuple[FormPart, ...] = ()
    try:
        parts = read(body)
    except Refusal as refusal:
        refused = refusal
    assert refused is None or refused.code in ("invalid_form", "body_too_large")
    assert all(each.data in body for each in parts)


def test_what_follows_the_end_of_a_form_is_no_part_of_it() -> None:
    """RFC 2046, section 5.1.1: an epilogue is passed over."""
    sent = form([text("prompt", "a fox")]) + form([text("model", "m")])
    assert [each.name for each in read(sent)] == ["prompt"]
