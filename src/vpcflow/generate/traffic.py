"""Traffic that is meant to be: visits, what they cause between the tiers, and what goes out.

Each function returns the records of *count* conversations, its kind's number of legs for each.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from vpcflow.generate.draw import FIN, INTERVAL_S, SYN, SYN_ACK, same
from vpcflow.generate.draw import mixed as mix
from vpcflow.generate.rows import (
    GATEWAY_ENDPOINT,
    ICMP,
    INTERNET_GATEWAY,
    SAME_VPC,
    UDP,
    Place,
    Rows,
    Talk,
    reply,
    request,
)

if TYPE_CHECKING:
    from vpcflow.generate.draw import Draw
    from vpcflow.generate.rows import Flags, Ints


def visits(draw: Draw, count: int) -> Rows:
    """Return visitors' connections to the load balancers; two legs."""
    balancer = draw.pick("lb", count)
    port = np.where(draw.chance(count) < 0.9, 443, 80).astype(np.int32)
    return _from_internet(draw.talk(draw.pick_peers(count), balancer, port, "page"), balancer)


def visits6(draw: Draw, count: int) -> Rows:
    """Return the same over IPv6; two legs."""
    balancer = draw.pick("lb", count)
    client = draw.network.peers6.zipf(draw.chance(count))
    return _from_internet(draw.talk(client, draw.network.address6(balancer), 443, "page"), balancer)


def direct(draw: Draw, count: int) -> Rows:
    """Return visitors' connections straight to web servers, some of them QUIC; two legs."""
    web = draw.pick("web", count)
    talk = draw.talk(draw.pick_peers(count), web, 443, "page")
    return _from_internet(_some_udp(talk, draw.chance(count) < 0.15), web)


def downloads(draw: Draw, count: int) -> Rows:
    """Return downloads over three intervals: opened, under way, closed; six legs."""
    balancer = draw.pick("lb", count)
    talk = draw.talk(draw.pick_peers(count), balancer, 443, "download")
    # tcp-flags are those of the interval's packets (spec §3.5): 2 and 18, then none, then 1 and 1.
    intervals = ((SYN, SYN_ACK), (0, 0), (FIN, FIN))
    parts = []
    for number, (sent, received) in enumerate(intervals):
        end = draw.limit(talk.end + number * INTERVAL_S)
        flags = {"sent_flags": same(sent, count), "received_flags": same(received, count)}
        parts.append(_from_internet(replace(talk, start=draw.began(end), end=end, **flags), balancer))
    return Rows.joined(parts)


def forwards(draw: Draw, count: int) -> Rows:
    """Return what load balancers pass to web servers; four legs."""
    return _inside(draw, draw.pick("lb", count), draw.pick("web", count), 8080, "page")


def calls(draw: Draw, count: int) -> Rows:
    """Return web servers' calls of app servers; four legs."""
    return _inside(draw, draw.pick("web", count), draw.pick("app", count), 8443, "page")


def queries(draw: Draw, count: int) -> Rows:
    """Return app servers' questions to databases, each database with its own port; four legs."""
    server = draw.pick("db", count)
    port = np.array([5432, 3306, 6379], np.int32)[server % 3]
    return _inside(draw, draw.pick("app", count), server, port, "query")


def pings(draw: Draw, count: int) -> Rows:
    """Return the bastion's health checks by ICMP; four legs."""
    client, server = draw.pick("bastion", count), draw.pick("db", count)
    talk = draw.talk(client, server, 0, "query")
    none = same(0, count)
    echo = {
        "sent_packets": none + 4,
        "received_packets": none + 4,
        "sent_bytes": none + 336,
        "received_bytes": none + 336,
    }
    talk = replace(talk, client_port=none, protocol=none + ICMP, sent_flags=none, received_flags=none, **echo)
    return _both_ends(talk, client, server)


