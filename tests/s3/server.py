"""A real S3 server for tests: OpenStack Swift with its S3 interface, all of it in this one process.

Run by the Python of Swift's own environment: `python server.py FOLDER`. It prints the port of
127.0.0.1 where it listens, and ends when its standard input does: also when the tests were killed.
Signatures, their expiry and puts that only create are Swift's own work; nothing of it is replaced.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import eventlet
from eventlet import tpool, wsgi
from swift.common.utils import eventlet_monkey_patch

ACCESS_KEY, SECRET_KEY, REGION = "test:tester", "testing", "us-east-1"
KINDS = ("account", "container", "object", "proxy")

PIPELINE = (
    ("catch_errors", "catch_errors", ""),
    ("gatekeeper", "gatekeeper", ""),
    ("proxy-logging", "proxy_logging", ""),
    ("cache", "memcache", ""),
    ("listing_formats", "listing_formats", ""),
    ("bulk", "bulk", ""),
    ("s3api", "s3api", f"s3_acl = false\nlocation = {REGION}\n"),
    ("tempauth", "tempauth", f"user_{ACCESS_KEY.replace(':', '_')} = {SECRET_KEY} .admin\n"),
    ("copy", "copy", ""),
    # After s3api and tempauth: uploads in parts need it there.
    ("slo", "slo", ""),
)


def configuration(kind: str, folder: Path) -> str:
    """The file that makes one of Swift's four servers."""
    base = f"[DEFAULT]\nswift_dir = {folder}\ndevices = {folder / 'disks'}\nmount_check = false\nlog_level = ERROR\n"
    if kind != "proxy":
        return (
            f"{base}fallocate_reserve = 0\n"
            f"[pipeline:main]\npipeline = {kind}-server\n[app:{kind}-server]\nuse = egg:swift#{kind}\n"
        )
    names = " ".join(name for name, _, _ in PIPELINE)
    filters = "".join(f"[filter:{name}]\nuse = egg:swift#{egg}\n{more}" for name, egg, more in PIPELINE)
    return (
        f"{base}[pipeline:main]\npipeline = {names} proxy-server\n"
        f"[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n{filters}"
    )


def ring(kind: str, port: int, folder: Path) -> None:
    """Say where one kind of server is: one copy of everything, on one disk."""
    from swift.common.ring import RingBuilder  # after the patch

    device = {"id": 0, "region": 1, "zone": 1, "weight": 1.0, "device": "disk", "meta": ""}
    place = {"ip": "127.0.0.1", "port": port, "replication_ip": "127.0.0.1", "replication_port": port}
    builder = RingBuilder(4, 1, 1)
    builder.add_dev(device | place)
    builder.rebalance()
    builder.get_ring().save(str(folder / f"{kind}.ring.gz"))


def main(folder: Path) -> None:
    eventlet_monkey_patch()
    from swift.common.utils import set_swift_dir
    from swift.common.wsgi import SwiftHttpProtocol, loadapp

    (folder / "disks" / "disk").mkdir(parents=True)
    (folder / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_suffix = tests\n[storage-policy:0]\nname = one\ndefault = yes\n"
    )
    set_swift_dir(str(folder))
    sockets = {kind: eventlet.listen(("127.0.0.1", 0), backlog=500) for kind in KINDS}
    for kind in KINDS:
        if kind != "proxy":
            ring(kind, sockets[kind].getsockname()[1], folder)
        (folder / f"{kind}.conf").write_text(configuration(kind, folder))
    silent = logging.getLogger("silent")
    for kind in KINDS:
        server = loadapp(str(folder / f"{kind}.conf"), global_conf={"log_requests": "off"})
        eventlet.spawn(
            wsgi.server, sockets[kind], server, log=silent, log_output=False, protocol=SwiftHttpProtocol
        )
    print(sockets["proxy"].getsockname()[1], flush=True)
    tpool.execute(sys.stdin.buffer.read)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
