"""What a request carries, as it arrives at a real server."""

from __future__ import annotations

import email.policy
from collections.abc import Iterator, Mapping
from email import message_from_bytes
from email.message import EmailMessage
from typing import Any

import pytest

from limner.transport.bodies import Deadlines
from limner.transport.client import ProviderClient
from limner.transport.parcels import File, Form, Json, json_parcel
from providers import Provider, Recorded, whole

SOON = Deadlines(20.0, 20.0)
FOX = File("image[]", "image-1.png", "image/png", b"\x89PNG \r\n--fox--\r\n\0")
BOAT = File("image[]", "image-2.jpg", "image/jpeg", b"\xff\xd8 boat")


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider() as running:
        running.chat(whole({}))
        yield running


async def sent(provider: Provider, fields: Mapping[str, Any], *files: File) -> Recorded:
    client = ProviderClient(base_url=provider.base_url, api_key="sk-canary")
    try:
        answer = await client.post("/chat/completions", Form(fields, files), SOON)
        await answer.aclose()
    finally:
        await client.aclose()
    return provider.requests[-1]


def parts_of(request: Recorded) -> list[tuple[str, str | None, str, bytes]]:
    """Name, file name, type and bytes of each part, as the standard library reads them."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(head + request.body, policy=email.policy.HTTP)
    assert isinstance(message, EmailMessage)
    found = []
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        assert isinstance(data, bytes)
        found.append((str(name), part.get_filename(), part.get_content_type(), data))
    return found


@pytest.mark.anyio
async def test_a_form_goes_out_with_its_fields_and_files(provider: Provider) -> None:
    """Images sheet, 2.2: repeated `image[]`, real names and types; RFC 7578."""
    request = await sent(provider, {"model": "m", "prompt": "ein Füchschen \ud800"}, FOX, BOAT)
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert request.headers["authorization"] == "Bearer sk-canary"
    assert parts_of(request) == [
        ("model", None, "text/plain", b"m"),
        ("prompt", None, "text/plain", "ein Füchschen \ufffd".encode()),
        ("image[]", "image-1.png", "image/png", FOX.data),
        ("image[]", "image-2.jpg", "image/jpeg", BOAT.data),
    ]


@pytest.mark.anyio
async def test_every_field_of_a_form_is_text(provider: Provider) -> None:
    """Images sheet, 2.2: all scalars are strings, and nested keys become `o[k]`."""
    request = await sent(provider, {"n": 2, "stream": False, "o": {"k": 1}, "one": "x"}, FOX)
    fields = {name: data for name, file, _, data in parts_of(request) if file is None}
    assert fields == {"n": b"2", "stream": b"false", "o[k]": b"1", "one": b"x"}


@pytest.mark.anyio
async def test_no_text_can_add_a_part(provider: Provider) -> None:
    """A prompt comes from a model, and it may hold anything."""
    evil = 'x"\r\n\r\n--limner\r\nContent-Disposition: form-data; name="n"\r\n\r\n9'
    request = await sent(provider, {"prompt": evil}, FOX)
    assert [name for name, *_ in parts_of(request)] == ["prompt", "image[]"]
    assert evil.encode() in request.body


@pytest.mark.parametrize("body", [{"n": float("nan")}, {"data": b"bytes"}], ids=["no number", "bytes"])
def test_what_is_no_json_is_not_written(body: dict[str, object]) -> None:
    """RFC 8259; providers refuse NaN with an error that nobody understands."""
    with pytest.raises((TypeError, ValueError)):
        json_parcel(body)


def test_json_is_written_as_text_and_no_parcel_shows_what_it_holds() -> None:
    """Prompts and pictures stay out of logs, also by `repr`."""
    parcel = json_parcel({"prompt": "Füchse \ud800"})
    assert parcel == Json('{"prompt": "Füchse \ufffd"}'.encode())
    assert "Füchse" not in repr(parcel)
    assert "fox" not in repr(Form({"prompt": "a fox"}, (FOX,)))
