"""A program for a network of its own: gives this machine forbidden addresses and tries to download from each.

Prints JSON: how many addresses there are, how many of them the canary heard when it was really
called, how many downloads were tried on each backend, their codes, and what the canary heard then.
"""

from __future__ import annotations

import errno
import json
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import anyio

from downloads import Answering, Canary
from limner.errors import PictureError
from limner.images.download import download

INSIDE = (
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "192.0.0.192",
    "192.168.0.1",
    "198.18.0.1",
    "::1",
    "2001:0:a9fe:a9fe::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
    "fc00::1",
    "fd00:ec2::254",
    "::ffff:169.254.169.254",
    "::ffff:127.0.0.1",
)
PORT = 8080


def _called(address: str) -> socket.socket:
    """A connection to a canary; a busy machine takes its time to know the way to a new address."""
    until_s = time.monotonic() + 10
    while True:
        try:
            return socket.create_connection((address, PORT), timeout=5)
        except OSError as error:
            if error.errno != errno.ENETUNREACH or time.monotonic() > until_s:
                raise
            time.sleep(0.05)


def main() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in INSIDE:
        if address not in ("127.0.0.1", "::1") and not address.startswith("::ffff:"):
            width = "/128" if ":" in address else "/32"
            command = ["ip", "address", "add", address + width, "dev", "lo"]
            subprocess.run([*command, "nodad"] if ":" in address else command, check=True)
    with Canary("0.0.0.0", PORT) as four, Canary("::", PORT) as six:
        called = 0
        for address in INSIDE:
            with _called(address):
                called += four.touched() or six.touched()
        codes: set[str] = set()
        touched: list[str] = []
        downloads = 0
        for backend in ("asyncio", "trio"):
            for address in INSIDE:
                for link, trusted in (
                    (f"http://{_host(address)}:{PORT}/fox.png", None),
                    (f"http://{_host(address)}:{PORT}/fox.png", f"https://{_host(address)}:{PORT}/v1"),
                    (f"http://cdn.example:{PORT}/fox.png", None),
                ):
                    codes.add(anyio.run(tried, link, trusted, address, backend=backend))
                    downloads += 1
                    if four.touched() or six.touched():
                        touched.append(link)
    told = {"addresses": len(INSIDE), "called": called, "downloads": downloads}
    print(json.dumps({**told, "codes": sorted(codes), "touched": touched}))


async def tried(link: str, trusted: str | None, address: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        try:
            await download(link, trusted=trusted, folder=Path(folder), resolve=Answering([address]))
        except PictureError as error:
            return error.code
    return "a file"


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


if __name__ == "__main__":
    main()
