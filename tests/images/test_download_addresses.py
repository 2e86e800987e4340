"""Which addresses a link from outside may lead to: the tables, and what holds for every address."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.images.download.addresses import is_open_port, is_public

NAT64 = IPv6Network("64:ff9b::/96")
CLOSED = {
    "this machine": ["127.0.0.1", "127.255.255.254", "::1", "0.0.0.0", "0.1.2.3", "::"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fdff::1", "fec0::1"],
    "this link": ["169.254.1.1", "fe80::1", "febf::1", "fe80::1%1", "2606:4700::1111%1"],
    "CGNAT": ["100.64.0.0", "100.127.255.255"],
    "metadata": [
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "fd00:ec2::254",
        "fd20:ce::254",
    ],
    "mapped": ["::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::ffff:10.1.2.3", "::ffff:100.100.100.200"],
    "NAT64": ["64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b:1::808:808", "64:ff9b:1:ffff::a9fe:a9fe"],
    "6to4": ["2002:a9fe:a9fe::1", "2002:7f00:1::", "2002:808:808::1"],
    "Teredo": ["2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "compatible": ["::7f00:1", "::127.0.0.1", "::8.8.8.8"],
    "ISATAP": ["2606:4700::5efe:a9fe:a9fe", "2606:4700::200:5efe:10.0.0.1"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "broadcast and reserved": ["255.255.255.255", "240.0.0.1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "benchmarks": ["198.18.0.1", "198.19.255.255", "2001:2::1"],
    "discard and others": ["100::1", "5f00::1", "4000::1", "192.88.99.1", "2001:20::1", "3ffe::1"],
}
OPEN = [
    "8.8.8.8",
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "169.253.255.255",
    "192.0.1.1",
    "198.17.255.255",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001::200e",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("text", [text for texts in CLOSED.values() for text in texts])
def test_what_is_not_the_open_internet_is_closed(text: str) -> None:
    """I15: private, mapped, NAT64, 6to4, CGNAT, metadata and the rest of the registries."""
    assert not is_public(ip_address(text))


@pytest.mark.parametrize("text", OPEN)
def test_the_open_internet_is_open(text: str) -> None:
    """I15: the neighbours of what is closed, and pictures behind NAT64 on networks without IPv4."""
    assert is_public(ip_address(text))


@given(st.ip_addresses())
def test_what_python_calls_closed_is_never_open(address: IPv4Address | IPv6Address) -> None:
    """I15: a second judge with tables of its own."""
    if is_public(address) and not (isinstance(address, IPv6Address) and address in NAT64):
        assert (getattr(address, "ipv4_mapped", None) or address).is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=4))
def test_an_address_wrapped_in_another_is_judged_like_itself(inner: IPv4Address) -> None:
    """I15: mapped and NAT64."""
    for prefix in ("::ffff:0:0", "64:ff9b::"):
        assert is_public(IPv6Address(int(IPv6Address(prefix)) | int(inner))) == is_public(inner)


@given(st.ip_addresses(v=4), st.integers(0, 2**80 - 1), st.integers(0, 2**32 - 1))
def test_retired_ways_to_wrap_an_address_are_closed(inner: IPv4Address, rest: int, prefix: int) -> None:
    """I15: 6to4, Teredo, compatible, ISATAP and the NAT64 of one network, whatever they wrap."""
    wrapped = [
        0x2002 << 112 | int(inner) << 80 | rest,
        0x20010000 << 96 | (rest << 32 | int(inner)) & (2**96 - 1),
        int(inner),
        prefix << 96 | 0x5EFE << 32 | int(inner),
        prefix << 96 | 0x02005EFE << 32 | int(inner),
        0x0064FF9B0001 << 80 | rest,
    ]
    assert not any(is_public(IPv6Address(each)) for each in wrapped)


@pytest.mark.parametrize("port", [80, 443, 1024, 3000, 8000, 8080, 8443, 9000, 65535])
def test_pictures_are_served_on_the_usual_ports(port: int) -> None:
    """I17: 80, 443, and what needs no rights to be served."""
    assert is_open_port(port)


@pytest.mark.parametrize(
    "port", [-1, 0, 1, 22, 25, 53, 79, 81, 444, 993, 1023, 2049, 6000, 6667, 10080, 65536]
)
def test_other_protocols_are_not_spoken_to(port: int) -> None:
    """I17: an odd port; source: WHATWG Fetch, port blocking."""
    assert not is_open_port(port)
