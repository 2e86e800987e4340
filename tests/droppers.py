"""A connection that is lost at the worst moment: the request has arrived, and nothing of its answer comes back."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

__all__ = ["PATIENCE_S", "Dropper"]

PATIENCE_S = 20.0


class Dropper:
    """Stands before the gateway; its first connection breaks before a byte of the answer has come back."""

    def __init__(self, port: int, *, when: Callable[[], object], then: Callable[[], object]) -> None:
        """It breaks off once `when` has returned, which must be truthy; `then` is called when the client comes again."""
        self.connections = 0
        self._gateway = port
        self._when = when
        self._then = then
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets = [self._listener]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._passing: list[threading.Thread] = []
        self._accepting.start()

    def __enter__(self) -> Dropper:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections, and the threads that serve them."""
        # Wakes the thread that waits in accept, and then those that wait for bytes.
        _shut(self._listener)
        self._accepting.join(PATIENCE_S)
        for each in self._sockets:
            _shut(each)
        for thread in self._passing:
            thread.join(PATIENCE_S)
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            gateway = socket.create_connection(("127.0.0.1", self._gateway))
            self._sockets += [client, gateway]
            self._start(_pass_on, client, gateway)
            if self.connections == 1:
                self._start(self._drop, client, gateway)
            else:
                self._then()
                self._start(_pass_on, gateway, client)

    def _start(self, work: Callable[[socket.socket, socket.socket], None], *sockets: socket.socket) -> None:
        thread = threading.Thread(target=work, args=sockets, daemon=True)
        self._passing.append(thread)
        thread.start()

    def _drop(self, client: socket.socket, gateway: socket.socket) -> None:
        assert self._when()
        _shut(client)
        _shut(gateway)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def _shut(each: socket.socket) -> None:
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
