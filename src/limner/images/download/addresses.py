"""Which addresses may be connected to for a link that came from outside: pure, and tables alone.

Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries; RFC 4291, 5214, 6052, 6598, 8215,
9637 (read 2026-11-21); the metadata addresses from the clouds' own documentation.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

__all__ = ["Address", "is_open_port", "is_public", "read_address"]

Address = IPv4Address | IPv6Address

_CLOSED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network; 0.0.0.0 reaches this machine
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers (CGNAT); Alibaba's metadata, 100.100.100.200
        "127.0.0.0/8",  # this machine
        "168.63.129.16/32",  # Azure's platform, a public address that is answered by the host itself
        "169.254.0.0/16",  # this link; metadata of most clouds, 169.254.169.254
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata, 192.0.0.192
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved; broadcast
    )
)

_GLOBAL_V6 = IPv6Network("2000::/3")
"""All that is handed out. Outside of it lie ::, ::1, fc00::/7 (with the metadata addresses fd00:ec2::254
and fd20:ce::254), fe80::/10, fec0::/10, ff00::/8, ::/96 and the NAT64 of one network, 64:ff9b:1::/48."""

_CLOSED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks, AMT
        "2001:db8::/32",  # documentation
        # 6to4: whatever IPv4 address it wraps, a relay unwraps it; retired by RFC 7526.
        "2002::/16",
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # 6bone, given back
        "3fff::/20",  # documentation
    )
)

_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_ISATAP = (0x00005EFE, 0x02005EFE)
"""What stands before an IPv4 address in the second half of an IPv6 one that tunnels to it."""

_BAD_PORTS = frozenset(
    {1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, *range(6665, 6670), 6679, 6697, 10080}
)
"""Source: WHATWG Fetch, "port blocking": other protocols, which a request may be made to speak."""


def is_public(address: Address) -> bool:
    """Whether `address` is one of the open internet, also where it wraps another one."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    if address.scope_id is not None:
        return False
    if address in _MAPPED or address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    if address not in _GLOBAL_V6 or any(address in network for network in _CLOSED_V6):
        return False
    return (int(address) >> 32) & 0xFFFFFFFF not in _ISATAP


def is_open_port(port: int) -> bool:
    """Whether pictures are served there: 80, 443, and from 1024 on what belongs to no other protocol."""
    return port in (80, 443) or (1024 <= port <= 65535 and port not in _BAD_PORTS)


def read_address(text: str) -> Address | None:
    """The address that `text` spells in the one canonical way; None where it is something else."""
    try:
        return ip_address(text)
    except ValueError:
        return None
