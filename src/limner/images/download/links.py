"""The one parser of links: what it returns is what is checked, and what is fetched.

It takes less than browsers do. Whatever two parsers may read in two ways is refused, because a
link is paid for by then and comes from a machine, which has no reason to write it so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import quote

from .addresses import Address, read_address

__all__ = ["Link", "read_endpoint", "read_link"]

_LONGEST = 16_384
_LONGEST_AUTHORITY = 300
_PORTS = {"http": 80, "https": 443}

_HARMLESS = re.compile(r"[^\\\x00-\x1f\x7f]+")
"""White space and backslashes mean something else to each parser."""
_SCHEME = re.compile(r"[^/?#]*:")
_ABSOLUTE = re.compile(r"(https?)://([^/?#]*)([^#]*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:@%]+))(?::([1-9][0-9]{0,4}))?")
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label with which a host is an IPv4 address to some parsers, in any of a dozen spellings."""
_USER = re.compile(r"(https?://)[^/?#]*@", re.IGNORECASE)
_VERBATIM = "!$%&'()*+,/:;=?@[]^_`{|}~-."
"""What a target may hold as it stands: signatures cover it, so nothing is spelt anew without need."""


@dataclass(frozen=True, slots=True)
class Link:
    """An http or https address, in parts that nobody parses again."""

    scheme: str
    host: str
    """A name in lower case, or an address without brackets."""
    port: int
    target: str = field(repr=False)
    """Path and query as they are sent; whoever knows them may fetch the picture."""

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port."""
        return self.scheme, self.host, self.port

    @property
    def address(self) -> Address | None:
        """The address where the host is one and no name."""
        return read_address(self.host)

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def read_link(text: str, base: Link | None = None) -> Link:
    """Read `text`; a relative one is resolved against `base`.

    Raises: ValueError, whose words hold nothing of the link.
    """
    if len(text) > _LONGEST:
        raise ValueError("the link is too long")
    if not _HARMLESS.fullmatch(text) or text[0] == " ":
        raise ValueError("the link holds a backslash, a control character or white space in front")
    if _SCHEME.match(text):
        return _absolute(text)
    if base is None:
        raise ValueError("the link is relative, and nothing is known that it may be relative to")
    if text.startswith("//"):
        return _absolute(f"{base.scheme}:{text}")
    return replace(base, target=_target(_joined(base.target.partition("?")[0], text.partition("#")[0])))


def is_relative(text: str) -> bool:
    """Whether `text` names neither a scheme nor a host, and so leads back to where it came from."""
    return not _SCHEME.match(text) and not text.startswith("//")


def read_endpoint(base_url: str) -> Link:
    """Read the address that the operator configured, as links below it are relative to it.

    Raises: ValueError.
    """
    link = read_link(_USER.sub(r"\1", base_url))
    return replace(link, target=f"{link.target.partition('?')[0].rstrip('/')}/")


def _absolute(text: str) -> Link:
    found = _ABSOLUTE.fullmatch(text.partition("#")[0])
    if found is None:
        raise ValueError("the link is not of the form http://host/path or https://host/path")
    scheme, authority, rest = found[1].lower(), found[2], found[3]
    # Longer than any name and port: what reads names takes its time with long ones.
    parts = _AUTHORITY.fullmatch(authority) if len(authority) <= _LONGEST_AUTHORITY else None
    if parts is None:
        raise ValueError("the link's host is not a plain name or address with a port or none")
    port = int(parts[3]) if parts[3] else _PORTS[scheme]
    if port > 65535:
        raise ValueError("the link's port is none")
    host = _ipv6(parts[1]) if parts[1] else _name(parts[2])
    return Link(scheme, host, port, _target(rest if rest.startswith("/") else f"/{rest}"))


def _ipv6(text: str) -> str:
    try:
        return str(IPv6Address(text))
    except AddressValueError:
        raise ValueError("the link's host is no IPv6 address") from None


def _name(text: str) -> str:
    # Letters outside ASCII keep their case: what IDNA does not take as it stands is refused.
    host = "".join(letter.lower() if letter.isascii() else letter for letter in text)
    if not host.isascii():
        import idna

        try:
            host = idna.encode(host, strict=True).decode("ascii")
        except UnicodeError:
            raise ValueError("the link's host is no international name") from None
    if not _NAME.fullmatch(host) or len(host) > 253:
        raise ValueError("the link's host is no name")
    if _NUMERIC.fullmatch(host.rpartition(".")[2]):
        try:
            return str(IPv4Address(host))
        except AddressValueError:
            raise ValueError("the link's host is an address in an unusual spelling") from None
    return host


def _target(text: str) -> str:
    try:
        return quote(text, safe=_VERBATIM, errors="strict")
    except UnicodeError:
        raise ValueError("the link holds half a character") from None


def _joined(path: str, reference: str) -> str:
    """`reference` as seen from `path` (RFC 3986, section 5.2)."""
    where, mark, query = reference.partition("?")
    if not where:
        if not mark:
            raise ValueError("the link is empty")
        return f"{path}?{query}"
    if not where.startswith("/"):
        where = f"{path.rpartition('/')[0]}/{where}"
    steps: list[str] = []
    for step in where.split("/")[1:]:
        if step == "..":
            del steps[-1:]
        elif step != ".":
            steps.append(step)
    # What ends in a dot segment is a folder.
    if where.endswith(("/.", "/..")):
        steps.append("")
    return f"/{'/'.join(steps)}{mark}{query}"
