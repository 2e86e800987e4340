"""The one parser of links: what it takes, what it refuses, and that nothing reads its result otherwise."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from limner.images.download.links import Link, read_endpoint, read_link

HOME = read_endpoint("http://192.168.0.5:8080/v1")

READ = {
    "https://cdn.example/fox.png": ("https", "cdn.example", 443, "/fox.png"),
    "HTTPS://CDN.Example:8443/Fox.PNG": ("https", "cdn.example", 8443, "/Fox.PNG"),
    "http://cdn.example": ("http", "cdn.example", 80, "/"),
    "https://cdn.example?sig=a%2Fb&x=1": ("https", "cdn.example", 443, "/?sig=a%2Fb&x=1"),
    "https://cdn.example/a?b#c?d": ("https", "cdn.example", 443, "/a?b"),
    "https://cdn.example#@127.0.0.1/": ("https", "cdn.example", 443, "/"),
    "https://cdn.example/@127.0.0.1/a:b": ("https", "cdn.example", 443, "/@127.0.0.1/a:b"),
    "https://cdn.example/a/../b": ("https", "cdn.example", 443, "/a/../b"),
    "https://cdn.example/%2e%2e/%zz": ("https", "cdn.example", 443, "/%2e%2e/%zz"),
    'https://cdn.example/a fox\'s [1] "picture".png': (
        "https",
        "cdn.example",
        443,
        "/a%20fox's%20[1]%20%22picture%22.png",
    ),
    "https://cdn.example/狐狸.png": ("https", "cdn.example", 443, "/%E7%8B%90%E7%8B%B8.png"),
    "https://bücher.example/": ("https", "xn--bcher-kva.example", 443, "/"),
    "https://xn--bcher-kva.example/": ("https", "xn--bcher-kva.example", 443, "/"),
    "http://comfy_ui:8188/view": ("http", "comfy_ui", 8188, "/view"),
    "http://8.8.8.8/": ("http", "8.8.8.8", 80, "/"),
    "http://[2606:4700:0::1111]:8080/": ("http", "2606:4700::1111", 8080, "/"),
    "http://[::FFFF:8.8.8.8]/": ("http", "::ffff:808:808", 80, "/"),
}


@pytest.mark.parametrize("text", READ)
def test_a_link_is_read_into_parts(text: str) -> None:
    """I17: one parser; what signatures cover stays as it was spelt."""
    link = read_link(text)
    assert (link.scheme, link.host, link.port, link.target) == READ[text]


RELATIVE = {
    "fox.png": "/v1/fox.png",
    "/pic/fox.png?a=1": "/pic/fox.png?a=1",
    "../pic/fox.png": "/pic/fox.png",
    "../../../fox.png": "/fox.png",
    "./a/./b/../fox.png": "/v1/a/fox.png",
    "?view=1": "/v1/?view=1",
    "a/..": "/v1/",
    "view?file=../../x:y#z": "/v1/view?file=../../x:y",
    "a//b": "/v1/a//b",
}


@pytest.mark.parametrize("text", RELATIVE)
def test_a_relative_link_belongs_to_the_configured_endpoint(text: str) -> None:
    """Quirk 39: self-hosted servers answer with relative links; source: RFC 3986, section 5.2."""
    assert read_link(text, HOME) == Link("http", "192.168.0.5", 8080, RELATIVE[text])
    with pytest.raises(ValueError, match="relative"):
        read_link(text)


def test_a_link_without_a_scheme_keeps_the_endpoints() -> None:
    """RFC 3986, section 4.2."""
    assert read_link("//cdn.example/fox.png", HOME) == Link("http", "cdn.example", 80, "/fox.png")


@pytest.mark.parametrize(
    ("base_url", "origin", "target"),
    [
        ("http://localhost:7860", ("http", "localhost", 7860), "/"),
        ("HTTPS://Pictures.Example/v1/", ("https", "pictures.example", 443), "/v1/"),
        ("https://user:p@ss@pictures.example:443/v1?api=2", ("https", "pictures.example", 443), "/v1/"),
        ("http://[::1]:8080/v1", ("http", "::1", 8080), "/v1/"),
    ],
)
def test_an_endpoint_is_the_folder_of_its_links(
    base_url: str, origin: tuple[str, str, int], target: str
) -> None:
    """I19: what a base URL says in front of its host is no part of any link."""
    endpoint = read_endpoint(base_url)
    assert (endpoint.origin, endpoint.target) == (origin, target)


REFUSED = [
    # I17, hosts
    "http://a\\@127.0.0.1/",
    "http://127.0.0.1\\.cdn.example/",
    "http://127.0.0.1\t/",
    "http://cdn.example\n.evil.example/",
    "ht\ttp://cdn.example/",
    " http://cdn.example/",
    "http://cdn.example /",
    "http:// cdn.example/",
    "http://127.0.0.1%2e/",
    "http://127%2e0.0.1/",
    "http://%31%32%37.0.0.1/",
    "http://2130706433/",
    "http://017700000001/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0/",
    "http://127.0.0.01/",
    "http://127.0.0.1./",
    "http://127.0.0.0x1/",
    "http://127.0.0.256/",
    "http://1.2.3.4.5/",
    "http://cdn.example.0x/",
    "http://１２７.0.0.1/",
    "http://①②⑦.0.0.1/",
    "http://127。0。0。1/",
    "http://１２７．０．０．１/",
    "http://ｌocalhost/",
    "http://loc\u00adalhost/",
    "http://\u212adn.example/",
    "http://user@cdn.example/",
    "http://user:secret@cdn.example/",
    "http://cdn.example@127.0.0.1/",
    "http://@cdn.example/",
    "http://[::1%25lo]/",
    "http://[::1%lo]/",
    "http://[::1/",
    "http://::1/",
    "http://[cdn.example]/",
    "http://[127.0.0.1]/",
    "http://[]/",
    "http://.cdn.example/",
    "http://cdn..example/",
    "http://-cdn.example/",
    "http://cdn.example./",
    "http://" + "a." * 130 + "example/",
    "http://" + "ü" * 5000 + "/",
    "http://cdn,example/",
    # I17, ports
    "http://cdn.example:0/",
    "http://cdn.example:65536/",
    "http://cdn.example:99999999999999999999/",
    "http://cdn.example:080/",
    "http://cdn.example:/",
    "http://cdn.example:80:80/",
    "http://cdn.example:-1/",
    "http://cdn.example:٨٠/",
    "http://cdn.example:80a/",
    # I18 and slashes
    "file:///etc/passwd",
    "ftp://cdn.example/fox.png",
    "gopher://127.0.0.1:70/_",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "ws://cdn.example/",
    "blob:https://cdn.example/1",
    "https+unix://cdn.example/",
    "http:/cdn.example/",
    "http:cdn.example/",
    "http:///cdn.example/",
    "http:",
    "https://",
    "localhost:8080/fox.png",
    # others
    "",
    "https://cdn.example/\x00",
    "https://cdn.example/\r\nHost: evil.example",
    "https://cdn.example/\ud800",
    "https://cdn.example/" + "a" * 17_000,
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_two_parsers_may_read_in_two_ways_is_refused(text: str) -> None:
    """I17, I18: refused before anything is resolved, and without a word of the link."""
    for base in (None, HOME):
        with pytest.raises(ValueError, match=r"^the link"):
            read_link(text, base)


SIGNS = [
    "/",
    "\\",
    "@",
    ":",
    "#",
    "?",
    "[",
    "]",
    "%",
    "\t",
    " ",
    "\n",
    "\x00",
    "\u200b",
    "\ud800",
    ".",
    "..",
    "-",
    "_",
]
WORDS = [
    "http://",
    "https://",
    "//",
    "%2e",
    "%40",
    "%09",
    "127.0.0.1",
    "127.1",
    "0x7f",
    "2130706433",
    "::1",
    "80",
]
NAMES = ["localhost", "cdn.example", "a", "ü", "xn--", "１", "。", "::ffff:", "0"]
TRICKS = st.sampled_from([*SIGNS, *WORDS, *NAMES])


@given(st.lists(TRICKS, max_size=9).map("".join), st.sampled_from(["", "http://", "https://cdn.example"]))
@example("127.0.0.1", "http://")
def test_whatever_is_read_is_read_alike_by_others(text: str, start: str) -> None:
    """I17: hosts that the parser takes are seen by the standard library and by httpx2 as the same host."""
    try:
        link = read_link(start + text, HOME)
    except ValueError:
        return
    assert re.fullmatch(r"[a-z0-9._:-]+", link.host)
    assert re.fullmatch(r"/[!-~]*", link.target)
    assert 1 <= link.port <= 65535
    written = f"{link.scheme}://{link.authority}{link.target}"
    for host, port in (
        (urlsplit(written).hostname, urlsplit(written).port),
        (httpx2.URL(written).raw_host.decode(), httpx2.URL(written).port),
    ):
        assert (host or "").strip("[]") == link.host
        assert (port or link.port) == link.port
    # What is written out is read back as itself.
    assert read_link(written) == link


@given(st.integers(0, 2**32 - 1))
def test_an_address_has_one_spelling(number: int) -> None:
    """I17: decimal, octal, hexadecimal and short forms are no hosts."""
    address = str(ip_address(number))
    assert read_link(f"http://{address}/").address == ip_address(number)
    first, second, third, fourth = address.split(".")
    for spelt in (
        str(number),
        hex(number),
        f"{first}.{second}.{int(third) * 256 + int(fourth)}",
        f"{first}.{int(second) * 65536 + int(third) * 256 + int(fourth)}",
        f"0{int(first):o}.{second}.{third}.{fourth}",
        f"{first}.{second}.{third}.{int(fourth):#x}",
    ):
        with pytest.raises(ValueError, match="unusual"):
            read_link(f"http://{spelt}/")
