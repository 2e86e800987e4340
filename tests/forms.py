"""Forms by hand, as clients send them, and as none should."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["BOUNDARY", "TYPE", "file", "form", "part", "text"]

BOUNDARY = "limner-of-the-tests"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def part(head: str, data: bytes) -> bytes:
    """One part with these headers, lines ended by CRLF."""
    return head.encode() + b"\r\n\r\n" + data


def text(name: str, value: str) -> bytes:
    """A field."""
    return part(f'Content-Disposition: form-data; name="{name}"', value.encode())


def file(
    name: str, data: bytes, filename: str = "upload", content_type: str = "application/octet-stream"
) -> bytes:
    """A file; by default as the official package sends bytes."""
    about = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"'
    return part(f"{about}\r\nContent-Type: {content_type}", data)


def form(parts: Iterable[bytes], boundary: str = BOUNDARY, end: str = "--\r\n") -> bytes:
    """All of them, with the boundary between."""
    delimiter = b"--" + boundary.encode()
    return b"".join(delimiter + b"\r\n" + each + b"\r\n" for each in parts) + delimiter + end.encode()
