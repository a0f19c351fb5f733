"""What chance decides about a stretch of time: moments, ports, sizes.

Only uniform numbers come from the generator, and shapes come from tables, so that a seed means the same records on every
machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

from vpcflow.generate.rows import TCP, Talk

if TYPE_CHECKING:
    from vpcflow.generate.load import Load
    from vpcflow.generate.network import Network
    from vpcflow.generate.rows import Floats, Ints

HEADERS: Final = 40
"""Bytes of an IPv4 and a TCP header."""
SEGMENT: Final = 1_460
"""Payload bytes of a full packet."""

SYN, FIN, RST, SYN_ACK = 2, 1, 4, 18
INTERVAL_S: Final = 60


def lognormal(median: float, sigma: float, steps: int) -> Ints:
    """Return *steps* equally likely values of a lognormal distribution, smallest first."""
    normal = NormalDist(np.log(median), sigma)
    return np.array([np.exp(normal.inv_cdf((n + 0.5) / steps)) for n in range(steps)]).astype(np.int64)


_REQUESTS: Final = lognormal(420, 0.6, 64)
_REPLIES: Final = lognormal(5_200, 1.5, 512)
_QUERIES: Final = lognormal(1_400, 0.8, 128)
_DOWNLOADS: Final = lognormal(900_000, 1.2, 512)
SIZES: Final = {"page": (_REQUESTS, _REPLIES), "query": (_QUERIES, _QUERIES), "download": (_REQUESTS, _DOWNLOADS)}
"""Payload bytes sent and received, by kind of talk."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One stretch of the span: the records from *begin* to *stop* on the load's scale.

    first_record: how many records come before.
    """

    network: Network
    load: Load
    rng: np.random.Generator
    begin: float
    stop: float
    first_record: int

    def chance(self, count: int) -> Floats:
        """Return numbers from 0 to 1."""
        return self.rng.random(count)

    def times(self, count: int) -> Ints:
        """Return epoch seconds within the stretch, more in busy hours."""
        return self.limit(self.load.time(self.begin + (self.stop - self.begin) * self.chance(count)))

    def limit(self, times: Ints) -> Ints:
        """Return *times*, none later than the stretch."""
        latest: Ints = self.load.time(np.array([self.stop]))
        return np.minimum(times, latest)

    def below(self, top: int, count: int) -> Ints:
        """Return whole numbers from 0 to *top* - 1."""
        return self.rng.integers(0, top, count, dtype=np.int32)

    def pick(self, role: str, count: int) -> Ints:
        """Return interfaces of a role."""
        return self.network.role[role].pick(self.chance(count))

    def pick_peers(self, count: int) -> Ints:
        """Return addresses on the internet, few of them very often."""
        return self.network.peers.zipf(self.chance(count))

    def ports(self, count: int) -> Ints:
        """Return ephemeral ports (Linux's default range)."""
        return 32_768 + self.below(28_232, count)

    def of(self, table: Ints, count: int) -> Ints:
        """Return values of *table*, each equally likely."""
        drawn: Ints = table[self.below(len(table), count)]
        return drawn

    def began(self, end: Ints) -> Ints:
        """Return when the intervals that end at *end* saw their first packet."""
        return end - self.of(_LASTED, len(end))

    def talk(self, client: Ints, server: Ints, port: Ints | int, size: str, end: Ints | None = None) -> Talk:
        """Return whole TCP connections, opened and closed within their interval (tcp-flags 3 and 19)."""
        count = len(client)
        requests, replies = SIZES[size]
        sent = self.of(requests, count) + self.below(64, count)
        received = self.of(replies, count) + self.below(256, count)
        back = 4 + received // SEGMENT
        forth = 5 + sent // SEGMENT + (back - 4) // 2
        end = self.times(count) if end is None else end
        return Talk(
            client=client,
            server=server,
            client_port=self.ports(count),
            server_port=same(port, count),
            protocol=same(TCP, count),
            sent_packets=forth,
            sent_bytes=forth * HEADERS + sent,
            received_packets=back,
            received_bytes=back * HEADERS + received,
            sent_flags=same(SYN | FIN, count),
            received_flags=same(SYN_ACK | FIN, count),
            start=self.began(end),
            end=end,
        )


_LASTED: Final = np.minimum(lognormal(6, 1.4, 128), INTERVAL_S - 1)


def same(value: Ints | int, count: int) -> Ints:
    """Return a column of *value*; a column stays as it is."""
    return value if isinstance(value, np.ndarray) else np.full(count, value, np.int32)


def mixed(values: Ints) -> Ints:
    """Return a number for each value that looks drawn and is always the same (splitmix64)."""
    bits = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((bits ^ (bits >> np.uint64(31))) >> np.uint64(2)).astype(np.int64)
