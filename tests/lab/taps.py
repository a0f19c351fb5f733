"""The lab's sets against taps inside its hosts (eBPF), for traffic of every kind; prints JSON. A program of its own.

What leaves a host's eth0 is what the lab counts there, accepted or refused; what comes in is what it accepted.
"""

from __future__ import annotations

import json
import random
import sys
import time
from functools import partial

from vpcflow.lab.enclosure import enclose

if __name__ == "__main__":
    enclose()

import numpy as np

from lab.proof import Kernel
from lab.rule_sets import Maker, topology
from vpcflow.capture.ebpf.tap import Tap
from vpcflow.capture.live import Config
from vpcflow.lab.plan import make
from vpcflow.lab.traffic.stage import Client, Stage
from vpcflow.record.flow_counts import ACCEPT, EGRESS, INGRESS

_FIELDS = ("srcport", "dstport", "protocol", "version")


class Hosts:
    """A tap in each host. Everything a tap does happens in its host's namespace."""

    def __init__(self, kernel):
        self._spaces = {d.interface.id: kernel.built.wiring.spaces[d.host] for d in kernel.built.plan.devices}
        self._taps = {}
        for interface, space in self._spaces.items():
            with space.entered():
                config = Config(interfaces=("eth0",), keep_all=True, max_flows=1 << 14)
                self._taps[interface] = Tap(config)

    def drain(self):
        """Rows of each interface."""
        found = {}
        for interface, tap in self._taps.items():
            with self._spaces[interface].entered():
                counts = tap.drain(time.time_ns())
            assert not counts.gaps
            found[interface] = counts.rows
        return found

    def close(self):
        for tap in self._taps.values():
            tap.close()


def summed(rows, direction, *, action=None):
    """Packets and bytes by 5-tuple, of global addresses (a link's own affairs stay on the link)."""
    told = {}
    for row in rows[rows["direction"] == direction]:
        link = row["version"] == 6 and (int(row["src"][0]) >> 54 == 0x3FA or int(row["dst"][0]) >> 56 == 0xFF)
        if link or (action is not None and row["action"] != action):
            continue
        key = (*map(int, row["src"]), *map(int, row["dst"]), *(int(row[name]) for name in _FIELDS))
        sums = told.setdefault(key, [0, 0, 0])
        sums[0] += int(row["packets"])
        sums[1] += int(row["bytes"])
        sums[2] |= int(row["flags"])
    return told


def connections(kernel, rng):
    """Real connections and pings between hosts, with data; most of them refused by some rule."""
    built = kernel.built
    hosts = {
        host.name: {
            "addresses": list(host.devices[0].interface.addresses), "ipv6": list(host.devices[0].interface.ipv6),
        }
        for host in built.plan.hosts
    }  # fmt: skip
    told = {"handles": built.handles, "hosts": hosts, "public": dict(built.plan.public)}
    with Stage(told) as stage:
        names = list(hosts)
        for name in names:
            stage.serve(name, 8080, b"x" * rng.choice((10, 5_000, 200_000)))
        works = []
        for _ in range(60):
            client, server = rng.sample(names, 2)
            address = rng.choice((stage.address(server), stage.ipv6(server)))
            works.append(partial(stage.call, Client(client), address, 8080, say=b"y" * 3000, patience_s=0.5))
            works.append(partial(stage.ping, Client(client), stage.address(server), count=1))
        stage.together(works)


def main(rounds, seed):
    rng = random.Random(seed)
    network = topology()
    kernel = Kernel(network, deaf=False)
    maker = Maker(rng, network)
    hosts = Hosts(kernel)
    wrong, tuples, packets = [], 0, 0
    for place in range(rounds):
        # The last one lets data through.
        assert kernel.built.change(make(maker.network() if place < rounds - 1 else maker.open_network()))
        kernel.send(maker.packets(1500))
        connections(kernel, rng)
        time.sleep(0.3)
        counts = kernel.built.drain()
        names = np.array([device.interface.id for device in kernel.built.plan.devices])
        taps = hosts.drain()
        for interface, tapped in taps.items():
            mine = counts.rows[names[counts.rows["interface"]] == interface]
            for direction, action in ((EGRESS, None), (INGRESS, ACCEPT)):
                lab, tap = summed(mine, direction, action=action), summed(tapped, direction)
                tuples += len(lab)
                packets += sum(value[0] for value in lab.values())
                wrong += [
                    f"{interface} {direction} {key}: lab {lab.get(key)}, tap {tap.get(key)}"
                    for key in lab.keys() | tap.keys()
                    if lab.get(key) != tap.get(key)
                ]
    hosts.close()
    return {"tuples": tuples, "packets": packets, "wrong": len(wrong), "first": wrong[:5], "seed": seed}


if __name__ == "__main__":
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 32)
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), seed)) + "\n")
