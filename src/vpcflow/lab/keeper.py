"""The process that stays while a lab is up: drains its counters, hands them on, answers whoever asks.

It is outside of the lab, in the user's own namespaces; the lab is the enclosure, at the other end of a channel.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import time
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Final, Protocol

from vpcflow.errors import ConfigError, VpcFlowError
from vpcflow.lab import channel

if TYPE_CHECKING:
    from collections.abc import Callable

    from vpcflow.lab.home import Home
    from vpcflow.record.flow_counts import FlowCounts
    from vpcflow.vpc.topology import Network

_DRAIN_EVERY_S: Final = 1.0
_POLL_S: Final = 0.1
_START_S: Final = 60


class Sink(Protocol):
    """Where counts go. A VpcFlowError says that they could not be written now; they are kept for the next time."""

    def take(self, counts: FlowCounts, at_ns: int) -> None:
        """Take what was counted since the last time. at_ns: when it began to be read."""
        ...

    def flush(self) -> dict[str, Any]:
        """Have all records of what was taken where they belong; tell what has come of all so far."""
        ...

    def told(self) -> dict[str, Any]:
        """Tell what has come of all that was written so far."""
        ...

    def finish(self) -> None:
        """Have everything written: nothing comes any more."""
        ...

    def change(self, network: Network) -> None:
        """Take what comes for records of *network* from now on."""
        ...


class Keeper:
    """A lab that is up. Making it builds the lab; ConfigError when it cannot be."""

    def __init__(self, home: Home, network: Network, sink: Sink, *, swapping: bool | None = None) -> None:
        self._home, self._sink, self._network = home, sink, network
        self._lock = home.take()
        self._clients: list[Connection] = []
        self._waiting: Connection | None = None
        self._began = time.time()
        self._stopped = False
        self._trouble: VpcFlowError | None = None
        with (home.path / "log").open("ab") as log:
            self._process, self._lab = channel.start("vpcflow.lab.enclosure", log=log)
        try:
            self.number: int = channel.taken(self._lab)
            built = channel.ask(self._lab, "build", network, () if swapping is None else (swapping,))
        except EOFError as error:
            raise ConfigError("lab.died", log=str(home.path / "log")) from error
        finally:
            self._process.wait(_START_S)
        self._built = built
        self._listener = home.listen()
        self._next_drain = time.monotonic() + _DRAIN_EVERY_S

    def serve(self) -> None:
        """Drain and answer until somebody wants it down, or the lab has died."""
        signal.signal(signal.SIGTERM, self._stop)
        while not self._stopped and self._home.is_mine():
            pause = _POLL_S if self._waiting else max(0.0, self._next_drain - time.monotonic())
            try:
                for ready in wait([self._listener, self._lab, *self._clients], pause):
                    self._turn_to(ready)
                self._go_on()
            except (EOFError, ConnectionError):  # of the lab: it has died
                self._stopped = True
        with contextlib.suppress(EOFError, ConnectionError, VpcFlowError):
            self._drain()
        with contextlib.suppress(VpcFlowError):
            self._sink.finish()

    def close(self) -> None:
        """Let the lab go, and everything in it."""
        self._lab.close()
        for client in self._clients:
            client.close()
        self._listener.close()
        if self._home.is_mine():
            shutil.rmtree(self._home.path, ignore_errors=True)
        os.close(self._lock)

    def flush(self) -> dict[str, Any]:
        """Drain, and have all records written."""
        self._drain()
        return self._sink.flush()

    def _turn_to(self, ready: object) -> None:
        if ready is self._lab:  # it speaks only when asked: this is its end
            self._stopped = True
        elif isinstance(ready, socket.socket):
            self._clients.append(Connection(ready.accept()[0].detach()))
        elif isinstance(ready, Connection) and ready in self._clients:
            self._answer(ready)

    def _stop(self, *_: object) -> None:
        self._stopped = True

    def _go_on(self) -> None:
        if time.monotonic() >= self._next_drain:
            with contextlib.suppress(VpcFlowError):  # told by status; the next time may go well
                self._drain()
        if self._waiting is not None:
            client = self._waiting
            try:
                if channel.ask(self._lab, "traffic_goes_on"):
                    return
            except ConfigError as error:
                failed = error
                self._waiting = None
                self._reply(client, lambda: _raise(failed))
                return
            self._waiting = None
            self._reply(client, self.flush)

    def _drain(self) -> None:
        self._next_drain = time.monotonic() + _DRAIN_EVERY_S
        at_ns = time.time_ns()
        try:
            self._sink.take(channel.ask(self._lab, "drain"), at_ns)
        except VpcFlowError as error:
            self._trouble = error
            raise
        self._trouble = None

    # --- answers -----------------------------------------------------------------------------------------------

    def _answer(self, client: Connection) -> None:
        try:
            command, arguments = client.recv()
        except (EOFError, ConnectionError):
            self._leave(client)
            return
        self._reply(client, lambda: getattr(self, f"_do_{command}")(client, *arguments))

    def _reply(self, client: Connection, work: Callable[[], object]) -> None:
        def guarded() -> object:
            try:
                return work()
            except ConfigError:
                raise
            except VpcFlowError as error:
                raise ConfigError("lab.keeper", reason=str(error)) from error

        with contextlib.suppress(ConnectionError):
            channel.answer(client, guarded)

    def _leave(self, client: Connection) -> None:
        self._clients.remove(client)
        client.close()
        if client is self._waiting:
            self._waiting = None
            channel.ask(self._lab, "stop_traffic")

    def _do_status(self, _: Connection) -> dict[str, Any]:
        return {
            "network": self._network,
            "number": self.number,
            **self._built,
            "since_s": self._began,
            "busy": self._waiting is not None,
            "trouble": str(self._trouble) if self._trouble else "",
            "records": self._sink.told(),
        }

    def _do_flush(self, _: Connection) -> dict[str, Any]:
        return self.flush()

    def _do_rules(self, _: Connection, network: Network) -> bool:
        with contextlib.suppress(VpcFlowError):  # rules may be what is wrong with it
            self._drain()
        changed = bool(channel.ask(self._lab, "rules", network))
        if changed:
            self._network = network
            self._sink.change(network)
        return changed

    def _do_traffic(self, client: Connection, scenario: str) -> str:
        if self._waiting is not None:
            raise ConfigError("lab.busy")
        channel.ask(self._lab, "traffic", scenario)
        self._waiting = client
        return "started"

    def _do_down(self, _: Connection) -> bool:
        self._stopped = True
        if self._waiting is not None:
            channel.ask(self._lab, "stop_traffic")
            self._waiting = None
        return True


def _raise(error: ConfigError) -> None:
    raise error
