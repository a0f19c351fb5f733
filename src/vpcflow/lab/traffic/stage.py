"""The hosts of a lab, as scenarios use them: sockets of a host's own namespace, each with a timeout."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from vpcflow.lab.linux import NetworkNamespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

PATIENCE_S: Final = 2.2
"""How long a client waits for an answer: the first packet, and those that follow after 1 s."""

HURRY_S: Final = 0.7
"""How long somebody waits who has many to try: the first packet alone."""

_AT_ONCE: Final = 48
_ICMP, _ECHO = 1, 8


class Client(NamedTuple):
    """Who calls: a host, and for `internet` the address it calls from."""

    host: str
    source: str | None = None


class Stage:
    """A lab's hosts. told: `handles` (namespaces by host), `hosts` (their addresses), `public` (public → private)."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._spaces = {name: NetworkNamespace(handle) for name, handle in told["handles"].items()}
        self._hosts = told["hosts"]
        self._public = {inner: outer for outer, inner in told["public"].items()}
        self._pool = ThreadPoolExecutor(_AT_ONCE)
        self._listeners: list[socket.socket] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for listener in self._listeners:
            # Closing alone does not wake who waits in accept.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._pool.shutdown(wait=True)

    # --- who is where ------------------------------------------------------------------------------------------

    def address(self, host: str) -> str:
        """Return a host's primary private address."""
        return str(self._hosts[host]["addresses"][0])

    def ipv6(self, host: str) -> str:
        """Return a host's IPv6 address."""
        return str(self._hosts[host]["ipv6"][0])

    def public(self, host: str) -> str:
        """Return a host's public address."""
        return str(self._public[self.address(host)])

    # --- servers -----------------------------------------------------------------------------------------------

    def serve(self, host: str, port: int, answer: bytes = b"ok\n", *, greet: bool = False) -> None:
        """Listen at *host*, for both IP versions, until the stage ends: read what a client says, answer, close.

        greet: answer before the client says anything, then read it (as SSH does).
        """
        with self._spaces[host].entered():
            listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=256)
        self._listeners.append(listener)
        threading.Thread(target=_accept, args=(listener, answer, greet), daemon=True).start()

    # --- clients -----------------------------------------------------------------------------------------------

    def call(
        self, client: Client, address: str, port: int, *, say: bytes = b"hello\n", patience_s: float = PATIENCE_S
    ) -> bool:
        """Connect, say something, hear the answer; tell whether there was one."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        caller = self._spaces[client.host].socket(family, socket.SOCK_STREAM)
        with caller, contextlib.suppress(OSError):
            caller.settimeout(patience_s)
            if client.source:
                caller.bind((client.source, 0))
            caller.connect((address, port))
            caller.sendall(say)
            caller.shutdown(socket.SHUT_WR)
            heard = False
            while caller.recv(1 << 16):
                heard = True
            return heard
        return False

    def ping(self, client: Client, address: str, *, count: int = 3) -> int:
        """Send echo requests, one each 0.3 s; return how many were answered."""
        caller = self._spaces[client.host].socket(socket.AF_INET, socket.SOCK_RAW, _ICMP)
        answered, number = 0, os.getpid() & 0xFFFF
        with caller:
            if client.source:
                caller.bind((client.source, 0))
            caller.connect((address, 0))
            for sequence in range(count):
                caller.send(_echo(number, sequence))
                caller.settimeout(0.3)
                with contextlib.suppress(TimeoutError, ConnectionError):
                    answer = caller.recv(2048)
                    answered += int(answer[20] == 0)
                    time.sleep(0.3)
        return answered

    def together(self, works: Iterable[Callable[[], object]]) -> list[object]:
        """Do many things at once; return what each came to, in their order."""
        return list(self._pool.map(lambda work: work(), works))


def _accept(listener: socket.socket, answer: bytes, greet: bool) -> None:  # noqa: FBT001 - a thread's argument
    while True:
        try:
            caller, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_converse, args=(caller, answer, greet), daemon=True).start()


def _converse(caller: socket.socket, answer: bytes, greet: bool) -> None:  # noqa: FBT001
    with caller, contextlib.suppress(OSError):
        caller.settimeout(PATIENCE_S)
        if greet:
            caller.sendall(answer)
        while caller.recv(1 << 16):
            pass
        if not greet:
            caller.sendall(answer)


def _echo(number: int, sequence: int) -> bytes:
    """Return an echo request of 64 bytes, 84 with its IP header, as `ping` sends them."""
    body = bytes(range(56))
    head = struct.pack("!BBHHH", _ECHO, 0, 0, number, sequence)
    return struct.pack("!BBHHH", _ECHO, 0, checksum(head + body), number, sequence) + body


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
