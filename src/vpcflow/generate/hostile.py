"""Traffic that is not meant to be: scans, guessed passwords, a host that asks where it may not.

Each function returns the records of *count* attempts, its kind's number of legs for each.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from vpcflow.generate.draw import RST, SYN, SYN_ACK, mixed, same
from vpcflow.generate.rows import (
    INTERNET_GATEWAY,
    REJECT,
    REJECT_BPA,
    SAME_VPC,
    TCP,
    Place,
    Rows,
    Talk,
    reply,
    request,
)

if TYPE_CHECKING:
    from vpcflow.generate.draw import Draw
    from vpcflow.generate.network import Network
    from vpcflow.generate.rows import Ints

_LANES: Final = 8
"""Scans that run at the same time; lane 0 is the planted port scanner's."""
_CAMPAIGN: Final = 400
"""Probes before a lane's scanner takes its next target or port."""
_RECORDS_A_PROBE: Final = 20
"""Of how many records one is a probe; where it is off, a few steps are repeated or left out between stretches."""
_SCANNED_PORTS: Final = np.array([22, 23, 445, 3389, 5900, 6379, 8088, 9200, 2375, 27017], np.int32)
_FORBIDDEN: Final = np.array([22, 445, 1433, 3389], np.int32)
_OPEN: Final = 443
_FIRST_OTHER: Final = 2  # of network.scanners: after the planted two
BREACHED: Final = (8080, 9000)
"""The ports of its target that accept the planted port scanner."""


def scans(draw: Draw, count: int) -> Rows:
    """Return probes that are refused: ports walked on one target, or targets walked on one port; one leg.

    A probe's number in the whole set tells its lane, campaign and step, so scans go on from stretch to stretch.
    """
    network = draw.network
    number = draw.first_record // _RECORDS_A_PROBE + np.arange(count)
    lane, turn = number % _LANES, number // _LANES
    key = mixed((turn // _CAMPAIGN << 3) + lane)
    step = turn % _CAMPAIGN
    exposed = _exposed(network)
    other = network.scanners.count - _FIRST_OTHER
    source = network.scanners.first + _FIRST_OTHER + key % other
    walks_ports = (key >> 8) % 4 == 0
    target = exposed[((key >> 16) + np.where(walks_ports, 0, step)) % len(exposed)]
    port = np.where(walks_ports, 1 + step + (key >> 24) % 1_000, _SCANNED_PORTS[(key >> 20) % len(_SCANNED_PORTS)])
    planted = lane == 0
    source = np.where(planted, network.scanners.first + 1, source)
    target = np.where(planted, scanned_target(network), target)
    port = np.where(planted, 1 + turn % 1_024, port)
    # What is open would answer; a refused probe of it would be a riddle.
    port = np.where(port == _OPEN, 10_000 + _OPEN, port)
    probe = _attempt(draw, source, target, port, client_port=40_000 + key % 20_000, in_order=True)
    return request(probe, Place(target.astype(np.int32), ingress=True, action=_refused(network, target)))


def breach(draw: Draw, count: int) -> Rows:
    """Return the planted scanner's accepted flows: it connects, is answered, resets; two legs."""
    network = draw.network
    target = same(scanned_target(network), count)
    port = np.array(BREACHED, np.int32)[np.arange(count) % len(BREACHED)]
    probe = _attempt(draw, same(network.scanners.first + 1, count), target, port)
    one = same(1, count)
    sizes = {"sent_packets": 2 * one, "sent_bytes": 84 * one, "received_packets": one, "received_bytes": 44 * one}
    return _answered(replace(probe, sent_flags=same(SYN | RST, count), **sizes), target)


def refused_passwords(draw: Draw, count: int) -> Rows:
    """Return SSH and RDP attempts at web servers, which refuse them; one leg."""
    source, port = _guessers(draw, count)
    target = draw.pick("web", count)
    return request(_attempt(draw, source, target, port), Place(target, ingress=True, action=REJECT))


def tried_passwords(draw: Draw, count: int) -> Rows:
    """Return SSH attempts that the bastion lets in and answers; two legs."""
    source, _ = _guessers(draw, count)
    target = draw.pick("bastion", count)
    talk = draw.talk(source, target, 22, "query")
    return _answered(talk, target)


def denied(draw: Draw, count: int) -> Rows:
    """Return what the planted app server asks of databases: let out there, refused here; two legs."""
    client, server = same(denied_host(draw.network), count), draw.pick("db", count)
    attempt = _attempt(draw, client, server, draw.of(_FORBIDDEN, count))
    return Rows.joined(
        [
            request(attempt, Place(client, ingress=False, hop=server, path=SAME_VPC)),
            request(attempt, Place(server, ingress=True, hop=client, action=REJECT)),
        ]
    )


def scanned_target(network: Network) -> int:
    """Return the interface that the planted port scanner walks."""
    return network.role["web"].first


def denied_host(network: Network) -> int:
    """Return the interface of the planted denied host."""
    app = network.role["app"]
    return app.first + app.count - 1


def _exposed(network: Network) -> Ints:
    """Return the interfaces with public addresses."""
    roles = ("lb", "nat", "bastion", "web", "staging")
    spans = [network.role[name] for name in roles]
    return np.concatenate([np.arange(span.first, span.first + span.count) for span in spans])


def _refused(network: Network, target: Ints) -> Ints:
    staging = network.role["staging"].first
    return np.where(target >= staging, REJECT_BPA, REJECT).astype(np.int8)


def _guessers(draw: Draw, count: int) -> tuple[Ints, Ints]:
    """Return sources, the planted one most often, and whether each is after SSH or RDP, as a port."""
    scanners = draw.network.scanners
    other = 1 + draw.below(min(5, scanners.count - _FIRST_OTHER), count)
    chosen = np.where(draw.chance(count) < 0.6, 0, _FIRST_OTHER - 1 + other)
    return scanners.first + chosen, np.where(chosen % 2, 3389, 22).astype(np.int32)


def _attempt(
    draw: Draw, client: Ints, server: Ints, port: Ints, *, client_port: Ints | None = None, in_order: bool = False
) -> Talk:
    """Return connection attempts: a SYN or two."""
    count = len(client)
    end = np.sort(draw.times(count)) if in_order else draw.times(count)
    packets = 1 + (draw.chance(count) < 0.2).astype(np.int64)
    return Talk(
        client=client,
        server=server,
        client_port=draw.ports(count) if client_port is None else client_port,
        server_port=port,
        protocol=same(TCP, count),
        sent_packets=packets,
        sent_bytes=packets * 44,
        received_packets=packets,
        received_bytes=packets * 44,
        sent_flags=same(SYN, count),
        received_flags=same(SYN_ACK, count),
        start=end - (packets - 1),
        end=end,
    )


def _answered(talk: Talk, interface: Ints) -> Rows:
    out = Place(interface, ingress=False, path=INTERNET_GATEWAY)
    return Rows.joined([request(talk, Place(interface, ingress=True)), reply(talk, out)])