def translated(draw: Draw, count: int) -> Rows:
    """Return app servers' calls to the internet through their zone's NAT gateway, a tenth of them NTP; six legs.

    The gateway sees each direction twice and writes its own address on its side (spec §9.6).
    """
    network = draw.network
    inside = draw.pick("app", count)
    gateways = network.role["nat"]
    gateway = (gateways.first + network.zone[inside] % gateways.count).astype(np.int32)
    clock = draw.chance(count) < 0.1
    talk = draw.talk(inside, draw.pick_peers(count), np.where(clock, 123, 443).astype(np.int32), "page")
    talk = _some_udp(talk, clock)
    outer = replace(talk, client=gateway, client_port=1_024 + draw.below(64_512, count))
    return Rows.joined(
        [
            request(talk, Place(inside, ingress=False, hop=gateway, path=SAME_VPC)),
            reply(talk, Place(inside, ingress=True, hop=gateway)),
            request(talk, Place(gateway, ingress=True, hop=inside, own=gateway)),
            request(outer, Place(gateway, ingress=False, path=INTERNET_GATEWAY)),
            reply(outer, Place(gateway, ingress=True)),
            reply(talk, Place(gateway, ingress=False, hop=inside, path=SAME_VPC, own=gateway)),
        ]
    )


def services(draw: Draw, count: int) -> Rows:
    """Return app servers' use of S3 and DynamoDB through gateway endpoints; two legs."""
    client = draw.pick("app", count)
    chance = draw.chance(count)
    s3, dynamodb = draw.network.services["S3"], draw.network.services["DYNAMODB"]
    server = np.where(draw.chance(count) < 0.7, s3.pick(chance), dynamodb.pick(chance))
    talk = draw.talk(client, server, 443, "page")
    out = Place(client, ingress=False, path=GATEWAY_ENDPOINT)
    return Rows.joined([request(talk, out), reply(talk, Place(client, ingress=True))])


def _from_internet(talk: Talk, interface: Ints) -> Rows:
    out = Place(interface, ingress=False, path=INTERNET_GATEWAY)
    return Rows.joined([request(talk, Place(interface, ingress=True)), reply(talk, out)])


def _inside(draw: Draw, client: Ints, server: Ints, port: Ints | int, size: str) -> Rows:
    talk = draw.talk(client, server, port, size)
    return _both_ends(_some_pooled(draw, talk), client, server)


def _both_ends(talk: Talk, client: Ints, server: Ints) -> Rows:
    return Rows.joined(
        [
            request(talk, Place(client, ingress=False, hop=server, path=SAME_VPC)),
            request(talk, Place(server, ingress=True, hop=client)),
            reply(talk, Place(server, ingress=False, hop=client, path=SAME_VPC)),
            reply(talk, Place(client, ingress=True, hop=server)),
        ]
    )


def _some_pooled(draw: Draw, talk: Talk) -> Talk:
    """Make most talks part of connections that stay open for days: same ports each time, tcp-flags 0."""
    count = len(talk.client)
    pooled = draw.chance(count) < 0.6
    slot = draw.below(2, count)
    port = 32_768 + mix((talk.client.astype(np.int64) << 24) + (talk.server << 2) + slot) % 28_232
    return replace(
        talk,
        client_port=np.where(pooled, port, talk.client_port),
        sent_flags=np.where(pooled, 0, talk.sent_flags),
        received_flags=np.where(pooled, 0, talk.received_flags),
    )


def _some_udp(talk: Talk, chosen: Flags) -> Talk:
    """Make the chosen talks UDP: another protocol, smaller headers, no flags; NTP is one packet each way."""
    lighter = {
        name: np.where(chosen, getattr(talk, name) - 12 * getattr(talk, packets), getattr(talk, name))
        for name, packets in (("sent_bytes", "sent_packets"), ("received_bytes", "received_packets"))
    }
    done = replace(
        talk,
        protocol=np.where(chosen, UDP, talk.protocol),
        sent_flags=np.where(chosen, 0, talk.sent_flags),
        received_flags=np.where(chosen, 0, talk.received_flags),
        **lighter,
    )
    ntp = chosen & (talk.server_port == 123)
    if not ntp.any():
        return done
    sizes = {"sent_packets": 1, "received_packets": 1, "sent_bytes": 76, "received_bytes": 76}
    return replace(done, **{name: np.where(ntp, size, getattr(done, name)) for name, size in sizes.items()})
