"""The service as a process: it listens when it says so, drains when it is told to, and goes when told again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateways import Talk
from limner.errors import ConfigError
from limner.gateway.server.serving import listen

PROGRAM = Path(__file__).with_name("serving_process.py")


@dataclass
class Running:
    """A process that serves."""

    process: subprocess.Popen[bytes]
    port: int

    def ask(self, name: str) -> Talk:
        """Ask for an endpoint of the program, on a new connection."""
        return again(Talk(self.port), name)

    def get(self, path: str) -> tuple[int, bytes]:
        with Talk(self.port) as talk:
            status, _, body = talk.ask("GET", path).answer()
            return status, body

    def tell(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)

    def ended(self) -> tuple[int, list[dict[str, Any]]]:
        """Its exit code and its log."""
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, [json.loads(line) for line in errors.decode().splitlines()]


@contextlib.contextmanager
def running(drain_s: float, *more: str) -> Iterator[Running]:
    arguments = [sys.executable, str(PROGRAM), str(drain_s), *more]
    environ = {**os.environ, "PYTHONWARNINGS": "error"}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ) as process:
        try:
            assert process.stdout is not None
            yield Running(process, int(process.stdout.readline()))
        finally:
            process.kill()


def again(talk: Talk, name: str) -> Talk:
    return talk.ask("POST", f"/v1/{name}", b"{}")


def test_a_hundred_streams_are_told_before_the_service_ends() -> None:
    """P07: who is still being answered when the time is over gets an error event, or an error; exit 0."""
    with running(0.3) as service, contextlib.ExitStack() as stack:
        whole = stack.enter_context(service.ask("silent"))
        while b"limner_requests_under_way 2\n" not in service.get("/metrics")[1]:
            pass
        streams = [stack.enter_context(service.ask("for-ever")) for _ in range(100)]
        for stream in streams:
            stream.until(b"data: begun\n\n")
        service.tell()
        for stream in streams:
            received = stream.rest()
            assert b'"code":"server_draining"' in received
            assert received.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        status, head, _ = whole.answer()
        assert status == 503
        assert b"\r\nretry-after: 1\r\n" in head
        code, log = service.ended()
        assert code == 0
        said = [line.get("code") for line in log if line.get("route", "/metrics") != "/metrics"]
        assert said == ["server_draining"] * 101


def test_while_draining_nothing_new_is_taken_and_what_is_under_way_ends() -> None:
    """P07: readiness is 503 at once, new requests are refused, new connections too; streams end by themselves."""
    with (
        running(20) as service,
        Talk(service.port) as resting,
        service.ask("for-ever") as stream,
        service.ask("a-while") as finishing,
    ):
        assert resting.ask("GET", "/readyz").answer()[0] == 200
        stream.until(b"data: begun\n\n")
        finishing.until(b"data: begun\n\n")
        service.tell()
        assert b"data: ended\n\n" in finishing.until(b"0\r\n\r\n")
        assert resting.ask("GET", "/readyz").answer()[::2] == (503, b'{"status":"draining"}')
        status, head, body = again(resting, "whole").answer()
        assert (status, b'"code":"server_draining"' in body) == (503, True)
        assert b"\r\nretry-after: " in head
        with pytest.raises(ConnectionRefusedError):
            Talk(service.port)
        # Nobody is waited for who has left: the service ends long before its time is over.
        stream.socket.close()
        assert service.ended()[0] == 0


def test_a_service_that_does_nothing_ends_at_once() -> None:
    """P07: open connections on which nothing is asked are not waited for."""
    with running(3600) as service, Talk(service.port) as resting:
        assert resting.ask("GET", "/healthz").answer()[0] == 200
        service.tell(signal.SIGINT)
        assert resting.rest() == b""
        assert service.ended()[0] == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_service_whatever_it_does(number: signal.Signals) -> None:
    """P08: at once; what was recorded is on the disk."""
    with running(3600) as service, service.ask("for-ever") as stream:
        stream.until(b"data: begun\n\n")
        service.tell()
        with contextlib.suppress(ConnectionError):  # refused or reset, as soon as nobody listens
            while True:
                Talk(service.port).socket.close()
        service.tell(number)
        assert service.process.wait(10) == 128 + number


def test_without_files_to_open_streams_go_on_and_the_service_recovers() -> None:
    """P14: who comes when there are too many is told so or sent away; who is here is served on."""
    with running(5, "60") as service, contextlib.ExitStack() as stack, service.ask("whole") as here:
        assert here.answer()[0] == 200
        crowd = [stack.enter_context(Talk(service.port)) for _ in range(80)]
        for _ in range(3):
            assert again(here, "whole").answer()[0] == 200
        assert crowd[40].answer()[0] == 503
        for one in crowd:
            one.socket.close()
        assert _recovered(service) == 200
        service.tell()
        assert service.ended()[0] == 0


def _recovered(service: Running) -> int:
    """What a newcomer is answered, once those who have left are forgotten."""
    for _ in range(1000):
        with contextlib.suppress(ConnectionError, AssertionError):
            status, _ = service.get("/healthz")
            if status != 503:
                return status
    raise AssertionError("it did not recover")


def test_a_port_in_use_is_one_sentence_that_names_it() -> None:
    """P17: said before anything is opened."""
    with listen("127.0.0.1", 0) as listener:
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(ConfigError) as failed:
            listen("127.0.0.1", port)
        assert failed.value.code == "address_unusable"
        assert str(port) in str(failed.value)
        assert "\n" not in str(failed.value)


def test_an_address_that_is_none_is_said() -> None:
    """P17: a host that cannot be listened at."""
    with pytest.raises(ConfigError):
        listen("256.256.256.256", 0)
    with pytest.raises(ConfigError):
        listen("192.0.2.1", 0)


def test_both_kinds_of_addresses_can_be_listened_at() -> None:
    """IPv4 and, where the machine has it, IPv6."""
    listen("127.0.0.1", 0).close()
    if socket.has_ipv6:
        with contextlib.suppress(ConfigError):
            listen("::1", 0).close()
